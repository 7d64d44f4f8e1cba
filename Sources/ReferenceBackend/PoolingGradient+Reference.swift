import Foundation
import GraphIR
import Tensors

/// The planes of a pool's input and of the gradient of its output.
private struct PoolGradientPlanes {
    let shape: [Int]
    let placed: PlacedWindow

    /// - Throws: `CleaveError` when the input does not fit the window, or the gradient the pool's output.
    init(input: [Int], gradient: [Int], window: Window, ceilMode: Bool) throws {
        guard input.count >= 3 else {
            throw CleaveError(.shapeMismatch, "the input has shape \(input), expected [N, C, …] with spatial dimensions")
        }
        placed = try PlacedWindow(window.resolved(kernel: nil), over: Array(input[2...]), ceilMode: ceilMode)
        shape = input
        let expected = Array(input[..<2]) + placed.outputShape
        guard gradient == expected else {
            throw CleaveError(.shapeMismatch, "the output gradient has shape \(gradient), expected \(expected)")
        }
        _ = try resultCount(input)
    }

    var planeCount: Int { shape[0] * shape[1] }

    /// Adds up, for every input, what `share` gives it of every output whose window sees it.
    /// - Parameter share: of the indices of output and input.
    func scatter(_ share: (_ output: Int, _ input: Int) -> Double) -> [Double] {
        let runs = placed.runs(), stride = placed.rowStride
        var result = [Double](repeating: 0, count: planeCount * placed.inputCount)
        for plane in 0..<planeCount {
            for run in runs {
                for index in 0..<run.count {
                    let input = plane * placed.inputCount + run.input + index * stride
                    result[input] += share(plane * placed.outputCount + run.output + index, input)
                }
            }
        }
        return result
    }
}

extension AveragePoolGradient: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let gradient = try arguments.required(Operand.outputGradient)
        let planes = try PoolGradientPlanes(
            input: inputShape, gradient: gradient.shape, window: forward.window, ceilMode: forward.ceilMode)
        let placed = planes.placed
        let counts = placed.outputShape.indices.map { placed.tapCounts(axis: $0, includingPadding: forward.countIncludePad) }
        var sizes: [Double] = []
        forEachPosition(in: placed.outputShape) { position in
            sizes.append(zip(counts, position).reduce(1.0) { $0 * Double($1.0[$1.1]) })
        }
        let values = try gradient.reals()
        let result = planes.scatter { output, _ in values[output] / sizes[output % placed.outputCount] }
        return [try Tensor(result, shape: inputShape, as: gradient.elementType)]
    }
}

extension MaxPoolGradient: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let gradient = try arguments.required(Operand.outputGradient)
        try input.elementType.requireSame(as: gradient.elementType)
        let planes = try PoolGradientPlanes(
            input: input.shape, gradient: gradient.shape, window: forward.window, ceilMode: forward.ceilMode)
        let values = try input.reals(), slopes = try gradient.reals()
        var winners = [Int](repeating: -1, count: slopes.count)
        _ = planes.scatter { output, input in
            let best = winners[output]
            if best < 0 || values[input] > values[best] || (values[input].isNaN && !values[best].isNaN) { winners[output] = input }
            return 0
        }
        var result = [Double](repeating: 0, count: values.count)
        for (output, winner) in winners.enumerated() where winner >= 0 { result[winner] += slopes[output] }
        return [try Tensor(result, shape: input.shape, as: input.elementType)]
    }
}

extension LpPoolGradient: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let output = try arguments.required(Operand.output)
        let gradient = try arguments.required(Operand.outputGradient)
        let planes = try PoolGradientPlanes(
            input: input.shape, gradient: gradient.shape, window: forward.window, ceilMode: forward.ceilMode)
        guard output.shape == gradient.shape else {
            throw CleaveError(.shapeMismatch, "the output has shape \(output.shape), expected \(gradient.shape) as its gradient")
        }
        let values = try input.reals(), norms = try output.reals(), slopes = try gradient.reals()
        let exponent = Double(forward.p - 1)
        let result = planes.scatter { output, input in
            guard norms[output] != 0, values[input] != 0 else { return 0 }
            let share = pow(values[input].magnitude / norms[output], exponent)
            return slopes[output] * (values[input] < 0 ? -share : share)
        }
        return [try Tensor(result, shape: input.shape, as: input.elementType)]
    }
}
