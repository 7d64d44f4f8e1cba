import Datasets
import Execution
import GraphIR
import Tensors

/// Runs the first sample several times and keeps the shortest time of every step.
///
/// - Parameter repetitions: runs that are timed, after one that is not.
/// - Throws: `CleaveError` when there is no sample, the graph cannot run on it, or the backend does not time its steps.
public func profile(
    _ graph: Graph, on source: SampleSource, backend: any Backend, repetitions: Int = 10
) throws -> ExecutionProfile {
    guard source.count > 0 else { throw CleaveError(.invalidRequest, "there are no samples, expected at least 1") }
    let shapes = try source.inputShapes(for: graph) ?? source.sample(0, for: graph).inputs.mapValues(\.shape)
    let session = try backend.prepare(graph, inputShapes: shapes).makeSession()
    let inputs = try source.sample(0, for: graph).inputs
    guard let session = session as? any ProfilingSession else {
        throw CleaveError(.unsupported, "the \(backend.name) backend does not time its steps", suggestion: "use --backend onednn")
    }
    var best = try session.profile(inputs).profile
    for repetition in 0..<max(1, repetitions) {
        let profile = try session.profile(inputs).profile
        if repetition == 0 { best = profile }
        for index in best.steps.indices { best.steps[index].seconds = min(best.steps[index].seconds, profile.steps[index].seconds) }
    }
    return best
}
