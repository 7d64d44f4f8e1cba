import GraphIR
import Tensors

/// Runs a subgraph on tensors for its inputs, in order, and for the values of the graphs around it that it reads, by name.
/// Gives its outputs, in order.
public typealias SubgraphRunner = (_ body: Subgraph, _ inputs: [Tensor], _ captures: [String: Tensor]) throws -> [Tensor]

/// Runs a subgraph as the reference backend does.
/// - Throws: `CleaveError` naming the node that fails.
public func runOnReferenceKernels(_ body: Subgraph, _ inputs: [Tensor], _ captures: [String: Tensor]) throws -> [Tensor] {
    let graph = body.graph
    var given: [ValueID: Tensor] = [:]
    for (id, tensor) in zip(graph.inputs, inputs) { given[id] = tensor }
    for value in graph.values where value.source == .external { given[value.id] = captures[value.name] }
    return try GraphEvaluation(graph, wanted: graph.outputs).run(given)
}

/// Evaluates a graph node by node, keeping each tensor only until its last reader has run.
struct GraphEvaluation {
    private let graph: Graph
    private let wanted: [ValueID]
    private let nodes: [NodeID]
    /// How often each value will be read in a run; what the caller gets counts as a read that never happens.
    private let readCounts: [ValueID: Int]

    init(_ graph: Graph, wanted: [ValueID]) {
        self.graph = graph
        self.wanted = wanted
        nodes = graph.nodesNeeded(for: wanted)
        var counts: [ValueID: Int] = [:]
        for id in nodes {
            for value in graph[id].reads { counts[value, default: 0] += 1 }
        }
        for value in wanted { counts[value, default: 0] += 1 }
        readCounts = counts
    }

    /// - Parameter given: tensors of inputs and of values of the graphs around this one.
    /// - Returns: one tensor per wanted value.
    /// - Throws: `CleaveError` naming the node that fails, or when the work is cancelled.
    func run(_ given: [ValueID: Tensor]) throws -> [Tensor] {
        var tensors = given
        var pendingReads = readCounts
        for id in nodes {
            if Task.isCancelled { throw CleaveError(.cancelled, "the run was cancelled") }
            let node = graph[id]
            for (value, tensor) in try evaluate(node, tensors) where pendingReads[value, default: 0] > 0 { tensors[value] = tensor }
            for value in node.reads {
                let reads = pendingReads[value, default: 0] - 1
                pendingReads[value] = reads
                if reads == 0 { tensors[value] = nil }
            }
        }
        return try wanted.map { try tensor($0, tensors) }
    }

    private func tensor(_ id: ValueID, _ tensors: [ValueID: Tensor]) throws -> Tensor {
        guard let tensor = tensors[id] ?? graph[id].constant else {
            throw CleaveError(
                .unsupported, "no node computes the value, and it is neither an input nor a dense initializer",
                at: .init(tensor: graph[id].name))
        }
        return tensor
    }

    private func evaluate(_ node: Node, _ tensors: [ValueID: Tensor]) throws -> [(ValueID, Tensor)] {
        let kernel = try graph.referenceKernel(of: node, on: "reference")
        return try locating(inside: graph.label(of: node), operatorName: node.operator.name) {
            let operands = try node.inputs.map { try $0.map { try tensor($0, tensors) } }
            var captures: [String: Tensor] = [:]
            for id in node.captures { captures[graph[id].name] = try tensor(id, tensors) }
            let outputs = try kernel.evaluate(
                KernelArguments(operands: operands, outputCount: node.outputs.count, opset: graph.opset, captures: captures))
            return zip(node.outputs, outputs).compactMap { id, tensor in
                guard let id, let tensor else { return nil }
                return (id, tensor)
            }
        }
    }
}
