import GraphIR
import Tensors

/// Makes one `Transpose` of two in a row, and none where the second undoes the first.
///
/// Requires: the first one's result is read by the second alone, unless they cancel. Ensures: with permutations p and then q the
/// merged one has output dimension i from input dimension p[q[i]].
public struct MergeTransposes: RewriteRule {
    public struct Match {
        enum Change {
            case cancel(Bypass)
            case merge(first: Node, permutation: [Int], output: ValueID)
        }

        let change: Change
    }

    public init() {}

    public var name: String { "merge-transposes" }
    public var fidelity: Fidelity { .exact }

    public func match(_ node: Node, in graph: Graph) -> MatchResult<Match> {
        guard case .transpose(let second) = node.operator, let middle = node.input(Transpose.Operand.input),
            let producer = graph.producer(of: middle), case .transpose(let first) = producer.operator,
            let source = producer.input(Transpose.Operand.input), let output = node.outputs.first, let output,
            let rank = first.permutation?.count ?? second.permutation?.count ?? graph.shape(of: source)?.count
        else { return .unrelated }
        let p = first.permutation ?? (0..<rank).reversed()
        let q = second.permutation ?? (0..<rank).reversed()
        guard p.count == rank, q.count == rank, q.allSatisfy(p.indices.contains) else { return .unrelated }
        let merged = q.map { p[$0] }
        if merged == Array(0..<rank) { return graph.bypass(output, with: source).map { Match(change: .cancel($0)) } }
        guard graph.isPrivate(middle) else { return .skip(graph.sharingReason(of: middle, madeBy: producer)) }
        return .match(Match(change: .merge(first: producer, permutation: merged, output: output)))
    }

    public func apply(_ match: Match, at node: Node, to editor: inout GraphEditor) throws -> String {
        switch match.change {
        case .cancel(let bypass):
            try editor.apply(bypass, removing: node, pass: name)
            return "undoes the one before it"
        case .merge(let first, let permutation, let output):
            try editor.insert(
                .transpose(Transpose(permutation: permutation)), inputs: first.inputs, outputs: [.existing(output)], name: node.name,
                before: node.id, origin: editor.origin(of: [first, node], pass: name))
            editor.remove(node.id)
            editor.remove(first.id)
            return "with the one before it: \(permutation)"
        }
    }
}
