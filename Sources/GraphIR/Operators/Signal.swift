import Tensors

/// `HannWindow`, `HammingWindow` and `BlackmanWindow`: the window's `size` values.
public struct WindowFunction: OperatorPayload {
    public enum Shape: String, CaseIterable, Hashable, Sendable {
        case hann = "HannWindow", hamming = "HammingWindow", blackman = "BlackmanWindow"
    }

    public var shape: Shape
    public var elementType: ElementType
    /// Whether the window is one period, so that the value after the last would be the first again; else it is symmetric.
    public var isPeriodic: Bool

    public enum Operand: Int, CaseIterable, Sendable {
        case size
    }

    public static let operandCount = 1...1
    public static let outputCount = 1...1

    public init(shape: Shape, elementType: ElementType, isPeriodic: Bool) {
        self.shape = shape
        self.elementType = elementType
        self.isPeriodic = isPeriodic
    }
}

/// `MelWeightMatrix`: how much each bin of a spectrum counts to each band of the mel scale, [⌊length / 2⌋ + 1, bands].
public struct MelWeightMatrix: OperatorPayload {
    public var elementType: ElementType

    public enum Operand: Int, CaseIterable, Sendable {
        case bandCount, length, sampleRate, lowerEdge, upperEdge
    }

    public static let operandCount = 5...5
    public static let outputCount = 1...1

    public init(elementType: ElementType) {
        self.elementType = elementType
    }
}

/// `DFT`: the discrete Fourier transform along one dimension. The last dimension holds real numbers (length 1) or real and imaginary
/// parts (length 2).
public struct DFT: OperatorPayload {
    /// The transformed dimension; `nil` where operand `axis` tells it (since opset 20, −2 without that).
    public var axis: Int?
    public var isInverse: Bool
    /// Whether only the ⌊n / 2⌋ + 1 numbers are given that determine the rest, as a real input allows.
    public var isOneSided: Bool

    public enum Operand: Int, CaseIterable, Sendable {
        case input, length, axis
    }

    public static let operandCount = 1...3
    public static let outputCount = 1...1

    public init(axis: Int?, isInverse: Bool, isOneSided: Bool) {
        self.axis = axis
        self.isInverse = isInverse
        self.isOneSided = isOneSided
    }
}

/// `STFT`: Fourier transforms of windows that move along a signal [batch, samples, 1 or 2]; [batch, frames, numbers, 2].
public struct STFT: OperatorPayload {
    public var isOneSided: Bool

    public enum Operand: Int, CaseIterable, Sendable {
        case signal, step, window, frameLength
    }

    public static let operandCount = 2...4
    public static let outputCount = 1...1

    public init(isOneSided: Bool) {
        self.isOneSided = isOneSided
    }
}

extension WindowFunction {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        try context.type(of: Operand.size, .indices).requireScalar()
        let size = context.contents(Operand.size)?.first ?? .unknown
        if let size = size.known, size < 0 {
            throw CleaveError(.shapeMismatch, "size is \(size), expected a number from 0 up")
        }
        return [InferredValue(elementType, [size])]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension MelWeightMatrix {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        for operand in [Operand.bandCount, .length, .sampleRate] { try context.type(of: operand, .indices).requireScalar() }
        for operand in [Operand.lowerEdge, .upperEdge] { try context.type(of: operand, .floats).requireScalar() }
        let length = context.contents(Operand.length)?.first ?? .unknown
        return [InferredValue(elementType, [length.dividedFlooring(by: 2) + 1, context.contents(Operand.bandCount)?.first ?? .unknown])]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension DFT {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .floats)
        try context.type(of: Operand.length, .indices).requireScalar()
        try context.type(of: Operand.axis, .indices).requireScalar()
        guard var shape = input.shape else { return [InferredValue(input.elementType, nil)] }
        try input.requireRank(atLeast: 2, "…, real and imaginary part")
        let last = shape.count - 1
        guard shape[last].known.map({ $0 == 1 || $0 == 2 }) ?? true else {
            throw CleaveError(.shapeMismatch, "the input's last dimension is \(shape[last]), expected 1 (real) or 2 (complex)")
        }
        shape[last] = 2
        guard let given = axis ?? (context.has(Operand.axis) ? context.knownScalar(Operand.axis) : -2) else {
            return [InferredValue(input.elementType, shape.indices.map { $0 == last ? 2 : .unknown })]
        }
        let axis = try normalizedAxis(given, rank: last + (given < 0 ? 1 : 0))
        guard axis < last else {
            throw CleaveError(.invalidAttribute, "axis is \(given), expected another dimension than the one of real and imaginary parts")
        }
        if context.has(Operand.length) { shape[axis] = context.contents(Operand.length)?.first ?? .unknown }
        if isOneSided { shape[axis] = shape[axis].dividedFlooring(by: 2) + 1 }
        return [InferredValue(input.elementType, shape)]
    }

    /// Not counted: the work depends on the algorithm.
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}

extension STFT {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let signal = try context.type(of: Operand.signal, .floats)
        try context.type(of: Operand.step, .indices).requireScalar()
        let window = try context.type(of: Operand.window, .floats)
        try context.type(of: Operand.frameLength, .indices).requireScalar()
        try signal.requireRank(3, "batch, samples, real and imaginary part")
        try commonElementType([signal, window])
        let length = window.shape?.first ?? (context.contents(Operand.frameLength)?.first ?? .unknown)
        var frames = Dimension.unknown
        if let step = context.knownScalar(Operand.step) {
            guard step > 0 else { throw CleaveError(.shapeMismatch, "frame_step is \(step), expected a positive number") }
            frames = (signal.dimension(1) - length).dividedFlooring(by: .known(step)) + 1
        }
        let numbers = isOneSided ? length.dividedFlooring(by: 2) + 1 : length
        return [InferredValue(signal.elementType, [signal.dimension(0), frames, numbers, 2])]
    }

    /// Not counted: the work depends on the algorithm.
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
