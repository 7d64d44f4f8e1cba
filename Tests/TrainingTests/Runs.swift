import Autodiff
import Datasets
import Execution
import Foundation
import GraphIR
import OneDNNBackend
import ReferenceBackend
import Tensors
import TrainingCases

@testable import Training

/// Calls `body` with the path of a new folder that is removed afterwards.
func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("cleave-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder.path)
}

/// Training images and test images of an archive.
func splits(_ archive: NumpyArchive) throws -> (training: DatasetSplit, test: DatasetSplit?) {
    try withTemporaryFolder { folder in
        let path = folder + "/images.npz"
        try archive.write(to: path)
        let dataset = try Dataset(DatasetSpecification(.npz, path))
        return (try dataset.loadTraining(), dataset.splitNames.contains("test") ? try dataset.load("test") : nil)
    }
}

/// A recipe that teaches the quarters in a few epochs.
func quickRecipe(epochs: Int, batchSize: Int = 8) -> TrainingRecipe {
    TrainingRecipe(
        epochs: epochs, batchSize: batchSize, optimizer: .adam(.init(beta1: 0.9, beta2: 0.999, epsilon: 1e-7)), learningRate: 0.02, seed: 7,
        normalization: .signed)
}

/// Where the tests run: on two threads, as on most machines.
let backends: [any Backend] = [ReferenceBackend(), OneDNNBackend(threads: 2)]

func trainer(
    _ network: Graph, _ recipe: TrainingRecipe, _ images: QuarterImages, teacher: Graph? = nil, on backend: any Backend = ReferenceBackend()
) throws -> Trainer {
    let (training, test) = try splits(images.archive())
    return try Trainer(network, recipe: recipe, training: training, validation: test, teacher: teacher, backend: backend)
}

/// All constants of a network, by name.
func constants(_ graph: Graph) -> [String: Tensor] {
    Dictionary(uniqueKeysWithValues: graph.values.compactMap { value in value.constant.map { (value.name, $0) } })
}

/// An observer that stops after so many updates in all.
func stopping(after updates: Int, of trainer: Trainer) -> TrainingObserver {
    TrainingObserver(isStopping: { trainer.state.updates >= updates })
}

/// The error of `body`, for a person; empty when there is none.
func failure(_ body: () throws -> Void) -> String {
    do {
        try body()
        return ""
    } catch let error as CleaveError {
        return error.description + (error.suggestion.map { "; \($0)" } ?? "")
    } catch {
        return "\(error)"
    }
}

let someFiles = RunFiles(
    model: "/m.onnx", teacher: nil, data: "npz:/d.npz", output: "/o.onnx", backend: "reference", threads: 1, checkpointInterval: nil)
