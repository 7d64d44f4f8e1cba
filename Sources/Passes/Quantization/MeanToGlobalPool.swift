import GraphIR
import Tensors

/// Makes a `GlobalAveragePool`, and a `Flatten` where the dimensions go away, of a `ReduceMean` over all pixels, as PyTorch writes
/// `x.mean((2, 3))`: runtimes have the pool in integers.
///
/// Requires: an input of float32 with two or three spatial dimensions, all of them reduced and nothing else: with one, it may be a row of
/// tokens. Ensures: the same function; the output keeps its name.
public struct MeanToGlobalPool: RewriteRule {
    public struct Match {
        let keepsDimensions: Bool
    }

    public init() {}

    public var name: String { "mean-to-global-pool" }
    public var fidelity: Fidelity { .rounding(tolerance: 1e-6) }

    public func match(_ node: Node, in graph: Graph) -> MatchResult<Match> {
        guard case .reduction(let payload) = node.operator, payload.function == .mean, let input = node.input(Reduction.Operand.input)
        else { return .unrelated }
        guard graph.elementType(of: input) == .float32, let rank = graph.shape(of: input)?.count, (4...5).contains(rank) else {
            return .skip(SkipReason("its input is no image or volume"))
        }
        let operand = node.input(Reduction.Operand.axes)
        let given = operand == nil ? payload.axes : graph.constant(operand)?.int64s()?.map { Int($0) }
        guard let axes = given, Set(axes.map { $0 < 0 ? $0 + rank : $0 }) == Set(2..<rank) else {
            return .skip(SkipReason("it is not over all pixels and nothing else"))
        }
        return .match(Match(keepsDimensions: payload.keepDimensions))
    }

    public func apply(_ match: Match, at node: Node, to editor: inout GraphEditor) throws -> String {
        guard let output = node.outputs.first ?? nil, let input = node.inputs[0] else { return "" }
        let pool = Operator.globalPool(GlobalPool(function: .average)), label = editor.graph.label(of: node)
        let origin = editor.origin(of: [node], pass: name)
        if match.keepsDimensions {
            try editor.insert(pool, inputs: [input], outputs: [.existing(output)], name: label, before: node.id, origin: origin)
        } else {
            let pooled = try editor.insertSingle(
                pool, inputs: [input], output: .new(name: editor.graph[output].name + "_pooled"), name: label, before: node.id,
                origin: origin)
            try editor.insert(
                .flatten(Flatten(axis: 1)), inputs: [pooled], outputs: [.existing(output)], name: label + "/flatten", before: node.id,
                origin: origin)
        }
        editor.remove(node.id)
        return match.keepsDimensions ? "to a GlobalAveragePool" : "to a GlobalAveragePool and a Flatten"
    }
}
