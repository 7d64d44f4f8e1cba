import GraphIR
import Passes
import Tensors

/// What a node is to a runtime that computes in integers.
enum IntegerRole: Hashable, Sendable {
    /// A product with a constant weight: `Conv`, `ConvTranspose`, `Gemm`, `MatMul`.
    case product(Weight)
    /// Arithmetic on activations: `Add`, `Mul`, and `MatMul` of two.
    case arithmetic
    /// An average: its result has a range of its own, and is only worth quantizing between other integers.
    case average
    /// A concatenation, worth it under the same condition.
    case concatenation
    /// Moves elements or selects among them: scale and zero point of the result are those of the operand.
    case movement
    /// Limits its operand to minimum…maximum, which quantization may do by itself.
    case limit(minimum: Double?, maximum: Double?)
    /// Stays in float, and why.
    case float(SkipReason)
    /// Computes no floats: shapes, comparisons.
    case unrelated

    /// Where the constant operands of a product are.
    struct Weight: Hashable, Sendable {
        var operand: Int
        /// The dimension of the weight that counts the output channels.
        var axis: Int
        var biasOperand: Int?
    }
}

extension IntegerRole {
    /// A limit is part of how its operand is rounded: it goes with whoever makes that.
    var canBeExcluded: Bool {
        switch self {
        case .product, .arithmetic, .average, .concatenation, .movement: true
        case .limit, .float, .unrelated: false
        }
    }

    /// - Parameter target: what a runtime can do differs.
    init(of node: Node, in graph: Graph, target: QuantizationTarget) {
        let results = node.outputs.compactMap { $0 }.map { graph[$0].tensorType?.elementType }
        let operands = node.inputs.compactMap { $0 }.map { graph[$0].tensorType?.elementType }
        guard results.contains(.float32) else {
            let narrow = results.compactMap { $0 }.first { $0.isFloatingPoint }
            self = narrow.map { .float(SkipReason("its elements are \($0), expected float32")) } ?? .unrelated
            return
        }
        guard node.inputs.contains(where: { $0.map { graph[$0].constant == nil } ?? false }) else {
            self = .unrelated
            return
        }
        switch node.operator {
        case .convolution: self = .product(node, Weight(operand: 1, axis: 0, biasOperand: 2), in: graph)
        case .convolutionTranspose(let payload):
            guard target.hasTransposedConvolution else {
                self = .float(SkipReason("\(target.title) has no integer form of ConvTranspose"))
                return
            }
            self = payload.groups == 1
                ? .product(node, Weight(operand: 1, axis: 1, biasOperand: 2), in: graph)
                : .float(SkipReason("a ConvTranspose in groups has no axis of output channels"))
        case .gemm(let payload): self = .gemm(node, payload, in: graph)
        case .matMul:
            self = graph.constant(node.inputs[1]) == nil && graph.constant(node.inputs[0]) == nil
                ? .arithmetic : .product(node, Weight(operand: 1, axis: 1, biasOperand: nil), in: graph)
        case .binary(let payload): self = .binary(node, payload, in: graph)
        case .averagePool: self = .average
        case .globalPool(let payload):
            self = payload.function == .average ? .average : .float(SkipReason("\(node.operator.name) has no integer form"))
        case .concat: self = .concatenation
        case .maxPool where node.outputs.compactMap({ $0 }).count > 1: self = .float(SkipReason("its indices are read"))
        case .pad where !graph.movesElements(node): self = .float(SkipReason("it pads with another number than 0"))
        case _ where graph.movesElements(node): self = .movement
        case .activation(let payload) where payload.function == .relu: self = .limit(minimum: 0, maximum: nil)
        case .clip: self = .clip(node, in: graph)
        default:
            self = operands.contains(.float32)
                ? .float(SkipReason("\(node.operator.name) has no integer form")) : .unrelated
        }
    }

    private static func product(_ node: Node, _ weight: Weight, in graph: Graph) -> IntegerRole {
        let name = node.operator.name
        guard let tensor = graph.constant(node.inputs[weight.operand]) else {
            return .float(SkipReason("the weight of \(name) is computed, expected a constant"))
        }
        guard graph.constant(node.inputs[0]) == nil else { return .float(SkipReason("the input of \(name) is a constant")) }
        guard tensor.elementType == .float32, tensor.count > 0, tensor.rank > weight.axis, tensor.shape[weight.axis] > 0 else {
            return .float(SkipReason("the weight of \(name) is \(tensor), expected numbers of float32"))
        }
        guard name != "MatMul" || tensor.rank == 2 else {
            return .float(SkipReason("the weight of MatMul has \(tensor.rank) dimensions, expected a matrix"))
        }
        let isFinite = (try? tensor.withElements(of: Float.self) { $0.allSatisfy(\.isFinite) }) ?? false
        guard isFinite else { return .float(SkipReason("the weight of \(name) contains NaN or infinities")) }
        var result = weight
        result.biasOperand = weight.biasOperand.flatMap { $0 < node.inputs.count && node.inputs[$0] != nil ? $0 : nil }
        if let operand = result.biasOperand {
            guard let bias = graph.constant(node.inputs[operand]), bias.elementType == .float32 else {
                return .float(SkipReason("the bias of \(name) is computed, expected a constant"))
            }
            let isVector = bias.count == tensor.shape[weight.axis] && bias.shape.last == bias.count
            guard isVector || bias.count == 1, bias.doubles()?.allSatisfy(\.isFinite) == true else {
                return .float(SkipReason("the bias of \(name) is not one finite number per channel"))
            }
        }
        return .product(result)
    }

    private static func gemm(_ node: Node, _ payload: Gemm, in graph: Graph) -> IntegerRole {
        guard payload.alpha == 1, payload.beta == 1 || node.input(Gemm.Operand.c) == nil, !payload.transposeA else {
            return .float(SkipReason("a Gemm with alpha, beta or a transposed first operand has no integer form"))
        }
        return product(node, Weight(operand: 1, axis: payload.transposeB ? 0 : 1, biasOperand: 2), in: graph)
    }

    private static func binary(_ node: Node, _ payload: Binary, in graph: Graph) -> IntegerRole {
        guard payload.function == .add || payload.function == .mul else {
            return .float(SkipReason("\(node.operator.name) has no integer form"))
        }
        guard payload.broadcastAxis == .numpy else { return .float(SkipReason("its operands are broadcast as before opset 7")) }
        guard node.inputs.allSatisfy({ $0.map { graph.constant($0) == nil } ?? false }) else {
            return .float(SkipReason("an operand of \(node.operator.name) is a constant, which one scale for all channels serves badly"))
        }
        return .arithmetic
    }

    private static func clip(_ node: Node, in graph: Graph) -> IntegerRole {
        guard let limits = ElementLimits(of: node, in: graph) else { return .float(SkipReason("the limits of Clip are computed")) }
        return .limit(minimum: limits.minimum, maximum: limits.maximum)
    }
}
