import Tensors

/// The numbers that a tensor takes.
public struct ValueRange: Hashable, Codable, Sendable {
    public var low: Double
    public var high: Double

    public init(low: Double, high: Double) {
        self.low = low
        self.high = high
    }

    /// The smallest range that holds both.
    public func union(_ other: ValueRange) -> ValueRange { ValueRange(low: min(low, other.low), high: max(high, other.high)) }
}

/// real = scale·(q − zeroPoint).
public struct QuantizationParameters: Hashable, Sendable {
    public var scale: Float
    public var zeroPoint: Int
    /// `int8` or `uint8`.
    public var type: ElementType

    public init(scale: Float, zeroPoint: Int, type: ElementType) {
        self.scale = scale
        self.zeroPoint = zeroPoint
        self.type = type
    }

    /// The smallest and the largest quantized number.
    public static func limits(_ type: ElementType) -> ClosedRange<Int> { type == .uint8 ? 0...255 : -128...127 }
    public var limits: ClosedRange<Int> { Self.limits(type) }

    /// Parameters with which quantized numbers cover `range`, widened so that it contains 0, which is exact.
    ///
    /// The scale is computed in Double and rounded to Float; the zero point is rounded to even. A scale below the smallest normal
    /// Float becomes 1 with zero point 0, as a range of zeros has. Ranges are of float32.
    /// - Parameter symmetric: whether the zero point has to be 0: then −127…127 cover the larger of both sides.
    public init(covering range: ValueRange, type: ElementType, symmetric: Bool) {
        let limits = Self.limits(type)
        let (low, high) = (min(range.low, 0), max(range.high, 0))
        let step = symmetric ? max(-low, high) / 127 : (high - low) / Double(limits.upperBound - limits.lowerBound)
        let scale = Float(step)
        guard scale >= .leastNormalMagnitude, scale.isFinite else {
            self.init(scale: 1, zeroPoint: 0, type: type)
            return
        }
        let zero = symmetric ? 0 : (Double(limits.lowerBound) - low / Double(scale)).rounded(.toNearestOrEven)
        self.init(scale: scale, zeroPoint: Int(min(max(zero, Double(limits.lowerBound)), Double(limits.upperBound))), type: type)
    }

    /// What quantizing and dequantizing makes of a number: saturate(round(x / scale) + zeroPoint), ties to even.
    public func rounded(_ value: Double) -> Double { (quantized(value) - Double(zeroPoint)) * Double(scale) }

    func quantized(_ value: Double) -> Double {
        let quotient = (value / Double(scale)).rounded(.toNearestOrEven) + Double(zeroPoint)
        return min(max(quotient, Double(limits.lowerBound)), Double(limits.upperBound))
    }

    /// The numbers that can be represented.
    public var range: ValueRange {
        ValueRange(
            low: Double(limits.lowerBound - zeroPoint) * Double(scale), high: Double(limits.upperBound - zeroPoint) * Double(scale))
    }

    /// Whether limiting a value to `minimum`…`maximum` before it is quantized changes nothing, as quantization does it anyway.
    func absorbs(minimum: Double?, maximum: Double?) -> Bool {
        (minimum.map { quantized($0) <= Double(limits.lowerBound) } ?? true)
            && (maximum.map { quantized($0) >= Double(limits.upperBound) } ?? true)
    }

    var scaleTensor: Tensor { Tensor(scalar: scale) }

    var zeroPointTensor: Tensor {
        type == .uint8 ? Tensor(scalar: UInt8(clamping: zeroPoint)) : Tensor(scalar: Int8(clamping: zeroPoint))
    }
}
