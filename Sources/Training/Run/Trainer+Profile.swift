import Datasets
import Execution
import GraphIR
import Tensors

/// Where the time of some steps went.
public struct TrainingProfile: Sendable {
    public var imagesPerUpdate: Int
    public var times: StepTimes
    /// The steps of one batch's loss and gradients, each at its shortest; `nil` where the backend does not time them.
    public var steps: ExecutionProfile?
}

extension Trainer {
    /// Trains for some updates, from where the state is, and tells where their time goes. The trainer's weights change.
    /// - Parameter updates: that are timed, after two that are not.
    /// - Throws: `CleaveError` as `run`.
    public func profile(updates: Int) throws -> TrainingProfile {
        let count = max(updates, 1) + 2
        let epochs = state.epoch + 1 + count * recipe.accumulation / batchesPerEpoch + 1
        let loader = try BatchLoader(
            trainingSplit, for: input, options: recipe.loaderOptions, epochs: epochs, from: .init(epoch: state.epoch, batch: 0))
        defer { loader.cancel() }
        func batches() throws -> [Batch] {
            let start = ContinuousClock.now
            defer { stopwatch.add(\.loading, since: start) }
            return try (0..<recipe.accumulation).compactMap { _ in try loader.next() }
        }
        for index in 0..<count {
            if index == 2 { stopwatch.times = StepTimes() }
            _ = try step(try batches(), learningRate: recipe.learningRate, nil)
            state.updates += 1
        }
        let times = stopwatch.times
        return TrainingProfile(imagesPerUpdate: recipe.batchSize * recipe.accumulation, times: times, steps: try stepProfile(loader))
    }

    private func stepProfile(_ loader: BatchLoader) throws -> ExecutionProfile? {
        guard let session = session as? any ProfilingTrainingSession, let batch = try loader.next() else { return nil }
        let inputs = try inputs(of: batch, number: 0)
        var best = try session.profileAccumulation(inputs, scale: 1).profile
        for _ in 0..<4 {
            let profile = try session.profileAccumulation(inputs, scale: 1).profile
            for index in best.steps.indices { best.steps[index].seconds = min(best.steps[index].seconds, profile.steps[index].seconds) }
        }
        return best
    }
}
