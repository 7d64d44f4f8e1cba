/// Where the time of training goes.
public struct StepTimes: Hashable, Sendable {
    /// Updates of the weights.
    public internal(set) var updates = 0
    /// Seconds in which a step waited for images.
    public internal(set) var loading = 0.0
    /// Seconds in which a teacher ran.
    public internal(set) var teacher = 0.0
    /// Seconds for losses and gradients.
    public internal(set) var gradients = 0.0
    /// Seconds for the optimizer.
    public internal(set) var update = 0.0

    public var seconds: Double { loading + teacher + gradients + update }
}

final class StepStopwatch {
    var times = StepTimes()

    func add(_ part: WritableKeyPath<StepTimes, Double>, since start: ContinuousClock.Instant) {
        times[keyPath: part] += (ContinuousClock.now - start) / .seconds(1)
    }
}
