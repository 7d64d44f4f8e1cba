import Foundation
import GraphIR
import Tensors

extension Activation: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let type = input.elementType
        guard type.isFloatingPoint || type.isInteger else { throw CleaveError(.typeMismatch, "expected numbers, not \(type)") }
        if type.isInteger, function == .relu {
            return [try Tensor(input.integers().map { type.isSignedInteger ? max($0, 0) : $0 }, shape: input.shape, as: type)]
        }
        return [try Tensor(input.reals().map(function.scalar), shape: input.shape, as: type)]
    }
}

extension Activation.Function {
    /// The function of one number. Integers (`Shrink` and `Relu` admit them) are truncated afterwards.
    fileprivate var scalar: (Double) -> Double {
        switch self {
        case .relu: return { larger($0, 0) }
        case .sigmoid: return logistic
        case .tanh: return { Foundation.tanh($0) }
        case .softplus: return logOfOnePlusExp
        case .softsign: return { $0 / (1 + $0.magnitude) }
        case .hardSwish: return { $0 * smaller(1, larger(0, $0 / 6 + 0.5)) }
        case .mish: return { $0 * Foundation.tanh(logOfOnePlusExp($0)) }
        case .leakyRelu(let alpha): return { $0 < 0 ? Double(alpha) * $0 : $0 }
        case .elu(let alpha): return { $0 < 0 ? Double(alpha) * expm1($0) : $0 }
        case .selu(let alpha, let gamma): return { Double(gamma) * ($0 > 0 ? $0 : Double(alpha) * expm1($0)) }
        case .celu(let alpha): return { larger(0, $0) + smaller(0, Double(alpha) * expm1($0 / Double(alpha))) }
        case .hardSigmoid(let alpha, let beta): return { larger(0, smaller(1, Double(alpha) * $0 + Double(beta))) }
        case .thresholdedRelu(let alpha): return { $0 > Double(alpha) ? $0 : 0 }
        case .shrink(let bias, let lambda):
            return { $0 < -Double(lambda) ? $0 + Double(bias) : $0 > Double(lambda) ? $0 - Double(bias) : 0 }
        case .gelu(tanhApproximation: false): return { 0.5 * $0 * (1 + erf($0 / 2.0.squareRoot())) }
        case .gelu(tanhApproximation: true):
            return { 0.5 * $0 * (1 + Foundation.tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0))) }
        }
    }
}

/// 1 / (1 + e⁻ˣ), without overflow of the exponential for large negative x.
private func logistic(_ x: Double) -> Double {
    x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x))
}

/// log(1 + eˣ), which is x for large x.
private func logOfOnePlusExp(_ x: Double) -> Double { larger(x, 0) + log1p(exp(-x.magnitude)) }

extension Softmax: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        var values = try input.reals()
        let view = try view(of: input.shape)
        view.forEachLine { start in
            normalize(&values, Array(stride(from: start, to: start + view.length * view.inner, by: view.inner)))
        }
        return [try Tensor(values, shape: input.shape, as: input.elementType)]
    }

    /// Lines along the axis; before opset 13 the rows of the matrix that the shape makes when it is split at the axis.
    private func view(of shape: [Int]) throws -> AxisView {
        guard flattens else { return AxisView(shape, axis: try Indexing.axis(axis, rank: shape.count)) }
        guard axis >= -shape.count, axis <= shape.count else {
            throw CleaveError(.invalidAttribute, "axis is \(axis), expected \(-shape.count) to \(shape.count)")
        }
        let split = axis < 0 ? axis + shape.count : axis
        return AxisView([shape[..<split].reduce(1, &*), shape[split...].reduce(1, &*)], axis: 1)
    }

    private func normalize(_ values: inout [Double], _ line: [Int]) {
        let peak = line.reduce(-.infinity) { larger($0, values[$1]) }
        switch function {
        case .softmax:
            for index in line { values[index] = exp(values[index] - peak) }
            let sum = line.reduce(0) { $0 + values[$1] }
            for index in line { values[index] /= sum }
        case .logSoftmax:
            let logSum = log(line.reduce(0) { $0 + exp(values[$1] - peak) })
            for index in line { values[index] = values[index] - peak - logSum }
        case .hardmax:
            // 1 at the first maximum; NaN, as for ArgMax, is one.
            let first = line.first { values[$0] == peak || (peak.isNaN && values[$0].isNaN) }
            for index in line { values[index] = index == first ? 1 : 0 }
        }
    }
}
