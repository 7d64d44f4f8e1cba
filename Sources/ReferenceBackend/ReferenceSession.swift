import Execution
import GraphIR
import Tensors

/// Evaluates a graph node by node, keeping each tensor only until its last reader has run.
final class ReferenceSession: Session {
    private let graph: Graph

    init(graph: Graph) { self.graph = graph }

    func run(_ inputs: [String: Tensor], observing names: [String]) throws -> [String: Tensor] {
        try graph.checkInputs(inputs)
        let wanted = try graph.outputs + names.map(observedValue)
        let nodes = graph.nodesNeeded(for: wanted)
        var pendingReads = readCounts(nodes: nodes, wanted: wanted)
        var tensors: [ValueID: Tensor] = [:]
        for id in graph.inputs { tensors[id] = inputs[graph[id].name] }

        for id in nodes {
            if Task.isCancelled { throw CleaveError(.cancelled, "the run was cancelled") }
            let node = graph[id]
            for (value, tensor) in try evaluate(node, tensors) where pendingReads[value, default: 0] > 0 { tensors[value] = tensor }
            for value in node.inputs.compactMap({ $0 }) {
                let reads = pendingReads[value, default: 0] - 1
                pendingReads[value] = reads
                if reads == 0 { tensors[value] = nil }
            }
        }

        var results: [String: Tensor] = [:]
        for id in wanted {
            guard let tensor = tensors[id] ?? graph[id].constant else { throw notComputed(id) }
            results[graph[id].name] = tensor
        }
        return results
    }

    private func observedValue(named name: String) throws -> ValueID {
        guard let value = graph.value(named: name) else {
            throw CleaveError(.invalidRequest, "the graph has no such value to observe", at: .init(tensor: name))
        }
        return value.id
    }

    /// How often each value will be read in a run; what the caller gets counts as a read that never happens.
    private func readCounts(nodes: [NodeID], wanted: [ValueID]) -> [ValueID: Int] {
        var counts: [ValueID: Int] = [:]
        for id in nodes {
            for value in graph[id].inputs.compactMap({ $0 }) { counts[value, default: 0] += 1 }
        }
        for value in wanted { counts[value, default: 0] += 1 }
        return counts
    }

    private func evaluate(_ node: Node, _ tensors: [ValueID: Tensor]) throws -> [(ValueID, Tensor)] {
        let kernel = try graph.referenceKernel(of: node)
        return try locating(node: graph.label(of: node), operatorName: node.operator.name) {
            let operands = try node.inputs.map { id -> Tensor? in
                guard let id else { return nil }
                guard let tensor = tensors[id] ?? graph[id].constant else { throw notComputed(id) }
                return tensor
            }
            let arguments = KernelArguments(operands: operands, outputCount: node.outputs.count, opset: graph.opset)
            let outputs = try kernel.evaluate(arguments)
            return zip(node.outputs, outputs).compactMap { id, tensor in
                guard let id, let tensor else { return nil }
                return (id, tensor)
            }
        }
    }

    private func notComputed(_ id: ValueID) -> CleaveError {
        CleaveError(
            .unsupported, "no node computes the value, and it is neither an input nor a dense initializer",
            at: .init(tensor: graph[id].name))
    }
}
