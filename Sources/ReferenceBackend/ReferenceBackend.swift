import Execution
import Foundation
import GraphIR
import Tensors

/// Runs graphs with the obvious kernel of every operator: slow, accumulating in Double, and the oracle for every other backend.
public struct ReferenceBackend: Backend {
    public let name = "reference"
    /// How it computes what lies between `DequantizeLinear` and `QuantizeLinear`.
    public let semantics: IntegerSemantics

    public init(semantics: IntegerSemantics = .qdq) { self.semantics = semantics }

    /// - Throws: `CleaveError` for input shapes that the graph does not admit, and for the first operator without a kernel
    ///   that an output needs.
    public func prepare(_ graph: Graph, inputShapes: [String: [Int]]) throws -> any ExecutionPlan {
        let graph = try graph.specialized(inputShapes: inputShapes).withIntegerOperators(semantics)
        try graph.checkInterface(on: name)
        for id in graph.nodesNeeded(for: graph.outputs) { try graph.checkRunnable(graph[id], on: name) }
        let memory = Int(clamping: ProcessInfo.processInfo.physicalMemory)
        if let peak = try graph.peakRunBytes(assuming: [:]), peak > memory {
            throw CleaveError(
                .invalidRequest, "running the graph takes \(NumberFormat.bytes(peak)) at the same time, "
                    + "but the machine has \(NumberFormat.bytes(memory))",
                suggestion: "try a smaller batch or image")
        }
        return ReferencePlan(graph: graph)
    }
}

struct ReferencePlan: ExecutionPlan {
    let graph: Graph

    func makeSession() -> any Session { ReferenceSession(graph: graph) }
}

extension Graph {
    /// - Throws: `CleaveError` naming the node when its operator has no kernel.
    func referenceKernel(of node: Node, on backend: String) throws -> any ReferenceKernel {
        guard let kernel = node.operator.referenceKernel else {
            throw CleaveError(
                .unsupported, node.operator.reasonAgainstRunning(on: backend),
                at: .init(node: label(of: node), operatorName: node.operator.qualifiedName),
                suggestion: node.operator.suggestionAgainstRunning)
        }
        return kernel
    }

    /// - Throws: `CleaveError` naming an input or output that is no tensor.
    public func checkInterface(on backend: String) throws {
        for value in inputs + outputs {
            guard let reason = self[value].type?.notRun?.reason(on: backend) else { continue }
            throw CleaveError(.unsupported, reason, at: .init(tensor: self[value].name))
        }
    }

    /// - Throws: `CleaveError` naming the node, or the one in a subgraph, whose operator has no reference kernel, or that reads or makes
    ///   something else than tensors.
    public func checkRunnable(_ node: Node, on backend: String) throws {
        _ = try referenceKernel(of: node, on: backend)
        for value in node.reads + node.outputs.compactMap({ $0 }) {
            guard let reason = self[value].type?.notRun?.reason(on: backend) else { continue }
            throw CleaveError(
                .unsupported, reason, at: .init(node: label(of: node), operatorName: node.operator.name, tensor: self[value].name))
        }
        for (_, body) in node.operator.subgraphs {
            try locating(inside: label(of: node), operatorName: node.operator.name) {
                for id in body.graph.nodesNeeded(for: body.graph.outputs) { try body.graph.checkRunnable(body.graph[id], on: backend) }
            }
        }
    }

    /// The nodes that the given values depend on, in execution order.
    func nodesNeeded(for values: [ValueID]) -> [NodeID] {
        var needed: Set<NodeID> = []
        var pending = values
        while let value = pending.popLast() {
            guard let node = producer(of: value), needed.insert(node.id).inserted else { continue }
            pending += node.reads
        }
        return order.filter { needed.contains($0) }
    }
}
