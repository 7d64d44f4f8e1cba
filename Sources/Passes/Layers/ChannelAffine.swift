import GraphIR
import Tensors

/// y = scale·x + shift per channel: what batch norm does at inference, and what `Mul` and `Add` by constants do.
struct ChannelAffine {
    /// One entry per channel, or a single one for all of them; as many as `shift`.
    var scale: [Double]
    var shift: [Double]

    var isFinite: Bool { (scale + shift).allSatisfy(\.isFinite) }
    var hasShift: Bool { shift.contains { $0 != 0 } }
    var hasScale: Bool { scale.contains { $0 != 1 } }

    func scale(_ channel: Int) -> Double { scale.count == 1 ? scale[0] : scale[channel] }
    func shift(_ channel: Int) -> Double { shift.count == 1 ? shift[0] : shift[channel] }

    /// The same for channels that each became `count` neighbouring ones.
    func repeated(_ count: Int) -> ChannelAffine {
        func spread(_ values: [Double]) -> [Double] {
            values.count == 1 ? values : values.flatMap { [Double](repeating: $0, count: count) }
        }
        return ChannelAffine(scale: spread(scale), shift: spread(shift))
    }
}

extension ChannelAffine {
    /// Batch norm at inference: scale = γ/√(σ² + ε), shift = β − μ·scale
    /// (Ioffe, Szegedy, "Batch Normalization", arXiv 1502.03167, algorithm 2).
    static func of(_ node: Node, batchNorm: BatchNorm, in graph: Graph) -> MatchResult<ChannelAffine> {
        if batchNorm.trainingMode { return .skip(SkipReason("it is in training mode")) }
        guard graph.onlyOutput(of: node) != nil else { return .skip(SkipReason("its running statistics are read")) }
        let operands: [BatchNorm.Operand] = [.scale, .bias, .mean, .variance]
        var parameters: [[Double]] = []
        for operand in operands {
            guard let constant = graph.constantOperand(node.input(operand)), constant.elementType.isFloatingPoint,
                constant.shape.count == 1, let values = constant.doubles()
            else { return .skip(SkipReason("its \(operand) is not a constant vector")) }
            parameters.append(values)
        }
        let (gamma, beta, mean, variance) = (parameters[0], parameters[1], parameters[2], parameters[3])
        guard parameters.allSatisfy({ $0.count == gamma.count }) else {
            return .skip(SkipReason("its parameters have different lengths"))
        }
        let epsilon = Double(batchNorm.epsilon)
        guard variance.allSatisfy({ $0 + epsilon > 0 }) else {
            return .skip(SkipReason("a variance plus epsilon is not positive"))
        }
        let scale = zip(gamma, variance).map { $0 / ($1 + epsilon).squareRoot() }
        let shift = beta.indices.map { beta[$0] - mean[$0] * scale[$0] }
        let affine = ChannelAffine(scale: scale, shift: shift)
        return affine.isFinite ? .match(affine) : .skip(SkipReason("a parameter is not finite"))
    }
}

/// `Mul`, `Div`, `Add` or `Sub` of a value and a constant, or `Neg`: affine in the value.
struct ArithmeticStep {
    private enum Form {
        case multiply, divide, add, subtract, subtractFrom, negate
    }

    let value: ValueID
    private let constant: ConstantOperand?
    var constantID: ValueID? { constant?.id }
    private let form: Form

    init?(_ node: Node, in graph: Graph) {
        switch node.operator {
        case .unary(let unary) where unary.function == .neg:
            guard let value = node.input(Unary.Operand.input) else { return nil }
            self.init(value: value, constant: nil, form: .negate)
        case .binary(let binary) where binary.broadcastAxis == .numpy:
            guard let a = node.input(Binary.Operand.a), let b = node.input(Binary.Operand.b), a != b else { return nil }
            let left = graph.constantOperand(a)
            let right = graph.constantOperand(b)
            guard (left == nil) != (right == nil), let constant = left ?? right else { return nil }
            let value = left == nil ? a : b
            switch binary.function {
            case .mul: self.init(value: value, constant: constant, form: .multiply)
            case .add: self.init(value: value, constant: constant, form: .add)
            case .sub: self.init(value: value, constant: constant, form: left == nil ? .subtract : .subtractFrom)
            case .div where left == nil: self.init(value: value, constant: constant, form: .divide)
            default: return nil
            }
        default: return nil
        }
    }

    private init(value: ValueID, constant: ConstantOperand?, form: Form) {
        self.value = value
        self.constant = constant
        self.form = form
    }

    /// The step as an affine map of the channels of `value`.
    /// - Parameters:
    ///   - rank: dimensions that the value has at least.
    ///   - trailing: dimensions after that of the channels.
    func affine(channels: Int, rank: Int, trailing: Int) -> MatchResult<ChannelAffine> {
        guard let constant else { return .match(ChannelAffine(scale: [-1], shift: [0])) }
        guard constant.elementType.isFloatingPoint else { return .unrelated }
        let place = constant.shape.count - 1 - trailing
        let isPerChannel = constant.shape.enumerated().allSatisfy { index, length in
            length == 1 || (index == place && length == channels)
        }
        guard isPerChannel, constant.shape.count <= rank, let values = constant.doubles() else {
            return .skip(SkipReason("its constant of shape \(constant.shape) is not one number per channel"))
        }
        let ones = [Double](repeating: 1, count: values.count)
        let zeros = [Double](repeating: 0, count: values.count)
        let affine: ChannelAffine =
            switch form {
            case .multiply: ChannelAffine(scale: values, shift: zeros)
            case .divide: ChannelAffine(scale: values.map { 1 / $0 }, shift: zeros)
            case .add: ChannelAffine(scale: ones, shift: values)
            case .subtract: ChannelAffine(scale: ones, shift: values.map { -$0 })
            case .subtractFrom: ChannelAffine(scale: values.map { _ in -1 }, shift: values)
            case .negate: ChannelAffine(scale: [-1], shift: [0])
            }
        return affine.isFinite
            ? .match(affine) : .skip(SkipReason("its constant has elements that cannot be folded (NaN, infinity or division by 0)"))
    }
}
