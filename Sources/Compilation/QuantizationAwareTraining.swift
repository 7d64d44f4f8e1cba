import Autodiff
import Datasets
import Execution
import GraphIR
import OneDNNBackend
import Quantization

extension Graph {
    /// The network in the form that is trained for 8 bits: see `Transformation.prepareForQuantization`.
    /// - Throws: `CleaveError` when it is quantized already.
    public func preparedForAwareness() throws -> Graph {
        var graph = try forInference()
        try graph.apply(.prepareForQuantization)
        return graph
    }
}

/// The ranges that training for 8 bits begins with, measured on training images.
/// - Parameters:
///   - prepared: see `Graph.preparedForAwareness`.
///   - samples: how many images at most.
/// - Throws: `CleaveError` as `calibrate`, and when nothing of the network can run in integers.
public func initialRanges(
    of prepared: Graph, _ awareness: QuantizationAwareness, on images: DatasetSplit, normalization: Normalization, seed: UInt64,
    samples: Int = 1000, backend: any Backend = OneDNNBackend(), progress: Transformation.Progress? = nil
) throws -> [String: ValueRange] {
    let record = try calibrate(
        prepared, on: .images(images, normalization: normalization, seed: seed), samples: samples,
        detail: awareness.options.neededDetail, backend: backend, progress: progress)
    return try record.ranges(of: prepared, awareness)
}
