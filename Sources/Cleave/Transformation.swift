import GraphIR
import Passes
import ReferenceBackend

/// A step of `Graph.apply`: one or more passes.
public struct Transformation: Sendable {
    let run: @Sendable (inout Graph) throws -> [PassReport]

    /// Folds batch norms into the layers before them.
    public static let foldBatchNorm = Transformation.pass(RewritePass(FoldBatchNorm()))

    /// Everything that can be computed or simplified before the network runs: see `Pipeline.fold` and `Graph.lower`.
    public static let fold = Transformation { graph in
        try graph.lower()
        var reports: [PassReport] = []
        // What is folded may settle the condition of an `If`.
        repeat { reports += try Pipeline.fold(evaluate: evaluate).run(on: &graph) } while try graph.lower()
        return reports
    }

    /// Replaces convolutions by a separable form: see `SeparateConvolutions`.
    public static func separate(
        _ form: SeparableForm, scope: SeparateConvolutions.Scope = .residualBlocks,
        initialize: SeparateConvolutions.Initialization = .decompose(.paper)
    ) -> Transformation {
        .pass(SeparateConvolutions(form, scope: scope, initialize: initialize))
    }

    public static func pass(_ pass: some Pass) -> Transformation {
        Transformation { [try pass.run(on: &$0)] }
    }

    public static func pipeline(_ pipeline: Pipeline) -> Transformation {
        Transformation { try pipeline.run(on: &$0) }
    }
}

extension Graph {
    /// Applies all of `transformations`, in order, or none.
    /// - Returns: what every pass did and left alone.
    /// - Throws: `CleaveError` with the graph untouched.
    @discardableResult
    public mutating func apply(_ transformations: Transformation...) throws -> [PassReport] {
        var graph = self
        let reports = try transformations.flatMap { try $0.run(&graph) }
        self = graph
        return reports
    }
}

extension SeparateConvolutions.Initialization {
    /// The old weights, decomposed to the given number of depthwise terms.
    public static func decompose(terms: Int) -> Self { .decompose(.count(terms)) }

    /// The old weights, decomposed to the given rank of the spatial form.
    public static func decompose(rank: Int) -> Self { .decompose(.count(rank)) }

    /// The old weights, decomposed to the smallest rank that keeps this share of Σσ².
    public static func decompose(energy: Double) -> Self { .decompose(.energy(energy)) }
}
