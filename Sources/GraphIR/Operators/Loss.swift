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

/// The shape of a loss over scores [N, C, …] and targets [N, …]; checks that these and the class weights [C] fit.
private func lossShape(
    scores: OperandType, target: OperandType, weight: OperandType, reduction: LossReduction
) throws -> [Dimension]? {
    try scores.requireRank(atLeast: 2, "batch, classes …")
    try weight.requireVector(scores.dimension(1), per: "class")
    guard let shape = scores.shape else { return reduction == .none ? target.shape : [] }
    let expected = [shape[0]] + shape.dropFirst(2)
    guard let given = target.shape else { return reduction == .none ? expected : [] }
    guard given.count == expected.count, !zip(given, expected).contains(where: { $0.isCertainlyDifferent(from: $1) }) else {
        throw CleaveError(
            .shapeMismatch, "target has shape \(text(of: given)), expected \(text(of: expected)) for \(scores.name) \(text(of: shape))")
    }
    return reduction == .none ? zip(given, expected).map { unified($0, $1) ?? .unknown } : []
}

extension NegativeLogLikelihoodLoss {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .floats)
        let target = try context.type(of: Operand.target, .indices)
        let weight = try context.type(of: Operand.weight, .floats)
        let shape = try lossShape(scores: input, target: target, weight: weight, reduction: reduction)
        return [InferredValue(try commonElementType([input, weight]), shape)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension SoftmaxCrossEntropyLoss {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let scores = try context.type(of: Operand.scores, .floats)
        let target = try context.type(of: Operand.target, .indices)
        let weight = try context.type(of: Operand.weight, .floats)
        let shape = try lossShape(scores: scores, target: target, weight: weight, reduction: reduction)
        let elementType = try commonElementType([scores, weight])
        return Array([InferredValue(elementType, shape), InferredValue(elementType, scores.shape)].prefix(context.outputCount))
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}
