import Autodiff
import Datasets
import Execution
import Foundation
import GraphIR
import OneDNNBackend
import ReferenceBackend
import Tensors
import Testing
import TrainingCases

@testable import Training

private let images = QuarterImages(training: 36, test: 9)

/// Everything at once: what is random, and what is kept from step to step.
private func fullRecipe() -> TrainingRecipe {
    var recipe = quickRecipe(epochs: 4)
    recipe.accumulation = 3
    recipe.schedule = .cosine
    recipe.warmUp = 0.5
    recipe.weightDecay = 0.01
    recipe.maximalGradientNorm = 1
    recipe.averageDecay = 0.9
    recipe.patience = 2
    recipe.augmentation = Augmentation(flips: true, rotation: 10, cropPadding: 1, cutout: 2, jitter: 0.1)
    return recipe
}

private let network = TinyClassifier(dropout: 0.2)

private func fresh(_ backend: any Backend, _ form: TinyClassifier = network, _ recipe: TrainingRecipe = fullRecipe()) throws -> Trainer {
    try trainer(form.graph(), recipe, images, on: backend)
}

struct ResumeTests {
    /// What a run leads to, times apart.
    private func outcome(_ trainer: Trainer) throws -> ([String: Tensor], [[Double]]) {
        let history = trainer.state.history.map { record in
            [record.loss, record.accuracy, record.learningRate, record.validation?.loss ?? 0, record.validation?.top1 ?? 0]
        }
        return (constants(try trainer.result()), history)
    }

    @Test(arguments: 0..<2)
    func resumedRunsEndAtTheSameBits(backend: Int) throws {
        let whole = try fresh(backends[backend])
        try whole.run()
        let expected = try outcome(whole)
        for updates in [1, 2, 5] {
            try withTemporaryFolder { path in
                let folder = CheckpointFolder(path, files: someFiles, version: "1")
                let first = try fresh(backends[backend])
                #expect(try first.run(checkpoints: folder, observer: stopping(after: updates, of: first)) == .interrupted)
                #expect(first.state.updates == updates)
                let second = try fresh(backends[backend])
                try second.restore(Checkpoint(contentsOf: path), version: "1")
                #expect(second.state == first.state)
                try second.run(checkpoints: folder)
                let actual = try outcome(second)
                #expect(actual.0 == expected.0)
                #expect(actual.1 == expected.1)
            }
        }
    }

    @Test func everyRunIsTheSame() throws {
        for backend in backends {
            let (first, second) = (try fresh(backend), try fresh(backend))
            try first.run()
            try second.run()
            #expect(try constants(first.result()) == constants(second.result()))
            var recipe = fullRecipe()
            recipe.seed += 1
            let other = try fresh(backend, network, recipe)
            try other.run()
            #expect(try constants(other.result()) != constants(first.result()))
        }
    }

    /// A checkpoint holds the state between two updates at the interval, and between epochs.
    @Test func checkpointsComeAtTheInterval() throws {
        try withTemporaryFolder { path in
            var files = someFiles
            files.checkpointInterval = 3
            var recipe = quickRecipe(epochs: 2)
            recipe.patience = nil
            let trainer = try trainer(TinyClassifier().graph(), recipe, images)
            var seen: [Int] = []
            let observer = TrainingObserver(progress: { progress in
                guard progress.phase == .training, let saved = try? Checkpoint(contentsOf: path) else { return }
                seen.append(saved.description.state.updates)
            })
            try trainer.run(checkpoints: CheckpointFolder(path, files: files, version: "1"), observer: observer)
            // 4 updates per epoch; progress is told before a checkpoint is written.
            #expect(seen == [3, 4, 4, 6, 6])
            #expect(try Checkpoint(contentsOf: path).description.state.end == .complete)
            let history = try String(contentsOfFile: path + "/history.csv", encoding: .utf8).split(separator: "\n")
            #expect(history.count == 3 && history[1].hasPrefix("1,") && history[2].split(separator: ",").count == 9)
        }
    }

    /// Early stopping remembers the best epoch across an interruption.
    @Test func theBestEpochIsInTheCheckpoint() throws {
        var recipe = quickRecipe(epochs: 9)
        recipe.patience = 3
        let wrong = QuarterImages(training: 36, test: 9, contradicts: true)
        let whole = try trainer(network.graph(), recipe, wrong)
        try whole.run()
        let best = try #require(whole.state.bestEpoch)
        try withTemporaryFolder { path in
            let folder = CheckpointFolder(path, files: someFiles, version: "1")
            let first = try trainer(network.graph(), recipe, wrong)
            try first.run(checkpoints: folder, observer: stopping(after: best * 4 + 5, of: first))
            let second = try trainer(network.graph(), recipe, wrong)
            try second.restore(Checkpoint(contentsOf: path), version: "1")
            #expect(try second.run() == .ended(.early))
            #expect(try constants(second.result()) == constants(whole.result()))
        }
    }
}

struct CheckpointTests {
    private func saved(_ path: String) throws -> Checkpoint {
        let trainer = try fresh(ReferenceBackend())
        try trainer.run(
            checkpoints: CheckpointFolder(path, files: someFiles, version: "1.2.3"), observer: stopping(after: 3, of: trainer))
        return try trainer.checkpoint(CheckpointFolder(path, files: someFiles, version: "1.2.3"))
    }

    @Test func survivesTheFile() throws {
        try withTemporaryFolder { path in
            let written = try saved(path)
            let read = try Checkpoint(contentsOf: path)
            #expect(read.description == written.description)
            #expect(read.tensors.parameters == written.tensors.parameters && read.tensors.parameters.count == 6)
            #expect(read.tensors.states == written.tensors.states && read.tensors.states.count == 2)
            #expect(read.tensors.moments == written.tensors.moments && read.tensors.moments["conv.weight"]?.count == 2)
            #expect(read.tensors.averages == written.tensors.averages && read.tensors.averages.count == 6)
            #expect(read.best == written.best && read.best.count == 8)
        }
    }

    @Test func whatIsDifferentIsTold() throws {
        try withTemporaryFolder { path in
            let saved = try saved(path)
            func refusal(_ trainer: Trainer, version: String = "1.2.3") -> String {
                failure { try trainer.restore(saved, version: version) }
            }
            let backend = ReferenceBackend()
            #expect(refusal(try fresh(backend)).isEmpty)
            #expect(refusal(try fresh(backend), version: "1.3.0").contains("it was written by Cleave 1.2.3, and this is 1.3.0"))
            let seed = refusal(try fresh(backend, TinyClassifier(dropout: 0.2, seed: 6)))
            #expect(seed.contains("of another network: its tensor 'conv.weight' float32[4, 3, 3, 3] is not the same"), "\(seed)")
            let classes = refusal(try fresh(backend, TinyClassifier(dropout: 0.2, classes: 5)))
            #expect(classes.contains("it has tensor 'dense.weight' float32[5, 16], which the checkpoint's has not"), "\(classes)")
            let dropout = refusal(try fresh(backend, TinyClassifier()))
            #expect(dropout.contains("it has no tensor 'ratio' float32[], which the checkpoint's has"), "\(dropout)")
            let data = refusal(try trainer(network.graph(), fullRecipe(), QuarterImages(training: 39, test: 9)))
            #expect(data.contains("of another data set: it has 39 training images, the checkpoint's 36"), "\(data)")
            var recipe = fullRecipe()
            recipe.learningRate = 1
            #expect(refusal(try fresh(backend, network, recipe)).contains("of another recipe"))
        }
    }

    @Test func damageIsAnError() throws {
        try withTemporaryFolder { path in
            #expect(failure { _ = try Checkpoint(contentsOf: path) }.contains("there is no checkpoint in the folder"))
            _ = try saved(path)
            let file = URL(fileURLWithPath: path + "/" + Checkpoint.fileName)
            let whole = try Data(contentsOf: file)
            for length in stride(from: 0, to: whole.count, by: 499) {
                try whole.prefix(length).write(to: file)
                #expect(throws: CleaveError.self, "cut to \(length)") { try Checkpoint(contentsOf: path) }
            }
            var archive = NumpyArchive()
            try archive.append("run.json", Tensor(vector: Array("{}".utf8)))
            try archive.write(to: file.path)
            #expect(failure { _ = try Checkpoint(contentsOf: path) }.contains("the checkpoint's description makes no sense"))
        }
    }

    @Test func lossesThatAreNoNumbersHaveNoSign() throws {
        try withTemporaryFolder { path in
            let test = EpochRecord.Validation(loss: -.nan, top1: 0, top5: 0, seconds: 1)
            let record = EpochRecord(
                epoch: 1, loss: 2.5, accuracy: 0.25, learningRate: 0.5, seconds: 2, imagesPerSecond: 8, validation: test)
            try CheckpointFolder(path, files: someFiles, version: "1").writeHistory([record])
            let lines = try String(contentsOfFile: path + "/history.csv", encoding: .utf8).split(separator: "\n")
            #expect(lines.last == "1,2.5,0.25,nan,0.0,0.0,0.5,2.000,8.0")
        }
    }

    @Test func aNewRunDoesNotReplaceAnotherOne() throws {
        try withTemporaryFolder { path in
            _ = try saved(path)
            let text = failure { _ = try CheckpointFolder(creating: path, files: someFiles, version: "1.2.3") }
            #expect(text.contains("the folder holds the checkpoint of another run"))
            #expect(try CheckpointFolder(creating: path + "/a/b", files: someFiles, version: "1").hasCheckpoint == false)
        }
    }
}
