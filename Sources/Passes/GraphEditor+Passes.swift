import GraphIR
import Tensors

extension GraphEditor {
    /// The origin of what replaces `nodes`: the imported nodes that these came from, each once, in order.
    func origin(of nodes: [Node], pass: String) -> Origin {
        var labels: [String] = []
        var seen: Set<String> = []
        for node in nodes {
            for label in node.origin?.nodes ?? [graph.label(of: node)] where seen.insert(label).inserted { labels.append(label) }
        }
        return Origin(pass: pass, nodes: labels)
    }

    /// A constant holding `tensor` for the one operand position that reads `old`: the same initializer with other numbers
    /// when nobody else reads it, a copy beside it otherwise.
    mutating func constant(_ tensor: Tensor, inPlaceOf old: ValueID) throws -> ValueID {
        let value = graph[old]
        // An initializer that the file lists as an input keeps its default: whoever overrides it would override the new numbers.
        let isListed = graph.encoding?.listedInputs.contains(value.name) ?? false
        let isOurs = graph.useCount(of: old) == 1 && !graph.isOutput(old) && !isListed
        if isOurs, let current = value.constant, current.shape == tensor.shape, current.elementType == tensor.elementType {
            setConstant(old, to: tensor)
            return old
        }
        return try addConstant(tensor, name: value.name)
    }

    /// Makes a node's output a constant: an initializer, or a `Constant` node where the value is a graph output.
    mutating func fold(_ output: ValueID, of node: Node, to tensor: Tensor, pass: String) throws {
        guard graph.isOutput(output) else { return setConstant(output, to: tensor) }
        try insert(
            .constant(Constant(value: .init(tensor: tensor, form: .tensor))), inputs: [], outputs: [.existing(output)],
            name: node.name, before: node.id, origin: origin(of: [node], pass: pass))
    }
}
