import Tensors

/// How the losses of single elements are combined.
public enum LossReduction: String, CaseIterable, Hashable, Sendable { case none, mean, sum }

/// `NegativeLogLikelihoodLoss` of log probabilities [N, C, …] and targets [N, …].
public struct NegativeLogLikelihoodLoss: OperatorPayload {
    public var reduction: LossReduction
    public var ignoredClass: Int?

    public enum Operand: Int, CaseIterable, Sendable {
        case input, target, weight
    }

    public static let operandCount = 2...3
    public static let outputCount = 1...1

    public init(reduction: LossReduction, ignoredClass: Int?) {
        self.reduction = reduction
        self.ignoredClass = ignoredClass
    }
}

/// `SoftmaxCrossEntropyLoss` of logits [N, C, …] and targets [N, …].
public struct SoftmaxCrossEntropyLoss: OperatorPayload {
    public var reduction: LossReduction
    public var ignoredClass: Int?

    public enum Operand: Int, CaseIterable, Sendable {
        case scores, target, weight
    }

    public static let operandCount = 2...3
    public static let outputCount = 1...2

    public init(reduction: LossReduction, ignoredClass: Int?) {
        self.reduction = reduction
        self.ignoredClass = ignoredClass
    }
}
