import GraphIR
import Tensors

extension OperatorTable {
    static let reductions: [OperatorEntry] =
        Reduction.Function.allCases.map { function in
            OperatorEntry(function.rawValue, since: 1) { .reduction(try Reduction(onnx: &$0, function)) }
        } + ArgReduction.Function.allCases.map { function in
            OperatorEntry(function.rawValue, since: 1) { .argReduction(try ArgReduction(onnx: &$0, function)) }
        } + [
            OperatorEntry("CumSum", since: 11) {
                .cumulativeSum(
                    CumulativeSum(exclusive: try $0.bool("exclusive", default: false), reverse: try $0.bool("reverse", default: false)))
            },
            OperatorEntry("TopK", since: 1) { .topK(try TopK(onnx: &$0)) },
        ]
}

extension Reduction {
    /// First opset that has the axes as an operand.
    private static func axesOperandOpset(_ function: Function) -> Int { function == .sum ? 13 : 18 }

    init(onnx reader: inout AttributeReader, _ function: Function) throws {
        let hasAttribute = reader.opset < Self.axesOperandOpset(function)
        self.init(
            function: function, axes: hasAttribute ? try reader.ints("axes") : nil,
            keepDimensions: try reader.bool("keepdims", default: true),
            keepsInputWithoutAxes: hasAttribute ? false : try reader.bool("noop_with_empty_axes", default: false))
    }

    func write(to writer: inout AttributeWriter) throws {
        let first = Self.axesOperandOpset(function)
        if writer.opset < first {
            try writer.require(writer.operandCount == 1, "the axes are an operand", since: first)
            writer.ints("axes", axes)
        } else {
            try writer.require(axes == nil, "the axes are an attribute", upTo: first - 1)
        }
        writer.bool("keepdims", keepDimensions, default: true)
        try writer.bool("noop_with_empty_axes", keepsInputWithoutAxes, since: first, default: false)
    }
}

extension ArgReduction {
    init(onnx reader: inout AttributeReader, _ function: Function) throws {
        self.init(
            function: function, axis: try reader.int("axis", default: 0), keepDimensions: try reader.bool("keepdims", default: true),
            selectsLastIndex: reader.opset >= 12 ? try reader.bool("select_last_index", default: false) : false)
    }

    func write(to writer: inout AttributeWriter) throws {
        writer.int("axis", axis, default: 0)
        writer.bool("keepdims", keepDimensions, default: true)
        try writer.bool("select_last_index", selectsLastIndex, since: 12, default: false)
    }
}

extension CumulativeSum {
    func write(to writer: inout AttributeWriter) {
        writer.bool("exclusive", exclusive, default: false)
        writer.bool("reverse", reverse, default: false)
    }
}

extension TopK {
    init(onnx reader: inout AttributeReader) throws {
        let ordered = reader.opset >= 11
        self.init(
            axis: try reader.int("axis", default: -1), largest: ordered ? try reader.bool("largest", default: true) : true,
            sorted: ordered ? try reader.bool("sorted", default: true) : true, k: reader.opset < 10 ? try reader.requiredInt("k") : nil)
    }

    func write(to writer: inout AttributeWriter) throws {
        try writer.require(k == nil || writer.opset < 10, "k is an attribute", upTo: 9)
        try writer.require(k != nil || writer.opset >= 10, "k is an operand", since: 10)
        writer.int("axis", axis, default: -1)
        writer.int("k", k)
        try writer.bool("largest", largest, since: 11, default: true)
        try writer.bool("sorted", sorted, since: 11, default: true)
    }
}
