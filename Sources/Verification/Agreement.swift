import Foundation
import Tensors

/// How far the values of one tensor are from the original's, over all samples.
///
/// Not-a-number is equal to not-a-number only, an infinity to the same infinity only; a pair of which one is not finite and
/// that is not equal has an infinite error.
public struct Agreement: Hashable, Sendable {
    /// The element that is furthest beyond (or nearest to) its tolerance.
    public struct WorstElement: Hashable, Sendable {
        public var sample: Int
        public var index: [Int]
        public var value: Double
        public var original: Double
    }

    public private(set) var sampleCount = 0
    public private(set) var elementCount = 0
    /// Elements beyond the tolerance.
    public private(set) var differentCount = 0
    /// max |a − b|
    public private(set) var maximumAbsoluteError = 0.0
    /// max |a − b| / (|b| + absolute/relative tolerance): at most the relative tolerance exactly when all elements are
    /// within the tolerance. Without a relative tolerance, max |a − b| / |b|.
    public private(set) var maximumRelativeError = 0.0
    public private(set) var worst: WorstElement?
    /// Why the tensors cannot be compared element by element: other type, other shape, or one is missing.
    public private(set) var mismatch: String?
    /// The relative tolerance of the element type.
    public private(set) var relativeTolerance = 0.0

    /// Σ b², Σ (a − b)², Σ a² and Σ a·b over the elements that are finite in both.
    private var signal = 0.0
    private var noise = 0.0
    private var power = 0.0
    private var product = 0.0
    private var worstExcess = -1.0
    private var rowCount = 0
    private var equalRowCount = 0

    public init() {}

    public init(mismatch: String) { self.mismatch = mismatch }

    /// Whether every element of every sample is within the tolerance.
    public var isEqual: Bool { mismatch == nil && differentCount == 0 }

    /// Signal to quantization noise in dB, 10·log₁₀(Σ b² / Σ (a − b)²); infinite when there is no noise.
    public var signalToNoise: Double {
        if maximumAbsoluteError.isInfinite { return -.infinity }
        return noise == 0 ? .infinity : 10 * log10(signal / noise)
    }

    /// Σ a·b / √(Σ a² · Σ b²); 1 when both are zero.
    public var cosine: Double {
        if signal == 0 && power == 0 { return 1 }
        return signal == 0 || power == 0 ? 0 : product / (signal.squareRoot() * power.squareRoot())
    }

    /// Share of the rows whose largest element is at the same place, along dimension 1 (the classes of [N, classes] and
    /// [N, classes, H, W]), or along the only one of a vector; `nil` where there is nothing to choose from.
    public var equalArgMax: Double? { rowCount == 0 ? nil : Double(equalRowCount) / Double(rowCount) }

    /// Takes in the tensors of one more sample.
    public mutating func add(_ candidate: Tensor, original: Tensor, tolerance: Tolerance) {
        defer { sampleCount += 1 }
        guard mismatch == nil else { return }
        guard candidate.elementType == original.elementType, candidate.shape == original.shape else {
            mismatch = "\(candidate), expected \(original)"
            return
        }
        relativeTolerance = tolerance.relative(for: original.elementType)
        elementCount += original.count
        guard let values = candidate.doubles(), let originals = original.doubles() else {
            return compareCodes(candidate, original)
        }
        compare(values, originals, shape: original.shape, type: original.elementType, tolerance: tolerance)
        if original.elementType.bitWidth == 64, original.elementType.isInteger { compareBeyondDoubles(candidate, original) }
        if original.elementType.isFloatingPoint { compareArgMax(values, originals, shape: original.shape) }
    }

    private mutating func compare(
        _ values: [Double], _ originals: [Double], shape: [Int], type: ElementType, tolerance: Tolerance
    ) {
        let magnitude = originals.reduce(0) { $1.isFinite ? max($0, abs($1)) : $0 }
        let absolute = tolerance.absolute(for: type, magnitude: magnitude)
        for index in values.indices {
            let value = values[index], original = originals[index]
            if value.isNaN && original.isNaN { continue }
            var error = 0.0
            if value != original {
                error = value.isFinite && original.isFinite ? abs(value - original) : .infinity
            }
            if value.isFinite && original.isFinite {
                signal += original * original
                noise += error * error
                power += value * value
                product += value * original
            }
            guard error > 0 || worst == nil else { continue }
            let allowed = absolute + relativeTolerance * abs(original)
            let excess = error == 0 ? 0 : (allowed.isFinite ? error / allowed : .infinity)
            let relative = relativeTolerance > 0 ? relativeTolerance * excess : (error == 0 ? 0 : error / abs(original))
            if excess > 1 { differentCount += 1 }
            maximumAbsoluteError = max(maximumAbsoluteError, error)
            maximumRelativeError = max(maximumRelativeError, relative)
            if excess > worstExcess {
                worstExcess = excess
                worst = WorstElement(
                    sample: sampleCount, index: Self.unravel(index, shape: shape), value: value, original: original)
            }
        }
    }

    /// 64-bit integers that differ although their nearest doubles are the same.
    private mutating func compareBeyondDoubles(_ candidate: Tensor, _ original: Tensor) {
        guard let values = candidate.int64s(), let originals = original.int64s() else { return }
        for index in values.indices where values[index] != originals[index] {
            guard Double(values[index]) == Double(originals[index]) else { continue }
            differentCount += 1
            maximumAbsoluteError = max(maximumAbsoluteError, 1)
        }
    }

    /// Strings and complex numbers: the same or not.
    private mutating func compareCodes(_ candidate: Tensor, _ original: Tensor) {
        if let values = candidate.strings, let originals = original.strings {
            differentCount += zip(values, originals).count { $0 != $1 }
        } else if !candidate.isIdentical(to: original) {
            differentCount += original.count
        }
        if differentCount > 0 {
            maximumAbsoluteError = .infinity
            maximumRelativeError = .infinity
        }
    }

    private mutating func compareArgMax(_ values: [Double], _ originals: [Double], shape: [Int]) {
        guard let axis = shape.count > 1 ? 1 : (shape.isEmpty ? nil : 0), shape[axis] > 1, !values.isEmpty else { return }
        let classes = shape[axis]
        let inner = shape[(axis + 1)...].reduce(1, *)
        for outer in 0..<values.count / (classes * inner) {
            for place in 0..<inner {
                let start = outer * classes * inner + place
                rowCount += 1
                let best = Self.argMax(values, start: start, stride: inner, count: classes)
                if best == Self.argMax(originals, start: start, stride: inner, count: classes) { equalRowCount += 1 }
            }
        }
    }

    /// The first of the largest; a NaN is never the largest unless it comes first.
    private static func argMax(_ values: [Double], start: Int, stride: Int, count: Int) -> Int {
        var best = 0
        for index in 1..<count where values[start + index * stride] > values[start + best * stride] { best = index }
        return best
    }

    private static func unravel(_ index: Int, shape: [Int]) -> [Int] {
        var rest = index
        var place: [Int] = []
        for length in shape.reversed() {
            place.append(rest % length)
            rest /= length
        }
        return place.reversed()
    }
}
