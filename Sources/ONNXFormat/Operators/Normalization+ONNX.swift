import GraphIR
import Tensors

extension OperatorTable {
    static let normalizations: [OperatorEntry] = [
        OperatorEntry("BatchNormalization", since: 6) { .batchNorm(try BatchNorm(onnx: &$0)) },
        OperatorEntry("InstanceNormalization", since: 6) {
            .instanceNorm(InstanceNorm(epsilon: try $0.float("epsilon", default: 1e-5)))
        },
        OperatorEntry("LayerNormalization", since: 17) { .layerNorm(try LayerNorm(onnx: &$0)) },
        OperatorEntry("GroupNormalization", since: 18) { .groupNorm(try GroupNorm(onnx: &$0)) },
        OperatorEntry("RMSNormalization", since: 23) { .rmsNorm(try RMSNorm(onnx: &$0)) },
        OperatorEntry("LRN", since: 1) { .localResponseNorm(try LocalResponseNorm(onnx: &$0)) },
        OperatorEntry("LpNormalization", since: 1) {
            .lpNorm(LpNorm(axis: try $0.int("axis", default: -1), p: try $0.int("p", default: 2)))
        },
        OperatorEntry("MeanVarianceNormalization", since: 9) {
            .meanVarianceNorm(MeanVarianceNorm(axes: try $0.ints("axes") ?? MeanVarianceNorm.defaultAxes))
        },
    ]
}

extension BatchNorm {
    /// Opset 6 tells inference by `is_test`, opsets 7 to 13 by the number of outputs, later ones by `training_mode`.
    init(onnx reader: inout AttributeReader) throws {
        if reader.opset < 9, try !reader.bool("spatial", default: true) { throw NotModelled() }
        let trainingMode: Bool
        switch reader.opset {
        case ..<7: trainingMode = try !reader.bool("is_test", default: false)
        case ..<14: trainingMode = reader.outputCount > 1
        default: trainingMode = try reader.bool("training_mode", default: false)
        }
        self.init(
            epsilon: try reader.float("epsilon", default: 1e-5), momentum: try reader.float("momentum", default: 0.9),
            trainingMode: trainingMode)
    }

    func write(to writer: inout AttributeWriter) throws {
        writer.float("epsilon", epsilon, default: 1e-5)
        writer.float("momentum", momentum, default: 0.9)
        switch writer.opset {
        case ..<7: writer.bool("is_test", !trainingMode, default: false)
        case ..<14:
            try writer.require(
                trainingMode == (writer.outputCount > 1), "training mode is \(trainingMode) with \(writer.outputCount) outputs", since: 14)
        default: writer.bool("training_mode", trainingMode, default: false)
        }
    }
}

extension InstanceNorm {
    func write(to writer: inout AttributeWriter) { writer.float("epsilon", epsilon, default: 1e-5) }
}

extension AttributeReader {
    /// What normalizations over trailing axes have.
    fileprivate mutating func trailingAxes() throws -> (axis: Int, epsilon: Float, stashType: Int) {
        (try int("axis", default: -1), try float("epsilon", default: 1e-5), try int("stash_type", default: 1))
    }
}

extension AttributeWriter {
    fileprivate mutating func trailingAxes(from axis: Int, epsilon: Float, stashType: Int) {
        int("axis", axis, default: -1)
        float("epsilon", epsilon, default: 1e-5)
        int("stash_type", stashType, default: 1)
    }
}

extension LayerNorm {
    init(onnx reader: inout AttributeReader) throws {
        let (axis, epsilon, stashType) = try reader.trailingAxes()
        self.init(axis: axis, epsilon: epsilon, stashType: stashType)
    }

    func write(to writer: inout AttributeWriter) { writer.trailingAxes(from: axis, epsilon: epsilon, stashType: stashType) }
}

extension RMSNorm {
    init(onnx reader: inout AttributeReader) throws {
        let (axis, epsilon, stashType) = try reader.trailingAxes()
        self.init(axis: axis, epsilon: epsilon, stashType: stashType)
    }

    func write(to writer: inout AttributeWriter) { writer.trailingAxes(from: axis, epsilon: epsilon, stashType: stashType) }
}

extension GroupNorm {
    init(onnx reader: inout AttributeReader) throws {
        let hasStashType = reader.opset >= 21
        self.init(
            groups: try reader.requiredInt("num_groups"), epsilon: try reader.float("epsilon", default: 1e-5),
            stashType: hasStashType ? try reader.int("stash_type", default: 1) : 1, affinePerGroup: !hasStashType)
    }

    func write(to writer: inout AttributeWriter) throws {
        try writer.require(affinePerGroup || writer.opset >= 21, "scale and bias have an entry per channel", since: 21)
        try writer.require(!affinePerGroup || writer.opset < 21, "scale and bias have an entry per group", upTo: 20)
        writer.float("epsilon", epsilon, default: 1e-5)
        writer.int("num_groups", groups)
        try writer.int("stash_type", stashType, since: 21, default: 1)
    }
}

extension LocalResponseNorm {
    init(onnx reader: inout AttributeReader) throws {
        self.init(
            size: try reader.requiredInt("size"), alpha: try reader.float("alpha", default: 1e-4),
            beta: try reader.float("beta", default: 0.75), bias: try reader.float("bias", default: 1))
    }

    func write(to writer: inout AttributeWriter) {
        writer.float("alpha", alpha, default: 1e-4)
        writer.float("beta", beta, default: 0.75)
        writer.float("bias", bias, default: 1)
        writer.int("size", size)
    }
}

extension LpNorm {
    func write(to writer: inout AttributeWriter) {
        writer.int("axis", axis, default: -1)
        writer.int("p", p, default: 2)
    }
}

extension MeanVarianceNorm {
    /// Batch, height and width.
    static let defaultAxes = [0, 2, 3]

    func write(to writer: inout AttributeWriter) { writer.ints("axes", axes == Self.defaultAxes ? nil : axes) }
}
