import GraphIR
import Tensors

/// Folds batch norm, and `Mul`, `Div`, `Add`, `Sub`, `Neg` by per-channel constants, into the `Conv`, `ConvTranspose`, `Gemm` or
/// `MatMul` after them; for batch norm also through pooling and flattening on the way.
///
/// Requires: the results on the way are read by the next node alone; constant weights. With scale s and shift t per input channel,
/// the weights become W·s and the bias b + W·t. A shift needs a layer in which every output sees the whole kernel: it does not
/// go into a convolution that pads with zeros, nor into a transposed one. Ensures: the layer's output keeps its name; what is
/// between is computed from the values before the batch norm, under new names.
public struct FoldIntoNextLayer: RewriteRule {
    public struct Match {
        let folded: FoldedLayer
        let source: ValueID
        let path: ChannelPath
    }

    public init() {}

    public var name: String { "fold-into-next-layer" }
    public var fidelity: Fidelity { .rounding(tolerance: 1e-5) }

    public func match(_ node: Node, in graph: Graph) throws -> MatchResult<Match> {
        switch node.operator {
        case .batchNorm(let payload):
            switch try matchBatchNorm(node, payload, graph) {
            // Where a layer comes before the batch norm, `FoldBatchNorm` says why it did not go there.
            case .skip where hasLayerBefore(node, graph): .unrelated
            case let result: result
            }
        case .binary, .unary: try matchArithmetic(node, graph)
        default: .unrelated
        }
    }

    private func hasLayerBefore(_ node: Node, _ graph: Graph) -> Bool {
        guard let producer = node.input(BatchNorm.Operand.input).flatMap(graph.producer) else { return false }
        if case .unrelated = LinearLayer.of(producer, in: graph) { return false }
        return true
    }

    private func matchBatchNorm(_ node: Node, _ payload: BatchNorm, _ graph: Graph) throws -> MatchResult<Match> {
        guard let source = node.input(BatchNorm.Operand.input), let output = graph.onlyOutput(of: node) else { return .unrelated }
        let affine: ChannelAffine
        switch ChannelAffine.of(node, batchNorm: payload, in: graph) {
        case .match(let found): affine = found
        case .skip(let reason): return .skip(reason)
        case .unrelated: return .unrelated
        }
        let path: ChannelPath
        switch ChannelPath.from(output, of: node, channels: affine.scale.count, in: graph) {
        case .match(let found): path = found
        case .skip(let reason): return .skip(reason)
        case .unrelated: return .unrelated
        }
        guard path.layer.hasChannelsSecond else {
            return .skip(SkipReason("the channels of \(path.layer.node.operator.name) after it are not its own"))
        }
        return try path.layer.preceded(by: affine.repeated(path.repetitions)).map { Match(folded: $0, source: source, path: path) }
    }

    private func matchArithmetic(_ node: Node, _ graph: Graph) throws -> MatchResult<Match> {
        guard let step = ArithmeticStep(node, in: graph), let output = graph.onlyOutput(of: node),
            let reader = graph.soleReader(of: output), case .match(let layer) = LinearLayer.of(reader, in: graph),
            !layer.form.isBatchNorm, layer.input == output, !layer.transposesInput,
            let shape = graph.shape(of: step.value), shape.count == graph.shape(of: output)?.count
        else { return .unrelated }
        // Broadcasting by the step must not be what gives the layer its channels.
        let place = shape.count - 1 - layer.trailing
        guard shape.indices.contains(place), shape[place] == .known(layer.inputLayout.channels) else { return .unrelated }
        switch step.affine(channels: layer.inputLayout.channels, rank: layer.rank, trailing: layer.trailing) {
        case .match(let affine):
            return try layer.preceded(by: affine).map {
                Match(folded: $0, source: step.value, path: ChannelPath(steps: [], layer: layer, repetitions: 1))
            }
        case .skip(let reason): return .skip(reason)
        case .unrelated: return .unrelated
        }
    }

    public func apply(_ match: Match, at node: Node, to editor: inout GraphEditor) throws -> String {
        let layer = match.folded.layer
        let label = editor.graph.label(of: layer.node)
        guard let output = layer.node.outputs.first, let output else { return "" }
        var input = match.source
        for step in match.path.steps {
            let name = step.outputs.first.flatMap { $0 }.map { editor.graph[$0].name } ?? ""
            var inputs = step.inputs
            inputs[0] = input
            input = try editor.insertSingle(
                step.operator, inputs: inputs, output: .new(name: "\(name)_before_norm"), name: step.name, before: layer.node.id,
                origin: Origin(pass: self.name, nodes: []))
        }
        let nodes = [node] + match.path.steps + [layer.node]
        try editor.insert(
            match.folded, input: input, output: .existing(output), before: layer.node.id,
            biasSource: node.input(BatchNorm.Operand.bias), standingFor: nodes, pass: name)
        editor.remove(nodes)
        return "into \(layer.node.operator.name) '\(label)' after it"
    }
}
