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

extension BatchNorm {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .floats)
        let scale = try context.type(of: Operand.scale, .floats)
        let bias = try context.type(of: Operand.bias, .floats)
        let mean = try context.type(of: Operand.mean, .floats)
        let variance = try context.type(of: Operand.variance, .floats)
        try commonElementType([scale, bias])
        try commonElementType([mean, variance])
        try input.requireRank(atLeast: 1, "batch, channels, spatial …")
        let channels = input.shape.map { $0.count > 1 ? $0[1] : 1 } ?? .unknown
        for vector in [scale, bias, mean, variance] { try vector.requireVector(channels, per: "channel") }
        let length = [scale, bias, mean, variance].reduce(channels) { unified($0, $1.dimension(0)) ?? $0 }
        let statistics = InferredValue(mean.elementType ?? variance.elementType, [length])
        var shape = input.shape
        if let rank = shape?.count, rank > 1 { shape?[1] = length }
        let output = InferredValue(input.elementType, shape)
        return Array(([output] + [InferredValue](repeating: statistics, count: 4)).prefix(context.outputCount))
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension InstanceNorm {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .floats)
        let scale = try context.type(of: Operand.scale, .floats)
        let bias = try context.type(of: Operand.bias, .floats)
        try input.requireRank(atLeast: 3, "batch, channels, spatial …")
        for vector in [scale, bias] { try vector.requireVector(input.dimension(1), per: "channel") }
        return [InferredValue(try commonElementType([input, scale, bias]), input.shape)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

/// The element type that statistics are computed in.
private func statisticsType(_ stashType: Int) throws -> ElementType {
    guard let type = ElementType(rawValue: stashType), ElementTypeClass.floats.contains(type) else {
        throw CleaveError(.invalidAttribute, "stash_type is \(stashType), expected the number of a floating-point type")
    }
    return type
}

extension LayerNorm {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .floats)
        let scale = try context.type(of: Operand.scale, .floats)
        let bias = try context.type(of: Operand.bias, .floats)
        try commonElementType([input, scale, bias])
        for operand in [scale, bias] { try requireBroadcastable(operand, to: input.shape, of: "the input") }
        var statistics: [Dimension]?
        if let shape = input.shape {
            let first = try normalizedAxis(axis, rank: shape.count)
            statistics = shape.prefix(first) + shape.dropFirst(first).map { _ in 1 }
        }
        let stash = InferredValue(try statisticsType(stashType), statistics)
        return Array([InferredValue(input.elementType, input.shape), stash, stash].prefix(context.outputCount))
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension GroupNorm {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .floats)
        let scale = try context.type(of: Operand.scale, .floats)
        let bias = try context.type(of: Operand.bias, .floats)
        try input.requireRank(atLeast: 2, "batch, channels, spatial …")
        guard groups > 0 else { throw CleaveError(.invalidAttribute, "num_groups is \(groups), expected a positive number") }
        if let channels = input.dimension(1).known, !channels.isMultiple(of: groups) {
            throw CleaveError(.shapeMismatch, "input has \(count(channels, "channel")), expected a multiple of the \(groups) groups")
        }
        for vector in [scale, bias] {
            try vector.requireVector(affinePerGroup ? .known(groups) : input.dimension(1), per: affinePerGroup ? "group" : "channel")
        }
        return [InferredValue(try commonElementType([input, scale, bias]), input.shape)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension RMSNorm {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .floats)
        let scale = try context.type(of: Operand.scale, .floats)
        if let rank = input.rank { _ = try normalizedAxis(axis, rank: rank) }
        _ = try statisticsType(stashType)
        try requireBroadcastable(scale, to: input.shape, of: "the input")
        return [InferredValue(scale.elementType, input.shape)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension LocalResponseNorm {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .floats)
        try input.requireRank(atLeast: 2, "batch, channels, spatial …")
        guard size > 0 else { throw CleaveError(.invalidAttribute, "size is \(size), expected a positive number") }
        return [InferredValue(input.elementType, input.shape)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension LpNorm {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .floats)
        if let rank = input.rank { _ = try normalizedAxis(axis, rank: rank) }
        guard p == 1 || p == 2 else { throw CleaveError(.invalidAttribute, "p is \(p), expected 1 or 2") }
        return [InferredValue(input.elementType, input.shape)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension MeanVarianceNorm {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .floats)
        if let rank = input.rank { _ = try normalizedAxes(axes, rank: rank) }
        return [InferredValue(input.elementType, input.shape)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}
