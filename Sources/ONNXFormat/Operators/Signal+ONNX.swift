import GraphIR
import Tensors

extension OperatorTable {
    static let signals: [OperatorEntry] =
        WindowFunction.Shape.allCases.map { shape in
            OperatorEntry(shape.rawValue, since: 17) {
                .windowFunction(
                    WindowFunction(
                        shape: shape, elementType: try $0.elementType("output_datatype") ?? .float32,
                        isPeriodic: try $0.bool("periodic", default: true)))
            }
        } + [
            OperatorEntry("MelWeightMatrix", since: 17) {
                .melWeightMatrix(MelWeightMatrix(elementType: try $0.elementType("output_datatype") ?? .float32))
            },
            OperatorEntry("DFT", since: 17) {
                .dft(
                    DFT(
                        axis: $0.opset < 20 ? try $0.int("axis", default: 1) : nil, isInverse: try $0.bool("inverse", default: false),
                        isOneSided: try $0.bool("onesided", default: false)))
            },
            OperatorEntry("STFT", since: 17) { .stft(STFT(isOneSided: try $0.bool("onesided", default: true))) },
            OperatorEntry("Det", since: 11) { _ in .determinant(Determinant()) },
            OperatorEntry("TfIdfVectorizer", since: 9) { .tfIdfVectorizer(try TfIdfVectorizer(onnx: &$0)) },
        ]
}

extension WindowFunction {
    func write(to writer: inout AttributeWriter) {
        writer.int("output_datatype", elementType.rawValue, default: ElementType.float32.rawValue)
        writer.bool("periodic", isPeriodic, default: true)
    }
}

extension MelWeightMatrix {
    func write(to writer: inout AttributeWriter) {
        writer.int("output_datatype", elementType.rawValue, default: ElementType.float32.rawValue)
    }
}

extension DFT {
    func write(to writer: inout AttributeWriter) throws {
        if let axis {
            try writer.require(writer.opset < 20, "attribute 'axis'", upTo: 19)
            writer.int("axis", axis, default: 1)
        } else {
            try writer.require(writer.opset >= 20, "axis as an operand", since: 20)
        }
        writer.bool("inverse", isInverse, default: false)
        writer.bool("onesided", isOneSided, default: false)
    }
}

extension STFT {
    func write(to writer: inout AttributeWriter) { writer.bool("onesided", isOneSided, default: true) }
}

extension TfIdfVectorizer {
    init(onnx reader: inout AttributeReader) throws {
        let pool: Pool
        if let integers = try reader.ints("pool_int64s") {
            pool = .integers(integers)
        } else {
            pool = .strings(try reader.required(reader.strings("pool_strings"), "pool_strings"))
        }
        guard let mode = Mode(rawValue: try reader.required(reader.string("mode"), "mode")) else { throw NotModelled() }
        self.init(
            mode: mode, minimumLength: try reader.requiredInt("min_gram_length"),
            maximumLength: try reader.requiredInt("max_gram_length"), maximumSkip: try reader.requiredInt("max_skip_count"), pool: pool,
            starts: try reader.requiredInts("ngram_counts"), places: try reader.requiredInts("ngram_indexes"),
            weights: try reader.floats("weights"))
    }

    func write(to writer: inout AttributeWriter) {
        writer.int("max_gram_length", maximumLength)
        writer.int("max_skip_count", maximumSkip)
        writer.int("min_gram_length", minimumLength)
        writer.string("mode", mode.rawValue)
        writer.ints("ngram_counts", starts)
        writer.ints("ngram_indexes", places)
        switch pool {
        case .integers(let tokens): writer.ints("pool_int64s", tokens)
        case .strings(let tokens): writer.strings("pool_strings", tokens)
        }
        writer.floats("weights", weights)
    }
}
