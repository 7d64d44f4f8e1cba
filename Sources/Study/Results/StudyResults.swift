import Foundation
import Tensors
import Training

/// What a results folder holds for a reader: small files only, so that a folder without its models can be reported on.
public struct StudyResults: Sendable {
    /// An epoch of `history.csv`.
    public struct Epoch: Hashable, Sendable {
        public var epoch: Int
        public var loss: Double
        public var accuracy: Double
        public var testLoss: Double?
        public var testAccuracy: Double?
        public var seconds: Double
    }

    public var manifest: StudyManifest
    /// By row, as far as it was measured.
    public var records: [String: RowRecord]
    /// By run, as far as it was trained.
    public var histories: [String: [Epoch]]
    /// Files that are half-written, or from elsewhere.
    public var damaged: [String]

    /// - Throws: `CleaveError` when the folder holds no results.
    public init(contentsOf path: String) throws {
        let folder = StudyFolder(path)
        guard let manifest = try ResultsFile.read(StudyManifest.self, from: folder.manifestPath) else {
            throw CleaveError(
                .file, "there are no results in the folder, expected \(StudyManifest.fileName)", at: .init(file: path),
                suggestion: "name the folder that `cleave study -o` was given")
        }
        self.manifest = manifest
        (records, histories, damaged) = ([:], [:], [])
        for row in manifest.runs.flatMap(\.rows) {
            do {
                guard let record = try ResultsFile.read(RowRecord.self, from: folder.recordPath(row.id)) else { continue }
                records[row.id] = record
            } catch let error as CleaveError where error.kind == .malformedFile {
                damaged.append(folder.recordPath(row.id))
            }
        }
        for run in manifest.runs {
            let file = folder.runPath(run.id) + "/" + CheckpointFolder.historyName
            guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { continue }
            if let history = Self.history(text) { histories[run.id] = history } else { damaged.append(file) }
        }
    }

    /// - Returns: `nil` for a table of another kind, or one that ends in a row.
    static func history(_ text: String) -> [Epoch]? {
        let lines = text.split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
        guard let titles = lines.first else { return nil }
        func column(_ name: String) -> Int? { titles.firstIndex(of: name) }
        guard let epoch = column("epoch"), let loss = column("loss"), let accuracy = column("accuracy"), let seconds = column("seconds"),
            let testLoss = column("test_loss"), let testAccuracy = column("test_accuracy")
        else { return nil }
        var history: [Epoch] = []
        for line in lines.dropFirst() {
            guard line.count == titles.count, let number = Int(line[epoch]), let lossValue = Double(line[loss]),
                let share = Double(line[accuracy]), let time = Double(line[seconds])
            else { return nil }
            history.append(
                Epoch(
                    epoch: number, loss: lossValue, accuracy: share, testLoss: Double(line[testLoss]),
                    testAccuracy: Double(line[testAccuracy]), seconds: time))
        }
        return history
    }
}
