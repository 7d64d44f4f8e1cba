import GraphIR
import ONNXFormat
import Passes
import ReferenceBackend
import Tensors

/// A step of `Graph.apply`: one or more passes.
public struct Transformation: Sendable {
    /// What long work calls to say how far it has come; also from other threads.
    public typealias Progress = @Sendable (WorkProgress) -> Void

    let run: @Sendable (inout Graph, Progress?) throws -> [PassReport]

    /// Folds batch norms into the layers before them.
    public static let foldBatchNorm = Transformation.pass(RewritePass(FoldBatchNorm()))

    /// Everything that can be computed or simplified before the network runs: see `Pipeline.fold` and `Graph.lower`.
    public static let fold = Transformation { graph, progress in
        try graph.lower()
        var reports: [PassReport] = []
        let options = Pipeline.Options(verify: nil, observe: nil, passLimit: nil, progress: progress)
        // What is folded may settle the condition of an `If`.
        repeat { reports += try Pipeline.fold(evaluate: evaluate).run(on: &graph, options: options) } while try graph.lower()
        return PassReport.merged(reports)
    }

    /// Replaces convolutions by a separable form, those inside functions of the model too: see `SeparateConvolutions` and
    /// `Graph.lower`.
    public static func separate(
        _ form: SeparableForm, scope: SeparateConvolutions.Scope = .residualBlocks,
        initialize: SeparateConvolutions.Initialization = .decompose(.paper)
    ) -> Transformation {
        let pass = SeparateConvolutions(form, scope: scope, initialize: initialize)
        return Transformation { graph, progress in
            [try graph.separate(with: pass, progress: progress).passReport(pass.name)]
        }
    }

    public static func pass(_ pass: some Pass) -> Transformation {
        Transformation { graph, progress in
            try checkCancellation()
            progress?(WorkProgress(task: "running \(pass.name)"))
            return [try pass.run(on: &graph)]
        }
    }

    public static func pipeline(_ pipeline: Pipeline) -> Transformation {
        Transformation { graph, progress in
            try pipeline.run(on: &graph, options: .init(verify: nil, observe: nil, passLimit: nil, progress: progress))
        }
    }
}

extension Graph {
    /// Applies all of `transformations`, in order, or none.
    /// - Parameter progress: called when a pass begins, and as its work goes on; also from other threads.
    /// - Returns: what every pass did and left alone.
    /// - Throws: `CleaveError` with the graph untouched, also when the task is cancelled.
    @discardableResult
    public mutating func apply(_ transformations: Transformation..., progress: Transformation.Progress? = nil) throws -> [PassReport] {
        var graph = self
        let reports = try transformations.flatMap { try $0.run(&graph, progress) }
        self = graph
        return reports
    }

    /// Puts functions in the place of their calls, then separates convolutions: what `Transformation.separate` does, with a report
    /// of every layer.
    /// - Parameter progress: called with the number of weights done; also from other threads.
    /// - Throws: `CleaveError` with the graph untouched, also when the task is cancelled.
    public mutating func separate(
        with pass: SeparateConvolutions, progress: Transformation.Progress? = nil
    ) throws -> SeparationReport {
        var graph = try lowered()
        let report = try pass.separate(&graph) { done, total in
            progress?(WorkProgress(task: "separating", completed: done, total: total, unit: "weights"))
        }
        self = graph
        return report
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
