import Foundation
import Tensors

/// The binary versions of CIFAR-10 and CIFAR-100 (A. Krizhevsky, "Learning multiple layers of features from tiny images",
/// 2009): records of one label byte, or a coarse and a fine one, and 32×32 pixels as red, green and blue planes.
struct CIFARFiles: DatasetFiles {
    enum Version: Sendable {
        case cifar10, cifar100

        var classCount: Int { self == .cifar10 ? 10 : 100 }
        /// Of CIFAR-100's two, the last is the fine one.
        var labelBytes: Int { self == .cifar10 ? 1 : 2 }
        var recordBytes: Int { labelBytes + CIFARFiles.imageShape.count }
        var namesFile: String { self == .cifar10 ? "batches.meta.txt" : "fine_label_names.txt" }
        /// What the archive unpacks to.
        var folder: String { self == .cifar10 ? "cifar-10-batches-bin" : "cifar-100-binary" }
    }

    static let imageShape = ImageShape(channels: 3, height: 32, width: 32)

    let version: Version
    let classes: [String]
    private let splits: [(name: String, files: [String])]

    var splitNames: [String] { splits.map(\.name) }

    init(_ path: String, version: Version) throws {
        self.version = version
        var folder = path
        var entries = try folderEntries(folder)
        if entries.contains(version.folder) {
            folder += "/" + version.folder
            entries = try folderEntries(folder)
        }
        let train = version == .cifar10 ? try Self.trainingBatches(entries, folder) : entries.filter { $0 == "train.bin" }
        let test = entries.filter { $0 == (version == .cifar10 ? "test_batch.bin" : "test.bin") }
        splits = [("train", train), ("test", test)].filter { !$0.1.isEmpty }.map { ($0.0, $0.1.map { folder + "/" + $0 }) }
        guard !splits.isEmpty else {
            let expected = version == .cifar10 ? "data_batch_1.bin … and test_batch.bin" : "train.bin and test.bin"
            let isPython = entries.contains(version == .cifar10 ? "data_batch_1" : "train")
            throw CleaveError(
                .file, "the folder holds no \(expected)", at: .init(file: path),
                suggestion: isPython ? "this is the Python version of the data set: take the binary version" : nil)
        }
        classes = try Self.classes(entries, folder, version)
        for file in splits.flatMap(\.files) { try check(file) }
    }

    /// `data_batch_1.bin` … without a gap.
    private static func trainingBatches(_ entries: [String], _ folder: String) throws -> [String] {
        let numbers = entries.compactMap { name -> Int? in
            guard name.hasPrefix("data_batch_"), name.hasSuffix(".bin") else { return nil }
            return Int(name.dropFirst("data_batch_".count).dropLast(".bin".count))
        }.sorted()
        for (index, number) in numbers.enumerated() where number != index + 1 {
            throw CleaveError(.file, "the file is missing, but data_batch_\(number).bin is there",
                at: .init(file: "\(folder)/data_batch_\(index + 1).bin"))
        }
        return numbers.map { "data_batch_\($0).bin" }
    }

    private static func classes(_ entries: [String], _ folder: String, _ version: Version) throws -> [String] {
        guard entries.contains(version.namesFile) else {
            guard version == .cifar10 else { return (0..<version.classCount).map(String.init) }
            return ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
        }
        let names = try classNames(in: folder + "/" + version.namesFile)
        guard names.count == version.classCount else {
            throw CleaveError(
                .malformedFile, "the file names \(names.count) classes, expected \(version.classCount)",
                at: .init(file: folder + "/" + version.namesFile))
        }
        return names
    }

    private func check(_ file: String) throws {
        let size = try RegularFile(file).size
        guard size > 0, size.isMultiple(of: version.recordBytes) else {
            let records = size / version.recordBytes
            throw CleaveError(
                .malformedFile,
                "the file has \(size) bytes, expected a multiple of \(version.recordBytes) (\(records) records end at byte "
                    + "\(records * version.recordBytes))", at: .init(file: file), suggestion: "the download may be incomplete")
        }
    }

    func load(_ split: String) throws -> DatasetSplit {
        var labels: [Int32] = []
        var parts: [ResidentImages.Part] = []
        for file in splits.first(where: { $0.name == split })?.files ?? [] {
            let storage = try TensorStorage(contentsOf: file)
            let count = storage.bytes.count / version.recordBytes
            labels += withExtendedLifetime(storage) {
                (0..<count).map { Int32(storage.bytes[$0 * version.recordBytes + version.labelBytes - 1]) }
            }
            parts.append(
                .init(storage: storage, offset: version.labelBytes, stride: version.recordBytes, count: count, file: file))
        }
        return try DatasetSplit(
            name: split, classes: classes, labels: labels,
            images: ResidentImages(parts: parts, shape: Self.imageShape, layout: .planes, isFloatingPoint: false))
    }
}

/// Names of what is in a folder, sorted by their bytes.
func folderEntries(_ folder: String) throws -> [String] {
    do {
        return try FileManager.default.contentsOfDirectory(atPath: folder).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    } catch {
        var status = stat()
        guard stat(folder, &status) == 0 else { throw AtomicFile.failure("cannot open", folder) }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw CleaveError(.file, "not a folder", at: .init(file: folder), suggestion: "name the folder that the files are in")
        }
        throw CleaveError(.file, "cannot list the folder: \(fileProblem(error))", at: .init(file: folder))
    }
}

extension TensorStorage {
    var copiedBytes: [UInt8] { withExtendedLifetime(self) { Array(bytes) } }
}

/// The lines of a small text file that are not empty.
func classNames(in file: String) throws -> [String] {
    let size = try RegularFile(file).size
    guard size <= 1 << 20 else {
        throw CleaveError(.malformedFile, "the file has \(size) bytes, expected a list of class names", at: .init(file: file))
    }
    let text = String(decoding: try TensorStorage(contentsOf: file).copiedBytes, as: UTF8.self)
    return text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
}
