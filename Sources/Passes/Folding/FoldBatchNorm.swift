import GraphIR
import Tensors

/// Folds batch norm into the `Conv`, `ConvTranspose`, `Gemm` or `MatMul` before it.
///
/// Requires: inference mode; constant parameters and weights; the layer's output is read by the batch norm alone, and is not a
/// graph output. Ensures: one layer with weights W·γ/√(σ² + ε) per output channel and bias (b − μ)·γ/√(σ² + ε) + β,
/// computed in Double and rounded once; weights that others share are copied; the batch norm's output keeps its name.
/// A batch norm without such a layer before it may still go into the one after it: `FoldIntoNextLayer`.
public struct FoldBatchNorm: RewriteRule {
    public struct Match {
        let folded: FoldedLayer
    }

    public init() {}

    public var name: String { "fold-batch-norm" }
    public var fidelity: Fidelity { .rounding(tolerance: 1e-5) }

    public func match(_ node: Node, in graph: Graph) throws -> MatchResult<Match> {
        guard case .batchNorm(let payload) = node.operator, let input = node.input(BatchNorm.Operand.input) else { return .unrelated }
        guard let producer = graph.producer(of: input) else {
            return .skip(SkipReason("no layer comes before it"))
        }
        let layer: LinearLayer
        switch LinearLayer.of(producer, in: graph) {
        case .match(let found): layer = found
        case .skip(let reason): return .skip(reason)
        case .unrelated: return .skip(SkipReason("\(producer.operator.name) comes before it, which has no weights to fold it into"))
        }
        guard graph.isPrivate(input) else { return .skip(graph.sharingReason(of: input, madeBy: producer)) }
        guard layer.hasChannelsSecond else {
            return .skip(SkipReason("the channels of \(producer.operator.name) before it are not its own"))
        }
        switch ChannelAffine.of(node, batchNorm: payload, in: graph) {
        case .match(let affine): return try layer.followed(by: affine).map { Match(folded: $0) }
        case .skip(let reason): return .skip(reason)
        case .unrelated: return .unrelated
        }
    }

    public func apply(_ match: Match, at node: Node, to editor: inout GraphEditor) throws -> String {
        guard let output = node.outputs.first, let output else { return "" }
        let layer = match.folded.layer
        let label = editor.graph.label(of: layer.node)
        try editor.insert(
            match.folded, input: layer.input, output: .existing(output), before: node.id,
            biasSource: node.input(BatchNorm.Operand.bias), standingFor: [layer.node, node], pass: name)
        editor.remove([layer.node, node])
        return "into \(layer.node.operator.name) '\(label)' before it"
    }
}
