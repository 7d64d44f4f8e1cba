import Autodiff
import Datasets
import Execution
import Foundation
import GraphIR
import Tensors

extension Trainer {
    /// Trains to the end of the recipe, from where the state is.
    ///
    /// A checkpoint is written after every epoch, at the interval that the folder says, and when the run is interrupted.
    /// - Throws: `CleaveError` when a loss is not finite, an image cannot be read, or a checkpoint cannot be written; the last
    ///   checkpoint is still there.
    @discardableResult
    public func run(checkpoints folder: CheckpointFolder? = nil, observer: TrainingObserver = TrainingObserver()) throws -> Outcome {
        // A run whose best epoch was long ago has no images left to load.
        guard state.end == nil else { return .ended(state.end ?? .complete) }
        let first = state.batch < batchesPerEpoch
            ? BatchLoader.Position(epoch: state.epoch, batch: state.batch) : .init(epoch: state.epoch + 1, batch: 0)
        let loader = try BatchLoader(trainingSplit, for: input, options: recipe.loaderOptions, epochs: recipe.epochs, from: first)
        defer {
            loader.cancel()
            unreadable = loader.unreadable
        }
        let pace = Pace(start: .now)
        while state.end == nil {
            guard try trainEpoch(loader, pace, folder, observer) else { return try interrupt(folder) }
            guard try endEpoch(folder, observer) else { return try interrupt(folder) }
        }
        return .ended(state.end ?? .complete)
    }

    private func interrupt(_ folder: CheckpointFolder?) throws -> Outcome {
        if let folder { try checkpoint(folder).write(to: folder.path) }
        return .interrupted
    }

    /// How fast this process trains.
    final class Pace {
        let start: ContinuousClock.Instant
        var images = 0
        var seconds = 0.0

        init(start: ContinuousClock.Instant) { self.start = start }

        var imagesPerSecond: Double { seconds > 0 ? Double(images) / seconds : 0 }
    }

    /// - Returns: whether the epoch is done, and not interrupted.
    private func trainEpoch(
        _ loader: BatchLoader, _ pace: Pace, _ folder: CheckpointFolder?, _ observer: TrainingObserver
    ) throws -> Bool {
        while state.batch < batchesPerEpoch {
            guard !observer.isStopping(), !Task.isCancelled else { return false }
            let count = min(recipe.accumulation, batchesPerEpoch - state.batch)
            let start = ContinuousClock.now
            guard let batches = try nextBatches(count, loader) else { return false }
            stopwatch.add(\.loading, since: start)
            let rate = recipe.learningRate(ofUpdate: state.updates, updatesPerEpoch: updatesPerEpoch)
            let sums = try step(batches, learningRate: rate, folder)
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            state.sums.images += sums.images
            state.sums.correct += sums.correct
            state.sums.loss += sums.loss
            state.sums.seconds += seconds
            state.batch += count
            state.updates += 1
            pace.images += sums.images
            pace.seconds += seconds
            observer.progress(progress(.training, pace, rate))
            if let folder, let interval = folder.files.checkpointInterval, state.updates.isMultiple(of: interval),
                state.batch < batchesPerEpoch
            { try checkpoint(folder).write(to: folder.path) }
        }
        return true
    }

    /// - Returns: `nil` when the task is cancelled.
    private func nextBatches(_ count: Int, _ loader: BatchLoader) throws -> [Batch]? {
        var batches: [Batch] = []
        do {
            while batches.count < count, let batch = try loader.next() { batches.append(batch) }
        } catch let error as CleaveError {
            guard error.kind != .cancelled else { return nil }
            throw error.suggestingToSkip
        }
        guard batches.count == count else { throw CleaveError(.invalidRequest, "the images ended before the epoch did") }
        return batches
    }

    /// One update of the weights by the mean gradient of the batches.
    func step(_ batches: [Batch], learningRate: Double, _ folder: CheckpointFolder?) throws -> TrainingState.Sums {
        var sums = TrainingState.Sums()
        for (index, batch) in batches.enumerated() {
            let inputs = try inputs(of: batch, number: state.epoch * batchesPerEpoch + state.batch + index)
            let start = ContinuousClock.now
            let results = try session.accumulate(inputs, scale: 1 / Double(batches.count))
            stopwatch.add(\.gradients, since: start)
            guard let loss = results[training.graph[training.loss].name]?.doubles()?.first,
                let logits = results[training.graph[training.logits].name]
            else { throw CleaveError(.unsupported, "the backend returned no loss and no scores") }
            guard loss.isFinite else { throw try divergence(loss, inputs, batch, folder) }
            let scores = try LabelScores(logits, count: batch.count)
            sums.images += batch.count
            sums.loss += loss * Double(batch.count)
            sums.correct += batch.labels.indices.count { scores.best($0) == Int(batch.labels[$0]) }
        }
        let start = ContinuousClock.now
        let number = state.updates + 1
        let step = OptimizerStep(
            optimizer: recipe.optimizer, learningRate: learningRate, weightDecay: recipe.weightDecay, number: number)
        _ = try session.update(
            ParameterUpdate(
                step: step, maximalGradientNorm: recipe.maximalGradientNorm, averageDecay: recipe.averageDecay(ofUpdate: number)))
        stopwatch.add(\.update, since: start)
        stopwatch.times.updates += 1
        return sums
    }

    /// - Parameter number: of the batch in the whole run, which the masks of dropouts follow from.
    func inputs(of batch: Batch, number: Int) throws -> [String: Tensor] {
        var inputs = [input.name: batch.images, training.inputs.target: try target.tensor(batch.labels)]
        if let counter = training.inputs.counter { inputs[counter] = Tensor(scalar: Int64(number)) }
        if let name = training.inputs.teacherLogits, let teacher {
            let start = ContinuousClock.now
            inputs[name] = try teacher.scores(of: batch.images)
            stopwatch.add(\.teacher, since: start)
        }
        return inputs
    }

    private func divergence(
        _ loss: Double, _ inputs: [String: Tensor], _ batch: Batch, _ folder: CheckpointFolder?
    ) throws -> CleaveError {
        let first = try DivergenceSearch(training: training, backend: backend).firstTensor(inputs, session.tensors())
        let source = first.map { "; the first tensor with such a number is \($0)" } ?? ""
        let image = batch.firstNotFinite.map { trainingSplit.nameOfImage($0) }
        var advice = Self.advice(recipe, folder: folder.flatMap { $0.hasCheckpoint ? $0.path : nil })
        if first == DivergenceSearch.teacherScores { advice = "look at the teacher with `cleave evaluate`" }
        if image != nil { advice = "leave such images out of the data set" }
        return CleaveError(
            .invalidNumbers, "the loss is \(loss.isNaN ? "not a number" : "infinite") in epoch \(state.epoch + 1), at step "
                + "\(batch.position.batch + 1) of \(batchesPerEpoch)\(source)" + (image.map { ", by the pixels of \($0)" } ?? ""),
            suggestion: advice)
    }

    private func progress(_ phase: TrainingProgress.Phase, _ pace: Pace, _ rate: Double) -> TrainingProgress {
        let left = (recipe.epochs - state.epoch) * batchesPerEpoch - state.batch
        let speed = pace.imagesPerSecond
        return TrainingProgress(
            phase: phase, epoch: state.epoch + 1, epochs: recipe.epochs, step: state.batch, steps: batchesPerEpoch,
            imagesPerSecond: speed, secondsLeft: speed > 0 ? Double(left * recipe.batchSize) / speed : 0, loss: state.sums.meanLoss,
            accuracy: state.sums.accuracy, learningRate: rate)
    }

    // MARK: Epochs

    /// Evaluates, takes note, and writes a checkpoint.
    /// - Returns: whether it was not interrupted.
    private func endEpoch(_ folder: CheckpointFolder?, _ observer: TrainingObserver) throws -> Bool {
        let rate = recipe.learningRate(ofUpdate: max(state.updates - 1, 0), updatesPerEpoch: updatesPerEpoch)
        var record = EpochRecord(
            epoch: state.epoch + 1, loss: state.sums.meanLoss, accuracy: state.sums.accuracy, learningRate: rate,
            seconds: state.sums.seconds, imagesPerSecond: state.sums.imagesPerSecond, validation: nil)
        if let validationSplit {
            let tensors = try currentTensors()
            do {
                record.validation = try validate(tensors, on: validationSplit, observer, record)
            } catch let error as CleaveError where error.kind == .cancelled {
                return false
            }
            noteBest(record, tensors)
        }
        state.history.append(record)
        state.epoch += 1
        state.batch = 0
        state.sums = .init()
        if state.epoch == recipe.epochs {
            state.end = .complete
        } else if let patience = recipe.patience, let bestEpoch = state.bestEpoch, state.epoch - bestEpoch >= patience {
            state.end = .early
        }
        if let folder {
            try checkpoint(folder).write(to: folder.path)
            try folder.writeHistory(state.history)
        }
        try observer.epoch(state)
        return true
    }

    private func validate(
        _ tensors: [String: Tensor], on split: DatasetSplit, _ observer: TrainingObserver, _ record: EpochRecord
    ) throws -> EpochRecord.Validation {
        let graph = try TrainingGraph.updating(network, with: tensors)
        let measure: EvaluationOptions.Measure = recipe.loss.isAboutClasses ? .crossEntropy : .meanSquaredError
        let options = EvaluationOptions(
            batchSize: recipe.batchSize, normalization: recipe.normalization, measure: measure, skipsUnreadable: recipe.skipsUnreadable)
        let evaluation = try evaluate(
            graph, on: split, options: options, backend: backend,
            progress: { done in
                observer.progress(
                    TrainingProgress(
                        phase: .validating, epoch: record.epoch, epochs: self.recipe.epochs, step: done.completed,
                        steps: done.total ?? split.count, imagesPerSecond: 0, secondsLeft: 0, loss: record.loss,
                        accuracy: record.accuracy, learningRate: record.learningRate))
            },
            isStopping: observer.isStopping)
        return .init(loss: evaluation.loss, top1: evaluation.top1, top5: evaluation.top5, seconds: evaluation.seconds)
    }

    private func noteBest(_ record: EpochRecord, _ tensors: [String: Tensor]) {
        guard recipe.patience != nil, let loss = record.validation?.loss else { return }
        let lowest = state.bestEpoch.flatMap { state.history[$0 - 1].validation?.loss } ?? .nan
        guard loss < lowest || lowest.isNaN else { return }
        state.bestEpoch = record.epoch
        best = tensors
    }
}
