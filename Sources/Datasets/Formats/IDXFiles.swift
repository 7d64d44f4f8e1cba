import CZlib
import Foundation
import Tensors

/// Files as MNIST's (Y. LeCun, C. Cortes, "The MNIST database"): big-endian lengths and then bytes, plain or gzipped. A file
/// `classes.txt` beside them may name the classes, a line each; otherwise they are called by their numbers.
struct IDXFiles: DatasetFiles {
    let classes: [String]
    private typealias Split = (name: String, images: String, labels: [UInt8])
    private let splits: [Split]

    var splitNames: [String] { splits.map(\.name) }

    init(_ folder: String) throws {
        let entries = try folderEntries(folder)
        let prefixes = [("train", "train"), ("test", "t10k"), ("test", "test"), ("val", "val")]
        let splits = try prefixes.compactMap { split, prefix -> Split? in
            func file(_ part: String, _ rank: Int) -> String? {
                ["-", "."].flatMap { separator in ["", ".gz"].map { "\(prefix)-\(part)\(separator)idx\(rank)-ubyte\($0)" } }
                    .first(where: entries.contains).map { folder + "/" + $0 }
            }
            guard let images = file("images", 3) else { return nil }
            guard let labels = file("labels", 1) else {
                throw CleaveError(.file, "the file has no labels, expected \(prefix)-labels-idx1-ubyte beside it", at: .init(file: images))
            }
            return (split, images, try IDXFile(labels, rank: 1).storage.copiedBytes)
        }
        guard !splits.isEmpty else {
            throw CleaveError(
                .file, "the folder holds no train-images-idx3-ubyte or t10k-images-idx3-ubyte, plain or with .gz", at: .init(file: folder))
        }
        if let split = splits.indices.dropFirst().first(where: { index in splits[..<index].contains { $0.name == splits[index].name } }) {
            throw CleaveError(.file, "the folder has two sets of test images, expected one", at: .init(file: splits[split].images))
        }
        self.splits = splits
        let largest = splits.flatMap(\.labels).max().map(Int.init) ?? 0
        classes = entries.contains("classes.txt") ? try classNames(in: folder + "/classes.txt") : (0...largest).map(String.init)
    }

    func load(_ split: String) throws -> DatasetSplit {
        guard let (name, path, labels) = splits.first(where: { $0.name == split }) else {
            throw CleaveError(.invalidRequest, "there is no split '\(split)'")
        }
        let file = try IDXFile(path, rank: 3)
        guard file.lengths[0] == labels.count else {
            throw CleaveError(
                .malformedFile, "the file has \(file.lengths[0]) images, but there are \(labels.count) labels", at: .init(file: path))
        }
        let shape = ImageShape(channels: 1, height: file.lengths[1], width: file.lengths[2])
        guard labels.isEmpty || shape.isReasonable else {
            throw CleaveError(
                .malformedFile, "the images measure \(shape), expected 1 to \(ImageShape.pixelLimit) pixels", at: .init(file: path))
        }
        let part = ResidentImages.Part(storage: file.storage, offset: 0, stride: shape.count, count: labels.count, file: path)
        return try locating(file: path) {
            try DatasetSplit(
                name: name, classes: classes, labels: labels.map(Int32.init),
                images: ResidentImages(parts: [part], shape: shape, layout: .planes, isFloatingPoint: false))
        }
    }
}

/// An array of bytes: two zeros, the element type (8), the rank, a length per dimension, and the elements.
struct IDXFile {
    let lengths: [Int]
    let storage: TensorStorage

    /// Deflate packs at best 1032 bytes into one.
    private static let maximumRatio = 1032

    /// - Throws: `CleaveError` when the header is not that of `rank` dimensions of bytes, or not followed by exactly its elements.
    init(_ path: String, rank: Int) throws {
        let packedSize = try RegularFile(path).size
        guard let file = gzopen(path, "rb") else { throw AtomicFile.failure("cannot open", path) }
        defer { gzclose_r(file) }
        (lengths, storage) = try locating(file: path) {
            let header = try Self.read(4 + 4 * rank, from: file).copiedBytes
            guard header[0] == 0, header[1] == 0, header[3] == rank else {
                let start = header.prefix(4).map { String(format: "%02x", $0) }.joined(separator: " ")
                throw CleaveError(.malformedFile, "the file starts with \(start), expected 00 00 08 \(String(format: "%02x", rank))")
            }
            guard header[2] == 8 else {
                throw CleaveError(.unsupported, String(format: "the elements are of type %02x, expected 08 (unsigned bytes)", header[2]))
            }
            let lengths = (0..<rank).map { dimension in
                (0..<4).reduce(0) { $0 << 8 | Int(header[4 + 4 * dimension + $1]) }
            }
            let count = try Tensor.allocatableCount(of: lengths, .uint8)
            guard count / Self.maximumRatio <= packedSize else {
                throw CleaveError(
                    .malformedFile, "the header promises \(count) bytes (\(lengths)), which \(packedSize) bytes of file cannot hold")
            }
            let elements = try Self.read(count, from: file)
            var surplus: UInt8 = 0
            guard gzread(file, &surplus, 1) == 0 else {
                throw CleaveError(.malformedFile, "the file goes on after the \(count) bytes that its header promises (\(lengths))")
            }
            return (lengths, elements)
        }
    }

    private static func read(_ count: Int, from file: gzFile) throws -> TensorStorage {
        try TensorStorage(byteCount: count) { buffer in
            var offset = 0
            while offset < count, let address = buffer.baseAddress {
                let length = gzread(file, address + offset, UInt32(min(count - offset, 1 << 30)))
                guard length >= 0 else {
                    var code: Int32 = 0
                    let message = gzerror(file, &code).map { String(cString: $0) } ?? "unknown error"
                    throw CleaveError(.malformedFile, "the compressed data is damaged: \(message)")
                }
                guard length > 0 else {
                    throw CleaveError(
                        .malformedFile, "the file ends after \(offset) bytes of data, expected \(count)",
                        suggestion: "the download may be incomplete")
                }
                offset += Int(length)
            }
        }
    }
}
