import Foundation
import GraphIR
import Tensors

extension GridSample: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let grid = try arguments.required(Operand.grid)
        let rank = input.rank - 2
        guard rank >= 1, grid.rank == input.rank, grid.shape.last == rank, grid.shape[0] == input.shape[0] else {
            throw CleaveError(
                .shapeMismatch,
                "input has shape \(input.shape) and grid \(grid.shape), expected [N, C, D1 … Dk] and [N, d1 … dk, k]")
        }
        let lengths = Array(input.shape[2...])
        let places = Array(grid.shape[1...rank])
        let shape = Array(input.shape[..<2]) + places
        let count = try Tensor.allocatableCount(of: shape, .float64)
        guard count > 0 else { return [try Tensor.assembled(shape: shape, elementType: input.elementType) { _ in }] }
        guard !lengths.contains(0) else {
            throw CleaveError(.shapeMismatch, "nothing can be sampled from shape \(input.shape)")
        }
        let values = try input.reals()
        let coordinates = try grid.reals()
        let (batches, channels) = (input.shape[0], input.shape[1])
        let pixels = Indexing.product(lengths)
        let points = Indexing.product(places)
        var result = [Double](repeating: 0, count: count)
        for batch in 0..<batches {
            for point in 0..<points {
                // The grid names the last dimension first.
                let begin = (batch * points + point) * rank
                let position = coordinates[begin..<(begin + rank)].reversed()
                let samples = samples(at: Array(position), lengths: lengths)
                for channel in 0..<channels {
                    let plane = (batch * channels + channel) * pixels
                    result[(batch * channels + channel) * points + point] = samples.reduce(0) {
                        $0 + $1.weight * values[plane + $1.offset]
                    }
                }
            }
        }
        return [try Tensor(result, shape: shape, as: input.elementType)]
    }

    private struct Sample {
        var offset: Int
        var weight: Double
    }

    /// The elements that a point with normalized coordinates is made of.
    private func samples(at point: [Double], lengths: [Int]) -> [Sample] {
        var samples = [Sample(offset: 0, weight: 1)]
        for (coordinate, length) in zip(point, lengths) {
            let axis = axisSamples(at: position(of: coordinate, length: length), length: length)
            samples = samples.flatMap { outer in
                axis.map { Sample(offset: outer.offset * length + $0.offset, weight: outer.weight * $0.weight) }
            }
        }
        return samples
    }

    /// From −1 … 1 to elements, brought inside the border as the padding says; what is no number is outside.
    private func position(of coordinate: Double, length: Int) -> Double {
        let length = Double(length)
        var position = alignCorners ? (coordinate + 1) / 2 * (length - 1) : ((coordinate + 1) * length - 1) / 2
        if !position.isFinite { position = -1 }
        if mode == .nearest { position = position.rounded(.toNearestOrEven) }
        switch padding {
        case .reflection: return reflected(position, length: length)
        // The cubic filter is bent at the border itself, not moved to it, as in PyTorch and ONNX Runtime.
        case .border where mode != .cubic: return min(max(position, 0), length - 1)
        // No filter reaches further than two elements.
        case .zeros, .border: return min(max(position, -4), length + 4)
        }
    }

    private func axisSamples(at position: Double, length: Int) -> [Sample] {
        let base = position.rounded(.down)
        let fraction = position - base
        let weights: [Double]
        let first: Int
        switch mode {
        case .nearest: (weights, first) = ([1], Int(base))
        case .linear: (weights, first) = ([1 - fraction, fraction], Int(base))
        case .cubic: (weights, first) = (Self.cubicWeights(fraction), Int(base) - 1)
        }
        return weights.enumerated().compactMap { step, weight in
            let index = first + step
            if weight == 0 { return nil }
            if index >= 0 && index < length { return Sample(offset: index, weight: weight) }
            switch padding {
            case .zeros: return nil
            case .border: return Sample(offset: min(max(index, 0), length - 1), weight: weight)
            case .reflection:
                let mirrored = Int(reflected(Double(index), length: Double(length)))
                return Sample(offset: min(max(mirrored, 0), length - 1), weight: weight)
            }
        }
    }

    /// Mirrors at the borders, which are the outermost elements' centres or, without aligned corners, their edges.
    private func reflected(_ position: Double, length: Double) -> Double {
        let (low, high) = alignCorners ? (0, length - 1) : (-0.5, length - 0.5)
        let span = high - low
        guard span > 0 else { return low }
        guard position < low || position > high else { return position }
        let distance = fmod(abs(position - low), 2 * span)
        return distance <= span ? low + distance : high - (distance - span)
    }

    /// Keys' cubic with a = −0.75 for the elements at −1, 0, 1 and 2.
    private static func cubicWeights(_ fraction: Double) -> [Double] {
        let a = -0.75
        func near(_ x: Double) -> Double { ((a + 2) * x - (a + 3)) * x * x + 1 }
        func far(_ x: Double) -> Double { ((a * x - 5 * a) * x + 8 * a) * x - 4 * a }
        return [far(fraction + 1), near(fraction), near(1 - fraction), far(2 - fraction)]
    }
}
