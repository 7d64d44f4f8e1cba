import Tensors

/// `Gemm`: alpha·A·B + beta·C with A [M, K] and B [K, N], each transposed on request, and C broadcast to [M, N].
public struct Gemm: OperatorPayload {
    public var alpha: Float
    public var beta: Float
    public var transposeA: Bool
    public var transposeB: Bool
    /// Opset 6 only: whether C is broadcast (`broadcast` 1).
    public var broadcastsLegacy: Bool

    public enum Operand: Int, CaseIterable, Sendable {
        case a, b, c
    }

    public static let operandCount = 2...3
    public static let outputCount = 1...1

    public init(alpha: Float, beta: Float, transposeA: Bool, transposeB: Bool, broadcastsLegacy: Bool) {
        self.alpha = alpha
        self.beta = beta
        self.transposeA = transposeA
        self.transposeB = transposeB
        self.broadcastsLegacy = broadcastsLegacy
    }
}

/// `MatMul`, batched as `numpy.matmul`.
public struct MatMul: OperatorPayload {
    public enum Operand: Int, CaseIterable, Sendable {
        case a, b
    }

    public static let operandCount = 2...2
    public static let outputCount = 1...1

    public init() {}
}

/// `Einsum`: a sum of products in Einstein's notation.
public struct Einsum: OperatorPayload {
    /// As in `numpy.einsum`.
    public var equation: String

    public static let operandCount = 1...Int.max
    public static let outputCount = 1...1

    public init(equation: String) {
        self.equation = equation
    }
}

/// `MatMulInteger`: 8-bit operands, int32 output.
public struct MatMulInteger: OperatorPayload {
    public enum Operand: Int, CaseIterable, Sendable {
        case a, b, aZeroPoint, bZeroPoint
    }

    public static let operandCount = 2...4
    public static let outputCount = 1...1

    public init() {}
}

/// `QLinearMatMul`: matrix product of quantized tensors, requantized to the output scale.
public struct QLinearMatMul: OperatorPayload {
    public enum Operand: Int, CaseIterable, Sendable {
        case a, aScale, aZeroPoint, b, bScale, bZeroPoint, outputScale, outputZeroPoint
    }

    public static let operandCount = 8...8
    public static let outputCount = 1...1

    public init() {}
}
