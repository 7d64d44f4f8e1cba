import Tensors

/// `BatchNormalization` over channels (dimension 1).
public struct BatchNorm: OperatorPayload {
    /// Added to the variance.
    public var epsilon: Float
    /// Weight of the old running statistics in training.
    public var momentum: Float
    /// Whether the batch's own statistics are used and the running ones updated.
    public var trainingMode: Bool

    public enum Operand: Int, CaseIterable, Sendable {
        case input, scale, bias, mean, variance
    }

    public static let operandCount = 5...5
    public static let outputCount = 1...5

    public init(epsilon: Float, momentum: Float, trainingMode: Bool) {
        self.epsilon = epsilon
        self.momentum = momentum
        self.trainingMode = trainingMode
    }
}

/// `InstanceNormalization`: per sample and channel.
public struct InstanceNorm: OperatorPayload {
    /// Added to the variance.
    public var epsilon: Float

    public enum Operand: Int, CaseIterable, Sendable {
        case input, scale, bias
    }

    public static let operandCount = 3...3
    public static let outputCount = 1...1

    public init(epsilon: Float) {
        self.epsilon = epsilon
    }
}

/// `LayerNormalization` over the dimensions from `axis` on.
public struct LayerNorm: OperatorPayload {
    /// First normalized dimension; negative counts from the end.
    public var axis: Int
    /// Added to the variance.
    public var epsilon: Float
    /// ONNX number of the element type that statistics are computed in.
    public var stashType: Int

    public enum Operand: Int, CaseIterable, Sendable {
        case input, scale, bias
    }

    public static let operandCount = 2...3
    public static let outputCount = 1...3

    public init(axis: Int, epsilon: Float, stashType: Int) {
        self.axis = axis
        self.epsilon = epsilon
        self.stashType = stashType
    }
}

/// `GroupNormalization`: per sample and group of channels.
public struct GroupNorm: OperatorPayload {
    /// Number of groups.
    public var groups: Int
    /// Added to the variance.
    public var epsilon: Float
    /// ONNX number of the element type that statistics are computed in.
    public var stashType: Int
    /// Whether scale and bias have one entry per group (opset 18) and not per channel.
    public var affinePerGroup: Bool

    public enum Operand: Int, CaseIterable, Sendable {
        case input, scale, bias
    }

    public static let operandCount = 3...3
    public static let outputCount = 1...1

    public init(groups: Int, epsilon: Float, stashType: Int, affinePerGroup: Bool) {
        self.groups = groups
        self.epsilon = epsilon
        self.stashType = stashType
        self.affinePerGroup = affinePerGroup
    }
}

/// `RMSNormalization` over the dimensions from `axis` on.
public struct RMSNorm: OperatorPayload {
    /// First normalized dimension; negative counts from the end.
    public var axis: Int
    /// Added to the mean square.
    public var epsilon: Float
    /// ONNX number of the element type that statistics are computed in.
    public var stashType: Int

    public enum Operand: Int, CaseIterable, Sendable {
        case input, scale
    }

    public static let operandCount = 2...2
    public static let outputCount = 1...1

    public init(axis: Int, epsilon: Float, stashType: Int) {
        self.axis = axis
        self.epsilon = epsilon
        self.stashType = stashType
    }
}

/// `LRN` across channels.
public struct LocalResponseNorm: OperatorPayload {
    /// Channels in the window.
    public var size: Int
    public var alpha: Float
    public var beta: Float
    public var bias: Float

    public enum Operand: Int, CaseIterable, Sendable {
        case input
    }

    public static let operandCount = 1...1
    public static let outputCount = 1...1

    public init(size: Int, alpha: Float, beta: Float, bias: Float) {
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.bias = bias
    }
}

/// `LpNormalization` along an axis.
public struct LpNorm: OperatorPayload {
    public var axis: Int
    /// 1 or 2.
    public var p: Int

    public enum Operand: Int, CaseIterable, Sendable {
        case input
    }

    public static let operandCount = 1...1
    public static let outputCount = 1...1

    public init(axis: Int, p: Int) {
        self.axis = axis
        self.p = p
    }
}

/// `MeanVarianceNormalization`: subtracts the mean and divides by the deviation over `axes`.
public struct MeanVarianceNorm: OperatorPayload {
    public var axes: [Int]

    public enum Operand: Int, CaseIterable, Sendable {
        case input
    }

    public static let operandCount = 1...1
    public static let outputCount = 1...1

    public init(axes: [Int]) {
        self.axes = axes
    }
}
