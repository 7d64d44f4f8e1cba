import Foundation
import Tensors

/// The folder of a run: its checkpoint and its history.
public struct CheckpointFolder: Sendable {
    public let path: String
    public var files: RunFiles
    /// Of Cleave.
    public let version: String

    /// The name of the table of all epochs.
    public static let historyName = "history.csv"

    /// Makes the folder for a new run.
    /// - Throws: `CleaveError` when it cannot be made or written to, or holds the checkpoint of another run.
    public init(creating path: String, files: RunFiles, version: String) throws {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw CleaveError(
                .file, "cannot make the folder: \(fileProblem(error))", at: .init(file: path),
                suggestion: "name a folder that can be made, or written to")
        }
        self.init(path, files: files, version: version)
        guard !hasCheckpoint else {
            throw CleaveError(
                .invalidRequest, "the folder holds the checkpoint of another run", at: .init(file: path),
                suggestion: "go on with that run: cleave train --resume \(path); or name another folder")
        }
        try AtomicFile.checkWritable(path + "/" + Checkpoint.fileName)
    }

    /// The folder of a run that goes on.
    public init(_ path: String, files: RunFiles, version: String) {
        self.path = path
        self.files = files
        self.version = version
    }

    public var hasCheckpoint: Bool { Self.hasCheckpoint(path) }

    /// Whether there is a checkpoint in the folder.
    public static func hasCheckpoint(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path + "/" + Checkpoint.fileName) }

    /// Writes all epochs so far as comma-separated values.
    /// - Throws: `CleaveError` when the file cannot be written.
    public func writeHistory(_ history: [EpochRecord]) throws {
        var lines = ["epoch,loss,accuracy,test_loss,test_accuracy,test_top5,learning_rate,seconds,images_per_second"]
        for record in history {
            // Swift writes the sign of a number that is none.
            let test = record.validation.map { [$0.loss.isNaN ? "nan" : "\($0.loss)", "\($0.top1)", "\($0.top5)"] } ?? ["", "", ""]
            let fields = ["\(record.epoch)", "\(record.loss)", "\(record.accuracy)"] + test
            let speed = [String(format: "%.3f", record.seconds), String(format: "%.1f", record.imagesPerSecond)]
            lines.append((fields + ["\(record.learningRate)"] + speed).joined(separator: ","))
        }
        try AtomicFile.write(Array((lines.joined(separator: "\n") + "\n").utf8), to: path + "/" + Self.historyName)
    }
}
