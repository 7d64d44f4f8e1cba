import ArgumentParser
import Cleave

extension Initialization: ExpressibleByArgument {}
extension RecipeDraft.OptimizerName: ExpressibleByArgument {}
extension RecipeDraft.LossName: ExpressibleByArgument {}

/// How a network is trained. Nothing has a value of its own, so that `--resume` can tell what was given.
struct RecipeOptions: ParsableArguments {
    @Option(parsing: .unconditional, help: .init("How often every image is seen. (default: 10)", valueName: "count"))
    var epochs: Int?

    @Option(parsing: .unconditional, help: .init("Images per step. (default: 32)", valueName: "count"))
    var batchSize: Int?

    @Option(help: "How gradients change the weights. (default: adam)")
    var optimizer: RecipeDraft.OptimizerName?

    @Option(
        parsing: .unconditional,
        help: .init(
            "The highest learning rate. (default: 0.1 for sgd and nesterov, 0.001 for adam and adamw; with --quantize-aware a tenth)",
            valueName: "rate"))
    var learningRate: Double?

    @Option(parsing: .unconditional, help: .init("Momentum of sgd and nesterov. (default: 0.9)", valueName: "share"))
    var momentum: Double?

    @Option(parsing: .unconditional, help: .init("How long Adam remembers gradients. (default: 0.9)", valueName: "share"))
    var beta1: Double?

    @Option(parsing: .unconditional, help: .init("How long Adam remembers their squares. (default: 0.999)", valueName: "share"))
    var beta2: Double?

    @Option(parsing: .unconditional, help: .init("What keeps Adam's quotient finite. (default: 1e-7)", valueName: "number"))
    var epsilon: Double?

    @Option(
        parsing: .unconditional,
        help: .init("Of weights; biases and normalizations do not decay. (default: 0, for adamw 0.01)", valueName: "number"))
    var weightDecay: Double?

    @Option(
        help: .init("constant, step=EPOCHS, step=EPOCHS,FACTOR, cosine or one-cycle. (default: constant)", valueName: "schedule"),
        transform: { text in try asArgument { try LearningRateSchedule(parsing: text) } })
    var schedule: LearningRateSchedule?

    @Option(parsing: .unconditional, help: .init("Epochs over which the learning rate rises. (default: 0)", valueName: "epochs"))
    var warmUp: Double?

    @Option(parsing: .unconditional, help: .init("Limit the gradients' common norm to this.", valueName: "norm"))
    var clip: Double?

    @Option(parsing: .unconditional, help: .init("Batches whose gradients make one step. (default: 1)", valueName: "count"))
    var accumulate: Int?

    @Option(help: "What is made small. (default: cross-entropy)")
    var loss: RecipeDraft.LossName?

    @Option(parsing: .unconditional, help: .init("Share of the target that goes to all classes. (default: 0)", valueName: "share"))
    var labelSmoothing: Double?

    @Option(parsing: .unconditional, help: .init("With --teacher: what both networks' scores are divided by. (default: 4)", valueName: "T"))
    var temperature: Double?

    @Option(parsing: .unconditional, help: .init("With --teacher: the teacher's share of the loss. (default: 0.5)", valueName: "A"))
    var alpha: Double?

    @Option(
        parsing: .unconditional, help: .init("Keep the moving average of the weights with this decay: 0.999.", valueName: "decay"))
    var average: Double?

    @Option(
        parsing: .unconditional,
        help: .init("Stop after so many epochs without a lower test loss, and keep the best one's weights.", valueName: "epochs"))
    var earlyStop: Int?

    @Option(help: .init("Leave nodes and parameters alone whose names match; may be repeated.", valueName: "pattern"))
    var freeze: [String] = []

    @Option(help: "Begin with fresh weights. (default: those of the model)")
    var initialize: Initialization?

    @Option(
        help: .init("none, or some of flip,rotate=15,crop=4,cutout=8,jitter=0.2. (default: none)", valueName: "changes"),
        transform: { text in try asArgument { try Augmentation(parsing: text) } })
    var augment: Augmentation?

    @Option(
        help: .init(
            "raw, unit, signed, imagenet, cifar10 or MEAN/STD. (default: what the model records, else signed; raw for floats)",
            valueName: "pixels"),
        transform: { text in try asArgument { try Normalization(parsing: text) } })
    var normalize: Normalization?

    @Flag(help: "Take the images in the order of the files.")
    var noShuffle = false

    @Flag(help: "Go on without images that cannot be read.")
    var skipBad = false

    @Option(parsing: .unconditional, help: .init("Of order, augmentation, dropout and fresh weights. (default: 1)", valueName: "seed"))
    var seed: UInt64?

    /// What was given.
    private func draft(_ awareness: QuantizationAwareness?) -> RecipeDraft {
        var draft = RecipeDraft()
        (draft.epochs, draft.batchSize, draft.accumulation) = (epochs, batchSize, accumulate)
        (draft.optimizer, draft.learningRate, draft.momentum) = (optimizer, learningRate, momentum)
        (draft.beta1, draft.beta2, draft.epsilon) = (beta1, beta2, epsilon)
        (draft.weightDecay, draft.schedule, draft.warmUp, draft.maximalGradientNorm) = (weightDecay, schedule, warmUp, clip)
        (draft.loss, draft.labelSmoothing, draft.temperature, draft.alpha) = (loss, labelSmoothing, temperature, alpha)
        (draft.averageDecay, draft.patience, draft.initialization, draft.seed) = (average, earlyStop, initialize, seed)
        (draft.augmentation, draft.normalization) = (augment, normalize)
        draft.frozen = freeze.map { NamePattern($0) }
        draft.shuffles = !noShuffle
        draft.skipsUnreadable = skipBad
        draft.awareness = awareness
        return draft
    }

    /// - Parameters:
    ///   - normalization: unless one was given.
    ///   - isDistilled: whether there is a teacher.
    ///   - awareness: for training for 8 bits.
    func recipe(normalization: Normalization, isDistilled: Bool, awareness: QuantizationAwareness?) -> TrainingRecipe {
        draft(awareness).recipe(normalization: normalization, isDistilled: isDistilled)
    }

    /// - Throws: `ValidationError` for numbers out of range, and for options that have no effect.
    func check(isDistilled: Bool, awareness: QuantizationAwareness?) throws {
        try asArgument { try draft(awareness).check(isDistilled: isDistilled) { "--" + $0 } }
    }

    /// The first option that was given.
    var given: String? {
        let all: [(String, Bool)] = [
            ("--epochs", epochs != nil), ("--batch-size", batchSize != nil), ("--optimizer", optimizer != nil),
            ("--learning-rate", learningRate != nil), ("--momentum", momentum != nil), ("--beta1", beta1 != nil),
            ("--beta2", beta2 != nil), ("--epsilon", epsilon != nil), ("--weight-decay", weightDecay != nil),
            ("--schedule", schedule != nil), ("--warm-up", warmUp != nil), ("--clip", clip != nil), ("--accumulate", accumulate != nil),
            ("--loss", loss != nil), ("--label-smoothing", labelSmoothing != nil), ("--temperature", temperature != nil),
            ("--alpha", alpha != nil), ("--average", average != nil), ("--early-stop", earlyStop != nil), ("--freeze", !freeze.isEmpty),
            ("--initialize", initialize != nil), ("--augment", augment != nil), ("--normalize", normalize != nil),
            ("--no-shuffle", noShuffle), ("--skip-bad", skipBad), ("--seed", seed != nil),
        ]
        return all.first { $0.1 }?.0
    }
}
