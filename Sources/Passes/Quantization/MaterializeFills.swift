import GraphIR
import Tensors

/// Writes out the weights that `ConstantOfShape` makes when the network runs, which nothing can be stored in place of.
///
/// Requires: a known shape of at most 2²⁸ elements, and a reader that takes it for a parameter. Ensures: an initializer of the same
/// name.
public struct MaterializeFills: RewriteRule {
    public struct Match {
        let shape: [Int]
        let value: Double
    }

    public init() {}

    public var name: String { "materialize-fills" }
    public var fidelity: Fidelity { .exact }

    private static let largestCount = 1 << 28

    public func match(_ node: Node, in graph: Graph) -> MatchResult<Match> {
        guard case .constantOfShape(let payload) = node.operator, let output = node.outputs.first, let output,
            graph.elementType(of: output) == .float32, !graph.isVisible(output)
        else { return .unrelated }
        guard let type = graph[output].tensorType,
            graph.consumers(of: output).contains(where: { reader in
                reader.inputs.indices.contains { reader.inputs[$0] == output && reader.operator.parameterRole(ofOperand: $0, type: type) != nil }
            })
        else { return .unrelated }
        guard let shape = graph.knownIntegers(node.input(ConstantOfShape.Operand.shape)),
            let count = try? Tensor.elementCount(of: shape), count <= Self.largestCount
        else { return .skip(SkipReason("its shape is not known, or too large")) }
        return .match(Match(shape: shape, value: payload.value?.doubles()?.first ?? 0))
    }

    public func apply(_ match: Match, at node: Node, to editor: inout GraphEditor) throws -> String {
        guard let output = node.outputs.first, let output else { return "" }
        let value = Float(match.value)
        let tensor = try Tensor(shape: match.shape, of: Float.self) { $0.update(repeating: value) }
        editor.setConstant(output, to: tensor)
        editor.remove(node.id)
        return "to an initializer of shape \(match.shape)"
    }
}
