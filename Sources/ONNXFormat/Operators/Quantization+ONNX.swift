import GraphIR
import Tensors

extension OperatorTable {
    static let quantizations: [OperatorEntry] = [
        OperatorEntry("QuantizeLinear", since: 10) { .quantizeLinear(try QuantizeLinear(onnx: &$0)) },
        OperatorEntry("DequantizeLinear", since: 10) { .dequantizeLinear(try DequantizeLinear(onnx: &$0)) },
        OperatorEntry("DynamicQuantizeLinear", since: 11) { _ in .dynamicQuantizeLinear(DynamicQuantizeLinear()) },
    ]
}

extension QuantizeLinear {
    init(onnx reader: inout AttributeReader) throws {
        let hasBlocks = reader.opset >= 21
        // Opset 23 lets the division's precision be chosen; only the default, the scale's type, is modelled.
        if reader.opset >= 23, try reader.int("precision", default: 0) != 0 { throw NotModelled() }
        self.init(
            axis: reader.opset >= 13 ? try reader.int("axis", default: 1) : 1,
            saturate: reader.opset >= 19 ? try reader.bool("saturate", default: true) : true,
            blockSize: hasBlocks ? try reader.int("block_size", default: 0) : 0,
            outputType: hasBlocks ? try reader.elementType("output_dtype") : nil)
    }

    func write(to writer: inout AttributeWriter) throws {
        try writer.int("axis", axis, since: 13, default: 1)
        try writer.int("block_size", blockSize, since: 21, default: 0)
        try writer.int("output_dtype", outputType?.rawValue ?? 0, since: 21, default: 0)
        try writer.bool("saturate", saturate, since: 19, default: true)
    }
}

extension DequantizeLinear {
    init(onnx reader: inout AttributeReader) throws {
        // Opset 23 lets the output's type be chosen; only the default, the scale's type, is modelled.
        if reader.opset >= 23, try reader.int("output_dtype", default: 0) != 0 { throw NotModelled() }
        self.init(
            axis: reader.opset >= 13 ? try reader.int("axis", default: 1) : 1,
            blockSize: reader.opset >= 21 ? try reader.int("block_size", default: 0) : 0)
    }

    func write(to writer: inout AttributeWriter) throws {
        try writer.int("axis", axis, since: 13, default: 1)
        try writer.int("block_size", blockSize, since: 21, default: 0)
    }
}
