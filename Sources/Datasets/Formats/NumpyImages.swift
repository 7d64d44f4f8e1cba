import Foundation
import Tensors

/// Images and labels in an npz archive: `x_train`, `y_train`, `x_test`, `y_test` as Keras has them, `train_images`,
/// `train_labels` … , or `x` and `y` or `images` and `labels` for a single split. An array `classes` of strings may name the
/// classes.
///
/// Images are uint8 (0…255) or float (any numbers): [count, height, width], [count, height, width, channels] or
/// [count, channels, height, width], where 1 or 3 is the number of channels. Labels are integers: [count] or [count, 1].
struct NumpyImages: DatasetFiles {
    let classes: [String]
    private let path: String
    private let splits: [(name: String, images: NumpyArchive.Entry, labels: [Int32])]

    /// More classes than this are a mistake.
    private static let classLimit = 1 << 20

    var splitNames: [String] { splits.map(\.name) }

    init(_ path: String) throws {
        self.path = path
        let archive = try NumpyArchive(contentsOf: path)
        splits = try locating(file: path) { try Self.splits(of: archive) }
        let largest = splits.flatMap(\.labels).max().map(Int.init) ?? 0
        classes = archive["classes"]?.strings.map { $0.map { String(decoding: $0, as: UTF8.self) } }
            ?? (0...max(0, largest)).map(String.init)
    }

    private static func splits(of archive: NumpyArchive) throws -> [(name: String, images: NumpyArchive.Entry, labels: [Int32])] {
        let names = [("train", "train"), ("test", "test"), ("val", "val")].flatMap { split, part in
            [(split, "x_\(part)", "y_\(part)"), (split, "\(part)_images", "\(part)_labels")]
        } + [("all", "x", "y"), ("all", "images", "labels")]
        var splits: [(name: String, images: NumpyArchive.Entry, labels: [Int32])] = []
        for (split, x, y) in names {
            guard let images = archive[x], !splits.contains(where: { $0.name == split }) else { continue }
            guard let labels = archive[y] else {
                throw CleaveError(.malformedFile, "there are no labels, expected an array '\(y)'", at: .init(tensor: x))
            }
            splits.append((split, .init(name: x, tensor: images), try locating(tensor: y) { try self.labels(labels) }))
        }
        guard !splits.isEmpty else {
            let found = archive.entries.isEmpty ? "an empty archive" : archive.entries.map { "'\($0.name)'" }.joined(separator: ", ")
            throw CleaveError(.malformedFile, "expected arrays 'x_train' and 'y_train', or 'x' and 'y', not \(found)")
        }
        let isSplit = splits.contains { $0.name != "all" }
        return splits.filter { !isSplit || $0.name != "all" }
    }

    private static func labels(_ tensor: Tensor) throws -> [Int32] {
        let isColumn = tensor.rank == 1 || (tensor.rank == 2 && tensor.shape[1] == 1)
        guard isColumn, tensor.elementType.isInteger, let values = tensor.doubles() else {
            throw CleaveError(.malformedTensor, "the labels are \(tensor), expected one integer per image")
        }
        return try values.enumerated().map { index, value in
            guard value >= 0, value < Double(classLimit) else {
                throw CleaveError(.malformedTensor, "label \(index) is \(String(format: "%.0f", value)), expected 0…\(classLimit - 1)")
            }
            return Int32(value)
        }
    }

    func load(_ split: String) throws -> DatasetSplit {
        guard let (name, images, labels) = splits.first(where: { $0.name == split }) else {
            throw CleaveError(.invalidRequest, "there is no split '\(split)'")
        }
        return try locating(file: path, tensor: images.name) {
            let (shape, layout) = try Self.shape(images.tensor)
            guard images.tensor.shape[0] == labels.count else {
                throw CleaveError(.malformedTensor, "there are \(images.tensor.shape[0]) images, but \(labels.count) labels")
            }
            let isFloatingPoint = images.tensor.elementType != .uint8
            let tensor = isFloatingPoint ? try Self.float32(images.tensor) : images.tensor
            let storage = tensor.withUnsafeBytes { bytes in
                // An array may lie anywhere in its archive; shared bytes live as long as the tensor that the closure keeps.
                Int(bitPattern: bytes.baseAddress) % MemoryLayout<Float>.alignment == 0
                    ? TensorStorage(takingOver: bytes) { _ in withExtendedLifetime(tensor) {} } : TensorStorage(copying: bytes)
            }
            let part = ResidentImages.Part(
                storage: storage, offset: 0, stride: shape.count * (isFloatingPoint ? 4 : 1), count: labels.count,
                file: "\(path): tensor '\(images.name)'")
            return try DatasetSplit(
                name: name, classes: classes, labels: labels,
                images: ResidentImages(parts: [part], shape: shape, layout: layout, isFloatingPoint: isFloatingPoint))
        }
    }

    private static func float32(_ tensor: Tensor) throws -> Tensor {
        switch tensor.elementType {
        case .float32: return tensor
        case .float16, .float64:
            guard let values = tensor.doubles() else { break }
            return try Tensor(values.map(Float.init), shape: tensor.shape)
        default: break
        }
        throw CleaveError(.malformedTensor, "the images are \(tensor.elementType), expected uint8, float16, float32 or float64")
    }

    private static func shape(_ tensor: Tensor) throws -> (ImageShape, ResidentImages.Layout) {
        let lengths = tensor.shape
        let shape: ImageShape, layout: ResidentImages.Layout
        switch lengths.count {
        case 3: (shape, layout) = (ImageShape(channels: 1, height: lengths[1], width: lengths[2]), .planes)
        case 4:
            switch ([1, 3].contains(lengths[1]), [1, 3].contains(lengths[3])) {
            case (false, true): (shape, layout) = (ImageShape(channels: lengths[3], height: lengths[1], width: lengths[2]), .pixels)
            case (true, false): (shape, layout) = (ImageShape(channels: lengths[1], height: lengths[2], width: lengths[3]), .planes)
            case (true, true), (false, false):
                throw CleaveError(
                    .malformedTensor, "the images are \(lengths), expected 1 or 3 channels in either the second or the last dimension")
            }
        default:
            throw CleaveError(
                .malformedTensor, "the images have \(lengths.count) dimensions, expected 3 (count, height, width) or 4 (with channels)")
        }
        guard lengths[0] == 0 || shape.isReasonable else {
            throw CleaveError(.malformedTensor, "the images measure \(shape), expected 1 to \(ImageShape.pixelLimit) pixels")
        }
        return (shape, layout)
    }
}
