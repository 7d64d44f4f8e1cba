import Tensors

/// An element-wise activation function.
public struct Activation: OperatorPayload {
    public var function: Function

    public enum Operand: Int, CaseIterable, Sendable {
        case input
    }

    public static let operandCount = 1...1
    public static let outputCount = 1...1

    public enum Function: Hashable, Sendable {
        case relu
        case sigmoid
        case tanh
        case softplus
        case softsign
        case hardSwish
        case mish
        /// x < 0 ? alpha·x : x
        case leakyRelu(alpha: Float)
        /// x < 0 ? alpha·(eˣ − 1) : x
        case elu(alpha: Float)
        /// gamma·(x > 0 ? x : alpha·(eˣ − 1))
        case selu(alpha: Float, gamma: Float)
        /// max(0, x) + min(0, alpha·(e^(x/alpha) − 1))
        case celu(alpha: Float)
        /// max(0, min(1, alpha·x + beta))
        case hardSigmoid(alpha: Float, beta: Float)
        /// x > alpha ? x : 0
        case thresholdedRelu(alpha: Float)
        /// x < −lambda: x + bias; x > lambda: x − bias; else 0
        case shrink(bias: Float, lambda: Float)
        /// x·Φ(x), or its tanh approximation.
        case gelu(tanhApproximation: Bool)
    }

    public init(function: Function) {
        self.function = function
    }
}

/// `Softmax`, `LogSoftmax` or `Hardmax`.
public struct Softmax: OperatorPayload {
    public var function: Function
    /// The axis; negative counts from the end.
    public var axis: Int
    /// Up to opset 12 the input is taken as a matrix, split at `axis`, and rows are normalized.
    public var flattens: Bool

    public enum Operand: Int, CaseIterable, Sendable {
        case input
    }

    public static let operandCount = 1...1
    public static let outputCount = 1...1

    /// The raw value is ONNX's operator name.
    public enum Function: String, CaseIterable, Hashable, Sendable {
        case softmax = "Softmax", logSoftmax = "LogSoftmax", hardmax = "Hardmax"
    }

    public init(function: Function, axis: Int, flattens: Bool) {
        self.function = function
        self.axis = axis
        self.flattens = flattens
    }
}

extension Activation {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, function.operandTypes)
        return [InferredValue(input.elementType, input.shape)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension Activation.Function {
    fileprivate var operandTypes: ElementTypeClass {
        switch self {
        case .relu, .leakyRelu, .shrink: .numbers
        case .sigmoid, .tanh, .softplus, .softsign, .hardSwish, .mish, .elu, .selu, .celu, .hardSigmoid, .thresholdedRelu, .gelu: .floats
        }
    }
}

extension Softmax {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .floats)
        if let rank = input.rank, !(flattens && axis == rank) { _ = try normalizedAxis(axis, rank: rank) }
        return [InferredValue(input.elementType, input.shape)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}
