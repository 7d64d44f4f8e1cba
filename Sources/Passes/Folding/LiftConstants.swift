import GraphIR
import Tensors

/// Makes initializers of the results of `Constant` nodes.
///
/// Requires: nothing. Ensures: a `Constant` node is left only where its result is a graph output, which must not become an
/// initializer. Names stay.
public struct LiftConstants: RewriteRule {
    public struct Match {
        let output: ValueID
        let tensor: Tensor
    }

    public init() {}

    public var name: String { "lift-constants" }
    public var fidelity: Fidelity { .exact }

    public func match(_ node: Node, in graph: Graph) -> MatchResult<Match> {
        guard case .constant(let constant) = node.operator, let output = node.outputs.first, let output else { return .unrelated }
        if graph.isOutput(output) { return .skip(SkipReason("it makes a graph output")) }
        return .match(Match(output: output, tensor: constant.value.tensor))
    }

    public func apply(_ match: Match, at node: Node, to editor: inout GraphEditor) -> String {
        editor.setConstant(match.output, to: match.tensor)
        editor.remove(node.id)
        return "is an initializer"
    }
}
