import Compilation
import Datasets
import Foundation
import GraphIR
import ONNXFormat
import Tensors
import Training

extension StudyRunner {
    enum RunOutcome {
        /// Its network is written, with the weights of this moment: those of the end of training, or with `reportsNow` of any.
        case written(RunProgress)
        /// There is nothing to measure yet.
        case unfinished
        case stopped
    }

    /// Brings a run as far as the options say.
    func train(_ run: StudyRun) throws -> RunOutcome {
        guard try initialNetwork(run) != nil, run.requirements.allSatisfy({ state.trained($0) != nil }) else {
            observer.note("\(run.id): waits until \(run.requirements.joined(separator: " and ")) is trained")
            return .unfinished
        }
        guard let recipe = run.recipe else {
            let progress = RunProgress(epochs: 0, updates: 0, isComplete: true, seconds: 0)
            _ = try writeTrained(run, progress) { try Graph(onnx: folder.initialPath(run.id)) }
            return .written(progress)
        }
        let saved = try savedCheckpoint(run)
        if let saved, !options.reportsNow { try mendHistory(run, saved) }
        if let known = saved?.description.state, known.end != nil || options.reportsNow {
            let progress = state.progress(known, recipe)
            _ = try writeTrained(run, progress) { try trainer(run, recipe, from: saved).result() }
            return .written(progress)
        }
        if options.reportsNow {
            observer.note("\(run.id): not trained yet")
            return .unfinished
        }
        let limit = options.lastEpoch ?? .max
        if let epoch = saved?.description.state.epoch, epoch >= limit { return .unfinished }
        return try train(run, recipe, from: saved, limit: limit)
    }

    private func train(_ run: StudyRun, _ recipe: TrainingRecipe, from saved: Checkpoint?, limit: Int) throws -> RunOutcome {
        guard !isStopping else { return .stopped }
        let trainer = try trainer(run, recipe, from: saved)
        let path = folder.runPath(run.id)
        let checkpoints = try saved == nil
            ? CheckpointFolder(creating: path, files: files(run), version: means.version)
            : CheckpointFolder(path, files: files(run), version: means.version)
        let observer = TrainingObserver(
            progress: { self.observer.training(run, $0) }, epoch: { try self.observer.epoch(run, path, $0) },
            isStopping: { self.isStopping || trainer.state.epoch >= limit })
        if try trainer.run(checkpoints: checkpoints, observer: observer) == .interrupted {
            return isStopping ? .stopped : .unfinished
        }
        let progress = state.progress(trainer.state, recipe)
        _ = try writeTrained(run, progress) { try trainer.result() }
        return .written(progress)
    }

    /// The checkpoint of a run; one that is damaged is put aside.
    private func savedCheckpoint(_ run: StudyRun) throws -> Checkpoint? {
        let path = folder.runPath(run.id)
        guard CheckpointFolder.hasCheckpoint(path) else { return nil }
        observer.work(WorkProgress(task: "reading \(path)"))
        do {
            return try Checkpoint(contentsOf: path)
        } catch let error as CleaveError where error.kind == .malformedFile && !options.reportsNow {
            let file = path + "/" + Checkpoint.fileName
            guard rename(file, file + ".damaged") == 0 else { throw AtomicFile.failure("cannot put aside", file) }
            observer.note("\(run.id): \(error); it is now \(file).damaged, and training begins anew")
            return nil
        }
    }

    /// Writes the history of a run anew where the file is gone or half-written.
    private func mendHistory(_ run: StudyRun, _ saved: Checkpoint) throws {
        let path = folder.runPath(run.id), file = path + "/" + CheckpointFolder.historyName
        let history = saved.description.state.history
        let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
        guard !history.isEmpty, (StudyResults.history(text)?.count ?? 0) < history.count else { return }
        try CheckpointFolder(path, files: files(run), version: means.version).writeHistory(history)
        observer.note("\(run.id): \(file) was not whole, and is written anew")
    }

    private func trainer(_ run: StudyRun, _ recipe: TrainingRecipe, from saved: Checkpoint?) throws -> Trainer {
        let images = try images()
        let path = folder.initialPath(run.id)
        observer.work(WorkProgress(task: "compiling \(path)"))
        var network = try Graph(onnx: path).lowered()
        var ranges = saved?.description.ranges
        if let awareness = recipe.awareness {
            network = try locating(file: path) { try network.preparedForAwareness() }
            ranges = try ranges ?? locating(file: path) {
                try initialRanges(
                    of: network, awareness, on: images.training, normalization: recipe.normalization, seed: recipe.seed,
                    backend: means.backend, progress: observer.work)
            }
        }
        let teacher = try run.teacher.map { try Graph(onnx: folder.trainedPath($0)).lowered() }
        let trainer = try locating(file: path) {
            try Trainer(
                network, recipe: recipe, training: images.training, validation: images.validation, teacher: teacher, ranges: ranges,
                backend: means.backend)
        }
        if let saved { try locating(file: folder.runPath(run.id)) { try trainer.restore(saved, version: means.version) } }
        return trainer
    }

    private func files(_ run: StudyRun) -> RunFiles {
        func absolute(_ path: String) -> String { URL(fileURLWithPath: path).standardizedFileURL.path }
        return RunFiles(
            model: absolute(folder.initialPath(run.id)), teacher: run.teacher.map { absolute(folder.trainedPath($0)) },
            data: data.description, output: absolute(folder.trainedPath(run.id)), backend: means.backendName, threads: means.threads,
            checkpointInterval: options.checkpointInterval)
    }

    /// Writes the network with the weights of now, unless it is there.
    private func writeTrained(_ run: StudyRun, _ progress: RunProgress, _ network: () throws -> Graph) throws -> StudyFolder.Receipt {
        guard let source = state.trainedSource(of: run, progress) else {
            throw CleaveError(.invalidRequest, "the initial network is gone", at: .init(file: folder.initialPath(run.id)))
        }
        let path = folder.trainedPath(run.id)
        if let receipt = folder.receipt(of: path, source: source) { return receipt }
        let receipt = try folder.write(network(), to: path, source: source)
        let epochs = run.recipe.map { " after \(NumberFormat.epochs(progress.epochs)) of \($0.epochs) epochs" } ?? ""
        observer.note("\(run.id): \(path) written\(epochs), \(NumberFormat.bytes(receipt.file.byteCount))")
        return receipt
    }
}
