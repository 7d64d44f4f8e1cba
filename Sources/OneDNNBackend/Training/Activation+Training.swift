import CKernels
import GraphIR
import Tensors

extension PlanCompiler {
    /// The gradient of an activation, in the layout of the tensor that it is computed from; padding, whose gradient is 0, stays 0.
    mutating func lower(_ gradient: ActivationGradient, _ node: Node, _ value: ValueID, _ output: ValueID) throws -> Bool {
        guard let slope = node.input(ActivationGradient.Operand.outputGradient), isBuffered(slope), shape(slope) == shape(value),
            let function = gradient.forward.function.gradient
        else { return false }
        let (buffer, layout) = try home(value)
        let dy = try operand(slope, in: layout)
        let target = [dy, buffer].first { isReusable($0) } ?? makeBuffer(.arena, byteCount: layout.byteCount)
        let count = Int64(layout.byteCount / MemoryLayout<Float>.size)
        let kernel = NativeKernel("cleave:activation_gradient", buffers: [buffer, dy, target]) { addresses, _ in
            ck_activation_gradient(
                function.kind, function.alpha, function.beta, addresses[0].floats, addresses[1].floats, addresses[2].floats, count)
        }
        emit(kernel, computing: [node], reads: [buffer, dy], writes: [target])
        define(output, in: target, layout)
        return true
    }
}

extension Activation.Function {
    /// The kernel's name for the derivative, and its numbers.
    fileprivate var gradient: (kind: ck_gradient_kind, alpha: Float, beta: Float)? {
        switch self {
        case .relu: (CK_RELU_GRADIENT, 0, 0)
        case .sigmoid: (CK_SIGMOID_GRADIENT, 0, 0)
        case .tanh: (CK_TANH_GRADIENT, 0, 0)
        case .leakyRelu(let alpha): (CK_LEAKY_GRADIENT, alpha, 0)
        case .hardSigmoid(let alpha, let beta): (CK_HARD_SIGMOID_GRADIENT, alpha, beta)
        case .hardSwish: (CK_HARD_SWISH_GRADIENT, 0, 0)
        case .softplus: (CK_SOFTPLUS_GRADIENT, 0, 0)
        case .elu(let alpha): (CK_ELU_GRADIENT, alpha, 1)
        case .selu(let alpha, let gamma): (CK_ELU_GRADIENT, alpha * gamma, gamma)
        case .celu(let alpha): (CK_CELU_GRADIENT, alpha, 0)
        case .gelu(tanhApproximation: false): (CK_GELU_GRADIENT, 0, 0)
        case .softsign, .mish, .thresholdedRelu, .shrink, .gelu(tanhApproximation: true): nil
        }
    }
}
