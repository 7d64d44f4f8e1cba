import GraphIR
import Tensors

/// Makes a depthwise 1×1 convolution of a batch norm that no layer took.
///
/// Requires: inference mode, constant parameters, an input of float32 with a known number of spatial dimensions. Ensures: the same
/// function, weights γ/√(σ² + ε) and bias β − μ·γ/√(σ² + ε) computed in Double and rounded once; the output keeps its name. Integer
/// kernels have such convolutions, and with a scale per channel their weights lose nothing to 8 bits.
public struct BatchNormToConvolution: RewriteRule {
    public struct Match {
        let affine: ChannelAffine
        let rank: Int
    }

    public init() {}

    public var name: String { "batch-norm-to-convolution" }
    public var fidelity: Fidelity { .rounding(tolerance: 1e-5) }

    public func match(_ node: Node, in graph: Graph) -> MatchResult<Match> {
        guard case .batchNorm(let payload) = node.operator, let input = node.input(BatchNorm.Operand.input) else { return .unrelated }
        guard graph.elementType(of: input) == .float32 else { return .skip(SkipReason("its input is not known to be float32")) }
        guard let rank = graph.shape(of: input)?.count, (3...5).contains(rank) else {
            return .skip(SkipReason("its input has no spatial dimensions"))
        }
        return ChannelAffine.of(node, batchNorm: payload, in: graph).map { Match(affine: $0, rank: rank) }
    }

    public func apply(_ match: Match, at node: Node, to editor: inout GraphEditor) throws -> String {
        guard let output = node.outputs.first, let output else { return "" }
        let channels = match.affine.scale.count
        let ones = [Int](repeating: 1, count: match.rank - 2)
        let base = editor.graph[output].name
        let weight = try editor.addConstant(
            Tensor(match.affine.scale.map { Float($0) }, shape: [channels, 1] + ones), name: base + "_weight")
        let bias = try editor.addConstant(Tensor(vector: match.affine.shift.map { Float($0) }), name: base + "_bias")
        let window = Window(kernel: ones, strides: [], dilations: [], padding: .explicit(begin: [], end: []))
        try editor.insert(
            .convolution(Convolution(window: window, groups: channels)), inputs: [node.inputs[0], weight, bias],
            outputs: [.existing(output)], name: node.name, before: node.id, origin: editor.origin(of: [node], pass: name))
        editor.remove(node.id)
        return "to a depthwise 1×1 convolution"
    }
}
