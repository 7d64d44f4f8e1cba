import GraphIR
import Tensors

/// Replaces operators that only move or copy elements of a `ConstantOfShape`, which are all alike, by a `ConstantOfShape` of
/// their result's shape.
///
/// Requires: the result's shape is known. Ensures: the result keeps its name, and is still not written out. So weights that a
/// model comes without are found by the rules that read weights.
public struct MoveFills: RewriteRule {
    public struct Match {
        let source: Node
        let payload: ConstantOfShape
        let shape: [Int]
        let output: ValueID
    }

    public init() {}

    public var name: String { "move-fills" }
    public var fidelity: Fidelity { .exact }

    public func match(_ node: Node, in graph: Graph) -> MatchResult<Match> {
        switch node.operator {
        case .reshape, .flatten, .squeeze, .unsqueeze, .transpose, .expand, .tile, .slice: break
        default: return .unrelated
        }
        guard let input = node.inputs.first ?? nil, let producer = graph.producer(of: input),
            case .constantOfShape(let payload) = producer.operator, let output = graph.onlyOutput(of: node), !graph.isOutput(output),
            let shape = graph[output].tensorType?.knownShape
        else { return .unrelated }
        return .match(Match(source: producer, payload: payload, shape: shape, output: output))
    }

    public func apply(_ match: Match, at node: Node, to editor: inout GraphEditor) throws -> String {
        let shape = try editor.addConstant(
            Tensor(vector: match.shape.map { Int64($0) }), name: "\(editor.graph[match.output].name)_shape")
        try editor.insert(
            .constantOfShape(match.payload), inputs: [shape], outputs: [.existing(match.output)], name: node.name, before: node.id,
            origin: editor.origin(of: [match.source, node], pass: name))
        editor.remove(node.id)
        return "to a ConstantOfShape of \(match.shape)"
    }
}
