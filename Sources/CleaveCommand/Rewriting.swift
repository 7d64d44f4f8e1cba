import ArgumentParser
import Cleave
import Foundation

extension ONNXWriteOptions.ExternalData: ExpressibleByArgument {}

/// Where a model is written, and how.
struct ModelOutput: ParsableArguments {
    @Option(
        name: [.customShort("o"), .customLong("output")],
        help: .init("The model to write.", valueName: "file"), transform: filePath)
    var path: String

    @Option(help: "Whether weights go to a file beside the model; automatic: where the model would be over 2 GB.")
    var externalData: ONNXWriteOptions.ExternalData = .automatic

    /// Finds out before long work whether the file can be written.
    func check() throws { try AtomicFile.checkWritable(path) }

    /// - Returns: bytes written.
    func write(_ graph: Graph) throws -> Int {
        try graph.write(onnx: path, options: ONNXWriteOptions(externalData: externalData)).totalSize
    }
}

extension Graph {
    /// Reads a model to run it.
    init(executable path: String) throws {
        let graph = try Graph(onnx: path)
        self = try locating(file: path) { try graph.lowered() }
    }
}

/// Reads a model, changes it, writes it, and says what that did.
/// - Parameter task: what `change` does, as a verb for the progress line.
func rewrite(
    _ path: String, to file: ModelOutput, task: String, showingLayers: Bool, progress: @escaping @Sendable (WorkProgress) -> Void,
    _ change: (inout Graph) throws -> (reports: [PassReport], separation: SeparationReport?)
) throws -> RewriteSummary {
    let start = ContinuousClock.now
    try file.check()
    progress(WorkProgress(task: "reading \(path)"))
    var graph = try Graph(onnx: path)
    let remarks = try graph.remarks()
    let inputs = try graph.overridableInputs()
    let before = try locating(file: path) { try ModelSize(graph, file: path, fileSize: fileSize(of: graph, readFrom: path) ?? 0) }
    progress(WorkProgress(task: task))
    let (reports, separation) = try locating(file: path) { try change(&graph) }
    progress(WorkProgress(task: "writing \(file.path)"))
    let size = try file.write(graph)
    return RewriteSummary(
        before: before, after: try ModelSize(graph, file: file.path, fileSize: size), reports: reports, separation: separation,
        remarks: remarks + remark(onFixed: graph.fixedInputs(since: inputs)), seconds: (ContinuousClock.now - start) / .seconds(1),
        showsLayers: showingLayers)
}

/// What a rewrite took from whoever overrides inputs of the model.
private func remark(onFixed inputs: [String]) -> [String] {
    guard !inputs.isEmpty else { return [] }
    let shown = inputs.prefix(3).map { "'\($0)'" }.joined(separator: ", ")
    let more = inputs.count > 3 ? " and \(inputs.count - 3) more" : ""
    return ["the defaults of inputs \(shown)\(more) went into other weights: overriding them no longer changes the whole model"]
}
