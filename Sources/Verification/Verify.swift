import Datasets
import Execution
import GraphIR
import Tensors

/// Runs both graphs on the same samples and compares their outputs.
///
/// - Parameters:
///   - layers: also compares every value that both graphs compute under the same name (rewrites keep the names of values).
///   - progress: called before the first sample and after every one.
/// - Throws: `CleaveError` when there is nothing to compare (no samples, no output in common), when the graphs have other inputs,
///   when one of them cannot run, or when the task is cancelled.
public func verify(
    _ candidate: Graph, against original: Graph, inputs source: SampleSource, backend: any Backend,
    tolerance: Tolerance = Tolerance(), layers: Bool = false, progress: ((WorkProgress) -> Void)? = nil
) throws -> VerificationReport {
    guard source.count > 0 else {
        throw CleaveError(.invalidRequest, "there are no samples, expected at least 1", suggestion: "there is nothing to compare without")
    }
    try checkInterfaces(candidate, original)
    var comparison = GraphComparison(candidate: candidate, original: original, tolerance: tolerance, layers: layers)
    var originalRunner = Runner(backend: backend, graph: original)
    var candidateRunner = Runner(backend: backend, graph: candidate)
    progress?(WorkProgress(task: "verifying", completed: 0, total: source.count, unit: "samples"))
    for index in 0..<source.count {
        try checkCancellation()
        let sample = try source.sample(index, for: original)
        let expected = try originalRunner.run(sample.inputs, observing: comparison.observed)
        let actual = try candidateRunner.run(sample.inputs, observing: comparison.observed)
        comparison.add(sample, actual: actual, original: expected)
        progress?(WorkProgress(task: "verifying", completed: index + 1, total: source.count, unit: "samples"))
    }
    let outputs = comparison.report.outputs.map(\.comparison)
    guard outputs.contains(where: { $0.elementCount > 0 || $0.mismatch != nil }) else {
        throw CleaveError(
            .invalidRequest, "there is nothing to compare: no output has an element in any sample",
            suggestion: "give inputs for which the models find something")
    }
    return comparison.report
}

private func checkInterfaces(_ candidate: Graph, _ original: Graph) throws {
    let originalInputs = original.inputs.map { original[$0].name }
    let candidateInputs = candidate.inputs.map { candidate[$0].name }
    for (name, other, here, there) in originalInputs.map({ ($0, candidateInputs, "original", "other model") })
        + candidateInputs.map({ ($0, originalInputs, "other model", "original") }) where !other.contains(name)
    {
        throw CleaveError(
            .invalidRequest, "only the \(here) has this input; the \(there) has \(quoted(other))", at: .init(tensor: name),
            suggestion: "both models must have inputs of the same names to be run on the same numbers")
    }
    let originalOutputs = original.outputs.map { original[$0].name }
    let candidateOutputs = candidate.outputs.map { candidate[$0].name }
    guard originalOutputs.contains(where: candidateOutputs.contains) else {
        throw CleaveError(
            .invalidRequest, "no output is in common: the original has \(quoted(originalOutputs)), the other model \(quoted(candidateOutputs))",
            suggestion: "there is nothing to compare without")
    }
}

private func quoted(_ names: [String]) -> String {
    names.isEmpty ? "none" : names.map { "'\($0)'" }.joined(separator: ", ")
}

/// Runs one graph on samples; prepares it again when their shapes change.
struct Runner {
    let backend: any Backend
    let graph: Graph
    private var shapes: [String: [Int]]?
    private var session: (any Session)?

    init(backend: any Backend, graph: Graph) {
        self.backend = backend
        self.graph = graph
    }

    mutating func run(_ inputs: [String: Tensor], observing names: [String]) throws -> [String: Tensor] {
        let shapes = inputs.mapValues(\.shape)
        if let session, shapes == self.shapes { return try session.run(inputs, observing: names) }
        try graph.checkInputs(inputs)
        let session = try backend.prepare(graph, inputShapes: shapes).makeSession()
        self.session = session
        self.shapes = shapes
        return try session.run(inputs, observing: names)
    }
}
