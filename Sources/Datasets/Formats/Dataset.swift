import Tensors

/// Labelled images in splits: what a network is trained on and tested with.
///
/// Opening finds out which splits and classes there are; the pixels of a split are read when it is loaded, and those of image
/// files one by one when they are needed.
public struct Dataset: Sendable {
    public let specification: DatasetSpecification
    /// Names of the classes by label.
    public let classes: [String]
    /// `train`, `test`, `val` as far as they are there, in this order, or `all` for a data set that is not split.
    public let splitNames: [String]
    private let files: any DatasetFiles

    /// - Throws: `CleaveError` naming the file that is missing, too short, or makes no sense.
    public init(_ specification: DatasetSpecification) throws {
        self.specification = specification
        let path = specification.path
        switch specification.format {
        case .cifar10: files = try CIFARFiles(path, version: .cifar10)
        case .cifar100: files = try CIFARFiles(path, version: .cifar100)
        case .idx: files = try IDXFiles(path)
        case .folder: files = try ImageFolder(path)
        case .npz: files = try NumpyImages(path)
        }
        classes = files.classes
        splitNames = files.splitNames
    }

    /// - Throws: `CleaveError` when there is no such split, or its files are damaged.
    public func load(_ split: String) throws -> DatasetSplit {
        guard splitNames.contains(split) else {
            throw CleaveError(
                .invalidRequest, "the data set has no split '\(split)', only \(splitNames.joined(separator: ", "))",
                at: .init(file: specification.path))
        }
        return try files.load(split)
    }

    /// The split to train on: `train`, or `all` of a data set that is not split.
    public func loadTraining() throws -> DatasetSplit { try load(splitNames.contains("all") ? "all" : "train") }

    /// The split to test with: `test`, else `val`, else `all` of a data set that is not split.
    public func loadEvaluation() throws -> DatasetSplit {
        try load(["test", "val", "all"].first(where: splitNames.contains) ?? "test")
    }
}

/// The images and labels of one split. Any number of threads may read images at the same time.
public struct DatasetSplit: Sendable {
    public let name: String
    public let classes: [String]
    /// The class of every image, an index into `classes`.
    public let labels: [Int32]
    let images: any ImageSource

    public var count: Int { labels.count }

    /// What all images measure; `nil` for image files, which may differ.
    public var shape: ImageShape? { images.shape }

    /// Whether pixels are any numbers, not 0…255.
    public var isFloatingPoint: Bool { images.isFloatingPoint }

    /// - Throws: `CleaveError` for a label that is no class, too many images, or none.
    init(name: String, classes: [String], labels: [Int32], images: any ImageSource) throws {
        guard !labels.isEmpty else { throw CleaveError(.malformedFile, "the split '\(name)' has no images") }
        guard labels.count <= Int32.max else {
            throw CleaveError(.malformedFile, "the split '\(name)' has \(labels.count) images, expected at most \(Int32.max)")
        }
        if let index = labels.firstIndex(where: { $0 < 0 || Int($0) >= classes.count }) {
            throw CleaveError(
                .malformedFile, "the label is \(labels[index]), expected 0…\(classes.count - 1)",
                at: .init(file: images.name(of: index)))
        }
        self.name = name
        self.classes = classes
        self.labels = labels
        self.images = images
    }

    /// Where the image comes from: a file, or a file and the number of a record in it.
    public func nameOfImage(_ index: Int) -> String { images.name(of: index) }

    /// Image `index` as uint8, or float32 where `isFloatingPoint`: [channels, height, width].
    /// - Throws: `CleaveError` naming the file when it cannot be read.
    public func image(_ index: Int) throws -> Tensor {
        try images.withImage(index, covering: nil) { view in
            let shape = ImageShape(of: view)
            return view.is_float ? try view.planes(of: Float.self, shape) : try view.planes(of: UInt8.self, shape)
        }
    }
}

/// The files of one format.
protocol DatasetFiles: Sendable {
    var classes: [String] { get }
    var splitNames: [String] { get }
    /// - Parameter split: one of `splitNames`.
    func load(_ split: String) throws -> DatasetSplit
}
