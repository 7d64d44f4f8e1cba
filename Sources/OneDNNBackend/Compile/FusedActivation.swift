import CKernels
import GraphIR
import Tensors

/// An element-wise function of one tensor that other kernels can take in.
struct FusedActivation: Sendable {
    let native: ck_activation

    init(_ kind: ck_activation_kind, low: Float = 0, high: Float = 0) { native = ck_activation(kind: kind, low: low, high: high) }

    static let relu = FusedActivation(CK_CLAMP, low: 0, high: .infinity)

    /// Whether the function leaves the zeros in a layout's padding zero.
    var keepsZero: Bool {
        switch native.kind {
        case CK_CLAMP: native.low <= 0 && native.high >= 0
        case CK_EXP, CK_SIGMOID, CK_SOFTPLUS, CK_HARD_SIGMOID: false
        default: true
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
        return FusedActivation(CK_CLAMP, low: low, high: high)
    }
}

extension Activation.Function {
    fileprivate var fused: FusedActivation? {
        switch self {
        case .relu: .relu
        case .sigmoid: .init(CK_SIGMOID)
        case .tanh: .init(CK_TANH)
        case .softplus: .init(CK_SOFTPLUS)
        case .hardSwish: .init(CK_HARD_SWISH)
        case .mish: .init(CK_MISH)
        case .leakyRelu(let alpha): .init(CK_LEAKY, low: alpha)
        case .elu(let alpha): .init(CK_ELU, low: alpha, high: 1)
        case .selu(let alpha, let gamma): .init(CK_ELU, low: gamma * alpha, high: gamma)
        case .celu(let alpha): .init(CK_CELU, low: alpha)
        case .gelu(let tanhApproximation): .init(tanhApproximation ? CK_GELU_TANH : CK_GELU)
        case .hardSigmoid(let alpha, let beta): .init(CK_HARD_SIGMOID, low: alpha, high: beta)
        case .softsign: .init(CK_SOFTSIGN)
        case .thresholdedRelu, .shrink: nil
        }
    }
}

extension Unary.Function {
    fileprivate var fused: FusedActivation? {
        switch self {
        case .abs: .init(CK_ABS)
        case .exp: .init(CK_EXP)
        case .neg: .init(CK_NEGATE)
        case .round: .init(CK_ROUND)
        case .sqrt: .init(CK_SQRT)
        case .erf: .init(CK_ERF)
        case .acos, .acosh, .asin, .asinh, .atan, .atanh, .bitwiseNot, .ceil, .cos, .cosh, .floor, .isNaN, .log, .not, .reciprocal,
            .sign, .sin, .sinh, .tan:
            nil
        }
    }
}

/// A function that nothing takes in.
struct LooseFunction: Sendable {
    var kind: ck_unary_kind
    var alpha: Float = 0

    /// - Returns: `nil` for operators of another kind.
    init?(_ operation: Operator) {
        switch operation {
        case .unary(let payload):
            guard let kind = payload.function.loose else { return nil }
            self.kind = kind
        case .activation(let payload):
            guard case .thresholdedRelu(let alpha) = payload.function else { return nil }
            (kind, self.alpha) = (CK_THRESHOLDED_RELU, alpha)
        default: return nil
        }
    }

    /// Whether the function leaves the zeros in a layout's padding zero.
    var keepsZero: Bool {
        switch kind {
        case CK_FLOOR, CK_CEIL, CK_SIGN, CK_SIN, CK_TAN, CK_ASIN, CK_ATAN, CK_SINH, CK_ASINH, CK_ATANH: true
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
        case .floor: CK_FLOOR
        case .log: CK_LOG
        case .reciprocal: CK_RECIPROCAL
        case .sign: CK_SIGN
        case .sin: CK_SIN
        case .sinh: CK_SINH
        case .tan: CK_TAN
        case .abs, .bitwiseNot, .erf, .exp, .isNaN, .neg, .not, .round, .sqrt: nil
        }
    }
}
