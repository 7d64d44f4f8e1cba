import Tensors

/// What operators do to single elements that inference follows: whole numbers and expressions in lengths.
extension Dimension {
    /// 0 or 1; unknown for `nil`.
    init(_ truth: Bool?) { self = truth.map { .known($0 ? 1 : 0) } ?? .unknown }

    /// False for 0, true for what cannot be 0.
    var truth: Bool? {
        if let known { return known != 0 }
        return isCertainlyDifferent(from: 0) ? true : nil
    }

    /// Unknown when an element of `type` would not hold the number exactly. Lengths are taken to fit 32 bits.
    func limited(to type: ElementType) -> Dimension {
        let limit: Int
        switch type {
        case .float64: limit = 1 << 53
        case .float32: limit = 1 << 24
        case .float16: limit = 1 << 11
        case .bfloat16: limit = 1 << 8
        case .bool: return known == 0 || known == 1 ? self : .unknown
        default:
            guard let range = type.integerRange, type != .uint64 else { return .unknown }
            guard let known else { return type.bitWidth >= 32 ? self : .unknown }
            return range.contains(Int64(known)) ? self : .unknown
        }
        guard let known else { return type.bitWidth >= 32 ? self : .unknown }
        return known.magnitude <= UInt(limit) ? self : .unknown
    }

    /// self < other, where that is clear.
    func isLess(than other: Dimension) -> Bool? {
        if let bound = (other - self).lowerBound, bound > 0 { return true }
        if let bound = (self - other).lowerBound, bound >= 0 { return false }
        return nil
    }

    func isEqual(to other: Dimension) -> Bool? {
        if self == .unknown || other == .unknown { return nil }
        if self == other { return true }
        return isCertainlyDifferent(from: other) ? false : nil
    }

    func minimum(_ other: Dimension) -> Dimension {
        if self == other { return self }
        return isLess(than: other).map { $0 ? self : other } ?? other.isLess(than: self).map { $0 ? other : self } ?? .unknown
    }

    func maximum(_ other: Dimension) -> Dimension {
        if self == other { return self }
        return isLess(than: other).map { $0 ? other : self } ?? other.isLess(than: self).map { $0 ? self : other } ?? .unknown
    }

    /// Integer division rounds towards zero, that of floats leaves what is not whole unknown.
    func divided(by divisor: Dimension, as type: ElementType) -> Dimension {
        if type.isInteger, let known, let divisor = divisor.known {
            let (quotient, overflow) = known.dividedReportingOverflow(by: divisor)
            return overflow ? .unknown : .known(quotient)
        }
        if let exact = divided(exactlyBy: divisor), divisor != .known(0) { return exact }
        guard type.isInteger, let lowerBound, lowerBound >= 0, let bound = divisor.lowerBound, bound > 0 else { return .unknown }
        return dividedFlooring(by: divisor)
    }

    /// `Mod`: the remainder with the sign of the divisor, or with `truncating` (`fmod`) that of the dividend.
    func remainder(by divisor: Dimension, truncating: Bool) -> Dimension {
        if let dividend = known, let divisor = divisor.known {
            guard divisor != 0, divisor != -1 else { return divisor == 0 ? .unknown : 0 }
            let remainder = dividend % divisor
            return .known(!truncating && remainder != 0 && (remainder < 0) != (divisor < 0) ? remainder + divisor : remainder)
        }
        return divided(exactlyBy: divisor) == nil ? .unknown : 0
    }

    func power(_ exponent: Dimension) -> Dimension {
        guard let exponent = exponent.known, (0...64).contains(exponent) else { return .unknown }
        return (0..<exponent).reduce(1) { product, _ in product * self }
    }
}
