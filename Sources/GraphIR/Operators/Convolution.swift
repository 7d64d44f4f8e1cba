import Tensors

/// `Conv`: input [N, C, D1 … Dn], weight [M, C/groups, k1 … kn], bias [M].
public struct Convolution: OperatorPayload {
    /// Kernel, strides, dilations and padding over the spatial dimensions.
    public var window: Window
    /// Number of groups that input channels and filters are split into; C for a depthwise convolution.
    public var groups: Int

    public enum Operand: Int, CaseIterable, Sendable {
        case input, weight, bias
    }

    public static let operandCount = 2...3
    public static let outputCount = 1...1

    public init(window: Window, groups: Int) {
        self.window = window
        self.groups = groups
    }
}

/// `ConvTranspose`: input [N, C, D1 … Dn], weight [C, M/groups, k1 … kn], bias [M].
public struct ConvolutionTranspose: OperatorPayload {
    /// Kernel, strides, dilations and padding over the spatial dimensions.
    public var window: Window
    /// Number of groups that input channels and filters are split into; C for a depthwise convolution.
    public var groups: Int
    /// Extra length at the end of every spatial dimension; empty for none.
    public var outputPadding: [Int]
    /// Wanted spatial shape, from which the padding follows; `nil` when the padding is given.
    public var outputShape: [Int]?

    public enum Operand: Int, CaseIterable, Sendable {
        case input, weight, bias
    }

    public static let operandCount = 2...3
    public static let outputCount = 1...1

    public init(window: Window, groups: Int, outputPadding: [Int], outputShape: [Int]?) {
        self.window = window
        self.groups = groups
        self.outputPadding = outputPadding
        self.outputShape = outputShape
    }
}

/// `ConvInteger`: 8-bit input and weight, int32 output.
public struct ConvInteger: OperatorPayload {
    /// Kernel, strides, dilations and padding over the spatial dimensions.
    public var window: Window
    /// Number of groups that input channels and filters are split into; C for a depthwise convolution.
    public var groups: Int

    public enum Operand: Int, CaseIterable, Sendable {
        case input, weight, inputZeroPoint, weightZeroPoint
    }

    public static let operandCount = 2...4
    public static let outputCount = 1...1

    public init(window: Window, groups: Int) {
        self.window = window
        self.groups = groups
    }
}

/// `QLinearConv`: convolution of quantized tensors, requantized to the output scale.
public struct QLinearConv: OperatorPayload {
    /// Kernel, strides, dilations and padding over the spatial dimensions.
    public var window: Window
    /// Number of groups that input channels and filters are split into; C for a depthwise convolution.
    public var groups: Int

    public enum Operand: Int, CaseIterable, Sendable {
        case input, inputScale, inputZeroPoint, weight, weightScale, weightZeroPoint, outputScale, outputZeroPoint, bias
    }

    public static let operandCount = 8...9
    public static let outputCount = 1...1

    public init(window: Window, groups: Int) {
        self.window = window
        self.groups = groups
    }
}
