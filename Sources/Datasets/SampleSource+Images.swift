import GraphIR
import Tensors

extension SampleSource {
    /// The first images of a split, in the order of its files, as `graph` takes them.
    /// - Parameters:
    ///   - batch: images per sample, where the network leaves it open.
    ///   - count: of samples, at most; the last one may be smaller where the network leaves that open.
    /// - Throws: `CleaveError` when the images do not fit the network, or one cannot be read.
    public static func images(
        of split: DatasetSplit, for graph: Graph, normalization: Normalization, batch: Int, count: Int
    ) throws -> SampleSource {
        let input = try ImageInput(of: graph)
        let loader = try BatchLoader(
            split, for: input,
            options: .init(
                batchSize: input.batch ?? batch, shuffles: false, seed: 0, normalization: normalization,
                remainder: input.batch == nil ? .kept : .dropped),
            epochs: 1)
        defer { loader.cancel() }
        var samples: [Sample] = []
        while samples.count < count, let images = try loader.next() {
            samples.append(Sample(inputs: [input.name: images.images], labels: images.labels))
        }
        return .samples(samples)
    }
}
