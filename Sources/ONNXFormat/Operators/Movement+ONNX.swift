import GraphIR
import Tensors

extension OperatorTable {
    /// Operators that join, cut, pad and rearrange.
    static let movements: [OperatorEntry] = [
        OperatorEntry("Concat", since: 4) { .concat(Concat(axis: try $0.requiredInt("axis"))) },
        OperatorEntry("Split", since: 2) {
            .split(
                Split(
                    axis: try $0.int("axis", default: 0), sizes: $0.opset < 13 ? try $0.ints("split") : nil,
                    outputCount: $0.opset >= 18 ? try $0.int("num_outputs") : nil))
        },
        OperatorEntry("Slice", since: 1) {
            .slice(
                StridedSlice(
                    bounds: $0.opset >= 10
                        ? nil
                        : StridedSlice.Bounds(
                            starts: try $0.requiredInts("starts"), ends: try $0.requiredInts("ends"), axes: try $0.ints("axes"))))
        },
        OperatorEntry("Pad", since: 2) { .pad(try Pad(onnx: &$0)) },
        OperatorEntry("DepthToSpace", since: 1) {
            .depthToSpace(
                DepthToSpace(
                    blockSize: try $0.requiredInt("blocksize"),
                    mode: $0.opset >= 11 ? try $0.choice("mode", default: .depthColumnRow) : .depthColumnRow))
        },
        OperatorEntry("SpaceToDepth", since: 1) { .spaceToDepth(SpaceToDepth(blockSize: try $0.requiredInt("blocksize"))) },
        OperatorEntry("Dropout", since: 6) { .dropout(try Dropout(onnx: &$0)) },
    ]
}

extension Concat {
    func write(to writer: inout AttributeWriter) { writer.int("axis", axis) }
}

extension Split {
    /// Since opset 18 an even split states the number of outputs.
    func write(to writer: inout AttributeWriter) throws {
        try writer.require(sizes == nil || writer.opset < 13, "the sizes are an attribute", upTo: 12)
        try writer.require(writer.operandCount == 1 || writer.opset >= 13, "the sizes are an operand", since: 13)
        writer.int("axis", axis, default: 0)
        writer.ints("split", sizes)
        if writer.opset >= 18, writer.operandCount == 1 { writer.int("num_outputs", outputCount ?? writer.outputCount) }
    }
}

extension StridedSlice {
    func write(to writer: inout AttributeWriter) throws {
        try writer.require(bounds == nil || writer.opset < 10, "the bounds are attributes", upTo: 9)
        try writer.require(bounds != nil || writer.opset >= 10, "the bounds are operands", since: 10)
        writer.ints("axes", bounds?.axes)
        writer.ints("ends", bounds?.ends)
        writer.ints("starts", bounds?.starts)
    }
}

extension Pad {
    init(onnx reader: inout AttributeReader) throws {
        let mode = try reader.choice("mode", default: Mode.constant)
        if mode == .wrap, reader.opset < 19 { throw NotModelled() }
        let hasAttributes = reader.opset < 11
        self.init(
            mode: mode, pads: hasAttributes ? try reader.requiredInts("pads") : nil,
            value: hasAttributes ? try reader.float("value", default: 0) : 0)
    }

    func write(to writer: inout AttributeWriter) throws {
        try writer.require(pads == nil || writer.opset < 11, "the pads are an attribute", upTo: 10)
        try writer.require(value == 0 || writer.opset < 11, "the padding's value is an attribute", upTo: 10)
        try writer.require(pads != nil || writer.opset >= 11, "the pads are an operand", since: 11)
        try writer.require(writer.operandCount < 4 || writer.opset >= 18, "the axes are an operand", since: 18)
        try writer.string("mode", mode.rawValue, since: mode == .wrap ? 19 : 2, default: Mode.constant.rawValue)
        writer.ints("pads", pads)
        writer.float("value", value, default: 0)
    }
}

extension DepthToSpace {
    func write(to writer: inout AttributeWriter) throws {
        writer.int("blocksize", blockSize)
        try writer.string("mode", mode.rawValue, since: 11, default: Mode.depthColumnRow.rawValue)
    }
}

extension SpaceToDepth {
    func write(to writer: inout AttributeWriter) { writer.int("blocksize", blockSize) }
}

extension Dropout {
    init(onnx reader: inout AttributeReader) throws {
        let hasAttributes = reader.opset < 12
        self.init(
            ratio: hasAttributes ? try reader.float("ratio", default: 0.5) : nil, seed: hasAttributes ? nil : try reader.int("seed"),
            isTestLegacy: reader.opset < 7 ? try reader.bool("is_test", default: false) : nil)
    }

    func write(to writer: inout AttributeWriter) throws {
        try writer.require(ratio == nil || writer.opset < 12, "the ratio is an attribute", upTo: 11)
        try writer.require(writer.operandCount == 1 || writer.opset >= 12, "ratio and mode are operands", since: 12)
        try writer.require(isTestLegacy != false || writer.opset < 7, "is_test is 0", upTo: 6)
        try writer.require(seed == nil || writer.opset >= 12, "a seed is given", since: 12)
        if writer.opset < 7 { writer.bool("is_test", isTestLegacy ?? true, default: false) }
        if let ratio { writer.float("ratio", ratio, default: 0.5) }
        writer.int("seed", seed)
    }
}
