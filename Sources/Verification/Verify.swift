import Datasets
import Execution
import GraphIR
import Passes
import Tensors

/// Runs both graphs on the same samples and compares their outputs.
///
/// - Parameters:
///   - layers: also compares every value that both graphs compute: under the same name, as rewrites keep it, or as the
///     recorded origin of the candidate's nodes says. Where `explains` does more, it does nothing.
///   - leastSignalToNoise: in dB, what every output has to have to be accepted although it is not within the tolerance; by default
///     `VerificationReport.usualSignalToNoise` where only the candidate is quantized and no tolerance is given.
///   - explains: whether the report says what quantization did, layer by layer, where only the candidate is quantized. This runs five
///     networks instead of two.
///   - originalFile: what errors about the original name as its file.
///   - candidateFile: what errors about the candidate name as its file.
///   - progress: called before the first sample and after every one.
/// - Throws: `CleaveError` when there is nothing to compare (no samples, no output in common), when the graphs have other inputs,
///   when one of them cannot run, or when the task is cancelled.
///
/// Inputs and outputs belong together by name, or where both models have a single one.
public func verify(
    _ candidate: Graph, against original: Graph, inputs source: SampleSource, backend: any Backend,
    tolerance: Tolerance = Tolerance(), layers: Bool = false, leastSignalToNoise: Double? = nil, explains: Bool = true,
    originalFile: String? = nil, candidateFile: String? = nil, progress: ((WorkProgress) -> Void)? = nil
) throws -> VerificationReport {
    guard source.count > 0 else {
        throw CleaveError(.invalidRequest, "there are no samples, expected at least 1", suggestion: "there is nothing to compare without")
    }
    var candidate = try candidate.calledAs(original)
    try checkInterfaces(
        Interface(candidate, called: candidateFile ?? "the other model"), Interface(original, called: originalFile ?? "the original"))
    let isQuantized = candidate.isQuantized && !original.isQuantized
    if isQuantized { _ = try OpenFloatInterface().run(on: &candidate) }
    var probe = try isQuantized && explains
        ? locating(file: candidateFile) { try NoiseProbe(candidate: candidate, original: original, backend: backend) } : nil
    let usual = isQuantized && tolerance == Tolerance() ? VerificationReport.usualSignalToNoise : nil
    var comparison = GraphComparison(
        candidate: candidate, original: original, tolerance: tolerance, layers: layers && probe == nil,
        leastSignalToNoise: leastSignalToNoise ?? usual)
    let observed = comparison.observedOfOriginal + (probe?.observedOfOriginal ?? [])
    var originalRunner = Runner(backend: backend, graph: original)
    var candidateRunner = Runner(backend: backend, graph: candidate)
    if probe?.needsFactors ?? false {
        try forEachSample(of: source, for: original, file: originalFile, task: "scaling", progress) { sample in
            try probe?.fit(sample, original: locating(file: originalFile) { try originalRunner.run(sample.inputs, observing: observed) })
        }
    }
    try forEachSample(of: source, for: original, file: originalFile, task: "verifying", progress) { sample in
        let expected = try locating(file: originalFile) { try originalRunner.run(sample.inputs, observing: observed) }
        let actual = try locating(file: candidateFile) {
            try candidateRunner.run(sample.inputs, observing: comparison.observedOfCandidate)
        }
        comparison.add(sample, actual: actual, original: expected)
        try locating(file: candidateFile) { try probe?.add(sample, original: expected) }
    }
    let outputs = comparison.report.outputs.map(\.comparison)
    guard outputs.contains(where: { $0.elementCount > 0 || $0.mismatch != nil }) else {
        throw CleaveError(
            .invalidRequest, "there is nothing to compare: no output has an element in any sample",
            suggestion: "give inputs for which the models find something")
    }
    var report = comparison.report
    report.quantization = probe?.noise
    return report
}

/// Calls `body` with sample after sample, and `progress` before the first and after every one.
private func forEachSample(
    of source: SampleSource, for graph: Graph, file: String?, task: String, _ progress: ((WorkProgress) -> Void)?,
    _ body: (Sample) throws -> Void
) throws {
    progress?(WorkProgress(task: task, completed: 0, total: source.count, unit: "samples"))
    for index in 0..<source.count {
        try checkCancellation()
        try body(locating(file: file) { try source.sample(index, for: graph) })
        progress?(WorkProgress(task: task, completed: index + 1, total: source.count, unit: "samples"))
    }
}

extension Graph {
    /// Whether the model has operators for quantized tensors.
    fileprivate var isQuantized: Bool { nodes.contains { $0.operator.isQuantization } }
}

extension Graph {
    /// The same network, a single input or output of which has the name of the other's.
    fileprivate func calledAs(_ other: Graph) throws -> Graph {
        let pairs = [(inputs, other.inputs), (outputs, other.outputs)].filter { $0.count == 1 && $1.count == 1 }
        let renamed = pairs.map { (id: $0[0], name: other[$1[0]].name) }.filter { self[$0.id].name != $0.name }
        guard !renamed.isEmpty else { return self }
        var graph = self
        do {
            try graph.edit { editor in
                // Other values that have such a name make room.
                let others = renamed.compactMap { value(named: $0.name)?.id }.filter { id in !renamed.contains { $0.id == id } }
                for id in renamed.map(\.id) + others { try editor.rename(id, to: editor.uniqueName(self[id].name)) }
                for (id, name) in renamed { try editor.rename(id, to: name) }
            }
            return graph
        } catch {
            // Subgraphs read values by their names.
            return self
        }
    }
}

/// What a model takes and gives, and what errors call it.
private struct Interface {
    let name: String
    let inputs: [String]
    let outputs: [String]

    init(_ graph: Graph, called name: String) {
        self.name = name
        inputs = graph.inputs.map { graph[$0].name }
        outputs = graph.outputs.map { graph[$0].name }
    }
}

private func checkInterfaces(_ candidate: Interface, _ original: Interface) throws {
    for (here, there) in [(original, candidate), (candidate, original)] {
        guard let name = here.inputs.first(where: { !there.inputs.contains($0) }) else { continue }
        throw CleaveError(
            .invalidRequest, "only \(here.name) has this input; \(there.name) has \(quoted(there.inputs))", at: .init(tensor: name),
            suggestion: "both models must have inputs of the same names to be run on the same numbers")
    }
    guard original.outputs.contains(where: candidate.outputs.contains) else {
        throw CleaveError(
            .invalidRequest,
            "no output is in common: \(original.name) has \(quoted(original.outputs)), \(candidate.name) \(quoted(candidate.outputs))",
            suggestion: "outputs are compared by name: rename those of one model")
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

    /// Prepares the graph for the shapes of random inputs before these are made: one that takes too much memory is refused then.
    mutating func prepare(for source: SampleSource) throws {
        if let shapes = try source.inputShapes(for: graph) { _ = try session(for: shapes) }
    }

    /// - Parameter names: further values that are wanted; outputs may be among them.
    mutating func run(_ inputs: [String: Tensor], observing names: [String]) throws -> [String: Tensor] {
        let shapes = inputs.mapValues(\.shape)
        if shapes != self.shapes { try graph.checkInputs(inputs) }
        var known = Set(graph.outputs.map { graph[$0].name })
        return try session(for: shapes).run(inputs, observing: names.filter { known.insert($0).inserted })
    }

    private mutating func session(for shapes: [String: [Int]]) throws -> any Session {
        if let session, shapes == self.shapes { return session }
        let session = try backend.prepare(graph, inputShapes: shapes).makeSession()
        self.session = session
        self.shapes = shapes
        return session
    }
}
