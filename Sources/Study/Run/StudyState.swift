import Foundation
import ModelZoo
import Passes
import Tensors
import Training

/// How far a run has come, by its checkpoint.
struct RunProgress {
    var epochs: Double
    var updates: Int
    var isComplete: Bool
    var seconds: Double
}

/// What is there of a study's results, and what each file has to be made of.
struct StudyState {
    let study: StudyDescription
    let folder: StudyFolder

    // MARK: Training

    /// - Returns: `nil` where training has not begun.
    /// - Throws: `CleaveError` when the checkpoint is damaged.
    func progress(of run: StudyRun) throws -> RunProgress? {
        guard let recipe = run.recipe else { return RunProgress(epochs: 0, updates: 0, isComplete: true, seconds: 0) }
        guard CheckpointFolder.hasCheckpoint(folder.runPath(run.id)) else { return nil }
        return progress(try Checkpoint(contentsOf: folder.runPath(run.id)).description.state, recipe)
    }

    func progress(_ state: TrainingState, _ recipe: TrainingRecipe) -> RunProgress {
        let inEpoch = (state.batch + recipe.accumulation - 1) / recipe.accumulation
        let known = (study.data.usedTrainingCount ?? study.data.trainingCount).map {
            ($0 / recipe.batchSize + recipe.accumulation - 1) / recipe.accumulation
        }
        let perEpoch = state.epoch > 0 ? (state.updates - inEpoch) / state.epoch : known ?? 0
        return RunProgress(
            epochs: Double(state.epoch) + (perEpoch > 0 ? Double(inEpoch) / Double(perEpoch) : 0), updates: state.updates,
            isComplete: state.end != nil, seconds: state.history.reduce(0) { $0 + $1.seconds })
    }

    // MARK: What files are made of

    /// The run's trained network, when it is whole and its training is complete.
    func trained(_ id: String) -> StudyFolder.Receipt? {
        guard let run = study.run(id), let progress = try? progress(of: run), progress.isComplete,
            let source = trainedSource(of: run, progress)
        else { return nil }
        return folder.receipt(of: folder.trainedPath(id), source: source)
    }

    /// - Returns: `nil` while the run that it begins from is not trained.
    /// - Throws: `CleaveError` when a file that it begins from cannot be read.
    func initialSource(of run: StudyRun) throws -> [String]? {
        switch run.origin {
        case .zoo(let model, let form):
            let image = study.data.image.map(String.init).joined(separator: "x")
            return [
                "build \(model.rawValue)", "form \(form.rawValue)", "classes \(study.data.classes)", "image \(image)", "seed \(run.seed)",
            ]
        case .file(let path): return ["model \(try StudyFolder.file(path).checksum)"]
        case .continuation(let source): return trained(source).map { ["continue \($0.file.checksum)"] }
        case .conversion(let source, let form, let rank, let scope):
            guard let receipt = trained(source) else { return nil }
            return ["convert \(receipt.file.checksum)", "form \(form.rawValue)", "rank \(rank)", "scope \(scope.rawValue)"]
        }
    }

    func initial(_ run: StudyRun) throws -> StudyFolder.Receipt? {
        try initialSource(of: run).flatMap { folder.receipt(of: folder.initialPath(run.id), source: $0) }
    }

    /// - Returns: `nil` while the initial network is not there.
    func trainedSource(of run: StudyRun, _ progress: RunProgress) -> [String]? {
        guard let initial = try? initial(run) else { return nil }
        let recipe = run.recipe?.lines.map { "\($0.name) \($0.value)" } ?? ["not trained"]
        return ["initial \(initial.file.checksum)", "updates \(progress.updates)"] + recipe
    }

    /// - Returns: `nil` for a row in float.
    func quantizedSource(of row: StudyRow, trained: StudyFolder.Receipt) -> [String]? {
        row.quantization.map { quantization in
            ["trained \(trained.file.checksum)", "images \(study.data.name)"]
                + StudyManifest.facts(of: quantization).map { "\($0.name) \($0.value)" }
        }
    }

    // MARK: Measurements

    /// What was measured of a model so far; `nil` when nothing was, or the record is damaged or of another model.
    func record(of row: StudyRow, model: StudyFolder.Receipt) -> RowRecord? {
        guard let record = try? ResultsFile.read(RowRecord.self, from: folder.recordPath(row.id)), record.row == row.id,
            record.model == model.file
        else { return nil }
        return record
    }

    func missing(_ record: RowRecord?) -> [StudyMeasure] {
        study.measures.filter { record?.has($0, study.latency) != true }
    }

    /// The runs that these rows need, in the order of the study.
    func runs(for rows: [StudyRow]) -> [StudyRun] {
        var needed = Set(rows.map(\.run))
        for run in study.runs.reversed() where needed.contains(run.id) { needed.formUnion(run.requirements) }
        return study.runs.filter { needed.contains($0.id) }
    }
}
