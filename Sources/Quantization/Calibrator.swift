import Execution
import GraphIR
import Tensors

/// Some samples to run a network on.
public struct CalibrationBatch: Sendable {
    /// A tensor for every input of the network, by name.
    public var inputs: [String: Tensor]
    /// What to call each of the samples in messages. Where there are several, the first dimension of every input counts them.
    public var sampleNames: [String]

    public init(inputs: [String: Tensor], sampleNames: [String]) {
        self.inputs = inputs
        self.sampleNames = sampleNames
    }
}

/// Runs a network on samples and keeps statistics of its values, in memory that does not depend on the number of samples.
public final class Calibrator {
    private let graph: Graph
    private let backend: any Backend
    /// The values that are watched, in the order of execution.
    private let names: [String]
    private var statistics: [ValueStatistics]
    /// By the shapes of the inputs: all samples but the last ones come in batches of one size.
    private var sessions: [(shapes: [String: [Int]], session: any Session)] = []

    /// - Parameters:
    ///   - graph: prepared as for quantization: see `Pipeline.prepareForQuantization`.
    ///   - detail: what to keep of every value besides its extremes.
    /// - Throws: `CleaveError` when the graph computes nothing in float32.
    public init(_ graph: Graph, backend: any Backend, detail: ValueStatistics.Detail) throws {
        let values = graph.calibratedValues
        guard !values.isEmpty else {
            let skips = IntegerPlan(graph, target: .onnxruntime) { _ in false }.skips
            let reason = skips.first { $0.reason.description.hasPrefix("the weight") } ?? skips.first
            throw CleaveError(
                .unsupported, "the model has no convolution, product or sum in float32 that could run in integers"
                    + (reason.map { ": '\($0.node)', for one: \($0.reason)" } ?? ""),
                suggestion: "`cleave inspect --layers` shows what it consists of")
        }
        var exposed = graph
        try exposed.edit { editor in editor.setOutputs(values.filter { graph[$0].source != .graphInput }) }
        self.graph = exposed
        self.backend = backend
        names = values.map { graph[$0].name }
        statistics = names.map { _ in ValueStatistics(detail) }
    }

    /// Runs the samples of a batch and adds what they show.
    /// - Throws: `CleaveError` for inputs that do not fit, and for a NaN or an infinity, with tensor and sample.
    public func add(_ batch: CalibrationBatch) throws {
        guard !batch.sampleNames.isEmpty else { return }
        let outputs = try session(for: batch.inputs.mapValues(\.shape)).run(batch.inputs)
        for (index, name) in names.enumerated() {
            guard let tensor = outputs[name] ?? batch.inputs[name], tensor.elementType == .float32 else { continue }
            // A value whose first dimension is not that of the samples is one for all of them.
            let count = tensor.shape.first == batch.sampleNames.count ? batch.sampleNames.count : 1
            do {
                try statistics[index].add(tensor, samples: count)
            } catch let bad as ValueStatistics.InvalidNumber {
                let isKnown = count > 1 || batch.sampleNames.count == 1
                let sample = isKnown ? batch.sampleNames[bad.sample] : batch.sampleNames.joined(separator: ", ")
                let problem = "the value is \(bad.value.isNaN ? "not a number" : "infinite") for sample \(sample)"
                if outputs[name] != nil, batch.inputs.values.allSatisfy(\.isFinite), let weight = graph.nonFiniteConstant {
                    throw CleaveError(
                        .invalidNumbers, "\(problem), as the model's constant '\(weight)' contains NaN or infinities",
                        at: .init(tensor: name), suggestion: "train or export the model again; no sample is to blame")
                }
                throw CleaveError(
                    .invalidNumbers, problem, at: .init(tensor: name),
                    suggestion: outputs[name] == nil ? "leave that sample out" : "check the model on this sample: `cleave run`")
            }
        }
    }

    private func session(for shapes: [String: [Int]]) throws -> any Session {
        if let known = sessions.first(where: { $0.shapes == shapes }) { return known.session }
        let session = try backend.prepare(graph, inputShapes: shapes).makeSession()
        sessions = sessions.suffix(1) + [(shapes, session)]
        return session
    }

    /// What was seen so far.
    /// - Throws: `CleaveError` when there were no samples.
    public func record(equalized: Bool) throws -> CalibrationRecord {
        guard statistics.contains(where: { $0.samples > 0 }) else {
            throw CleaveError(
                .invalidRequest, "the calibration set is empty, expected at least one sample",
                suggestion: "give images or arrays: --calibration folder:DIR, or --inputs FILE")
        }
        return CalibrationRecord(
            equalized: equalized,
            entries: zip(names, statistics).filter { $1.samples > 0 }.map { .init(value: $0, statistics: $1) })
    }
}

extension Graph {
    /// The name of a weight, or another operand of a layer, that contains NaN or an infinity. Elsewhere infinities have a meaning: limits
    /// that are none, masks.
    fileprivate var nonFiniteConstant: String? {
        nodes.lazy.filter { node in
            switch node.operator {
            case .convolution, .convolutionTranspose, .gemm, .matMul, .batchNorm: true
            default: false
            }
        }.flatMap { $0.inputs.compactMap { $0 } }.first { id in constant(id).map { !$0.isFinite } ?? false }.map { self[$0].name }
    }
}

extension Tensor {
    fileprivate var isFinite: Bool {
        guard elementType == .float32 else { return true }
        return (try? withElements(of: Float.self) { $0.allSatisfy(\.isFinite) }) ?? true
    }
}
