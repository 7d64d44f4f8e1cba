import Datasets
import Execution
import Foundation
import GraphIR
import ONNXFormat
import Tensors
import Verification

/// How a model is measured.
public struct BenchmarkOptions: Sendable {
    /// ONNX Runtime, to take turns with.
    public struct Peer: Sendable {
        /// Path of a Python 3 that has the packages onnxruntime and numpy.
        public var python: String

        public init(python: String) { self.python = python }
    }

    /// Length of a leading dimension that the model leaves open; `nil` for 1.
    public var batch: Int?
    /// Complete shapes by input name, for other dimensions that the model leaves open.
    public var shapes: [String: [Int]]
    /// Threads that compute; the peer gets as many.
    public var threads: Int
    public var peer: Peer?
    /// How long to measure in all, both runtimes together; pauses and preparations come on top.
    public var seconds: Double

    public init(batch: Int?, shapes: [String: [Int]], threads: Int, peer: Peer?, seconds: Double) {
        self.batch = batch
        self.shapes = shapes
        self.threads = threads
        self.peer = peer
        self.seconds = seconds
    }
}

/// Rounds of a measurement. In each, Cleave and the peer have a turn, and who begins changes. Many short ones: what else the machine
/// does then meets both alike.
private let roundCount = 20
/// Threads of both runtimes spin for up to a tenth of a second after a run; a turn begins when that is over.
private let pause = 0.2
private let warmUpSeconds = 0.5
private let callLimit = 10_000

/// Measures how long a model takes to load, to compile and to run, on random inputs.
///
/// With a peer, both runtimes get the same inputs, their outputs are compared, and they take turns, so that whatever else the
/// machine does meets both. While one runs, the other sleeps.
/// - Parameters:
///   - path: an ONNX model.
///   - version: what the result calls Cleave's version.
/// - Throws: `CleaveError` when the model cannot be read or run, by Cleave or by the peer, when the peer is missing or
///   fails, or when the task is cancelled.
public func benchmark(
    _ path: String, version: String, backend: any Backend, options: BenchmarkOptions, progress: ((WorkProgress) -> Void)? = nil
) throws -> BenchmarkResult {
    let loadAverage = Machine.loadAverage
    progress?(WorkProgress(task: "reading \(path)"))
    // The first reading brings the file into the system's memory, for whoever loads it then.
    _ = try Graph(onnx: path)
    if options.peer != nil { progress?(WorkProgress(task: "loading ONNX Runtime")) }
    return try locating(file: path) {
        let peer = try options.peer.map { try ONNXRuntime(python: $0.python, model: path, threads: options.threads) }
        Thread.sleep(forTimeInterval: pause)
        let (graph, loadSeconds) = try timed { try Graph(onnx: path).lowered() }
        let source = try randomSource(for: graph, options: options)
        let lengths = try source.inputShapes(for: graph) ?? [:]
        let multiplyAccumulates = try graph.specialized(inputShapes: lengths).cost(assuming: [:]).multiplyAccumulates
        progress?(WorkProgress(task: "compiling \(path)"))
        let (session, compileSeconds) = try timed { try backend.prepare(graph, inputShapes: lengths).makeSession() }
        let tensors = try source.sample(0, for: graph).inputs
        let inputs = graph.inputs.compactMap { id in tensors[graph[id].name].map { (name: graph[id].name, tensor: $0) } }
        let outputs = try session.run(tensors)
        _ = try repeatedTimes(for: warmUpSeconds) { _ = try session.run(tensors) }
        let peakByteCount = peakResidentByteCount()

        let compared = try peer.map { try compare(outputs, of: graph, with: $0, on: inputs) } ?? []
        let turns = try takeTurns(session, tensors, peer: peer, seconds: options.seconds, progress: progress)
        return BenchmarkResult(
            backend: backend.name, threads: options.threads,
            inputs: inputs.map { .init(name: $0.name, elementType: $0.tensor.elementType, shape: $0.tensor.shape) },
            multiplyAccumulates: multiplyAccumulates,
            ours: .init(
                name: "Cleave", version: version, loadSeconds: loadSeconds, compileSeconds: compileSeconds,
                latency: try turns.ours(), peakByteCount: peakByteCount),
            comparison: try peer.map { try turns.comparison(with: $0, outputs: compared) }, rounds: roundCount,
            machine: .init(
                processors: Machine.processorCount, loadAverage: loadAverage, otherProcessors: turns.otherProcessors))
    }
}

/// One sample of random tensors, the same ones every time.
private func randomSource(for graph: Graph, options: BenchmarkOptions) throws -> SampleSource {
    let shapes = InputShapes(batch: options.batch ?? 1, shapes: options.shapes), inputs = try shapes.resolved(for: graph)
    if let batch = options.batch, !inputs.contains(where: { $0.shape.first == batch }) {
        let given = zip(graph.inputs, inputs).map { id, input in
            "'\(input.name)' is \(graph[id].tensorType.map { "\($0.elementType)" } ?? "")\(input.shape)"
        }.joined(separator: ", ")
        throw CleaveError(
            .invalidRequest, "a batch of \(batch) was asked for, but \(given.isEmpty ? "the model has no inputs" : given)",
            suggestion: "the model's batch is fixed: leave out --batch")
    }
    return .random(count: 1, seed: 1, shapes: shapes)
}

/// Runs the peer on the inputs and holds Cleave's outputs against its own.
private func compare(
    _ outputs: [String: Tensor], of graph: Graph, with peer: ONNXRuntime, on inputs: [(name: String, tensor: Tensor)]
) throws -> [VerificationReport.Output] {
    let names = graph.outputs.map { graph[$0].name }
    return compareOutputs(outputs, of: graph, with: zip(names, try peer.run(inputs, outputs: names)).map { (name: $0, tensor: $1) })
}

/// The times of all rounds.
private struct Turns {
    /// Per round, seconds of single runs.
    var oursByRound: [[Double]] = []
    var peerByRound: [[Double]] = []
    var peerPeakByteCount = 0
    var otherProcessors: Double?

    func ours() throws -> Distribution { try Distribution(measured: oursByRound.flatMap { $0 }) }

    func comparison(with peer: ONNXRuntime, outputs: [VerificationReport.Output]) throws -> BenchmarkResult.Comparison {
        let speedups = try zip(oursByRound, peerByRound).map { try Distribution(measured: $1).median / Distribution(measured: $0).median }
        return BenchmarkResult.Comparison(
            peer: .init(
                name: "ONNX Runtime", version: peer.version, loadSeconds: peer.loadSeconds, compileSeconds: nil,
                latency: try Distribution(measured: peerByRound.flatMap { $0 }), peakByteCount: peerPeakByteCount),
            outputs: outputs, speedups: try Distribution(measured: speedups), ratio: try SpeedRatio(ours: oursByRound, peer: peerByRound))
    }
}

/// Measures both runtimes in alternation.
private func takeTurns(
    _ session: any Session, _ inputs: [String: Tensor], peer: ONNXRuntime?, seconds: Double, progress: ((WorkProgress) -> Void)?
) throws -> Turns {
    var turns = Turns()
    let turnSeconds = seconds / Double(peer == nil ? roundCount : 2 * roundCount)
    // A first turn of the peer warms it up, and tells what its process has used so far.
    var peerProcessorSeconds = try peer?.measure(seconds: min(warmUpSeconds, turnSeconds), limit: callLimit).processorSeconds ?? 0
    let start = (busy: Machine.busySeconds, own: Machine.ownSeconds, peer: peerProcessorSeconds, time: ContinuousClock.now)
    for round in 0..<roundCount {
        try checkCancellation()
        progress?(WorkProgress(task: "measuring", completed: round, total: roundCount, unit: "rounds"))
        for isPeersTurn in round.isMultiple(of: 2) ? [false, true] : [true, false] {
            if !isPeersTurn {
                Thread.sleep(forTimeInterval: peer == nil ? 0 : pause)
                turns.oursByRound.append(try repeatedTimes(for: turnSeconds, limit: callLimit) { _ = try session.run(inputs) })
            } else if let peer {
                Thread.sleep(forTimeInterval: pause)
                let turn = try peer.measure(seconds: turnSeconds, limit: callLimit)
                turns.peerByRound.append(turn.seconds)
                turns.peerPeakByteCount = max(turns.peerPeakByteCount, turn.peakByteCount)
                peerProcessorSeconds = turn.processorSeconds
            }
        }
    }
    progress?(WorkProgress(task: "measuring", completed: roundCount, total: roundCount, unit: "rounds"))
    let elapsed = (ContinuousClock.now - start.time) / .seconds(1)
    if let before = start.busy, let after = Machine.busySeconds, elapsed > 0 {
        let known = Machine.ownSeconds - start.own + peerProcessorSeconds - start.peer
        turns.otherProcessors = max(0, (after - before - known) / elapsed)
    }
    return turns
}
