import GraphIR
import Tensors

/// Takes the operands of a `Concat` into the `Concat` along the same dimension that is its only reader.
///
/// Requires: axes that are known to be the same. Ensures: bit for bit the same result, in one copy less.
public struct MergeConcats: RewriteRule {
    public struct Match {
        let inner: [Node]
        let inputs: [ValueID?]
        let output: ValueID
    }

    public init() {}

    public var name: String { "merge-concats" }
    public var fidelity: Fidelity { .exact }

    public func match(_ node: Node, in graph: Graph) -> MatchResult<Match> {
        guard case .concat(let outer) = node.operator, let output = node.outputs.first, let output else { return .unrelated }
        let rank = graph.shape(of: output)?.count
        func place(_ axis: Int) -> Int? { axis >= 0 ? axis : rank.map { axis + $0 } }

        var inner: [Node] = []
        var inputs: [ValueID?] = []
        var reason: SkipReason?
        for input in node.inputs {
            guard let input, let producer = graph.producer(of: input), case .concat(let concat) = producer.operator,
                concat.axis == outer.axis || (place(concat.axis).map { $0 == place(outer.axis) } ?? false)
            else {
                inputs.append(input)
                continue
            }
            if graph.isPrivate(input) {
                inner.append(producer)
                inputs += producer.inputs
            } else {
                reason = graph.sharingReason(of: input, madeBy: producer)
                inputs.append(input)
            }
        }
        guard inner.isEmpty else { return .match(Match(inner: inner, inputs: inputs, output: output)) }
        return reason.map { .skip($0) } ?? .unrelated
    }

    public func apply(_ match: Match, at node: Node, to editor: inout GraphEditor) throws -> String {
        try editor.insert(
            node.operator, inputs: match.inputs, outputs: [.existing(match.output)], name: node.name, before: node.id,
            origin: editor.origin(of: match.inner + [node], pass: name))
        editor.remove(node.id)
        for inner in match.inner { editor.remove(inner.id) }
        return "\(match.inputs.count) operands"
    }
}
