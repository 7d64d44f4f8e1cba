import Autodiff
import Datasets
import Execution
import Quantization
import Tensors

/// What someone says of a recipe, on a command line or in a study; what is left open follows from the rest.
public struct RecipeDraft: Hashable, Sendable {
    public enum OptimizerName: String, CaseIterable, Hashable, Sendable {
        case sgd, nesterov, adam, adamw

        fileprivate var hasMomentum: Bool { self == .sgd || self == .nesterov }
    }

    public enum LossName: String, CaseIterable, Hashable, Sendable {
        case crossEntropy = "cross-entropy"
        case meanSquaredError = "mean-squared-error"
    }

    /// 10 where it is open.
    public var epochs: Int?
    /// 32 where it is open.
    public var batchSize: Int?
    public var accumulation: Int?
    /// Adam where it is open.
    public var optimizer: OptimizerName?
    /// 0.1 for `sgd` and `nesterov`, 0.001 for `adam` and `adamw` where it is open; a tenth of it where the network rounds as an int8 one
    /// does, which is trained already.
    public var learningRate: Double?
    /// 0.9 where it is open.
    public var momentum: Double?
    public var beta1: Double?
    public var beta2: Double?
    /// Keras's 10⁻⁷ where it is open.
    public var epsilon: Double?
    /// 0, for `adamw` 0.01, where it is open.
    public var weightDecay: Double?
    public var schedule: LearningRateSchedule?
    public var warmUp: Double?
    public var maximalGradientNorm: Double?
    public var loss: LossName?
    public var labelSmoothing: Double?
    /// Of distillation; 4 where it is open.
    public var temperature: Double?
    /// Of distillation; 0.5 where it is open.
    public var alpha: Double?
    public var averageDecay: Double?
    public var patience: Int?
    public var frozen: [NamePattern] = []
    public var initialization: Initialization?
    public var augmentation: Augmentation?
    public var normalization: Normalization?
    public var shuffles: Bool?
    public var skipsUnreadable: Bool?
    public var seed: UInt64?
    /// For training for 8 bits.
    public var awareness: QuantizationAwareness?

    public init() {}

    /// - Parameters:
    ///   - normalization: where none was said.
    ///   - isDistilled: whether there is a teacher.
    public func recipe(normalization usual: Normalization, isDistilled: Bool) -> TrainingRecipe {
        let name = optimizer ?? .adam
        let moments = Optimizer.Moments(beta1: beta1 ?? 0.9, beta2: beta2 ?? 0.999, epsilon: epsilon ?? 1e-7)
        let chosen: Optimizer =
            switch name {
            case .sgd: .sgd(momentum: momentum ?? 0.9, nesterov: false)
            case .nesterov: .sgd(momentum: momentum ?? 0.9, nesterov: true)
            case .adam: .adam(moments)
            case .adamw: .adamW(moments)
            }
        return TrainingRecipe(
            epochs: epochs ?? 10, batchSize: batchSize ?? 32, accumulation: accumulation ?? 1, optimizer: chosen,
            learningRate: learningRate ?? (awareness == nil ? (name.hasMomentum ? 0.1 : 0.001) : (name.hasMomentum ? 0.01 : 0.0001)),
            schedule: schedule ?? .constant, warmUp: warmUp ?? 0,
            weightDecay: weightDecay ?? (name == .adamw ? 0.01 : 0), maximalGradientNorm: maximalGradientNorm,
            loss: loss(isDistilled: isDistilled), averageDecay: averageDecay, patience: patience, seed: seed ?? 1, frozen: frozen,
            initialization: initialization, augmentation: augmentation ?? .none, normalization: normalization ?? usual,
            shuffles: shuffles ?? true, skipsUnreadable: skipsUnreadable ?? false, awareness: awareness)
    }

    private func loss(isDistilled: Bool) -> Loss {
        if isDistilled {
            return .distillation(temperature: temperature ?? 4, alpha: alpha ?? 0.5, labelSmoothing: labelSmoothing ?? 0)
        }
        return loss == .meanSquaredError ? .meanSquaredError : .softmaxCrossEntropy(labelSmoothing: labelSmoothing ?? 0)
    }

    /// - Parameter spelling: how whoever reads the error writes the setting of this name: `--momentum`.
    /// - Throws: `CleaveError` for numbers out of range, and for settings that have no effect.
    public func check(isDistilled: Bool, spelling: (String) -> String = { $0 }) throws {
        func refuse(_ problem: String) -> CleaveError { CleaveError(.invalidRequest, problem) }
        let hasMomentum = optimizer?.hasMomentum ?? false
        let optimizerSetting = spelling("optimizer")
        if momentum != nil, !hasMomentum { throw refuse("\(spelling("momentum")) is for \(optimizerSetting) sgd and nesterov") }
        for (name, isGiven) in [("beta1", beta1 != nil), ("beta2", beta2 != nil), ("epsilon", epsilon != nil)]
        where isGiven && hasMomentum {
            throw refuse("\(spelling(name)) is for \(optimizerSetting) adam and adamw")
        }
        for (name, isGiven) in [("temperature", temperature != nil), ("alpha", alpha != nil)] where isGiven && !isDistilled {
            throw refuse("\(spelling(name)) is for distillation, which needs a \(spelling("teacher"))")
        }
        if isDistilled, loss == .meanSquaredError { throw refuse("\(spelling("loss")) mean-squared-error is not for distillation") }
        if labelSmoothing != nil, loss == .meanSquaredError {
            throw refuse("\(spelling("label-smoothing")) is for \(spelling("loss")) cross-entropy")
        }
        try recipe(normalization: .unit, isDistilled: isDistilled).check()
    }
}
