import Datasets
import Execution
import GraphIR
import Tensors

/// What a graph made of some samples.
public struct RunResult: Sendable {
    public struct Output: Sendable {
        public var name: String
        /// The outputs of all samples, one after the other along the leading dimension.
        public var tensor: Tensor
    }

    public var sampleCount: Int
    /// In the graph's order.
    public var outputs: [Output]
    /// The outputs against those that the samples expect, as far as they expect any.
    public var againstExpected: [VerificationReport.Output]

    /// Whether all outputs are what the samples expect; `true` when they expect nothing.
    public var isExpected: Bool { againstExpected.allSatisfy(\.comparison.isEqual) }
}

/// Holds what a graph made against tensors for its outputs, by the same rules as `verify` and `run`: a number that was computed from
/// coarser ones is judged as such.
public func compareOutputs(
    _ outputs: [String: Tensor], of graph: Graph, with expected: [(name: String, tensor: Tensor)], tolerance: Tolerance = Tolerance()
) -> [VerificationReport.Output] {
    let precisions = tolerance.relative == nil ? Precisions(graph) : nil
    var compared: [VerificationReport.Output] = []
    for (name, tensor) in expected {
        compared.add(outputs[name], expected: tensor, name: name, coarser: precisions?[name], tolerance: tolerance)
    }
    return compared
}

/// Runs `graph` on all samples.
///
/// - Parameter progress: called before the first sample and after every one.
/// - Throws: `CleaveError` when there are no samples, when the graph cannot run on one, when outputs of several samples do
///   not fit together, or when the task is cancelled.
public func run(
    _ graph: Graph, on source: SampleSource, backend: any Backend, tolerance: Tolerance = Tolerance(),
    progress: ((WorkProgress) -> Void)? = nil
) throws -> RunResult {
    guard source.count > 0 else { throw CleaveError(.invalidRequest, "there are no samples, expected at least 1") }
    let names = graph.outputs.map { graph[$0].name }
    let precisions = tolerance.relative == nil ? Precisions(graph) : nil
    var runner = Runner(backend: backend, graph: graph)
    var outputs = [[Tensor]](repeating: [], count: names.count)
    var againstExpected: [VerificationReport.Output] = []
    progress?(WorkProgress(task: "running", completed: 0, total: source.count, unit: "samples"))
    try runner.prepare(for: source)
    for index in 0..<source.count {
        try checkCancellation()
        let sample = try source.sample(index, for: graph)
        let results = try runner.run(sample.inputs, observing: [])
        for (position, name) in names.enumerated() {
            guard let tensor = results[name] else {
                throw CleaveError(.unsupported, "the backend returned no such output", at: .init(tensor: name))
            }
            outputs[position].append(tensor)
        }
        for (name, tensor) in sample.expected.sorted(by: { $0.key < $1.key }) {
            againstExpected.add(results[name], expected: tensor, name: name, coarser: precisions?[name], tolerance: tolerance)
        }
        progress?(WorkProgress(task: "running", completed: index + 1, total: source.count, unit: "samples"))
    }
    let joined = try zip(names, outputs).map { name, tensors in
        RunResult.Output(name: name, tensor: try locating(tensor: name) { try Tensor.joined(tensors) })
    }
    return RunResult(sampleCount: source.count, outputs: joined, againstExpected: againstExpected)
}
