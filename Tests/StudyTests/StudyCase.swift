import Datasets
import Foundation
import GraphIR
import ONNXFormat
import OneDNNBackend
import Tensors
import Testing
import TrainingCases

@testable import Study

/// A small study in a folder of its own: `net` is trained, `given` is not.
struct StudyCase {
    let folder: URL
    static let version = "1.2.3"

    static let yaml = """
        study: Quarters
        data: { name: Quarters, classes: 3, image: 3x8x8, training: 36, test: 9, get: the moon }
        recipes:
          short: { epochs: 3, batch-size: 8, learning-rate: 0.01 }
        quantizations:
          int8: { samples: 12 }
        networks:
          net: { model: model.onnx, recipe: short, quantize: int8 }
        latency: { batches: [1, 2], seconds: 0.02 }
        """

    init(_ folder: URL, training: Int = 36) throws {
        self.folder = folder
        try TinyClassifier().graph().write(onnx: path("model.onnx"))
        try QuarterImages(training: training, test: 9).archive().write(to: path("images.npz"))
    }

    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    var results: StudyFolder { StudyFolder(path("results")) }

    func description(_ yaml: String = yaml) throws -> StudyDescription {
        try StudyDescription(yaml: yaml.replacing("model.onnx", with: path("model.onnx")), file: "s.yaml")
    }

    func runner(
        _ yaml: String = yaml, _ options: StudyOptions = StudyOptions(), data: String = "images.npz",
        observer: StudyObserver = StudyObserver()
    ) throws -> StudyRunner {
        StudyRunner(
            try description(yaml), folder: results, data: DatasetSpecification(.npz, path(data)),
            means: StudyMeans(backend: OneDNNBackend(threads: 1), backendName: "onednn", threads: 1, version: Self.version),
            options: options, observer: observer)
    }

    /// Bytes of everything that follows from the study alone: models, without times.
    func models() throws -> [String: Data] {
        var models: [String: Data] = [:]
        for name in ["net/initial.onnx", "net/trained.onnx", "net/int8.onnx"] {
            models[name] = try Data(contentsOf: folder.appendingPathComponent("results/" + name))
        }
        return models
    }

    func record(_ row: String) throws -> RowRecord {
        try #require(try ResultsFile.read(RowRecord.self, from: results.recordPath(row)))
    }
}

/// Calls `body` with a study in a new folder that is removed afterwards.
func withStudy<Result>(training: Int = 36, _ body: (StudyCase) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("cleave-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(StudyCase(folder, training: training))
}
