import GraphIR
import Tensors

/// What `Relu` and `Clip` limit elements to.
public struct ElementLimits: Hashable, Sendable {
    /// `nil` where there is no bound.
    public var minimum: Double?
    public var maximum: Double?

    /// The limits of a `Relu` or a `Clip`; `nil` for any other node, and for limits that are computed or NaN.
    public init?(of node: Node, in graph: Graph) {
        switch node.operator {
        case .activation(let payload) where payload.function == .relu: self.minimum = 0
        case .clip(let payload):
            func limit(_ operand: Clip.Operand, _ attribute: Float?) -> Double?? {
                guard let id = node.input(operand) else { return .some(attribute.map(Double.init)) }
                guard let value = graph.constant(id)?.doubles()?.first, !value.isNaN else { return nil }
                return .some(value)
            }
            guard let minimum = limit(.minimum, payload.minimum), let maximum = limit(.maximum, payload.maximum) else { return nil }
            (self.minimum, self.maximum) = (minimum, maximum)
        default: return nil
        }
    }
}

extension Operator {
    /// Whether the results are elements of the first operand, so that quantizing them before or after makes no difference.
    public var movesElements: Bool {
        switch self {
        case .maxPool, .reshape, .flatten, .squeeze, .unsqueeze, .transpose, .slice, .split, .depthToSpace, .identity: true
        default: false
        }
    }

    /// Whether the operator is there for quantized tensors.
    public var isQuantization: Bool {
        switch self {
        case .quantizeLinear, .dequantizeLinear, .dynamicQuantizeLinear, .convInteger, .qLinearConv, .matMulInteger, .qLinearMatMul,
            .qLinear: true
        case .opaque(let payload): payload.domain == "com.microsoft" && (payload.name.hasPrefix("QLinear") || payload.name == "QGemm")
        default: false
        }
    }
}

extension Graph {
    /// Whether the results of a node are elements of its first operand, as `Operator.movesElements` has it, or 0, which every range of a
    /// quantized tensor contains: what pads with anything else has to be rounded.
    public func movesElements(_ node: Node) -> Bool {
        guard case .pad(let payload) = node.operator, payload.mode == .constant else {
            if case .pad = node.operator { return true }
            return node.operator.movesElements
        }
        guard let value = node.input(Pad.Operand.value) else { return payload.value == 0 }
        return constant(value)?.doubles() == [0]
    }
}
