import COnnxSchema
import Tensors

/// What is wrong with the order of a graph's nodes in a file: the first node that reads what only a later one makes. ONNX wants nodes
/// sorted; import sorts them.
/// - Throws: `CleaveError` for a name that is not UTF-8.
func orderFault(of nodes: [UnsafeMutablePointer<Onnx__NodeProto>]) throws -> CleaveError? {
    func made(by node: Onnx__NodeProto) throws -> [String] { try NodeSplicer.texts(node.output, node.n_output) }
    var later = Set(try nodes.flatMap { try made(by: $0.pointee) }).subtracting([""])
    for node in nodes.map(\.pointee) {
        let operands = try NodeSplicer.texts(node.input, node.n_input) + Captures(of: node).names
        if let tensor = operands.first(where: later.contains) {
            let names = try [text(node.name)] + made(by: node)
            return CleaveError(
                .invalidGraph, "the node comes before the one that makes this operand, expected nodes in order",
                at: .init(node: names.first { !$0.isEmpty }, operatorName: try text(node.op_type), tensor: tensor),
                suggestion: "Cleave writes nodes in order: `cleave fold` gives a sorted model")
        }
        later.subtract(try made(by: node))
    }
    return nil
}
