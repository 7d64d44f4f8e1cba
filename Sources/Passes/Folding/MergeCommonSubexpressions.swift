import GraphIR
import Tensors

/// Keeps one of several nodes that compute the same from the same operands, and one of several equal small constants.
///
/// Requires: deterministic operators that Cleave knows; results that are not seen outside. Only constants that parametrize operators
/// (integer tensors of at most 64 elements, and single elements) are merged: weights and biases that happen to be equal stay
/// apart, as they belong to different layers. Ensures: readers of the later one read the earlier one.
public struct MergeCommonSubexpressions: Pass {
    public init() {}

    public var name: String { "merge-common-subexpressions" }
    public var fidelity: Fidelity { .exact }

    private struct Expression: Hashable {
        var operation: Operator
        var inputs: [ValueID?]
        var outputs: [Bool]
    }

    public func run(on graph: inout Graph) throws -> PassReport {
        var report = PassReport(pass: name, fidelity: fidelity, rewrites: [], skips: [])
        let constants = graph.values.filter { $0.source == .constant }.map(\.id)
        let order = graph.order
        let visible = Set(graph.outputs + graph.nodes.flatMap(\.captures))
        try graph.edit { editor in
            var tensors: [Tensor: ValueID] = [:]
            for id in constants where !visible.contains(id) {
                guard let tensor = editor.graph[id].constant, Self.isParameter(tensor) else { continue }
                guard let first = tensors[tensor] else {
                    tensors[tensor] = id
                    continue
                }
                report.rewrites.append(.init(node: editor.graph[id].name, detail: "equals '\(editor.graph[first].name)'"))
                editor.replaceUses(of: id, with: first)
                editor.removeValue(id)
            }
            var expressions: [Expression: NodeID] = [:]
            for id in order {
                let node = editor.graph[id]
                guard Self.isDeterministic(node, editor.graph), !node.outputs.contains(where: { $0.map(visible.contains) ?? false })
                else { continue }
                let key = Expression(operation: node.operator, inputs: node.inputs, outputs: node.outputs.map { $0 != nil })
                guard let first = expressions[key] else {
                    expressions[key] = id
                    continue
                }
                let earlier = editor.graph[first]
                report.rewrites.append(
                    .init(node: editor.graph.label(of: node), detail: "computes the same as '\(editor.graph.label(of: earlier))'"))
                for (old, new) in zip(node.outputs, earlier.outputs) {
                    if let old, let new { editor.replaceUses(of: old, with: new) }
                }
                editor.remove(id)
            }
        }
        return report
    }

    private static func isParameter(_ tensor: Tensor) -> Bool {
        tensor.count <= 1 || (tensor.count <= InferredValue.contentsLimit && tensor.elementType.isInteger)
    }

    private static func isDeterministic(_ node: Node, _ graph: Graph) -> Bool {
        guard node.captures.isEmpty else { return false }
        switch node.operator {
        case .opaque, .constant: return false
        case .dropout: return node.input(Dropout.Operand.trainingMode) == nil
        default: return true
        }
    }
}
