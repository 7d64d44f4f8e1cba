import CKernels
import COneDNN
import GraphIR
import Tensors

/// An element-wise function of one tensor, as oneDNN's primitives and our kernels take it.
enum FusedActivation: Hashable, Sendable {
    case clamp(low: Float, high: Float)
    case leaky(slope: Float)
    case eltwise(Primitive.Eltwise)

    static let relu = FusedActivation.clamp(low: 0, high: .infinity)

    var eltwise: Primitive.Eltwise {
        switch self {
        case .clamp(low: 0, high: .infinity): Primitive.Eltwise(kind: ONEDNN_RELU)
        case .clamp(let low, let high): Primitive.Eltwise(kind: ONEDNN_CLIP, alpha: low, beta: high)
        case .leaky(let slope): Primitive.Eltwise(kind: ONEDNN_RELU, alpha: slope)
        case .eltwise(let eltwise): eltwise
        }
    }

    /// The same for our own kernels; `nil` where they do not have it.
    var native: ck_activation? {
        switch self {
        case .clamp(let low, let high): ck_activation(kind: CK_CLAMP, low: low, high: high)
        case .leaky(let slope): ck_activation(kind: CK_LEAKY, low: slope, high: 0)
        case .eltwise: nil
        }
    }

    /// Whether the function leaves the zeros in a layout's padding zero.
    var keepsZero: Bool {
        switch self {
        case .clamp(let low, let high): low <= 0 && high >= 0
        case .leaky: true
        case .eltwise(let function):
            [
                ONEDNN_TANH, ONEDNN_ELU, ONEDNN_SQUARE, ONEDNN_ABS, ONEDNN_SQRT, ONEDNN_GELU_TANH, ONEDNN_GELU_ERF, ONEDNN_SWISH,
                ONEDNN_ROUND, ONEDNN_MISH, ONEDNN_HARDSWISH,
            ].contains(function.kind)
        }
    }
}

extension ck_activation {
    static let none = ck_activation(kind: CK_NO_ACTIVATION, low: 0, high: 0)
}

extension Simplification {
    /// The function that a node applies to its only changing operand, if kernels can take it in.
    func activation(of node: Node) -> FusedActivation? {
        switch node.operator {
        case .activation(let payload): payload.function.fused
        case .unary(let payload): payload.function.fused
        case .clip(let payload): clamp(payload, node)
        default: nil
        }
    }

    private func clamp(_ clip: Clip, _ node: Node) -> FusedActivation? {
        func limit(_ attribute: Float?, _ operand: Clip.Operand, _ otherwise: Float) -> Float? {
            guard let input = node.input(operand) else { return attribute ?? otherwise }
            guard let values = constant(input)?.doubles(), values.count == 1 else { return nil }
            return Float(values[0])
        }
        guard let low = limit(clip.minimum, .minimum, -.infinity), let high = limit(clip.maximum, .maximum, .infinity), low <= high
        else { return nil }
        return .clamp(low: low, high: high)
    }
}

extension Activation.Function {
    fileprivate var fused: FusedActivation? {
        switch self {
        case .relu: .relu
        case .sigmoid: .eltwise(.init(kind: ONEDNN_LOGISTIC))
        case .tanh: .eltwise(.init(kind: ONEDNN_TANH))
        case .softplus: .eltwise(.init(kind: ONEDNN_SOFTPLUS))
        case .hardSwish: .eltwise(.init(kind: ONEDNN_HARDSWISH))
        case .mish: .eltwise(.init(kind: ONEDNN_MISH))
        case .leakyRelu(let alpha): .leaky(slope: alpha)
        case .elu(let alpha): .eltwise(.init(kind: ONEDNN_ELU, alpha: alpha))
        case .gelu(let tanhApproximation): .eltwise(.init(kind: tanhApproximation ? ONEDNN_GELU_TANH : ONEDNN_GELU_ERF))
        case .softsign, .selu, .celu, .hardSigmoid, .thresholdedRelu, .shrink: nil
        }
    }
}

extension Unary.Function {
    fileprivate var fused: FusedActivation? {
        switch self {
        case .abs: .eltwise(.init(kind: ONEDNN_ABS))
        case .exp: .eltwise(.init(kind: ONEDNN_EXP))
        case .neg: .eltwise(.init(kind: ONEDNN_LINEAR, alpha: -1, beta: 0))
        case .round: .eltwise(.init(kind: ONEDNN_ROUND))
        case .sqrt: .eltwise(.init(kind: ONEDNN_SQRT))
        case .acos, .acosh, .asin, .asinh, .atan, .atanh, .bitwiseNot, .ceil, .cos, .cosh, .erf, .floor, .isNaN, .log, .not, .reciprocal,
            .sign, .sin, .sinh, .tan:
            nil
        }
    }
}

/// A function that only our own kernels have, and that nothing takes in.
struct LooseFunction: Sendable {
    var kind: ck_unary_kind
    var alpha: Float = 0
    var beta: Float = 0

    /// - Returns: `nil` for operators of another kind.
    init?(_ operation: Operator) {
        switch operation {
        case .unary(let payload):
            guard let kind = payload.function.loose else { return nil }
            self.kind = kind
        case .activation(let payload):
            switch payload.function {
            case .softsign: kind = CK_SOFTSIGN
            case .hardSigmoid(let alpha, let beta): (kind, self.alpha, self.beta) = (CK_HARD_SIGMOID, alpha, beta)
            case .thresholdedRelu(let alpha): (kind, self.alpha) = (CK_THRESHOLDED_RELU, alpha)
            case .selu(let alpha, let gamma): (kind, self.alpha, beta) = (CK_SELU, alpha, gamma)
            case .celu(let alpha): (kind, self.alpha) = (CK_CELU, alpha)
            case .relu, .sigmoid, .tanh, .softplus, .hardSwish, .mish, .leakyRelu, .elu, .gelu, .shrink: return nil
            }
        default: return nil
        }
    }

    /// Whether the function leaves the zeros in a layout's padding zero.
    var keepsZero: Bool {
        switch kind {
        case CK_FLOOR, CK_CEIL, CK_SIGN, CK_ERF, CK_SIN, CK_TAN, CK_ASIN, CK_ATAN, CK_SINH, CK_ASINH, CK_ATANH, CK_SOFTSIGN, CK_SELU,
            CK_CELU:
            true
        default: false
        }
    }
}

extension Unary.Function {
    fileprivate var loose: ck_unary_kind? {
        switch self {
        case .acos: CK_ACOS
        case .acosh: CK_ACOSH
        case .asin: CK_ASIN
        case .asinh: CK_ASINH
        case .atan: CK_ATAN
        case .atanh: CK_ATANH
        case .ceil: CK_CEIL
        case .cos: CK_COS
        case .cosh: CK_COSH
        case .erf: CK_ERF
        case .floor: CK_FLOOR
        case .log: CK_LOG
        case .reciprocal: CK_RECIPROCAL
        case .sign: CK_SIGN
        case .sin: CK_SIN
        case .sinh: CK_SINH
        case .tan: CK_TAN
        case .abs, .bitwiseNot, .exp, .isNaN, .neg, .not, .round, .sqrt: nil
        }
    }
}
