import Tensors

/// The gradient of an activation function: dx = dy · f′(x), computed from the input x or from the output y = f(x).
///
/// Where f has a corner, f′ is PyTorch's choice: 0 for `Relu` at 0, the slope left of the corner for the others.
public struct ActivationGradient: OperatorPayload {
    public var forward: Activation

    public enum Operand: Int, CaseIterable, Sendable {
        /// The forward operator's output where `readsOutput`, else its input.
        case value
        case outputGradient
    }

    public static let operandCount = 2...2
    public static let outputCount = 1...1

    public init(forward: Activation) {
        self.forward = forward
    }

    /// Whether the derivative is computed from the output: simpler for these functions, and then the input need not be kept.
    public var readsOutput: Bool {
        switch forward.function {
        case .relu, .sigmoid, .tanh: true
        case .softplus, .softsign, .hardSwish, .mish, .leakyRelu, .elu, .selu, .celu, .hardSigmoid, .thresholdedRelu, .shrink, .gelu:
            false
        }
    }
}

/// The gradient of `ReduceProd`: dx = dy · the product of all other elements of the group.
public struct ProductGradient: OperatorPayload {
    /// Reduces by its attribute.
    public var forward: Reduction

    public enum Operand: Int, CaseIterable, Sendable {
        case input, outputGradient
    }

    public static let operandCount = 2...2
    public static let outputCount = 1...1

    public init(forward: Reduction) {
        self.forward = forward
    }
}

/// A tensor of 0 and 1/(1 − ratio), which `Dropout` multiplies by in training: 0 with probability `ratio`.
///
/// The numbers depend on `seed` and the counter that the operand holds only, so that a training step can be repeated.
public struct DropoutMask: OperatorPayload {
    public var elementType: ElementType
    public var shape: [Int]
    /// 0 ≤ ratio < 1
    public var ratio: Float
    public var seed: Int

    public enum Operand: Int, CaseIterable, Sendable {
        /// int64 scalar: the number of the training step.
        case counter
    }

    public static let operandCount = 1...1
    public static let outputCount = 1...1

    public init(elementType: ElementType, shape: [Int], ratio: Float, seed: Int) {
        self.elementType = elementType
        self.shape = shape
        self.ratio = ratio
        self.seed = seed
    }
}

extension ActivationGradient {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let value = try context.type(of: Operand.value, .floats)
        let gradient = try context.requireOutputGradient(
            Operand.outputGradient, of: forward, operands: [context.tensor(Operand.value)])
        return [InferredValue(try commonElementType([value, gradient]), value.shape)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension ProductGradient {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .floats)
        let gradient = try context.requireOutputGradient(
            Operand.outputGradient, of: forward, operands: [context.tensor(Operand.input)])
        return [InferredValue(try commonElementType([input, gradient]), input.shape)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension DropoutMask {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        try context.type(of: Operand.counter, .indices).requireScalar()
        guard ratio >= 0, ratio < 1 else { throw CleaveError(.invalidAttribute, "ratio is \(ratio), expected 0 ≤ ratio < 1") }
        _ = try Tensor.elementCount(of: shape)
        return [InferredValue(elementType, shape.map { .known($0) })]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}
