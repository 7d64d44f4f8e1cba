import Tensors

/// What quantizing and dequantizing makes of numbers, for training: y = s·clamp(round(x / s), n, p), ties to even.
///
/// s is `unit`·scale, and at least the smallest normal number of its type; a unit other than 1 makes a gradient step on the operand
/// one of another size on s. n and p are the limits. With the operand `low`, n is the whole number of steps nearest to `unit`·low / s,
/// not below minimum − maximum and not above 0, so that 0 is exact, and p = n + maximum − minimum. NaN stays NaN.
public struct FakeQuantize: OperatorPayload {
    public enum Gradient: String, Hashable, Sendable {
        /// dx = dy everywhere: for scales with which nothing is cut off. Scale and low are constants.
        case passing
        /// dx = dy where n ≤ round(x / s) ≤ p, else 0. Scale and low are constants.
        case clipped
        /// As `clipped`, and scale and low have gradients: see `FakeQuantizeGradient`.
        case learned
    }

    /// The limits, in steps.
    public var minimum: Int
    public var maximum: Int
    /// Channel dimension of a per-channel scale.
    public var axis: Int
    public var unit: Float
    public var gradient: Gradient

    public enum Operand: Int, CaseIterable, Sendable {
        case input, scale
        /// A scalar; only beside one scale for the whole tensor.
        case low
    }

    public static let operandCount = 2...3
    public static let outputCount = 1...1

    public init(minimum: Int, maximum: Int, axis: Int, unit: Float, gradient: Gradient) {
        self.minimum = minimum
        self.maximum = maximum
        self.axis = axis
        self.unit = unit
        self.gradient = gradient
    }
}

/// The gradients of `FakeQuantize`, the derivative of round being taken as 1 (straight-through; Bengio et al., arXiv 1308.3432).
///
/// dx = dy where n ≤ round(x / s) ≤ p, else 0. With r = round(x / s) and l = `unit`·low / s, ∂y/∂s is r − x/s inside; below, it is n, or
/// n − l with the operand low; above, p or p − l (LSQ: Esser et al., arXiv 1902.08153). ∂y/∂(unit·low) is 0 inside and 1 outside
/// (LSQ+: Bhalgat et al., arXiv 2004.09576). Where l lies beyond what n can be, n is a constant: l counts as 0, and low has no gradient.
/// The operands' gradients are these, times `unit`·dy, summed.
public struct FakeQuantizeGradient: OperatorPayload {
    public var forward: FakeQuantize

    public enum Operand: Int, CaseIterable, Sendable {
        case input, outputGradient, scale, low
    }

    /// The gradients of the input, of the scale and of low.
    public static let operandCount = 3...4
    public static let outputCount = 1...3

    public init(forward: FakeQuantize) {
        self.forward = forward
    }
}

/// The scale with which steps up to `maximum` reach the largest magnitude of each slice along `axis`: max|x| / maximum.
public struct SymmetricScale: OperatorPayload {
    public var axis: Int
    public var maximum: Int

    public enum Operand: Int, CaseIterable, Sendable {
        case input
    }

    public static let operandCount = 1...1
    public static let outputCount = 1...1

    public init(axis: Int, maximum: Int) {
        self.axis = axis
        self.maximum = maximum
    }
}

/// The moving average of a tensor's range, widened to contain 0: low·momentum + min(x, 0)·(1 − momentum), and the same with the largest
/// element.
public struct MovingRange: OperatorPayload {
    /// 0 ≤ momentum < 1
    public var momentum: Float

    public enum Operand: Int, CaseIterable, Sendable {
        case input
        /// Scalars: the average so far.
        case low, high
    }

    /// What low and high become.
    public static let operandCount = 3...3
    public static let outputCount = 2...2

    public init(momentum: Float) {
        self.momentum = momentum
    }
}

extension FakeQuantize {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .floats)
        try check(
            input, scale: context.type(of: Operand.scale, .floats),
            low: context.has(Operand.low) ? context.type(of: Operand.low, .floats) : nil)
        return [InferredValue(input.elementType, input.shape)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }

    fileprivate func check(_ input: OperandType, scale: OperandType, low: OperandType?) throws {
        guard minimum <= 0, maximum >= 0, minimum < maximum, unit > 0, unit.isFinite else {
            throw CleaveError(
                .invalidAttribute, "the limits are \(minimum) and \(maximum), and the unit is \(unit), expected limits around 0 and a "
                    + "positive unit")
        }
        try checkScale(scale, input: input, axis: axis, blockSize: 0)
        try commonElementType([input, scale] + (low.map { [$0] } ?? []))
        guard let low else { return }
        try scale.requireScalar()
        try low.requireScalar()
    }
}

extension FakeQuantizeGradient {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .floats)
        let gradient = try context.requireOutputGradient(
            Operand.outputGradient, of: Identity(), operands: [context.tensor(Operand.input)])
        let scale = try context.type(of: Operand.scale, .floats)
        let low = context.has(Operand.low) ? try context.type(of: Operand.low, .floats) : nil
        try forward.check(input, scale: scale, low: low)
        let type = try commonElementType([input, gradient])
        let all = [InferredValue(type, input.shape), InferredValue(type, scale.shape), InferredValue(type, low?.shape ?? [])]
        return Array(all.prefix(context.outputCount))
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension SymmetricScale {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .floats)
        guard maximum > 0 else { throw CleaveError(.invalidAttribute, "the maximum is \(maximum), expected a positive number") }
        guard let shape = input.shape else { return [InferredValue(input.elementType, [.unknown])] }
        return [InferredValue(input.elementType, [shape[try normalizedAxis(axis, rank: shape.count)]])]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension MovingRange {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .floats)
        let (low, high) = (try context.type(of: Operand.low, .floats), try context.type(of: Operand.high, .floats))
        try low.requireScalar()
        try high.requireScalar()
        guard momentum >= 0, momentum < 1 else {
            throw CleaveError(.invalidAttribute, "momentum is \(momentum), expected 0 ≤ momentum < 1")
        }
        let type = try commonElementType([input, low, high])
        return [InferredValue(type, low.shape), InferredValue(type, high.shape)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}
