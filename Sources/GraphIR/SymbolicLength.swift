/// A polynomial with integer coefficients in named lengths and floored quotients of such polynomials.
///
/// It is kept in a normal form, so that lengths that were computed on different ways compare equal: terms are ordered and
/// merged, and a quotient ⌊p/d⌋ with a constant d has coefficients in 0 ..< d inside and no quotient ⌊q/e⌋ as its only
/// quotient with factor 1.
public struct SymbolicLength: Hashable, Sendable {
    enum Factor: Hashable, Sendable {
        case name(String)
        case quotient(SymbolicLength, by: SymbolicLength)
    }

    /// A coefficient times a sorted product of factors, with repetition for powers; no factors for the constant term.
    struct Term: Hashable, Sendable {
        var factors: [Factor]
        var coefficient: Int
    }

    /// Ordered by decreasing degree, then by text; no zero coefficients.
    private(set) var terms: [Term]

    public init(name: String) { terms = [Term(factors: [.name(name)], coefficient: 1)] }

    public init(_ constant: Int) { terms = constant == 0 ? [] : [Term(factors: [], coefficient: constant)] }

    private init(_ factor: Factor) { terms = [Term(factors: [factor], coefficient: 1)] }

    /// Lengths with more parts than this say nothing to anybody, and nested quotients could double with every operation.
    private static let largestSize = 64

    /// The number of terms and factors, those inside quotients included.
    private var size: Int {
        terms.reduce(0) { size, term in
            term.factors.reduce(size + 1) { size, factor in
                switch factor {
                case .name: size + 1
                case .quotient(let numerator, let divisor): size + numerator.size + divisor.size
                }
            }
        }
    }

    /// `nil` when a coefficient overflows, or the polynomial becomes too large to be of use.
    private init?(summing terms: [Term]) {
        guard terms.count <= 4 * Self.largestSize else { return nil }
        var merged: [Term] = []
        for term in terms.sorted(by: Self.precedes) {
            if let last = merged.last, last.factors == term.factors {
                let (sum, overflow) = last.coefficient.addingReportingOverflow(term.coefficient)
                if overflow { return nil }
                merged[merged.count - 1].coefficient = sum
            } else {
                merged.append(term)
            }
        }
        self.terms = merged.filter { $0.coefficient != 0 }
        guard size <= Self.largestSize else { return nil }
    }

    /// The value when no name is left.
    public var constant: Int? {
        if terms.isEmpty { return 0 }
        return terms.count == 1 && terms[0].factors.isEmpty ? terms[0].coefficient : nil
    }

    /// The name when the length is one name and nothing else.
    public var name: String? {
        guard terms.count == 1, terms[0].coefficient == 1, terms[0].factors.count == 1, case .name(let name) = terms[0].factors[0]
        else { return nil }
        return name
    }

    /// The least value, given that no name stands for a negative number.
    var lowerBound: Int? {
        var bound = 0
        for term in terms {
            if term.factors.isEmpty {
                bound = term.coefficient
            } else if term.coefficient < 0 || !term.factors.allSatisfy(\.isNonNegative) {
                return nil
            }
        }
        return bound
    }

    func adding(_ other: SymbolicLength) -> SymbolicLength? { SymbolicLength(summing: terms + other.terms) }

    func multiplied(by other: SymbolicLength) -> SymbolicLength? {
        var products: [Term] = []
        guard terms.count <= Self.largestSize / max(other.terms.count, 1) else { return nil }
        for left in terms {
            for right in other.terms {
                let (coefficient, overflow) = left.coefficient.multipliedReportingOverflow(by: right.coefficient)
                if overflow { return nil }
                products.append(Term(factors: (left.factors + right.factors).sorted(by: Factor.precedes), coefficient: coefficient))
            }
        }
        return SymbolicLength(summing: products)
    }

    /// The quotient when the division by a single term leaves no remainder.
    func divided(exactlyBy divisor: SymbolicLength) -> SymbolicLength? {
        if divisor.terms.isEmpty { return nil }
        if self == divisor { return SymbolicLength(1) }
        guard divisor.terms.count == 1, let term = divisor.terms.first else { return nil }
        var quotient: [Term] = []
        for numerator in terms {
            var rest = numerator.factors
            for factor in term.factors {
                guard let index = rest.firstIndex(of: factor) else { return nil }
                rest.remove(at: index)
            }
            let (coefficient, overflow) = numerator.coefficient.dividedReportingOverflow(by: term.coefficient)
            guard !overflow, numerator.coefficient.isMultiple(of: term.coefficient) else { return nil }
            quotient.append(Term(factors: rest, coefficient: coefficient))
        }
        return SymbolicLength(summing: quotient)
    }

    /// ⌊self / divisor⌋; `nil` for a divisor of 0 and on overflow.
    func dividedFlooring(by divisor: SymbolicLength) -> SymbolicLength? {
        if divisor.terms.isEmpty { return nil }
        if let exact = divided(exactlyBy: divisor) { return exact }
        guard let constant = divisor.constant else { return SymbolicLength(.quotient(self, by: divisor)) }
        guard constant > 0 else {
            guard let numerator = multiplied(by: SymbolicLength(-1)), constant > Int.min else { return nil }
            return numerator.dividedFlooring(byPositive: -constant)
        }
        return dividedFlooring(byPositive: constant)
    }

    /// Whole multiples of the divisor leave the quotient: ⌊(d·q + r)/d⌋ = q + ⌊r/d⌋, term by term.
    private func dividedFlooring(byPositive divisor: Int) -> SymbolicLength? {
        var whole: [Term] = []
        var rest: [Term] = []
        for term in terms {
            var (quotient, remainder) = term.coefficient.quotientAndRemainder(dividingBy: divisor)
            if remainder < 0 { (quotient, remainder) = (quotient - 1, remainder + divisor) }
            if quotient != 0 { whole.append(Term(factors: term.factors, coefficient: quotient)) }
            if remainder != 0 { rest.append(Term(factors: term.factors, coefficient: remainder)) }
        }
        guard let whole = SymbolicLength(summing: whole), let rest = SymbolicLength(summing: rest) else { return nil }
        if rest.constant != nil { return whole }
        guard let quotient = rest.mergedQuotient(by: divisor) else { return nil }
        return whole.adding(quotient)
    }

    /// ⌊(⌊a/b⌋ + x)/d⌋ = ⌊(a + b·x)/(b·d)⌋ for integer x and positive b, d; and common divisors are cancelled.
    private func mergedQuotient(by divisor: Int) -> SymbolicLength? {
        let quotients = terms.indices.filter { terms[$0].factors.contains { if case .quotient = $0 { true } else { false } } }
        if quotients.count == 1, let index = quotients.first, terms[index].coefficient == 1, terms[index].factors.count == 1,
            case .quotient(let inner, let innerDivisor) = terms[index].factors[0], let scale = innerDivisor.constant, scale > 0
        {
            var others = terms
            others.remove(at: index)
            let (total, overflow) = scale.multipliedReportingOverflow(by: divisor)
            guard !overflow, let added = SymbolicLength(summing: others)?.multiplied(by: innerDivisor), let sum = inner.adding(added)
            else { return nil }
            return sum.dividedFlooring(byPositive: total)
        }
        var common = divisor
        for term in terms where !term.factors.isEmpty { common = Self.greatestCommonDivisor(common, term.coefficient) }
        guard common > 1 else { return SymbolicLength(.quotient(self, by: SymbolicLength(divisor))) }
        let reduced = SymbolicLength(summing: terms.map { Term(factors: $0.factors, coefficient: $0.coefficient / common) })
        if common == divisor { return reduced }
        return reduced.map { SymbolicLength(.quotient($0, by: SymbolicLength(divisor / common))) }
    }

    func substituting(_ lengths: [String: Int]) -> Dimension {
        terms.reduce(Dimension.known(0)) { sum, term in
            sum + term.factors.reduce(Dimension.known(term.coefficient)) { product, factor in
                switch factor {
                case .name(let name): product * (lengths[name].map { .known($0) } ?? .named(name))
                case .quotient(let numerator, let divisor):
                    product * numerator.substituting(lengths).dividedFlooring(by: divisor.substituting(lengths))
                }
            }
        }
    }

    fileprivate var asFactor: String { terms.count > 1 ? "(\(self))" : description }

    private static func precedes(_ left: Term, _ right: Term) -> Bool {
        if left.factors.count != right.factors.count { return left.factors.count > right.factors.count }
        return left.factors.lexicographicallyPrecedes(right.factors, by: Factor.precedes)
    }

    private static func greatestCommonDivisor(_ left: Int, _ right: Int) -> Int {
        var (larger, smaller) = (left, right)
        while smaller != 0 { (larger, smaller) = (smaller, larger % smaller) }
        return larger
    }
}

extension SymbolicLength.Factor {
    var text: String {
        switch self {
        case .name(let name): name
        case .quotient(let numerator, let divisor): "floor(\(numerator.asFactor)/\(divisor.asFactor))"
        }
    }

    fileprivate var isNonNegative: Bool {
        switch self {
        case .name: true
        case .quotient(let numerator, let divisor): (numerator.lowerBound ?? -1) >= 0 && (divisor.constant ?? 0) > 0
        }
    }

    fileprivate static func precedes(_ left: Self, _ right: Self) -> Bool {
        if case .name(let left) = left, case .name(let right) = right { return left < right }
        return left.text < right.text
    }
}

extension SymbolicLength: CustomStringConvertible {
    public var description: String {
        if terms.isEmpty { return "0" }
        var text = ""
        for (index, term) in terms.enumerated() {
            let magnitude = term.coefficient.magnitude
            let names = term.factors.map(\.text).joined(separator: "*")
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
