import Foundation
import GraphIR
import Tensors

extension ResizeGradient: ReferenceKernel {
    /// `Resize` is linear in its input, one axis after the other, so that the gradient goes back along the axes with the same weights:
    /// dx[i] = Σ over o of weight[i][o]·dy[o].
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let gradient = try arguments.required(Operand.outputGradient)
        let samplings = try forward.samplings(
            of: inputShape, scales: arguments.optional(Operand.scales), sizes: arguments.optional(Operand.sizes),
            region: arguments.optional(Operand.roi))
        let expected = zip(inputShape, samplings).map { $1?.outputLength ?? $0 }
        guard gradient.shape == expected else {
            throw CleaveError(.shapeMismatch, "the output gradient has shape \(gradient.shape), expected \(expected)")
        }
        _ = try resultCount(inputShape)
        var values = try gradient.reals()
        var current = gradient.shape
        for (axis, sampling) in samplings.enumerated() {
            guard let sampling, !current.contains(0) else { continue }
            let weights = try self.weights(sampling)
            let view = AxisView(current, axis: axis)
            current[axis] = sampling.inputLength
            var result = [Double](repeating: 0, count: try resultCount(current))
            for row in 0..<view.outer {
                for (input, line) in weights.enumerated() {
                    for (output, weight) in line.enumerated() where weight != 0 {
                        for column in 0..<view.inner {
                            result[(row * weights.count + input) * view.inner + column] +=
                                weight * values[(row * view.length + output) * view.inner + column]
                        }
                    }
                }
            }
            values = result
        }
        if current.contains(0) { values = [Double](repeating: 0, count: inputShape.reduce(1, &*)) }
        return [try Tensor(values, shape: inputShape, as: gradient.elementType)]
    }

    /// For every input position the weight that it has in every output position: what `Resize` makes of unit vectors.
    private func weights(_ sampling: AxisSampling) throws -> [[Double]] {
        let length = sampling.inputLength
        var homogeneous = forward
        homogeneous.extrapolationValue = 0
        let units = (0..<length).flatMap { row in (0..<length).map { $0 == row ? 1.0 : 0.0 } }
        let response = try homogeneous.resample(Tensor(units, shape: [length, length]), [nil, sampling]).reals()
        return (0..<length).map { Array(response[$0 * sampling.outputLength..<($0 + 1) * sampling.outputLength]) }
    }
}
