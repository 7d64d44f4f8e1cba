import Foundation
import GraphIR
import Tensors

extension GridSampleGradient: ReferenceKernel {
    /// y = Σ over samples of Π over axes of weight · x[sample], so that dx[sample] += dy·Π weight, and for every axis of the grid
    /// dgrid = Σ over channels and samples of dy · x[sample] · (derivative of that axis' weight) · Π of the other axes' weights.
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input), grid = try arguments.required(Operand.grid)
        let gradient = try arguments.required(Operand.outputGradient)
        let rank = input.rank - 2
        guard rank >= 1, grid.rank == input.rank, grid.shape.last == rank, grid.shape[0] == input.shape[0],
            gradient.shape == Array(input.shape[..<2]) + Array(grid.shape[1...rank])
        else {
            throw CleaveError(
                .shapeMismatch,
                "input has shape \(input.shape), grid \(grid.shape) and the output gradient \(gradient.shape), "
                    + "expected [N, C, D1 … Dk], [N, d1 … dk, k] and [N, C, d1 … dk]")
        }
        let lengths = Array(input.shape[2...])
        guard gradient.count == 0 || !lengths.contains(0) else {
            throw CleaveError(.shapeMismatch, "nothing can be sampled from shape \(input.shape)")
        }
        let values = try input.reals(), coordinates = try grid.reals(), slopes = try gradient.reals()
        let (channels, pixels) = (input.shape[1], Indexing.product(lengths))
        let points = Indexing.product(grid.shape[1...rank])
        var inputGradient = [Double](repeating: 0, count: values.count)
        var gridGradient = [Double](repeating: 0, count: coordinates.count)
        for point in 0..<(gradient.count == 0 ? 0 : input.shape[0] * points) {
            let (batch, place) = point.quotientAndRemainder(dividingBy: points)
            // The grid names the last dimension first.
            let axes = lengths.enumerated().map { taps(at: coordinates[point * rank + rank - 1 - $0], length: $1) }
            forEachPosition(in: axes.map(\.count)) { choice in
                let chosen = zip(axes, choice).map { $0[$1] }
                let offset = zip(chosen, lengths).reduce(0) { $0 * $1.1 + $1.0.index }
                let weight = chosen.reduce(1) { $0 * $1.weight }
                for channel in 0..<channels {
                    let element = (batch * channels + channel) * pixels + offset
                    let slope = slopes[(batch * channels + channel) * points + place]
                    inputGradient[element] += slope * weight
                    for axis in 0..<rank {
                        let derivative = chosen.enumerated().reduce(1) { $0 * ($1.offset == axis ? $1.element.slope : $1.element.weight) }
                        gridGradient[point * rank + rank - 1 - axis] += slope * values[element] * derivative
                    }
                }
            }
        }
        let results = [
            try Tensor(inputGradient, shape: input.shape, as: input.elementType),
            try Tensor(gridGradient, shape: grid.shape, as: grid.elementType),
        ]
        return Array(results.prefix(arguments.outputCount))
    }

    /// An element that takes part along an axis, its weight, and the derivative of the weight with respect to the grid's coordinate.
    private struct Tap {
        var index: Int
        var weight: Double
        var slope: Double
    }

    private func taps(at coordinate: Double, length: Int) -> [Tap] {
        let (position, factor) = place(coordinate, length: Double(length))
        let base = position.rounded(.down)
        let fraction = position - base
        let first = Int(base)
        let weights: [(step: Int, weight: Double, slope: Double)] =
            switch forward.mode {
            case .nearest: [(0, 1, 0)]
            case .linear: [(0, 1 - fraction, -1), (1, fraction, 1)]
            case .cubic: (-1...2).map { ($0, cubic(fraction - Double($0)).value, cubic(fraction - Double($0)).slope) }
            }
        return weights.compactMap { step, weight, slope in
            let index = first + step
            if index >= 0 && index < length { return Tap(index: index, weight: weight, slope: slope * factor) }
            switch forward.padding {
            case .zeros: return nil
            case .border: return Tap(index: min(max(index, 0), length - 1), weight: weight, slope: slope * factor)
            case .reflection:
                let mirrored = Int(reflected(Double(index), length: Double(length)).position)
                return Tap(index: min(max(mirrored, 0), length - 1), weight: weight, slope: slope * factor)
            }
        }
    }

    /// The place of a coordinate in −1 … 1 among the elements, brought inside as the padding says, and its derivative.
    private func place(_ coordinate: Double, length: Double) -> (position: Double, factor: Double) {
        let scale = forward.alignCorners ? (length - 1) / 2 : length / 2
        var position = forward.alignCorners ? (coordinate + 1) / 2 * (length - 1) : ((coordinate + 1) * length - 1) / 2
        guard position.isFinite else { return (-4, 0) }
        if forward.mode == .nearest { position = position.rounded(.toNearestOrEven) }
        switch forward.padding {
        case .reflection:
            let mirrored = reflected(position, length: length)
            return (mirrored.position, scale * mirrored.factor)
        case .border where forward.mode != .cubic:
            let clamped = min(max(position, 0), length - 1)
            return (clamped, clamped == position ? scale : 0)
        case .zeros, .border:
            let clamped = min(max(position, -4), length + 4)
            return (clamped, clamped == position ? scale : 0)
        }
    }

    /// Mirrored at the borders, with the sign of the direction.
    private func reflected(_ position: Double, length: Double) -> (position: Double, factor: Double) {
        let (low, high) = forward.alignCorners ? (0, length - 1) : (-0.5, length - 0.5)
        let span = high - low
        guard span > 0 else { return (low, 0) }
        guard position < low || position > high else { return (position, 1) }
        let distance = fmod(abs(position - low), 2 * span)
        let direction: Double = position < low ? -1 : 1
        return distance <= span ? (low + distance, direction) : (high - (distance - span), -direction)
    }

    /// Keys' cubic with a = −0.75 at a distance, and its derivative.
    private func cubic(_ offset: Double) -> (value: Double, slope: Double) {
        let a = -0.75, x = abs(offset)
        let sign: Double = offset < 0 ? -1 : 1
        if x <= 1 { return (((a + 2) * x - (a + 3)) * x * x + 1, sign * (3 * (a + 2) * x - 2 * (a + 3)) * x) }
        guard x < 2 else { return (0, 0) }
        return (((a * x - 5 * a) * x + 8 * a) * x - 4 * a, sign * ((3 * a * x - 10 * a) * x + 8 * a))
    }
}
