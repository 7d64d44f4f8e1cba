/// The length of a dimension, as far as it is known before the network runs.
public enum Dimension: Hashable, Sendable {
    case known(Int)
    /// A polynomial in named lengths, such as `N`, `2*N` or `floor((H + 1)/2)`.
    case symbolic(SymbolicLength)
    case unknown

    /// The dimension called `name`.
    public static func named(_ name: String) -> Dimension { .symbolic(SymbolicLength(name: name)) }

    public var known: Int? {
        if case .known(let length) = self { length } else { nil }
    }

    /// Arithmetic on lengths is exact; what does not fit an `Int` is unknown.
    public static func + (left: Dimension, right: Dimension) -> Dimension {
        if let left = left.known, let right = right.known {
            let (sum, overflow) = left.addingReportingOverflow(right)
            return overflow ? .unknown : .known(sum)
        }
        return combine(left, right) { $0.adding($1) }
    }

    public static func - (left: Dimension, right: Dimension) -> Dimension { left + right * .known(-1) }

    /// The product; 0 times an unknown length is 0.
    public static func * (left: Dimension, right: Dimension) -> Dimension {
        if left == .known(0) || right == .known(0) { return .known(0) }
        if let left = left.known, let right = right.known {
            let (product, overflow) = left.multipliedReportingOverflow(by: right)
            return overflow ? .unknown : .known(product)
        }
        return combine(left, right) { $0.multiplied(by: $1) }
    }

    /// ⌊self / divisor⌋, in a normal form: ⌊(H − 1)/2⌋ + 1 and ⌊(H + 1)/2⌋ are equal values. Unknown for a divisor of 0.
    public func dividedFlooring(by divisor: Dimension) -> Dimension {
        guard let numerator = polynomial, let denominator = divisor.polynomial else { return .unknown }
        return numerator.dividedFlooring(by: denominator).map { Dimension($0) } ?? .unknown
    }

    /// ⌈self / divisor⌉.
    public func dividedCeiling(by divisor: Int) -> Dimension {
        (self + .known(divisor) - 1).dividedFlooring(by: .known(divisor))
    }

    /// self / divisor where that leaves no remainder, whatever the named lengths are; else `nil`.
    public func divided(exactlyBy divisor: Dimension) -> Dimension? {
        guard let numerator = polynomial, let denominator = divisor.polynomial else { return nil }
        return numerator.divided(exactlyBy: denominator).map { Dimension($0) }
    }

    /// The same length with some names replaced by numbers.
    public func substituting(_ lengths: [String: Int]) -> Dimension {
        guard case .symbolic(let length) = self else { return self }
        return length.substituting(lengths)
    }

    /// The least that the length can be, given that no named length is negative; `nil` where that is not clear.
    public var lowerBound: Int? { polynomial?.lowerBound }

    /// Whether no choice of the named lengths makes both equal.
    public func isCertainlyDifferent(from other: Dimension) -> Bool {
        let difference = self - other
        if let known = difference.known { return known != 0 }
        return (difference.lowerBound ?? 0) > 0 || ((other - self).lowerBound ?? 0) > 0
    }

    private var polynomial: SymbolicLength? {
        switch self {
        case .known(let length): SymbolicLength(length)
        case .symbolic(let length): length
        case .unknown: nil
        }
    }

    init(_ length: SymbolicLength) {
        self = length.constant.map { .known($0) } ?? .symbolic(length)
    }

    private static func combine(
        _ left: Dimension, _ right: Dimension, _ operation: (SymbolicLength, SymbolicLength) -> SymbolicLength?
    ) -> Dimension {
        guard let left = left.polynomial, let right = right.polynomial, let result = operation(left, right) else { return .unknown }
        return Dimension(result)
    }
}

extension Dimension: CustomStringConvertible {
    public var description: String {
        switch self {
        case .known(let length): "\(length)"
        case .symbolic(let length): "\(length)"
        case .unknown: "?"
        }
    }
}

extension Dimension: ExpressibleByIntegerLiteral {
    public init(integerLiteral value: Int) { self = .known(value) }
}
