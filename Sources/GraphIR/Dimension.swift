/// The length of a dimension, as far as it is known before the network runs.
public enum Dimension: Hashable, Sendable {
    case known(Int)
    /// A polynomial in named lengths, such as `N`, `2*N` or `floor((H - 1)/2) + 1`.
    case symbolic(SymbolicLength)
    case unknown

    /// The dimension called `name`.
    public static func named(_ name: String) -> Dimension { .symbolic(SymbolicLength(name: name)) }

    public var known: Int? {
        if case .known(let length) = self { length } else { nil }
    }

    public static func + (left: Dimension, right: Dimension) -> Dimension { combine(left, right) { $0.adding($1) } }
    public static func - (left: Dimension, right: Dimension) -> Dimension { left + right * .known(-1) }
    public static func * (left: Dimension, right: Dimension) -> Dimension {
        if left == .known(0) || right == .known(0) { return .known(0) }
        return combine(left, right) { $0.multiplied(by: $1) }
    }

    /// ⌊self / divisor⌋, exact where the division is.
    public func dividedFlooring(by divisor: Dimension) -> Dimension {
        if divisor == .known(1) { return self }
        if let left = known, let right = divisor.known {
            return right == 0 ? .unknown : .known(Int((Double(left) / Double(right)).rounded(.down)))
        }
        guard let numerator = polynomial, let denominator = divisor.polynomial, denominator != SymbolicLength(0) else { return .unknown }
        if let quotient = numerator.divided(exactlyBy: denominator) { return Dimension(quotient) }
        return .named("floor(\(numerator.asFactor)/\(denominator.asFactor))")
    }

    private var polynomial: SymbolicLength? {
        switch self {
        case .known(let length): SymbolicLength(length)
        case .symbolic(let length): length
        case .unknown: nil
        }
    }

    private init(_ length: SymbolicLength) {
        self = length.constant.map { .known($0) } ?? .symbolic(length)
    }

    private static func combine(
        _ left: Dimension, _ right: Dimension, _ operation: (SymbolicLength, SymbolicLength) -> SymbolicLength?
    ) -> Dimension {
        guard let left = left.polynomial, let right = right.polynomial, let result = operation(left, right) else { return .unknown }
        return Dimension(result)
    }
}

/// A polynomial with integer coefficients in named lengths. Equal polynomials are equal values.
public struct SymbolicLength: Hashable, Sendable {
    /// A product of names, sorted, with repetition for powers; empty for the constant term.
    typealias Monomial = [String]
    private struct Term: Hashable, Sendable {
        var monomial: Monomial
        var coefficient: Int
    }

    /// Ordered by decreasing degree, then by name; no zero coefficients.
    private var terms: [Term]

    public init(name: String) { terms = [Term(monomial: [name], coefficient: 1)] }

    public init(_ constant: Int) { terms = constant == 0 ? [] : [Term(monomial: [], coefficient: constant)] }

    private init(summing terms: [Term]) {
        let ordered = terms.sorted { Self.precedes($0.monomial, $1.monomial) }
        var merged: [Term] = []
        for term in ordered {
            if let last = merged.last, last.monomial == term.monomial {
                merged[merged.count - 1].coefficient = last.coefficient &+ term.coefficient
            } else {
                merged.append(term)
            }
        }
        self.terms = merged.filter { $0.coefficient != 0 }
    }

    /// The value when no name is left.
    public var constant: Int? {
        if terms.isEmpty { return 0 }
        return terms.count == 1 && terms[0].monomial.isEmpty ? terms[0].coefficient : nil
    }

    /// The name when the length is one name and nothing else.
    public var name: String? {
        terms.count == 1 && terms[0].coefficient == 1 && terms[0].monomial.count == 1 ? terms[0].monomial[0] : nil
    }

    func adding(_ other: SymbolicLength) -> SymbolicLength? { SymbolicLength(summing: terms + other.terms) }

    /// `nil` when a coefficient overflows.
    func multiplied(by other: SymbolicLength) -> SymbolicLength? {
        var products: [Term] = []
        for left in terms {
            for right in other.terms {
                let (coefficient, overflow) = left.coefficient.multipliedReportingOverflow(by: right.coefficient)
                if overflow { return nil }
                products.append(Term(monomial: (left.monomial + right.monomial).sorted(), coefficient: coefficient))
            }
        }
        return SymbolicLength(summing: products)
    }

    /// The quotient when the division by a single term leaves no remainder.
    func divided(exactlyBy divisor: SymbolicLength) -> SymbolicLength? {
        if self == divisor { return SymbolicLength(1) }
        guard divisor.terms.count == 1, let term = divisor.terms.first else { return nil }
        var quotient: [Term] = []
        for numerator in terms {
            var rest = numerator.monomial
            for name in term.monomial {
                guard let index = rest.firstIndex(of: name) else { return nil }
                rest.remove(at: index)
            }
            guard numerator.coefficient.isMultiple(of: term.coefficient) else { return nil }
            quotient.append(Term(monomial: rest, coefficient: numerator.coefficient / term.coefficient))
        }
        return SymbolicLength(summing: quotient)
    }

    var asFactor: String { terms.count > 1 ? "(\(self))" : description }

    private static func precedes(_ left: Monomial, _ right: Monomial) -> Bool {
        left.count != right.count ? left.count > right.count : left.lexicographicallyPrecedes(right)
    }
}

extension SymbolicLength: CustomStringConvertible {
    public var description: String {
        if terms.isEmpty { return "0" }
        var text = ""
        for (index, term) in terms.enumerated() {
            let magnitude = abs(term.coefficient)
            let names = term.monomial.joined(separator: "*")
            let product = names.isEmpty ? "\(magnitude)" : (magnitude == 1 ? names : "\(magnitude)*\(names)")
            if index == 0 {
                text = term.coefficient < 0 ? "-\(product)" : product
            } else {
                text += (term.coefficient < 0 ? " - " : " + ") + product
            }
        }
        return text
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
