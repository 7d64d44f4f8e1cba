import GraphIR
import ReferenceBackend
import Tensors

/// Evaluates an operator in the middle of a run. What only the run tells the shapes of is compiled for those that it meets, if that
/// takes less time than the reference kernels would: operators with much to compute, and bodies of branches and loops with such ones.
/// Used by one thread at a time.
final class LateEvaluation {
    private let step: TensorStep
    private let plans: LatePlans
    /// Plans of the operator's subgraphs; `nil` for one that runs on reference kernels.
    private let bodies: [(body: Subgraph, plans: LatePlans?)]
    /// The captured values that are the same in every run.
    private let constants: [String: Tensor]

    init(_ step: TensorStep) {
        self.step = step
        plans = LatePlans(backend: step.backend)
        bodies = step.operation.subgraphs.map { _, body in
            (body, body.graph.computesMuch ? LatePlans(backend: step.backend) : nil)
        }
        constants = step.captures.reduce(into: [:]) { constants, capture in
            if case .constant(let tensor) = capture.operand { constants[capture.name] = tensor }
        }
    }

    func run(_ operands: [Tensor?], captures: [String: Tensor]) throws -> [Tensor?] {
        if step.isCompiledLate, !step.operation.isControlFlow, let outputs = try compiled(operands) { return outputs }
        return try evaluate(
            step.operation, operands: operands, captures: captures, outputCount: step.results.count, opset: step.opset,
            runSubgraph: runBody, memoryLimit: step.backend.memoryLimit)
    }

    // MARK: The operator itself

    /// - Returns: `nil` where the reference kernel is to do it.
    private func compiled(_ operands: [Tensor?]) throws -> [Tensor?]? {
        let varying = zip(step.operands, operands).compactMap { place, tensor -> Tensor? in
            if case .constant = place { nil } else { tensor }
        }
        guard varying.allSatisfy({ $0.count > 0 }), step.operation.computesMuch || varying.contains(where: { $0.count >= 1 << 16 })
        else { return nil }
        do {
            guard let results = try plans.run(varying, graph) else { return nil }
            return step.results.indices.map { results[Self.resultName($0)] }
        } catch var error as CleaveError {
            // The graph of one node is no place that a user knows.
            error.location.node = nil
            error.location.operatorName = nil
            throw error
        }
    }

    private static func resultName(_ index: Int) -> String { "result \(index)" }

    /// The operator by itself, for operands of the given types where they are no constants.
    private func graph(_ types: [TensorType]) throws -> Graph {
        var graph = Graph(name: step.label, opset: step.opset)
        try graph.edit { editor in
            var remaining = types.makeIterator()
            let operands = try step.operands.enumerated().map { index, operand -> ValueID? in
                switch operand {
                case .absent: return nil
                case .constant(let tensor): return try editor.addConstant(tensor, name: "operand \(index)")
                case .slot, .buffer: return try editor.addInput("operand \(index)", type: remaining.next().map { .tensor($0) })
                }
            }
            let node = try editor.insert(
                step.operation, inputs: operands,
                outputs: step.results.enumerated().map { if case .absent = $1 { .none } else { .new(name: Self.resultName($0)) } },
                name: "", before: nil, origin: nil)
            editor.setOutputs(editor.graph[node].outputs.compactMap { $0 })
        }
        return graph
    }

    // MARK: Bodies

    private func runBody(_ body: Subgraph, _ inputs: [Tensor], _ captures: [String: Tensor]) throws -> [Tensor] {
        guard let plans = bodies.first(where: { $0.body == body })?.plans else { return try runOnReferenceKernels(body, inputs, captures) }
        let varying = captures.keys.filter { constants[$0] == nil && body.reads($0) }.sorted()
        let results = try plans.run(inputs + varying.compactMap { captures[$0] }) { types in
            try body.standalone(
                inputs: Array(types.prefix(inputs.count)), captures: Array(zip(varying, types.dropFirst(inputs.count))),
                constants: constants)
        }
        guard let results else { return try runOnReferenceKernels(body, inputs, captures) }
        return try body.graph.outputs.map { output in
            let name = body.graph[output].name
            guard let tensor = results[name] else {
                throw CleaveError(.unsupported, "the subgraph's output is not computed", at: .init(tensor: name))
            }
            return tensor
        }
    }
}

/// Plans for one graph at the shapes that runs came to it with, the latest of them.
private final class LatePlans {
    private struct Entry {
        var types: [TensorType]
        var session: OneDNNSession
        var inputs: [String]
    }

    private let backend: OneDNNBackend
    /// The latest one last.
    private var entries: [Entry] = []
    /// Whether a plan turned out to be nothing but reference kernels.
    private var isUseless = false

    /// Each has weights of its own.
    private static let capacity = 4

    init(backend: OneDNNBackend) { self.backend = backend }

    /// - Parameter graph: what is to be compiled for operands of these types, which are its inputs in order.
    /// - Returns: the graph's outputs by name; `nil` when no kernel of it is faster than the reference's.
    func run(_ operands: [Tensor], _ graph: ([TensorType]) throws -> Graph) throws -> [String: Tensor]? {
        guard !isUseless, let entry = try entry(for: operands.map { TensorType($0.elementType, lengths: $0.shape) }, graph) else {
            return nil
        }
        return try entry.session.run(Dictionary(zip(entry.inputs, operands)) { first, _ in first }, observing: [])
    }

    private func entry(for types: [TensorType], _ graph: ([TensorType]) throws -> Graph) throws -> Entry? {
        if let index = entries.firstIndex(where: { $0.types == types }) {
            entries.append(entries.remove(at: index))
            return entries.last
        }
        let graph = try graph(types)
        let plan = try backend.compile(graph, specialized: graph)
        guard plan.steps.contains(where: { !$0.isFallback }) else {
            isUseless = true
            return nil
        }
        if entries.count == Self.capacity { entries.removeFirst() }
        entries.append(Entry(types: types, session: try OneDNNSession(plan), inputs: graph.inputs.map { graph[$0].name }))
        return entries.last
    }
}

extension Operator {
    /// Whether the reference kernel takes longer than compiling another one, whatever the shapes.
    var computesMuch: Bool {
        switch self {
        case .convolution, .convolutionTranspose, .gemm, .matMul, .einsum: true
        default: subgraphs.contains { $0.body.graph.computesMuch }
        }
    }
}

extension Graph {
    fileprivate var computesMuch: Bool { nodes.contains { $0.operator.computesMuch } }
}
