import GraphIR
import Tensors

extension Pipeline {
    /// Simplifies a network for inference without changing what it computes.
    /// - Parameter evaluate: computes single operators; a backend provides it.
    public static func fold(evaluate: @escaping ConstantEvaluator) -> Pipeline {
        let round: [any Pass] = [
            // What nobody needs would count as a reader and keep rules from matching.
            RemoveDeadCode(),
            // Weights, axes and shapes must be constants before rules look for them.
            RewritePass(FoldConstants(evaluate: evaluate)),
            RewritePass(MoveFills()),
            // A layer and what is folded into it must be neighbours.
            RewritePass(RemoveIdentities()),
            RewritePass(RemoveNeutralArithmetic()),
            RewritePass(MergeTransposes()),
            RewritePass(MergeReshapes()),
            RewritePass(MergeSlices()),
            RewritePass(MergeConcats()),
            RewritePass(FoldPad()),
            RewritePass(FuseMatMulAdd()),
            // First into batch norm, whose few parameters are cheap to scale, then with it into the weights.
            RewritePass(FoldScaleShift()),
            RewritePass(FoldBatchNorm()),
            // Only what no layer before it could take.
            RewritePass(FoldIntoNextLayer()),
        ]
        return Pipeline(
            name: "fold",
            steps: [
                .once(RewritePass(LiftConstants())),
                // A rule can make room for another: three rounds are usual.
                .untilStable(round, rounds: 16),
                // Last, as a value with one reader is easier to fold than one with several.
                .once(MergeCommonSubexpressions()),
                .once(RemoveDeadCode()),
            ])
    }
}

extension Graph {
    /// Simplifies the network for inference: see `Pipeline.fold`. Names, types and shapes of inputs and outputs stay.
    /// - Returns: what every pass did and left alone.
    /// - Throws: `CleaveError` with the graph untouched.
    @discardableResult
    public mutating func fold(evaluate: @escaping ConstantEvaluator, options: Pipeline.Options = .none) throws -> [PassReport] {
        try Pipeline.fold(evaluate: evaluate).run(on: &self, options: options)
    }
}
