import GraphIR
import Tensors

/// How far a rewritten graph may be from the original.
public enum Fidelity: Hashable, Sendable {
    /// The same numbers, bit for bit.
    case exact
    /// The same function in real arithmetic; rounding may differ by the given relative tolerance.
    case rounding(tolerance: Double)
    /// Another function, close to the original only as far as its report says.
    case approximate
}

/// A step of a pipeline: changes a graph and says what it did.
public protocol Pass: Sendable {
    /// In kebab-case: `fold-batch-norm`.
    var name: String { get }
    var fidelity: Fidelity { get }
    /// Changes `graph` in one transaction.
    /// - Throws: `CleaveError`, with the graph untouched.
    func run(on graph: inout Graph) throws -> PassReport
}

/// What a pass did, what it left alone, and why.
public struct PassReport: Hashable, Sendable {
    public struct Rewrite: Hashable, Sendable {
        /// Label of the node that was rewritten.
        public var node: String
        /// What became of it, in a few words: `3×3 → 3×1, 1×3 (rank 48)`.
        public var detail: String

        public init(node: String, detail: String) {
            self.node = node
            self.detail = detail
        }
    }

    public struct Skip: Hashable, Sendable {
        public var node: String
        public var reason: SkipReason

        public init(node: String, reason: SkipReason) {
            self.node = node
            self.reason = reason
        }
    }

    public var pass: String
    public var fidelity: Fidelity
    public var rewrites: [Rewrite]
    public var skips: [Skip]

    public init(pass: String, fidelity: Fidelity, rewrites: [Rewrite], skips: [Skip]) {
        self.pass = pass
        self.fidelity = fidelity
        self.rewrites = rewrites
        self.skips = skips
    }
}

/// Why a node was left alone, in words that a person can read in the report.
public struct SkipReason: Hashable, Sendable, CustomStringConvertible {
    public var description: String
    public init(_ description: String) { self.description = description }
}
