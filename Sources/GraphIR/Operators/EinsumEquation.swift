import Tensors

/// A parsed `Einsum` equation: what each dimension of each operand and of the output stands for.
public struct EinsumEquation: Hashable, Sendable {
    public enum Label: Hashable, Sendable {
        case letter(Character)
        /// A dimension of an ellipsis, counted from its end.
        case broadcast(Int)
    }

    /// Per operand, a label per dimension.
    public let operands: [[Label]]
    public let output: [Label]

    /// Parses `equation` for operands with the given numbers of dimensions. Without `->` the output has the ellipsis, then
    /// the letters that occur once, in alphabetical order, as `numpy.einsum` does.
    /// - Throws: `CleaveError` when the equation is malformed or does not fit the ranks.
    public init(_ equation: String, ranks: [Int]) throws {
        let compact = equation.filter { !$0.isWhitespace }
        let sides = Self.split(compact)
        let terms = sides.left.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard terms.count == ranks.count else {
            throw CleaveError(
                .invalidAttribute,
                "equation '\(equation)' has \(count(terms.count, "term")), but there are \(count(ranks.count, "operand"))")
        }
        var widest = 0
        operands = try zip(terms, ranks).map { term, rank in
            let labels = try Self.labels(term, rank: rank, equation: equation)
            widest = max(widest, labels.count { if case .broadcast = $0 { true } else { false } })
            return labels
        }
        let letters = operands.joined().filter { if case .letter = $0 { true } else { false } }
        guard let right = sides.right else {
            let once = letters.filter { letter in letters.count { $0 == letter } == 1 }
            output = Self.ellipsis(widest) + once.sorted { "\($0)" < "\($1)" }
            return
        }
        output = try Self.labels(right, rank: nil, ellipsisLength: widest, equation: equation)
        let known = Set(letters)
        for label in output {
            guard case .letter(let letter) = label else { continue }
            guard known.contains(label), output.count(where: { $0 == label }) == 1 else {
                throw CleaveError(
                    .invalidAttribute,
                    "equation '\(equation)' has the letter \(letter) in its output, expected each letter once and from an operand")
            }
        }
    }

    /// The length that each label has.
    /// - Throws: `CleaveError` when a letter stands for different lengths.
    public func lengths(_ shapes: [[Dimension]]) throws -> [Label: Dimension] {
        var lengths: [Label: Dimension] = [:]
        for (labels, shape) in zip(operands, shapes) {
            for (label, length) in zip(labels, shape) {
                guard let previous = lengths[label] else { lengths[label] = length; continue }
                guard let common = broadcast([previous], [length]) else {
                    throw CleaveError(.shapeMismatch, "\(label) stands for lengths \(previous) and \(length), expected one length")
                }
                lengths[label] = common[0] == .unknown ? unified(previous, length) ?? .unknown : common[0]
            }
        }
        return lengths
    }

    private static func split(_ equation: String) -> (left: String, right: String?) {
        guard let arrow = equation.firstIndex(of: "-") else { return (equation, nil) }
        return (String(equation[..<arrow]), String(equation[equation.index(after: arrow)...].drop { $0 == ">" }))
    }

    private static func ellipsis(_ length: Int) -> [Label] { (0..<length).reversed().map { .broadcast($0) } }

    private static func labels(_ term: String, rank: Int?, ellipsisLength: Int = 0, equation: String) throws -> [Label] {
        var rest = Substring(term)
        let letterCount = term.count { $0.isLetter }
        var labels: [Label] = []
        var hasEllipsis = false
        while let character = rest.first {
            if character.isLetter {
                labels.append(.letter(character))
                rest.removeFirst()
            } else if rest.hasPrefix("..."), !hasEllipsis {
                hasEllipsis = true
                labels += ellipsis(rank.map { max(0, $0 - letterCount) } ?? ellipsisLength)
                rest.removeFirst(3)
            } else {
                throw CleaveError(
                    .invalidAttribute, "equation '\(equation)' is malformed at '\(rest)', expected letters and one ellipsis per term")
            }
        }
        if let rank, labels.count != rank {
            throw CleaveError(
                .shapeMismatch,
                "term '\(term)' of equation '\(equation)' names \(count(labels.count, "dimension")), but its operand has \(rank)")
        }
        return labels
    }
}

extension EinsumEquation.Label: CustomStringConvertible {
    public var description: String {
        switch self {
        case .letter(let letter): "\(letter)"
        case .broadcast(let index): "ellipsis dimension \(-1 - index)"
        }
    }
}
