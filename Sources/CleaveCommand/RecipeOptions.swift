import ArgumentParser
import Cleave

extension Initialization: ExpressibleByArgument {}

/// How a network is trained. Nothing has a value of its own, so that `--resume` can tell what was given.
struct RecipeOptions: ParsableArguments {
    enum OptimizerName: String, ExpressibleByArgument, CaseIterable {
        case sgd, nesterov, adam, adamw
    }

    enum LossName: String, ExpressibleByArgument, CaseIterable {
        case crossEntropy = "cross-entropy"
        case meanSquaredError = "mean-squared-error"
    }

    @Option(parsing: .unconditional, help: .init("How often every image is seen. (default: 10)", valueName: "count"))
    var epochs: Int?

    @Option(parsing: .unconditional, help: .init("Images per step. (default: 32)", valueName: "count"))
    var batchSize: Int?

    @Option(help: "How gradients change the weights. (default: adam)")
    var optimizer: OptimizerName?

    @Option(
        parsing: .unconditional,
        help: .init("The highest learning rate. (default: 0.1 for sgd and nesterov, 0.001 for adam and adamw)", valueName: "rate"))
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
    var loss: LossName?

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

    /// - Parameters:
    ///   - normalization: unless one was given.
    ///   - isDistilled: whether there is a teacher.
    ///   - awareness: for training for 8 bits.
    func recipe(normalization: Normalization, isDistilled: Bool, awareness: QuantizationAwareness?) -> TrainingRecipe {
        let name = optimizer ?? .adam
        let moments = Optimizer.Moments(beta1: beta1 ?? 0.9, beta2: beta2 ?? 0.999, epsilon: epsilon ?? 1e-7)
        let (chosen, rate): (Optimizer, Double) =
            switch name {
            case .sgd: (.sgd(momentum: momentum ?? 0.9, nesterov: false), 0.1)
            case .nesterov: (.sgd(momentum: momentum ?? 0.9, nesterov: true), 0.1)
            case .adam: (.adam(moments), 0.001)
            case .adamw: (.adamW(moments), 0.001)
            }
        return TrainingRecipe(
            epochs: epochs ?? 10, batchSize: batchSize ?? 32, accumulation: accumulate ?? 1, optimizer: chosen,
            learningRate: learningRate ?? rate, schedule: schedule ?? .constant, warmUp: warmUp ?? 0,
            weightDecay: weightDecay ?? (name == .adamw ? 0.01 : 0), maximalGradientNorm: clip, loss: chosenLoss(isDistilled: isDistilled),
            averageDecay: average, patience: earlyStop, seed: seed ?? 1, frozen: freeze.map { NamePattern($0) }, initialization: initialize,
            augmentation: augment ?? .none, normalization: normalize ?? normalization, shuffles: !noShuffle, skipsUnreadable: skipBad,
            awareness: awareness)
    }

    private func chosenLoss(isDistilled: Bool) -> Loss {
        if isDistilled {
            return .distillation(temperature: temperature ?? 4, alpha: alpha ?? 0.5, labelSmoothing: labelSmoothing ?? 0)
        }
        return loss == .meanSquaredError ? .meanSquaredError : .softmaxCrossEntropy(labelSmoothing: labelSmoothing ?? 0)
    }

    /// - Throws: `ValidationError` for numbers out of range, and for options that have no effect.
    func check(isDistilled: Bool, awareness: QuantizationAwareness?) throws {
        let usesMomentum = optimizer == .sgd || optimizer == .nesterov
        if momentum != nil, !usesMomentum { throw ValidationError("--momentum is for --optimizer sgd and nesterov.") }
        for (name, isGiven) in [("--beta1", beta1 != nil), ("--beta2", beta2 != nil), ("--epsilon", epsilon != nil)] {
            if isGiven, usesMomentum { throw ValidationError("\(name) is for --optimizer adam and adamw.") }
        }
        for (name, isGiven) in [("--temperature", temperature != nil), ("--alpha", alpha != nil)] {
            if isGiven, !isDistilled { throw ValidationError("\(name) is for distillation: --teacher FILE.") }
        }
        if isDistilled, loss == .meanSquaredError { throw ValidationError("--loss mean-squared-error is not for distillation.") }
        if labelSmoothing != nil, loss == .meanSquaredError {
            throw ValidationError("--label-smoothing is for --loss cross-entropy.")
        }
        try asArgument { try recipe(normalization: .unit, isDistilled: isDistilled, awareness: awareness).check() }
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
