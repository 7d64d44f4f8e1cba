import GraphIR
import Tensors

/// Keeps one of several nodes that compute the same from the same operands, and one of several equal small constants.
///
/// Requires: deterministic operators that Cleave knows; results that are not seen outside. Of constants, only int64 tensors of at most
/// 64 elements (shapes, axes, indices) are merged: weights, biases and scales that happen to be equal, also those that
/// `ConstantOfShape` stands in for, belong to different layers, as do `QuantizeLinear` and `DequantizeLinear`, which runtimes
/// expect beside every layer. Ensures: readers of the later one read the earlier one.
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
            var replacements: [ValueID: ValueID] = [:]
            var tensors: [Tensor: ValueID] = [:]
            for id in constants where !visible.contains(id) {
                guard let tensor = editor.graph[id].constant, Self.isParameter(tensor) else { continue }
                guard let first = tensors[tensor] else {
                    tensors[tensor] = id
                    continue
                }
                replacements[id] = first
                report.rewrites.append(.init(node: editor.graph[id].name, detail: "equals '\(editor.graph[first].name)'"))
            }
            var expressions: [Expression: NodeID] = [:]
            var duplicates: [NodeID] = []
            for id in order {
                // Readers come after what they read: one change per node does for all its operands.
                let inputs = editor.graph[id].inputs.map { operand in operand.map { replacements[$0] ?? $0 } }
                if inputs != editor.graph[id].inputs { editor.setInputs(id, to: inputs) }
                let node = editor.graph[id]
                guard Self.isDeterministic(node, editor.graph), !node.outputs.contains(where: { $0.map(visible.contains) ?? false })
                else { continue }
                let key = Expression(operation: node.operator, inputs: node.inputs, outputs: node.outputs.map { $0 != nil })
                guard let first = expressions[key] else {
                    expressions[key] = id
                    continue
                }
                let earlier = editor.graph[first]
                for (old, new) in zip(node.outputs, earlier.outputs) {
                    if let old, let new { replacements[old] = new }
                }
                duplicates.append(id)
                report.rewrites.append(
                    .init(node: editor.graph.label(of: node), detail: "computes the same as '\(editor.graph.label(of: earlier))'"))
            }
            for id in duplicates.reversed() { editor.remove(id) }
            for id in constants where replacements[id] != nil { editor.removeValue(id) }
        }
        return report
    }

    private static func isParameter(_ tensor: Tensor) -> Bool {
        tensor.elementType == .int64 && tensor.count <= InferredValue.contentsLimit
    }

    private static func isDeterministic(_ node: Node, _ graph: Graph) -> Bool {
        guard node.captures.isEmpty else { return false }
        switch node.operator {
        case .opaque, .branch, .loop, .scan, .bernoulli, .randomNumbers, .constant, .constantOfShape, .quantizeLinear,
            .dequantizeLinear: return false
        case .dropout(let dropout): return graph.isInactive(dropout, node)
        default: return true
        }
    }
}
