import GraphIR
import Tensors

/// Makes one `Reshape` with a constant shape of operators in a row that only rename dimensions (`Reshape`, `Flatten`, `Squeeze`,
/// `Unsqueeze`, and `Transpose` that moves dimensions of length 1 only), and of a `Reshape` whose shape is computed.
///
/// Requires: what is between is read by the next one alone; the result's shape can be written as a constant: known lengths,
/// dimensions that the source has at the same place, and at most one that follows from the rest. So `x.view(x.size(0), -1)`, which
/// exporters write as Shape → Gather → Concat → Reshape, needs none of these with a symbolic batch either.
/// Ensures: the same elements in the same order.
public struct MergeReshapes: RewriteRule {
    public struct Match {
        let source: ValueID
        let shape: [Int]
        let output: ValueID
        /// What the new node stands for, in execution order; the last is the node at hand.
        let nodes: [Node]
    }

    public init() {}

    public var name: String { "merge-reshapes" }
    public var fidelity: Fidelity { .exact }

    /// Longer rows are merged in several rounds.
    private static let longest = 16

    public func match(_ node: Node, in graph: Graph) -> MatchResult<Match> {
        guard graph.opset >= 5, graph.onlyRenamesDimensions(node), let output = graph.onlyOutput(of: node),
            let target = graph.shape(of: output), var source = node.inputs.first ?? nil
        else { return .unrelated }
        var nodes = [node]
        while nodes.count < Self.longest, let producer = graph.producer(of: source), graph.onlyRenamesDimensions(producer),
            graph.isPrivate(source), graph.onlyOutput(of: producer) == source, let earlier = producer.inputs.first ?? nil {
            nodes.insert(producer, at: 0)
            source = earlier
        }
        var isComputed = false
        if case .reshape = node.operator {
            let shape = node.input(Reshape.Operand.shape)
            isComputed = shape != nil && graph.constant(shape) == nil
        }
        guard nodes.count > 1 || isComputed else { return .unrelated }
        guard let shape = Self.constantShape(target, from: graph.shape(of: source)) else {
            return .skip(SkipReason("the shape of its result cannot be written as a constant"))
        }
        return .match(Match(source: source, shape: shape, output: output, nodes: nodes))
    }

    public func apply(_ match: Match, at node: Node, to editor: inout GraphEditor) throws -> String {
        let shape = try editor.addConstant(
            Tensor(vector: match.shape.map { Int64($0) }), name: "\(editor.graph[match.output].name)_shape")
        try editor.insert(
            .reshape(Reshape(shape: nil, allowZero: false)), inputs: [match.source, shape], outputs: [.existing(match.output)],
            name: node.name, before: node.id, origin: editor.origin(of: match.nodes, pass: name))
        for node in match.nodes.reversed() { editor.remove(node.id) }
        let count = match.nodes.count
        return count == 1 ? "to the constant shape \(match.shape)" : "\(count) in a row are one Reshape to \(match.shape)"
    }

    /// What to tell `Reshape` so that a tensor of shape `source` gets shape `target`: 0 copies a dimension, −1 is what remains.
    static func constantShape(_ target: [Dimension], from source: [Dimension]?) -> [Int]? {
        var shape: [Int] = []
        var hasRest = false
        for (index, dimension) in target.enumerated() {
            if let length = dimension.known {
                // A length of 0 would be taken for a copy.
                guard length > 0 else { return nil }
                shape.append(length)
            } else if let source, index < source.count, dimension != .unknown, source[index] == dimension {
                shape.append(0)
            } else {
                guard !hasRest else { return nil }
                hasRest = true
                shape.append(-1)
            }
        }
        return shape
    }
}

extension Graph {
    /// Whether the first output has the elements of the first operand in the same order.
    fileprivate func onlyRenamesDimensions(_ node: Node) -> Bool {
        switch node.operator {
        case .reshape, .flatten, .squeeze, .unsqueeze: return true
        case .transpose(let transpose):
            guard let shape = shape(of: node.inputs.first ?? nil) else { return false }
            let permutation = transpose.permutation ?? shape.indices.reversed()
            guard permutation.count == shape.count, permutation.allSatisfy(shape.indices.contains) else { return false }
            let moved = permutation.filter { shape[$0] != .known(1) }
            return moved == moved.sorted()
        default: return false
        }
    }
}
