import GraphIR
import Tensors

/// Folds `Mul`, `Div`, `Add`, `Sub` by per-channel constants, and `Neg`, into the `Conv`, `ConvTranspose`, `Gemm`, `MatMul` or
/// batch norm before them: what exporters leave in place of a bias or of batch norm.
///
/// Requires: constant weights; a constant with one number per channel, or one in all, that does not widen the shape; the
/// layer's output is read by the step alone. Both operand orders: conv − c shifts by −c, c − conv negates the weights and shifts
/// by c, c / conv is left alone. Ensures: one layer; the step's output keeps its name. A `MatMul` of a matrix that gets a
/// bias becomes a `Gemm`. A `Transpose` between the two, as exporters of channels-last networks leave it, comes after the layer.
public struct FoldScaleShift: RewriteRule {
    public struct Match {
        let folded: FoldedLayer
        let output: ValueID
        let constant: ValueID?
        /// Between the layer and the step.
        let transpose: Node?
    }

    public init() {}

    public var name: String { "fold-scale-shift" }
    public var fidelity: Fidelity { .rounding(tolerance: 1e-5) }

    public func match(_ node: Node, in graph: Graph) throws -> MatchResult<Match> {
        guard let step = ArithmeticStep(node, in: graph), let output = graph.onlyOutput(of: node),
            let producer = graph.producer(of: step.value)
        else { return .unrelated }
        var (layerNode, layerOutput) = (producer, step.value)
        var permutation: [Int]?
        if case .transpose(let transpose) = producer.operator, let input = producer.input(Transpose.Operand.input),
            let node = graph.producer(of: input), let rank = transpose.permutation?.count ?? graph.shape(of: input)?.count
        {
            (layerNode, layerOutput) = (node, input)
            permutation = transpose.permutation ?? (0..<rank).reversed()
        }
        let layer: LinearLayer
        switch LinearLayer.of(layerNode, in: graph) {
        case .match(let found): layer = found
        case .skip(let reason): return .skip(reason)
        case .unrelated: return .unrelated
        }
        for (value, maker) in [(layerOutput, layerNode), (step.value, producer)] where !graph.isPrivate(value) {
            return .skip(graph.sharingReason(of: value, madeBy: maker))
        }
        var (rank, trailing) = (layer.rank, layer.trailing)
        if let permutation {
            // Axis p of the layer's output is axis i of the step's operand where permutation[i] = p.
            guard permutation.count >= rank, let axis = permutation.firstIndex(of: permutation.count - 1 - trailing) else {
                return .unrelated
            }
            (rank, trailing) = (permutation.count, permutation.count - 1 - axis)
        }
        switch step.affine(channels: layer.outputLayout.channels, rank: rank, trailing: trailing) {
        case .match(let affine):
            return try layer.followed(by: affine).map {
                Match(folded: $0, output: output, constant: step.constantID, transpose: permutation == nil ? nil : producer)
            }
        case .skip(let reason): return .skip(reason)
        case .unrelated: return .unrelated
        }
    }

    public func apply(_ match: Match, at node: Node, to editor: inout GraphEditor) throws -> String {
        let layer = match.folded.layer
        let label = editor.graph.label(of: layer.node)
        let nodes = [layer.node] + [match.transpose].compactMap { $0 } + [node]
        let name = editor.graph[match.output].name
        // In front of a transpose the layer makes a value that the original does not have.
        let value = try editor.insert(
            match.folded, input: layer.input,
            output: match.transpose == nil ? .existing(match.output) : .new(name: "\(name)_before_transpose"), before: node.id,
            biasSource: match.constant, standingFor: match.transpose == nil ? nodes : [], pass: self.name)
        if let transpose = match.transpose {
            try editor.insert(
                transpose.operator, inputs: [value], outputs: [.existing(match.output)], name: transpose.name, before: node.id,
                origin: editor.origin(of: nodes, pass: self.name), encoding: transpose.encoding)
        }
        editor.remove(nodes)
        return "into \(layer.node.operator.name) '\(label)' before it"
    }
}
