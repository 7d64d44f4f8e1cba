import Autodiff
import Datasets
import Execution
import Quantization
import Tensors

/// How a network is trained, apart from the network and the data: with the same ones, backend and number of threads, it always
/// leads to the same weights.
public struct TrainingRecipe: Hashable, Codable, Sendable {
    public var epochs: Int
    /// Images per batch; the ones of an epoch that fill no batch are left out of it.
    public var batchSize: Int
    /// Batches whose gradients are averaged before the weights change.
    public var accumulation: Int
    public var optimizer: Optimizer
    /// The highest learning rate; `schedule` and `warmUp` say how it changes.
    public var learningRate: Double
    public var schedule: LearningRateSchedule
    /// Epochs, whole ones or not, over which the learning rate rises from nothing, in equal steps.
    public var warmUp: Double
    /// Of weights of convolutions and matrix products; biases and normalizations do not decay.
    public var weightDecay: Double
    /// Gradients whose common Euclidean norm is greater are scaled down to it.
    public var maximalGradientNorm: Double?
    public var loss: Loss
    /// Decay of an exponential moving average of the weights, which then is the result: at step t the smaller one of it and
    /// (1 + t)/(10 + t), so that the initial weights are soon forgotten.
    public var averageDecay: Double?
    /// Training stops after as many epochs in which the loss on the validation images was no lower than before, and the weights
    /// of the best epoch are the result.
    public var patience: Int?
    /// Everything random follows from it: the order of the images, augmentation, dropout, initial weights.
    public var seed: UInt64
    /// Patterns of names, `*` and `?` as in a shell, of nodes and parameters that are not trained.
    public var frozen: [NamePattern]
    /// How weights begin; `nil` for those of the network.
    public var initialization: Initialization?
    public var augmentation: Augmentation
    public var normalization: Normalization
    public var shuffles: Bool
    /// Goes on without the images that cannot be read.
    public var skipsUnreadable: Bool
    /// The int8 network that is trained for; `nil` for one in float.
    public var awareness: QuantizationAwareness?

    public init(
        epochs: Int, batchSize: Int, accumulation: Int = 1, optimizer: Optimizer, learningRate: Double,
        schedule: LearningRateSchedule = .constant, warmUp: Double = 0, weightDecay: Double = 0, maximalGradientNorm: Double? = nil,
        loss: Loss = .softmaxCrossEntropy(labelSmoothing: 0), averageDecay: Double? = nil, patience: Int? = nil, seed: UInt64 = 1,
        frozen: [NamePattern] = [], initialization: Initialization? = nil, augmentation: Augmentation = .none,
        normalization: Normalization, shuffles: Bool = true, skipsUnreadable: Bool = false, awareness: QuantizationAwareness? = nil
    ) {
        self.epochs = epochs
        self.batchSize = batchSize
        self.accumulation = accumulation
        self.optimizer = optimizer
        self.learningRate = learningRate
        self.schedule = schedule
        self.warmUp = warmUp
        self.weightDecay = weightDecay
        self.maximalGradientNorm = maximalGradientNorm
        self.loss = loss
        self.averageDecay = averageDecay
        self.patience = patience
        self.seed = seed
        self.frozen = frozen
        self.initialization = initialization
        self.augmentation = augmentation
        self.normalization = normalization
        self.shuffles = shuffles
        self.skipsUnreadable = skipsUnreadable
        self.awareness = awareness
    }

    /// - Throws: `CleaveError` for a number out of range.
    public func check() throws {
        func require(_ holds: Bool, _ what: String, _ value: some CustomStringConvertible, _ expected: String) throws {
            guard holds else { throw CleaveError(.invalidRequest, "\(what) is \(value), expected \(expected)") }
        }
        try require((1...1_000_000).contains(epochs), "the number of epochs", epochs, "1 to 1000000")
        try require((1...1_000_000).contains(batchSize), "the batch size", batchSize, "1 to 1000000")
        try require((1...1_000_000).contains(accumulation), "the number of batches to accumulate", accumulation, "1 to 1000000")
        try require(learningRate > 0 && learningRate.isFinite, "the learning rate", learningRate, "a positive number")
        try require(warmUp >= 0 && warmUp <= Double(epochs), "the warm-up", warmUp, "0 to \(epochs) epochs")
        try require(weightDecay >= 0 && weightDecay.isFinite, "weight decay", weightDecay, "a number from 0")
        if let norm = maximalGradientNorm {
            try require(norm > 0 && norm.isFinite, "the greatest norm of gradients", norm, "a positive number")
        }
        if let decay = averageDecay {
            try require(decay > 0 && decay < 1, "the moving average's decay", decay, "a number between 0 and 1")
        }
        if let patience { try require(patience >= 1, "the patience", patience, "at least 1 epoch") }
        guard schedule != .oneCycle || warmUp == 0 else {
            throw CleaveError(.invalidRequest, "the warm-up is \(warmUp) epochs, but the one-cycle schedule has a warm-up of its own")
        }
        guard awareness == nil || initialization == nil else {
            throw CleaveError(
                .invalidRequest, "the weights are to begin anew, but ranges of 8 bits are those of a trained network",
                suggestion: "train it in float first, and then what came of it for 8 bits")
        }
        try schedule.check()
        try optimizer.check()
        try loss.check()
    }
}

extension TrainingRecipe {
    /// The learning rate of an update.
    /// - Parameters:
    ///   - update: counted from 0.
    ///   - updatesPerEpoch: at least 1.
    public func learningRate(ofUpdate update: Int, updatesPerEpoch: Int) -> Double {
        let rising = Int((warmUp * Double(updatesPerEpoch)).rounded())
        if update < rising { return learningRate * Double(update + 1) / Double(rising) }
        return learningRate
            * schedule.factor(ofUpdate: update, warmUp: rising, total: epochs * updatesPerEpoch, updatesPerEpoch: updatesPerEpoch)
    }

    /// The decay of the moving average at an update that is counted from 1.
    func averageDecay(ofUpdate number: Int) -> Double {
        averageDecay.map { min($0, Double(1 + number) / Double(10 + number)) } ?? 0
    }
}
