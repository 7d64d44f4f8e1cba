import GraphIR
import Tensors

/// What the paper's separable forms would make of one convolution: exact counts, and the formulas beside them.
public struct SeparationEstimate: Hashable, Sendable {
    /// What one form would cost, or why there is none.
    public enum Outlook: Hashable, Sendable {
        case cost(LayerCost)
        case impossible(SkipReason)

        public var cost: LayerCost? {
            if case .cost(let cost) = self { cost } else { nil }
        }
    }

    public var id: NodeID
    /// Label of the convolution.
    public var node: String
    public var shape: ConvolutionShape
    public var isInsideResidualBlock: Bool
    public var cost: LayerCost
    /// With as many channels between the factors as there are filters.
    public var spatial: Outlook
    /// With one term.
    public var depthwise: Outlook
    /// With the vertical factor first, as in `spatial`; `nil` where the paper says nothing.
    public var formulas: SeparationFormulas?

    /// One estimate for every two-dimensional convolution with a kernel larger than 1×1, in execution order.
    /// - Throws: `CleaveError` for attributes that fit neither each other nor the weight.
    public static func estimates(of graph: Graph) throws -> [SeparationEstimate] {
        let blocks = ResidualBlocks(graph)
        return try graph.nodes.compactMap { node in
            let label = graph.label(of: node)
            let shape = try locating(node: label, operatorName: node.operator.name) { try graph.convolutionShape(of: node) }
            guard let shape, shape.height > 1 || shape.width > 1 else { return nil }
            return SeparationEstimate(
                id: node.id, node: label, shape: shape, isInsideResidualBlock: blocks.contains(node.id), cost: shape.cost,
                spatial: graph.outlook(for: node, shape, .spatial), depthwise: graph.outlook(for: node, shape, .depthwise),
                formulas: shape.formulas(.verticalFirst))
        }
    }
}

extension Graph {
    /// What a form would make of the convolution `node`, as `separationVerdict` sees it.
    fileprivate func outlook(for node: Node, _ shape: ConvolutionShape, _ form: SeparableForm) -> SeparationEstimate.Outlook {
        if let obstacle = shape.obstacle(to: form) { return .impossible(obstacle) }
        if let reason = node.input(Convolution.Operand.weight).flatMap(reasonAgainst(weight:)) { return .impossible(reason) }
        return .cost(shape.cost(of: shape.separations(form, rank: .paper)[0]))
    }
}
