import Foundation
import GraphIR
import Tensors

extension ActivationGradient: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let value = try arguments.required(Operand.value)
        let gradient = try arguments.required(Operand.outputGradient)
        try value.elementType.requireSame(as: gradient.elementType)
        guard value.shape == gradient.shape else {
            throw CleaveError(.shapeMismatch, "the output gradient has shape \(gradient.shape), expected \(value.shape)")
        }
        let slope = forward.function.slope
        let result = combine(try value.reals(), try gradient.reals()) { slope($0) * $1 }
        return [try Tensor(result, shape: value.shape, as: value.elementType)]
    }
}

extension Activation.Function {
    /// The derivative as a function of the output for the functions that `ActivationGradient.readsOutput` names, else of the input.
    fileprivate var slope: (Double) -> Double {
        switch self {
        case .relu: return { $0 > 0 ? 1 : 0 }
        case .sigmoid: return { $0 * (1 - $0) }
        case .tanh: return { 1 - $0 * $0 }
        case .softplus: return logistic
        case .softsign: return { 1 / ((1 + $0.magnitude) * (1 + $0.magnitude)) }
        case .hardSwish: return { $0 <= -3 ? 0 : $0 < 3 ? $0 / 3 + 0.5 : 1 }
        case .mish:
            return { x in
                let t = Foundation.tanh(x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)))
                return t + x * (1 - t * t) * logistic(x)
            }
        case .leakyRelu(let alpha): return { $0 > 0 ? 1 : Double(alpha) }
        case .elu(let alpha): return { $0 > 0 ? 1 : Double(alpha) * exp($0) }
        case .selu(let alpha, let gamma): return { Double(gamma) * ($0 > 0 ? 1 : Double(alpha) * exp($0)) }
        case .celu(let alpha): return { $0 > 0 ? 1 : exp($0 / Double(alpha)) }
        case .hardSigmoid(let alpha, let beta):
            return { x in
                let y = Double(alpha) * x + Double(beta)
                return y > 0 && y < 1 ? Double(alpha) : 0
            }
        case .thresholdedRelu(let alpha): return { $0 > Double(alpha) ? 1 : 0 }
        case .shrink(_, let lambda): return { $0.magnitude > Double(lambda) ? 1 : 0 }
        case .gelu(tanhApproximation: false):
            return { 0.5 * (1 + erf($0 / 2.0.squareRoot())) + $0 * exp(-$0 * $0 / 2) / (2 * Double.pi).squareRoot() }
        case .gelu(tanhApproximation: true):
            return { x in
                let scale = (2 / Double.pi).squareRoot()
                let t = Foundation.tanh(scale * (x + 0.044715 * x * x * x))
                return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * scale * (1 + 3 * 0.044715 * x * x)
            }
        }
    }
}

/// 1 / (1 + e⁻ˣ), without overflow of the exponential for large negative x.
private func logistic(_ x: Double) -> Double { x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x)) }

extension ProductGradient: ReferenceKernel {
    /// The product of the others is that of all elements before and of all after, so that zeros do no harm.
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let gradient = try arguments.required(Operand.outputGradient)
        let layout = try ReducedLayout(input.shape, axes: forward.axes ?? Array(0..<input.rank))
        let values = try input.reals(), slopes = try gradient.reals()
        guard slopes.count == layout.keptShape.reduce(1, &*) else {
            throw CleaveError(.shapeMismatch, "the output gradient has shape \(gradient.shape), expected \(layout.keptShape)")
        }
        var groups = [[Int]](repeating: [], count: slopes.count)
        layout.forEachElement { element, group in groups[group].append(element) }
        var result = values
        for (group, elements) in groups.enumerated() {
            var before = slopes[group]
            for element in elements {
                result[element] = before
                before *= values[element]
            }
            var after = 1.0
            for element in elements.reversed() {
                result[element] *= after
                after *= values[element]
            }
        }
        return [try Tensor(result, shape: input.shape, as: input.elementType)]
    }
}

extension DropoutMask: ReferenceKernel {
    /// An element is kept where a uniform number from `SeededRandom`, the counter being its stream, is not below the ratio.
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let counter = try Indexing.number(arguments.required(Operand.counter), named: "counter")
        guard ratio >= 0, ratio < 1 else { throw CleaveError(.invalidAttribute, "ratio is \(ratio), expected 0 ≤ ratio < 1") }
        var random = SeededRandom(seed: UInt64(bitPattern: Int64(seed)), stream: UInt64(bitPattern: Int64(counter)))
        let kept = 1 / (1 - Double(ratio))
        let values = try (0..<resultCount(shape)).map { _ in random.unit() < Double(ratio) ? 0 : kept }
        return [try Tensor(values, shape: shape, as: elementType)]
    }
}
