/// How far a run has come. Together with the tensors that change it is all that is needed to go on: what is random follows from
/// the recipe's seed and the position.
public struct TrainingState: Hashable, Codable, Sendable {
    public enum End: String, Hashable, Codable, Sendable {
        /// All epochs are done.
        case complete
        /// The loss on the validation images fell no more.
        case early
    }

    /// Epochs that are complete.
    public internal(set) var epoch = 0
    /// Batches of the epoch under way that are done.
    public internal(set) var batch = 0
    /// Updates of the weights so far.
    public internal(set) var updates = 0
    /// Of the epoch under way.
    var sums = Sums()
    public internal(set) var history: [EpochRecord] = []
    /// The epoch with the lowest loss on the validation images, counted from 1, where the recipe has a patience.
    public internal(set) var bestEpoch: Int?
    public internal(set) var end: End?

    public init() {}

    /// What the batches of an epoch add up to.
    struct Sums: Hashable, Codable, Sendable {
        var images = 0
        var correct = 0
        /// Of the loss times the images.
        var loss = 0.0
        /// Spent on steps, waiting for images included.
        var seconds = 0.0

        var meanLoss: Double { images > 0 ? loss / Double(images) : 0 }
        var accuracy: Double { images > 0 ? Double(correct) / Double(images) : 0 }
        var imagesPerSecond: Double { seconds > 0 ? Double(images) / seconds : 0 }
    }
}

/// What came of an epoch.
public struct EpochRecord: Hashable, Codable, Sendable {
    /// Counted from 1.
    public var epoch: Int
    /// Over the training images as they were seen: augmented, and while the weights changed.
    public var loss: Double
    /// The share of the training images whose class had the highest score.
    public var accuracy: Double
    /// Of the last update.
    public var learningRate: Double
    /// Spent on training; validation is not counted.
    public var seconds: Double
    public var imagesPerSecond: Double
    /// With the weights after the epoch, or their average; `nil` without validation images.
    public var validation: Validation?

    public struct Validation: Hashable, Codable, Sendable {
        public var loss: Double
        public var top1: Double
        public var top5: Double
        public var seconds: Double
    }
}

/// What is told while training is under way.
public struct TrainingProgress: Hashable, Sendable {
    public enum Phase: Hashable, Sendable {
        case training
        case validating
    }

    public var phase: Phase
    /// Counted from 1.
    public var epoch: Int
    public var epochs: Int
    /// Batches of the epoch that are done.
    public var step: Int
    public var steps: Int
    /// Images per second since this process began.
    public var imagesPerSecond: Double
    /// Until the last epoch is trained, at this speed.
    public var secondsLeft: Double
    /// Means of the epoch so far.
    public var loss: Double
    public var accuracy: Double
    public var learningRate: Double
}

/// What a run tells, and is asked, while it is under way.
public struct TrainingObserver {
    public var progress: (TrainingProgress) -> Void
    /// Called after every epoch, when its checkpoint is written.
    public var epoch: (TrainingState) throws -> Void
    /// Asked before every update: `true` makes the run write a checkpoint and stop.
    public var isStopping: () -> Bool

    public init(
        progress: @escaping (TrainingProgress) -> Void = { _ in }, epoch: @escaping (TrainingState) throws -> Void = { _ in },
        isStopping: @escaping () -> Bool = { false }
    ) {
        self.progress = progress
        self.epoch = epoch
        self.isStopping = isStopping
    }
}
