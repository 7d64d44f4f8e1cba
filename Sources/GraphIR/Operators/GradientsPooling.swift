import Tensors

/// The gradient of `AveragePool`: output gradient [N, C, D1' … Dn'] to [N, C, D1 … Dn]. Every element of a window gets an equal share.
public struct AveragePoolGradient: OperatorPayload {
    public var forward: AveragePool
    /// [N, C, D1 … Dn]
    public var inputShape: [Int]

    public enum Operand: Int, CaseIterable, Sendable {
        case outputGradient
    }

    public static let operandCount = 1...1
    public static let outputCount = 1...1

    public init(forward: AveragePool, inputShape: [Int]) {
        self.forward = forward
        self.inputShape = inputShape
    }
}

/// The gradient of `MaxPool`: input [N, C, D1 … Dn] and output gradient to the input's shape. Of several equal maxima in a window the
/// first, in row-major order, gets all of it, as the index output of `MaxPool` names it and as PyTorch has it.
public struct MaxPoolGradient: OperatorPayload {
    public var forward: MaxPool

    public enum Operand: Int, CaseIterable, Sendable {
        case input, outputGradient
    }

    public static let operandCount = 2...2
    public static let outputCount = 1...1

    public init(forward: MaxPool) {
        self.forward = forward
    }
}

/// The gradient of `LpPool`: dx = Σ over windows of dy · sign(x) · (|x| / y)^(p − 1), and 0 from a window of zeros.
public struct LpPoolGradient: OperatorPayload {
    public var forward: LpPool

    public enum Operand: Int, CaseIterable, Sendable {
        case input, output, outputGradient
    }

    public static let operandCount = 3...3
    public static let outputCount = 1...1

    public init(forward: LpPool) {
        self.forward = forward
    }
}

extension AveragePoolGradient {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let elementType = context.tensor(Operand.outputGradient)?.elementType
        let input = TensorType(elementType ?? .float32, lengths: inputShape)
        try context.requireOutputGradient(Operand.outputGradient, of: forward, operands: [input])
        return [InferredValue(elementType, input.shape)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension MaxPoolGradient {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .floats)
        let gradient = try context.requireOutputGradient(
            Operand.outputGradient, of: forward, operands: [context.tensor(Operand.input)])
        return [InferredValue(try commonElementType([input, gradient]), input.shape)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension LpPoolGradient {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .floats)
        let output = try context.requireOutputGradient(Operand.output, of: forward, operands: [context.tensor(Operand.input)])
        let gradient = try context.requireOutputGradient(
            Operand.outputGradient, of: forward, operands: [context.tensor(Operand.input)])
        return [InferredValue(try commonElementType([input, output, gradient]), input.shape)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}
