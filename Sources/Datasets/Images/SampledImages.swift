import CKernels
import Tensors

/// Some of the images of another source.
private struct SampledImages<Source: ImageSource>: ImageSource {
    let source: Source
    /// Of the images in the source.
    let indices: [Int]

    var shape: ImageShape? { source.shape }
    var isFloatingPoint: Bool { source.isFloatingPoint }
    var isResident: Bool { source.isResident }

    func name(of index: Int) -> String { source.name(of: indices[index]) }

    func withImage<Result>(_ index: Int, covering target: ImageShape?, _ body: (ck_image) throws -> Result) throws -> Result {
        try source.withImage(indices[index], covering: target, body)
    }
}

extension DatasetSplit {
    /// `count` of the images, at equal distances in the order of the files: ⌊i·n/count⌋ for i = 0 … count − 1. So every class is there
    /// about as often as before, however the images are sorted.
    /// - Throws: `CleaveError` when there are not as many, or `count` is not positive.
    public func sampled(_ count: Int) throws -> DatasetSplit {
        guard (1...self.count).contains(count) else {
            throw CleaveError(
                .invalidRequest, "\(count) images of the split '\(name)' are asked for, expected 1 to \(self.count), as many as there are")
        }
        let indices = (0..<count).map { $0 * self.count / count }
        func sampled(_ source: some ImageSource) -> any ImageSource { SampledImages(source: source, indices: indices) }
        return try DatasetSplit(name: name, classes: classes, labels: indices.map { labels[$0] }, images: sampled(images))
    }
}
