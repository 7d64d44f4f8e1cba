import GraphIR
import Tensors

/// Makes an `Add` of a `Sum` of two operands, for runtimes that know residual additions by that name.
public struct SumToAdd: RewriteRule {
    public init() {}

    public var name: String { "sum-to-add" }
    public var fidelity: Fidelity { .exact }

    public func match(_ node: Node, in graph: Graph) -> MatchResult<Void> {
        guard graph.opset >= 8, case .variadic(let payload) = node.operator, payload.function == .sum else { return .unrelated }
        guard node.inputs.count == 2 else { return .skip(SkipReason("it has \(node.inputs.count) operands, expected 2")) }
        return .match(())
    }

    public func apply(_ match: Void, at node: Node, to editor: inout GraphEditor) throws -> String {
        editor.setOperator(node.id, to: .binary(Binary(function: .add, broadcastAxis: .numpy)))
        return "to an Add"
    }
}
