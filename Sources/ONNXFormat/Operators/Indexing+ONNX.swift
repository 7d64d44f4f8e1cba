import GraphIR
import Tensors

extension OperatorTable {
    static let indexings: [OperatorEntry] = [
        OperatorEntry("Gather", since: 1) { .gather(Gather(axis: try $0.int("axis", default: 0))) },
        OperatorEntry("GatherElements", since: 11) { .gatherElements(GatherElements(axis: try $0.int("axis", default: 0))) },
        OperatorEntry("GatherND", since: 11) {
            .gatherND(GatherND(batchDimensions: $0.opset >= 12 ? try $0.int("batch_dims", default: 0) : 0))
        },
        OperatorEntry("Scatter", 9...10) { .scatterElements(ScatterElements(axis: try $0.int("axis", default: 0), reduction: .none)) },
        OperatorEntry("ScatterElements", since: 11) {
            .scatterElements(
                ScatterElements(axis: try $0.int("axis", default: 0), reduction: try ScatterReduction(onnx: &$0)))
        },
        OperatorEntry("ScatterND", since: 11) { .scatterND(ScatterND(reduction: try ScatterReduction(onnx: &$0))) },
        OperatorEntry("OneHot", since: 9) { .oneHot(OneHot(axis: try $0.int("axis", default: -1))) },
        OperatorEntry("NonZero", since: 9) { _ in .nonZero(NonZero()) },
        OperatorEntry("Compress", since: 9) { .compress(Compress(axis: try $0.int("axis"))) },
        OperatorEntry("ReverseSequence", since: 10) {
            .reverseSequence(
                ReverseSequence(batchAxis: try $0.int("batch_axis", default: 1), timeAxis: try $0.int("time_axis", default: 0)))
        },
        OperatorEntry("Trilu", since: 14) { .trilu(Trilu(upper: try $0.bool("upper", default: true))) },
        OperatorEntry("Unique", since: 11) {
            .unique(Unique(axis: try $0.int("axis"), sorted: try $0.bool("sorted", default: true)))
        },
        OperatorEntry("NonMaxSuppression", since: 10) {
            .nonMaxSuppression(NonMaxSuppression(centerPointBox: try $0.bool("center_point_box", default: false)))
        },
    ]
}

extension ScatterReduction {
    /// `add` and `mul` came with opset 16, `max` and `min` with opset 18.
    var firstOpset: Int {
        switch self {
        case .none: 11
        case .add, .mul: 16
        case .max, .min: 18
        }
    }

    init(onnx reader: inout AttributeReader) throws {
        self = reader.opset >= 16 ? try reader.choice("reduction", default: .none) : .none
        if firstOpset > reader.opset { throw NotModelled() }
    }

    func write(to writer: inout AttributeWriter) throws {
        try writer.string("reduction", rawValue, since: firstOpset, default: ScatterReduction.none.rawValue)
    }
}

extension Gather {
    func write(to writer: inout AttributeWriter) { writer.int("axis", axis, default: 0) }
}

extension GatherElements {
    func write(to writer: inout AttributeWriter) { writer.int("axis", axis, default: 0) }
}

extension GatherND {
    func write(to writer: inout AttributeWriter) throws { try writer.int("batch_dims", batchDimensions, since: 12, default: 0) }
}

extension ScatterElements {
    func write(to writer: inout AttributeWriter) throws {
        writer.int("axis", axis, default: 0)
        try reduction.write(to: &writer)
    }
}

extension ScatterND {
    func write(to writer: inout AttributeWriter) throws { try reduction.write(to: &writer) }
}

extension OneHot {
    func write(to writer: inout AttributeWriter) { writer.int("axis", axis, default: -1) }
}

extension Compress {
    func write(to writer: inout AttributeWriter) { writer.int("axis", axis) }
}

extension ReverseSequence {
    func write(to writer: inout AttributeWriter) {
        writer.int("batch_axis", batchAxis, default: 1)
        writer.int("time_axis", timeAxis, default: 0)
    }
}

extension Trilu {
    func write(to writer: inout AttributeWriter) { writer.bool("upper", upper, default: true) }
}

extension Unique {
    func write(to writer: inout AttributeWriter) {
        writer.int("axis", axis)
        writer.bool("sorted", sorted, default: true)
    }
}

extension NonMaxSuppression {
    func write(to writer: inout AttributeWriter) { writer.bool("center_point_box", centerPointBox, default: false) }
}
