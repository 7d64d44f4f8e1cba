import GraphIR
import Tensors

/// What a `Pad` node adds, as far as it is known before the network runs.
struct PadAmounts {
    /// Elements added before and after every dimension; negative ones crop.
    var begin: [Int]
    var end: [Int]
    /// What constant mode fills in; `nil` when it is computed, or not a number.
    var value: Double?

    /// `nil` when the amounts or the rank are not known.
    init?(_ node: Node, _ pad: Pad, in graph: Graph) {
        guard let pads = pad.pads ?? graph.knownIntegers(node.input(Pad.Operand.pads)), pads.count.isMultiple(of: 2) else { return nil }
        let count = pads.count / 2
        if let axesOperand = node.input(Pad.Operand.axes) {
            guard let axes = graph.knownIntegers(axesOperand), let rank = graph.shape(of: node.input(Pad.Operand.input))?.count,
                let amounts = Pad.amounts(pads, axes: axes, rank: rank)
            else { return nil }
            (begin, end) = amounts
        } else {
            begin = Array(pads.prefix(count))
            end = Array(pads.suffix(count))
        }
        if let operand = node.input(Pad.Operand.value) {
            value = graph.constant(operand)?.doubles()?.first
        } else {
            value = Double(pad.value)
        }
    }

    var isNothing: Bool { (begin + end).allSatisfy { $0 == 0 } }
}
