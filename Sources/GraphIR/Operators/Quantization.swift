import Tensors

/// `QuantizeLinear`: saturate(round(x / scale) + zeroPoint), ties to even.
public struct QuantizeLinear: OperatorPayload {
    /// Channel dimension of a per-channel scale.
    public var axis: Int
    /// Whether float8 saturates.
    public var saturate: Bool
    /// Elements that share a scale along the axis; 0 for per-tensor or per-channel.
    public var blockSize: Int
    /// When there is no zero point to tell it (since opset 21).
    public var outputType: ElementType?

    public enum Operand: Int, CaseIterable, Sendable {
        case input, scale, zeroPoint
    }

    public static let operandCount = 2...3
    public static let outputCount = 1...1

    public init(axis: Int, saturate: Bool, blockSize: Int, outputType: ElementType?) {
        self.axis = axis
        self.saturate = saturate
        self.blockSize = blockSize
        self.outputType = outputType
    }
}

/// `DequantizeLinear`: (x − zeroPoint)·scale.
public struct DequantizeLinear: OperatorPayload {
    /// Channel dimension of a per-channel scale.
    public var axis: Int
    /// Elements that share a scale along the axis; 0 for per-tensor or per-channel.
    public var blockSize: Int

    public enum Operand: Int, CaseIterable, Sendable {
        case input, scale, zeroPoint
    }

    public static let operandCount = 2...3
    public static let outputCount = 1...1

    public init(axis: Int, blockSize: Int) {
        self.axis = axis
        self.blockSize = blockSize
    }
}

/// `DynamicQuantizeLinear`: uint8 with scale and zero point of the tensor's own range.
public struct DynamicQuantizeLinear: OperatorPayload {
    public enum Operand: Int, CaseIterable, Sendable {
        case input
    }

    public static let operandCount = 1...1
    public static let outputCount = 3...3

    public init() {}
}
