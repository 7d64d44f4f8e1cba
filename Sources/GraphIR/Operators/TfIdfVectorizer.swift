import Tensors

/// `TfIdfVectorizer`: how often known n-grams occur in a row of tokens, weighted as `mode` says.
public struct TfIdfVectorizer: OperatorPayload {
    public enum Mode: String, CaseIterable, Hashable, Sendable {
        /// The number of occurrences.
        case frequency = "TF"
        /// The weight, where there is an occurrence.
        case inverseFrequency = "IDF"
        /// Number times weight.
        case both = "TFIDF"
    }

    /// The tokens of all n-grams, shortest n-grams first.
    public enum Pool: Hashable, Sendable {
        case integers([Int])
        /// UTF-8
        case strings([[UInt8]])
    }

    public var mode: Mode
    /// Lengths of the n-grams that are looked for.
    public var minimumLength: Int
    public var maximumLength: Int
    /// How many tokens may at most lie between two of an n-gram.
    public var maximumSkip: Int
    public var pool: Pool
    /// Where in the pool the n-grams of length 1, 2, … begin.
    public var starts: [Int]
    /// Per n-gram of the pool, its place in the output.
    public var places: [Int]
    /// Per n-gram of the pool; `nil` for 1 each.
    public var weights: [Float]?

    public enum Operand: Int, CaseIterable, Sendable {
        case tokens
    }

    public static let operandCount = 1...1
    public static let outputCount = 1...1

    public init(
        mode: Mode, minimumLength: Int, maximumLength: Int, maximumSkip: Int, pool: Pool, starts: [Int], places: [Int],
        weights: [Float]?
    ) {
        self.mode = mode
        self.minimumLength = minimumLength
        self.maximumLength = maximumLength
        self.maximumSkip = maximumSkip
        self.pool = pool
        self.starts = starts
        self.places = places
        self.weights = weights
    }
}

extension TfIdfVectorizer {
    /// Numbers per row of tokens.
    /// - Throws: `CleaveError` for attributes that contradict each other.
    public func outputLength() throws -> Int {
        guard minimumLength >= 1, maximumLength >= minimumLength, maximumSkip >= 0, starts.count >= maximumLength else {
            throw CleaveError(
                .invalidAttribute,
                "n-grams of \(minimumLength) to \(maximumLength) tokens with up to \(maximumSkip) skipped and \(starts.count) entries in "
                    + "ngram_counts are asked for, expected 1 ≤ shortest ≤ longest ≤ entries")
        }
        guard let last = places.max(), places.allSatisfy({ $0 >= 0 }), weights.map({ $0.count == places.count }) ?? true else {
            throw CleaveError(.invalidAttribute, "ngram_indexes and weights do not fit each other")
        }
        let (length, overflow) = last.addingReportingOverflow(1)
        guard !overflow else { throw CleaveError(.invalidAttribute, "an entry of ngram_indexes is \(last), which is too large") }
        return length
    }

    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let tokens = try context.type(of: Operand.tokens, .any)
        if let type = tokens.elementType, ![.int32, .int64, .string].contains(type) {
            throw CleaveError(.typeMismatch, "tokens are \(type), expected int32, int64 or strings")
        }
        let length = try outputLength()
        guard let shape = tokens.shape else { return [InferredValue(.float32, nil)] }
        guard shape.count == 1 || shape.count == 2 else {
            throw CleaveError(.shapeMismatch, "tokens have \(count(shape.count, "dimension")), expected 1 or 2 (rows, tokens)")
        }
        return [InferredValue(.float32, shape.dropLast() + [.known(length)])]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}
