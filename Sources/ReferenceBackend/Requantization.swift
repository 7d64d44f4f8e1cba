import Foundation
import GraphIR

/// TFLite's arithmetic on int32 with a multiplier of 31 bits, as its reference kernels have it (gemmlowp's two roundings).
public struct FixedPointMultiplier: Hashable, Sendable {
    /// Q31, from 2³⁰ on; 0 for a factor of 0.
    public let multiplier: Int32
    /// Powers of two: multiplier·2⁻³¹·2^shift is the factor.
    public let shift: Int32

    /// The nearest multiplier to a factor that is not negative. Factors below 2⁻³² are 0; the shift is at most 30, as TFLite's.
    public init(_ factor: Double) {
        guard factor > 0, factor.isFinite else {
            (multiplier, shift) = (0, 0)
            return
        }
        var exponent = factor.exponent + 1
        var fixed = (scalbn(factor.significand / 2, 31)).rounded(.toNearestOrAwayFromZero)
        if fixed == 2_147_483_648 {
            fixed /= 2
            exponent += 1
        }
        if exponent < -31 { (multiplier, shift) = (0, 0) } else { (multiplier, shift) = (Int32(fixed), Int32(min(exponent, 30))) }
    }

    /// x·factor: shifted left if the factor is above 1, multiplied and rounded to int32, then shifted right and rounded once more.
    public func callAsFunction(_ x: Int32) -> Int32 {
        let product = Self.doublingHighProduct(x &<< max(shift, 0), multiplier)
        return Self.rounded(product, shiftedRight: max(-shift, 0))
    }

    /// x·factor, rounded once, halves up: what TFLite's fully connected layers compute.
    public func roundingOnce(_ x: Int32) -> Int32 {
        Int32(truncatingIfNeeded: (Int64(x) * Int64(multiplier) + (Int64(1) << (30 - shift))) >> (31 - shift))
    }

    /// (2·a·b) / 2³², halves up, saturated: ARM's SQRDMULH.
    private static func doublingHighProduct(_ a: Int32, _ b: Int32) -> Int32 {
        if a == .min, b == .min { return .max }
        let product = Int64(a) * Int64(b)
        return Int32(truncatingIfNeeded: (product + (product >= 0 ? 1 << 30 : 1 - 1 << 30)) / (1 << 31))
    }

    /// x / 2^shift, halves away from zero.
    private static func rounded(_ x: Int32, shiftedRight shift: Int32) -> Int32 {
        let mask = Int32(truncatingIfNeeded: (Int64(1) << shift) - 1)
        return (x >> shift) + ((x & mask) > (mask >> 1) + (x < 0 ? 1 : 0) ? 1 : 0)
    }
}

extension IntegerOperator {
    /// What a rounded sum becomes in the result: with its zero point, within its limits.
    func limited(_ rounded: Int64) -> Int32 {
        let value = rounded + Int64(result.affine.zeroPoint)
        return Int32(min(max(value, Int64(result.limits.lowerBound)), Int64(result.limits.upperBound)))
    }

    /// The same for a number that is rounded here, ties to even.
    func limited(rounding value: Float) -> Int32 {
        // Limits first: what lies beyond them may not fit an integer.
        let zero = result.affine.zeroPoint
        let low = Float(result.limits.lowerBound - zero), high = Float(result.limits.upperBound - zero)
        return Self.nearest(to: value, from: low, to: high) + zero
    }

    /// The same for a number that the zero point is part of already, as in ONNX Runtime's additions, products and average pools: a tie
    /// goes to the even integer of the result.
    func limited(roundingWhole value: Float) -> Int32 {
        Self.nearest(to: value, from: Float(result.limits.lowerBound), to: Float(result.limits.upperBound))
    }

    /// What is not a number, which scales beyond float32's range make, becomes the smallest.
    private static func nearest(to value: Float, from low: Float, to high: Float) -> Int32 {
        value > low ? Int32(min(value, high).rounded(.toNearestOrEven)) : Int32(low)
    }

    /// For every output channel, what a sum of products is multiplied by: s_x·s_w/s_y, or s_x·s_w for a result in float.
    public func factors(_ filters: Filters) -> [Float] {
        filters.scales.map { scale in
            let product = operands[0].scale * scale
            return result.elementType == .float32 ? product : product / result.affine.scale
        }
    }

    /// The same for TFLite's arithmetic, computed in Double.
    public func multipliers(_ filters: Filters) -> [FixedPointMultiplier] {
        filters.scales.map { FixedPointMultiplier(Double(operands[0].scale) * Double($0) / Double(result.affine.scale)) }
    }

    /// Whether TFLite rounds the sums once: those of fully connected layers, and not those of convolutions.
    public var roundsProductsOnce: Bool { if case .product = function { true } else { false } }

    /// Whether an average pool's result is the mean of the integers themselves, as TFLite has it where the scale stays the same. Padding
    /// that counts is 0 only where the zero point is.
    public func averagesIntegers(_ pool: AveragePool) -> Bool {
        rounding == .fixedPoint && operands[0] == result.affine && (!pool.countIncludePad || operands[0].zeroPoint == 0)
    }

    /// What an operand's distance from its zero point is multiplied by in units of the result: s/s_y.
    public func ratio(ofOperand place: Int) -> Float { operands[place].scale / result.affine.scale }

    /// z_y − (s_a/s_y·z_a + (s_b/s_y·z_b)): what an addition of the integers themselves adds. The first product is fused with the sum.
    public var additionShift: Float {
        let second = ratio(ofOperand: 1) * Float(operands[1].zeroPoint)
        return Float(result.affine.zeroPoint) - second.addingProduct(ratio(ofOperand: 0), Float(operands[0].zeroPoint))
    }

    /// s_a·s_b/s_y
    public var productFactor: Float { operands[0].scale * operands[1].scale / result.affine.scale }

    /// s_x/(s_y·count): what the sum over a whole image is multiplied by.
    public func meanFactor(count: Int) -> Float { operands[0].scale / (result.affine.scale * Float(count)) }

    /// The same two in TFLite's arithmetic.
    public var productMultiplier: FixedPointMultiplier {
        FixedPointMultiplier(Double(operands[0].scale) * Double(operands[1].scale) / Double(result.affine.scale))
    }

    public func meanMultiplier(count: Int) -> FixedPointMultiplier {
        FixedPointMultiplier(Double(operands[0].scale) / (Double(count) * Double(result.affine.scale)))
    }

    /// TFLite's multipliers of an addition: both operands', which are at most 1/2, after a shift by 20 bits, and the sum's.
    public var additionMultipliers: (first: FixedPointMultiplier, second: FixedPointMultiplier, sum: FixedPointMultiplier) {
        let a = Double(operands[0].scale), b = Double(operands[1].scale), twice = 2 * max(a, b)
        return (
            FixedPointMultiplier(a / twice), FixedPointMultiplier(b / twice),
            FixedPointMultiplier(twice / (Double(1 << 20) * Double(result.affine.scale)))
        )
    }
}
