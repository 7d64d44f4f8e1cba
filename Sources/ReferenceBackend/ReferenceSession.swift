import Execution
import GraphIR
import Tensors

/// Runs a graph on tensors that its inputs fit.
final class ReferenceSession: Session {
    private let graph: Graph

    init(graph: Graph) { self.graph = graph }

    func run(_ inputs: [String: Tensor], observing names: [String]) throws -> [String: Tensor] {
        try graph.checkInputs(inputs)
        let wanted = try graph.outputs + names.map(observedValue)
        var given: [ValueID: Tensor] = [:]
        for id in graph.inputs { given[id] = inputs[graph[id].name] }
        let tensors = try GraphEvaluation(graph, wanted: wanted).run(given)
        var results: [String: Tensor] = [:]
        for (id, tensor) in zip(wanted, tensors) { results[graph[id].name] = tensor }
        return results
    }

    private func observedValue(named name: String) throws -> ValueID {
        guard let value = graph.value(named: name) else {
            throw CleaveError(.invalidRequest, "the graph has no such value to observe", at: .init(tensor: name))
        }
        return value.id
    }
}
