import GraphIR
import Tensors

/// Folds `Mul`, `Div`, `Add`, `Sub` by per-channel constants, and `Neg`, into the `Conv`, `ConvTranspose`, `Gemm`, `MatMul` or
/// batch norm before them: what exporters leave in place of a bias or of batch norm.
///
/// Requires: constant weights; a constant with one number per channel, or one in all, that does not widen the shape; the
/// layer's output is read by the step alone. Both operand orders: conv − c shifts by −c, c − conv negates the weights and shifts
/// by c, c / conv is left alone. Ensures: one layer; the step's output keeps its name. A `MatMul` of a matrix that gets a
/// bias becomes a `Gemm`.
public struct FoldScaleShift: RewriteRule {
    public struct Match {
        let folded: FoldedLayer
        let output: ValueID
        let constant: ValueID?
    }

    public init() {}

    public var name: String { "fold-scale-shift" }
    public var fidelity: Fidelity { .rounding(tolerance: 1e-5) }

    public func match(_ node: Node, in graph: Graph) throws -> MatchResult<Match> {
        guard let step = ArithmeticStep(node, in: graph), let output = graph.onlyOutput(of: node),
            let producer = graph.producer(of: step.value)
        else { return .unrelated }
        let layer: LinearLayer
        switch LinearLayer.of(producer, in: graph) {
        case .match(let found): layer = found
        case .skip(let reason): return .skip(reason)
        case .unrelated: return .unrelated
        }
        guard graph.isPrivate(step.value) else { return .skip(graph.sharingReason(of: step.value, madeBy: producer)) }
        switch step.affine(channels: layer.outputLayout.channels, rank: layer.rank, trailing: layer.trailing) {
        case .match(let affine):
            return try layer.followed(by: affine).map { Match(folded: $0, output: output, constant: step.constantID) }
        case .skip(let reason): return .skip(reason)
        case .unrelated: return .unrelated
        }
    }

    public func apply(_ match: Match, at node: Node, to editor: inout GraphEditor) throws -> String {
        let layer = match.folded.layer
        let label = editor.graph.label(of: layer.node)
        try editor.insert(
            match.folded, input: layer.input, output: match.output, before: node.id, biasSource: match.constant,
            standingFor: [layer.node, node], pass: name)
        return "into \(layer.node.operator.name) '\(label)' before it"
    }
}
