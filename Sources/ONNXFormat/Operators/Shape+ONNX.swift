import GraphIR
import Tensors

extension OperatorTable {
    /// Operators that compute or change shapes.
    static let shapes: [OperatorEntry] = [
        OperatorEntry("Shape", since: 1) {
            .shapeOf($0.opset >= 15 ? ShapeOf(start: try $0.int("start", default: 0), end: try $0.int("end")) : ShapeOf(start: 0, end: nil))
        },
        OperatorEntry("Size", since: 1) { _ in .sizeOf(SizeOf()) },
        OperatorEntry("Reshape", since: 5) {
            .reshape(Reshape(shape: nil, allowZero: $0.opset >= 14 ? try $0.bool("allowzero", default: false) : false))
        },
        OperatorEntry("Flatten", since: 1) { .flatten(Flatten(axis: try $0.int("axis", default: 1))) },
        OperatorEntry("Squeeze", since: 1) { .squeeze(Squeeze(axes: $0.opset < 13 ? try $0.ints("axes") : nil)) },
        OperatorEntry("Unsqueeze", since: 1) { .unsqueeze(Unsqueeze(axes: $0.opset < 13 ? try $0.requiredInts("axes") : nil)) },
        OperatorEntry("Transpose", since: 1) { .transpose(Transpose(permutation: try $0.ints("perm"))) },
        OperatorEntry("Expand", since: 8) { _ in .expand(Expand()) },
        OperatorEntry("Tile", since: 6) { _ in .tile(Tile()) },
        OperatorEntry("Identity", since: 1) { _ in .identity(Identity()) },
    ]
}

extension ShapeOf {
    func write(to writer: inout AttributeWriter) throws {
        try writer.require(end == nil || writer.opset >= 15, "attribute 'end' is \(end ?? 0)", since: 15)
        writer.int("end", end)
        try writer.int("start", start, since: 15, default: 0)
    }
}

extension Reshape {
    func write(to writer: inout AttributeWriter) throws {
        try writer.require(shape == nil, "the shape is an attribute", upTo: 4)
        try writer.bool("allowzero", allowZero, since: 14, default: false)
    }
}

extension Flatten {
    func write(to writer: inout AttributeWriter) { writer.int("axis", axis, default: 1) }
}

extension Squeeze {
    func write(to writer: inout AttributeWriter) throws {
        try writer.require(axes == nil || writer.opset < 13, "the axes are an attribute", upTo: 12)
        try writer.require(writer.operandCount == 1 || writer.opset >= 13, "the axes are an operand", since: 13)
        writer.ints("axes", axes)
    }
}

extension Unsqueeze {
    func write(to writer: inout AttributeWriter) throws {
        try writer.require(axes == nil || writer.opset < 13, "the axes are an attribute", upTo: 12)
        try writer.require(writer.operandCount == 1 || writer.opset >= 13, "the axes are an operand", since: 13)
        writer.ints("axes", axes)
    }
}

extension Transpose {
    func write(to writer: inout AttributeWriter) { writer.ints("perm", permutation) }
}
