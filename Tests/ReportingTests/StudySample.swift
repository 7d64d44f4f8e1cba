import Foundation
import ModelZoo
import Tensors
import Training

@testable import Study

/// Results of a study that nobody ran: numbers that are easily recognized, and names that have to be escaped.
enum StudySample {
    static let yaml = """
        study: A <small> study & more
        data: { name: Pictures, classes: 10, image: 3x32x32, training: 50000, test: 10000 }
        recipes:
          paper: { epochs: 30 }
        quantizations:
          int8: { samples: 1000 }
        networks:
          full: { title: 'Full | network', build: resnet20, recipe: paper, quantize: int8 }
          depthwise-converted-with-a-long-name: { build: resnet20, form: depthwise, recipe: paper, quantize: int8 }
        """

    private static func record(_ row: StudyRow, index: Int) -> RowRecord {
        let share = Double(index)
        return RowRecord(
            row: row.id, version: "1.2.3",
            machine: MachineDescription(processor: "Abacus 9000", processorCount: 2, byteCount: 24_000_000_000, system: "Debian 12"),
            data: "folder:/images",
            training: .init(
                epochs: index < 2 ? 30 : 12.34, plannedEpochs: 30, updates: 46_860, isComplete: index < 2, seconds: 3723, seed: "1"),
            model: .init(name: "trained.onnx", byteCount: 94_400_000 / (index + 1), checksum: "ab"),
            cost: .init(
                parameters: 23_585_290 / (index + 1), trainableParameters: 23_539_850 / (index + 1), multiplyAccumulates: 83_900_000),
            evaluation: .init(split: "test", images: 10_000, loss: 0.5 + share / 10, top1: 0.8357 - share / 100, top5: 0.99, seconds: 12),
            latencies: [1, 32].map { batch in
                .init(
                    batch: batch, median: 0.0123 * Double(batch) / (share + 1), p10: 0.011, p90: 0.02, runs: 100, threads: 2,
                    backend: "oneDNN", warnings: index == 3 ? ["the times spread"] : [])
            },
            layers: (0..<40).map { layer in
                .init(
                    name: "stage\(layer / 10)_block\(layer % 10)_convolution_with_a_long_name", operatorName: "Conv",
                    parameters: 1000 * (layer + 1),
                    multiplyAccumulates: 2000 * (layer + 1), signalToNoise: row.quantization == nil ? nil : 20 + Double(layer),
                    agreement: row.quantization == nil ? nil : 0.99)
            })
    }

    /// Writes the results.
    /// - Parameter measured: how many of the four rows are measured.
    static func write(to path: String, measured: Int = 4) throws {
        let study = try StudyDescription(yaml: yaml, file: "s.yaml")
        let folder = StudyFolder(path)
        try folder.begin(StudyManifest(study))
        for (index, row) in study.rows.enumerated().prefix(measured) {
            try ResultsFile.write(record(row, index: index), to: folder.recordPath(row.id))
        }
        for run in study.runs {
            try folder.makeFolder(folder.runPath(run.id))
            var lines = ["epoch,loss,accuracy,test_loss,test_accuracy,test_top5,learning_rate,seconds,images_per_second"]
            for epoch in 1...12 {
                lines.append("\(epoch),\(2.0 / Double(epoch)),0.5,\(2.5 / Double(epoch)),0.\(40 + epoch),0.9,0.001,100.0,500.0")
            }
            try Data((lines.joined(separator: "\n") + "\n").utf8)
                .write(to: URL(fileURLWithPath: folder.runPath(run.id) + "/" + CheckpointFolder.historyName))
        }
    }

    /// Calls `body` with results in a new folder that is removed afterwards.
    static func with<Result>(measured: Int = 4, _ body: (_ folder: URL, StudyResults) throws -> Result) throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("cleave-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let results = folder.appendingPathComponent("results").path
        try write(to: results, measured: measured)
        return try body(folder, StudyResults(contentsOf: results))
    }
}
