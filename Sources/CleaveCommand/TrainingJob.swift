import ArgumentParser
import Cleave
import Foundation

/// A run of `cleave train`, ready to begin or to go on.
struct TrainingJob {
    let files: RunFiles
    let trainer: Trainer
    /// `nil` for a run that keeps no checkpoints.
    let folder: CheckpointFolder?

    /// What is read from files.
    struct Material {
        let files: RunFiles
        /// Prepared for quantization once there are ranges.
        private(set) var network: Graph
        private(set) var ranges: [String: ValueRange]?
        let teacher: Graph?
        let training: DatasetSplit
        /// `val`, else `test`; `nil` for a data set that is not split.
        let validation: DatasetSplit?

        init(_ files: RunFiles) throws {
            self.files = files
            network = try Graph(executable: files.model)
            teacher = try files.teacher.map { try Graph(executable: $0) }
            let dataset = try Dataset(DatasetSpecification(parsing: files.data))
            training = try dataset.loadTraining()
            validation = try ["val", "test"].first(where: dataset.splitNames.contains).map { try dataset.load($0) }
        }

        /// What the model says, or else what suits the pixels.
        var usualNormalization: Normalization {
            get throws {
                try locating(file: files.model) { try Normalization(recordedIn: network) } ?? (training.isFloatingPoint ? .raw : .signed)
            }
        }

        /// Prepares the network for training for 8 bits, and measures the ranges that this begins with.
        mutating func calibrate(
            _ recipe: TrainingRecipe, samples: Int, backend: any Backend, progress: @escaping @Sendable (WorkProgress) -> Void
        ) throws {
            guard let awareness = recipe.awareness else { return }
            (network, ranges) = try locatingModel(files.model) {
                let prepared = try locating(file: files.model) { try network.preparedForAwareness() }
                let ranges = try initialRanges(
                    of: prepared, awareness, on: training, normalization: recipe.normalization, seed: recipe.seed, samples: samples,
                    backend: backend, progress: progress)
                return (prepared, ranges)
            }
        }

        /// Prepares the network for training for 8 bits, where this began with ranges.
        mutating func take(_ ranges: [String: ValueRange]?) throws {
            guard let ranges else { return }
            network = try locating(file: files.model) { try network.preparedForAwareness() }
            self.ranges = ranges
        }

        func trainer(_ recipe: TrainingRecipe, backend: any Backend) throws -> Trainer {
            try locatingModel(files.model) {
                try Trainer(
                    network, recipe: recipe, training: training, validation: validation, teacher: teacher, ranges: ranges, backend: backend)
            }
        }
    }

    /// Trains to the end, and writes the model.
    /// - Throws: `ExitCode` when it was interrupted.
    func run(_ line: ProgressLine) throws -> TrainingSummary {
        let start = ContinuousClock.now
        let interruption = Interruption()
        if folder != nil { interruption.install() }
        try writeReports(trainer.state)
        let observer = TrainingObserver(
            progress: { line.update(line: $0.line) },
            epoch: { state in
                if let record = state.history.last { line.note(record.line(of: trainer.recipe.epochs)) }
                try writeReports(state)
            },
            isStopping: { interruption.signal != nil })
        if try trainer.run(checkpoints: folder, observer: observer) == .interrupted {
            line.finish()
            throw ExitCode(sayHowToGoOn(interruption.signal ?? SIGINT))
        }
        let size = try trainer.result().write(onnx: files.output).totalSize
        return TrainingSummary(
            model: FilePath.fromWorkingFolder(files.model), data: files.data, trainer: trainer,
            output: (FilePath.fromWorkingFolder(files.output), size),
            seconds: (ContinuousClock.now - start) / .seconds(1))
    }

    private func writeReports(_ state: TrainingState) throws {
        guard let folder, !state.history.isEmpty else { return }
        try folder.writeHistory(state.history)
        let page = TrainingPage(model: files.model, data: files.data, recipe: trainer.recipe, state: state)
        try AtomicFile.write(Array(page.html.utf8), to: folder.path + "/" + TrainingPage.fileName)
    }

    /// - Returns: the exit code.
    private func sayHowToGoOn(_ signal: Int32) -> Int32 {
        let state = trainer.state
        let path = folder.map { FilePath.fromWorkingFolder($0.path) } ?? ""
        writeToStandardError(
            """
            interrupted in epoch \(state.epoch + 1) of \(trainer.recipe.epochs), after step \(state.batch) of \(trainer.batchesPerEpoch); \
            the checkpoint is in \(path.printable())
            go on with: cleave train --resume \(path.printable())

            """)
        return 128 + signal
    }
}

extension FilePath {
    /// The path from the working folder where it lies below it.
    fileprivate static func fromWorkingFolder(_ path: String) -> String {
        let folder = FileManager.default.currentDirectoryPath + "/"
        return path.hasPrefix(folder) ? String(path.dropFirst(folder.count)) : path
    }
}
