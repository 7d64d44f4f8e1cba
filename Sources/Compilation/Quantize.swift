import Datasets
import Execution
import GraphIR
import ONNXFormat
import OneDNNBackend
import Passes
import Quantization
import ReferenceBackend
import Tensors

/// What a network is calibrated on.
public enum CalibrationSource: Sendable {
    /// Images in an order that depends on the seed only, as many as are wanted.
    case images(DatasetSplit, normalization: Normalization, seed: UInt64)
    /// Tensors; `name` is what messages call their origin, a file.
    case samples([Sample], name: String)
}

extension Transformation {
    /// Everything that is done to a network before it is calibrated: see `Pipeline.prepareForQuantization`.
    public static let prepareForQuantization = Transformation { graph, progress in
        try graph.requireUnquantized()
        let folded = try Transformation.fold.run(&graph, progress)
        return PassReport.merged(folded + (try Transformation.pipeline(.prepareForQuantization).run(&graph, progress)))
    }

    /// Scales the channels between layers so that both use the range of 8 bits alike; comes after `prepareForQuantization`.
    public static let equalize = Transformation.pass(EqualizeLayers())

    /// Makes the network an int8 one, calibrated on at most `samples` samples.
    public static func quantize(
        calibration: CalibrationSource, samples: Int = 1000, options: QuantizationOptions = QuantizationOptions()
    ) -> Transformation {
        Transformation { graph, progress in
            let prepared = try Transformation.prepareForQuantization.run(&graph, progress)
            let record = try calibrate(
                graph, on: calibration, samples: samples, detail: options.neededDetail, progress: progress)
            return prepared + (try Transformation.quantize(ranges: record, options: options).run(&graph, progress))
        }
    }

    /// Makes a network that was prepared an int8 one, with ranges that were recorded before.
    public static func quantize(ranges: CalibrationRecord, options: QuantizationOptions = QuantizationOptions()) -> Transformation {
        var steps: [any Pass] = [QuantizeGraph(ranges, options: options)]
        if options.format == .qoperator { steps.append(ToIntegerOperators()) }
        return .pipeline(Pipeline(name: "quantize", steps: steps.map { .once($0) }))
    }
}

/// Runs a network on samples and records what its values are like.
/// - Parameters:
///   - graph: prepared with `Transformation.prepareForQuantization`.
///   - samples: how many at most; `nil` for all.
///   - detail: what to keep besides extremes; `QuantizationOptions.neededDetail` says what is needed.
/// - Throws: `CleaveError` when there are no samples, they do not fit the network, or a value is not finite.
public func calibrate(
    _ graph: Graph, on source: CalibrationSource, samples: Int? = nil,
    detail: ValueStatistics.Detail = [.histogram, .channelMeans], equalized: Bool = false, backend: any Backend = OneDNNBackend(),
    batch: Int? = nil, progress: Transformation.Progress? = nil
) throws -> CalibrationRecord {
    let calibrator = try Calibrator(graph, backend: backend, detail: detail)
    var done = 0
    try source.forEachBatch(for: graph, samples: samples, size: batch) { batch, total in
        try calibrator.add(batch)
        done += batch.sampleNames.count
        progress?(WorkProgress(task: "calibrating", completed: done, total: total, unit: "samples"))
    }
    return try calibrator.record(equalized: equalized)
}

extension CalibrationSource {
    /// Calls `body` with batch after batch, and with how many samples there will be. Where the model fixes how many run together,
    /// no more than `samples` means whole batches, but at least one.
    /// - Parameters:
    ///   - samples: how many at most; `nil` for all.
    ///   - size: of a batch of images, where the model leaves it open; `nil` for what is fast.
    func forEachBatch(
        for graph: Graph, samples: Int?, size: Int?, _ body: (_ batch: CalibrationBatch, _ total: Int) throws -> Void
    ) throws {
        var done = 0
        func hand(_ batch: CalibrationBatch, total: Int) throws {
            try checkCancellation()
            try body(batch, total)
            done += batch.sampleNames.count
        }
        switch self {
        case .samples(let all, let name):
            let counts = all.map { $0.leadingLength }
            let total = min(counts.reduce(0, +), samples ?? .max)
            let isFixed = graph.inputs.contains { graph[$0].tensorType?.shape?.first?.known != nil }
            for (sample, length) in zip(all, counts) where done < total {
                let count = isFixed ? length : min(length, total - done)
                if done > 0, done + count > total { break }
                let names = (0..<count).map { "\(done + $0) of \(name)" }
                let inputs = count < length ? try sample.inputs.mapValues { try $0.first(count) } : sample.inputs
                try hand(CalibrationBatch(inputs: inputs, sampleNames: names), total: total)
            }
        case .images(let split, let normalization, let seed):
            let input = try ImageInput(of: graph)
            let total = min(split.count, samples ?? .max)
            let options = BatchLoader.Options(
                batchSize: input.batch ?? size ?? graph.calibrationBatch, shuffles: true, seed: seed, normalization: normalization,
                remainder: input.batch == nil ? .kept : .dropped, cacheByteLimit: 0)
            let loader = try BatchLoader(split, for: input, options: options, epochs: 1)
            defer { loader.cancel() }
            while done < total, let batch = try loader.next() {
                let count = input.batch ?? min(batch.count, total - done)
                if done > 0, done + count > total { break }
                let names = batch.indices.prefix(count).map(split.nameOfImage)
                try hand(
                    CalibrationBatch(inputs: [input.name: try batch.images.first(count)], sampleNames: Array(names)), total: total)
            }
        }
    }

    /// At most `count` samples, in memory.
    public func batches(for graph: Graph, count: Int) throws -> [CalibrationBatch] {
        var batches: [CalibrationBatch] = []
        try forEachBatch(for: graph, samples: count, size: nil) { batch, _ in batches.append(batch) }
        return batches
    }
}

extension Graph {
    /// Samples that are run together where the model leaves it open: few enough that their values stay near the processor.
    public var calibrationBatch: Int {
        let byteCount = (try? cost(assuming: [:]).activationBytes) ?? 1 << 26
        return min(max(1, (1 << 26) / max(1, byteCount)), 32)
    }
}

extension Sample {
    /// How many samples are in it: the first dimension of its inputs, if they agree.
    fileprivate var leadingLength: Int {
        let lengths = Set(inputs.values.map { $0.shape.first ?? 1 })
        return lengths.count == 1 ? lengths.first ?? 1 : 1
    }
}

extension Tensor {
    /// The first `count` entries along the leading dimension.
    fileprivate func first(_ count: Int) throws -> Tensor {
        guard let length = shape.first, count < length else { return self }
        let rest = Array(shape.dropFirst())
        let byteCount = try elementType.byteCount(elements: Tensor.elementCount(of: [count] + rest)) ?? 0
        let storage = withUnsafeBytes { TensorStorage(copying: UnsafeRawBufferPointer(rebasing: $0.prefix(byteCount))) }
        return try Tensor(shape: [count] + rest, elementType: elementType, storage: storage)
    }
}
