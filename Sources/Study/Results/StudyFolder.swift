import Foundation
import GraphIR
import ONNXFormat
import Tensors
import Training

/// The results of a study on disk:
///
///     study.json              what they are of
///     rows/full-int8.json     what was measured
///     full/initial.onnx       the network before training
///     full/run/               its training: checkpoint.npz, history.csv, report.html
///     full/trained.onnx       with the weights of the checkpoint
///     full/int8.onnx          the same in integers
///
/// Beside every model is a receipt, `initial.json`, that says what it was made of. All files are replaced in one step.
public struct StudyFolder: Sendable {
    public let path: String

    public init(_ path: String) { self.path = path }

    public var manifestPath: String { path + "/" + StudyManifest.fileName }
    public func recordPath(_ row: String) -> String { "\(path)/rows/\(row).json" }
    public func initialPath(_ run: String) -> String { "\(path)/\(run)/initial.onnx" }
    public func trainedPath(_ run: String) -> String { "\(path)/\(run)/trained.onnx" }
    public func runPath(_ run: String) -> String { "\(path)/\(run)/run" }

    public func modelPath(_ row: StudyRow) -> String {
        row.quantization.map { "\(path)/\(row.run)/\($0.name).onnx" } ?? trainedPath(row.run)
    }

    /// Whether it says what it is of.
    var isBegun: Bool { FileManager.default.fileExists(atPath: manifestPath) }

    /// Makes the folder, or takes up the one that is there.
    /// - Throws: `CleaveError` when it holds results of another study, or cannot be written to.
    func begin(_ manifest: StudyManifest) throws {
        try check(manifest)
        if let known = try? ResultsFile.read(StudyManifest.self, from: manifestPath), known == manifest { return }
        try makeFolder(path + "/rows")
        try ResultsFile.write(manifest, to: manifestPath)
    }

    /// - Throws: `CleaveError` when the folder holds results of another study, or something else.
    func check(_ manifest: StudyManifest) throws {
        // A damaged one is made anew: checkpoints, receipts and records say themselves what they are of.
        guard let known = try? ResultsFile.read(StudyManifest.self, from: manifestPath) else {
            let own = Set(manifest.runs.map(\.id) + ["rows", StudyManifest.fileName])
            let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
            guard let foreign = names.sorted().first(where: { !own.contains($0) && !$0.hasPrefix(".") }) else { return }
            throw CleaveError(
                .invalidRequest, "the folder holds something else than results of a study: '\(foreign)'", at: .init(file: path),
                suggestion: "name a new folder")
        }
        guard let difference = known.difference(in: manifest) else { return }
        throw CleaveError(
            .invalidRequest, "the folder holds results of another study: \(difference)", at: .init(file: path),
            suggestion: "name another folder, or give the study that it is of")
    }

    func makeFolder(_ path: String) throws {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw CleaveError(
                .file, "cannot make the folder: \(fileProblem(error))", at: .init(file: path),
                suggestion: "name a folder that can be made, or written to")
        }
    }

    // MARK: Models

    /// What a model in the folder was made of, and what it is.
    struct Receipt: Hashable, Codable, Sendable {
        /// All that its bytes depend on.
        var source: [String]
        var file: RowRecord.File
    }

    private func receiptPath(of model: String) -> String { model.dropLast(".onnx".count) + ".json" }

    /// The receipt of a model that is whole and was made of `source`; `nil` when it has to be made.
    func receipt(of model: String, source: [String]) -> Receipt? {
        guard let receipt = try? ResultsFile.read(Receipt.self, from: receiptPath(of: model)), receipt.source == source,
            receipt.file == (try? Self.file(model))
        else { return nil }
        return receipt
    }

    /// Writes a model, then its receipt.
    func write(_ graph: Graph, to model: String, source: [String]) throws -> Receipt {
        try makeFolder(FilePath.folder(of: model))
        try graph.write(onnx: model, options: ONNXWriteOptions(externalData: .never))
        let receipt = Receipt(source: source, file: try Self.file(model))
        try ResultsFile.write(receipt, to: receiptPath(of: model))
        return receipt
    }

    static func file(_ path: String) throws -> RowRecord.File {
        let storage = try TensorStorage(contentsOf: path)
        return withExtendedLifetime(storage) {
            RowRecord.File(name: FilePath.name(of: path), byteCount: storage.bytes.count, checksum: Checksum(storage.bytes).text)
        }
    }

    // MARK: One at a time

    /// Keeps other processes from working in the folder until the result is gone.
    /// - Throws: `CleaveError` when another one does.
    func lock() throws -> FolderLock {
        try makeFolder(path)
        return try FolderLock(path + "/.lock")
    }
}

/// A lock on a file that the system takes back when the process ends, however that comes.
final class FolderLock {
    private let descriptor: Int32

    init(_ path: String) throws {
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw AtomicFile.failure("cannot write", path) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw CleaveError(
                .invalidRequest, "another process is at work in the folder", at: .init(file: FilePath.folder(of: path)),
                suggestion: "wait until it is done, or look at what is there with --report-now or --dry-run")
        }
    }

    deinit {
        // A process that is being started at this moment has the descriptor, too, until it is another program.
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }
}
