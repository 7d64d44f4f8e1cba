import Foundation
import GraphIR
import Tensors

extension WindowFunction: ReferenceKernel {
    /// With φ = 2πn / N, N being the size of a periodic window, one less for a symmetric one: Hann ½ − ½·cos φ, Hamming
    /// 25/46 − 21/46·cos φ, Blackman 0.42 − 0.5·cos φ + 0.08·cos 2φ.
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let size = try Indexing.number(arguments.required(Operand.size), named: "size")
        let count = try Tensor.allocatableCount(of: [size], .float64)
        let coefficients: [Double] =
            switch shape {
            case .hann: [0.5, -0.5]
            case .hamming: [25.0 / 46, -21.0 / 46]
            case .blackman: [0.42, -0.5, 0.08]
            }
        let period = Double(isPeriodic ? count : count - 1)
        let values = (0..<count).map { place in
            coefficients.enumerated().reduce(0) { $0 + $1.element * cos(2 * .pi * Double(place * $1.offset) / period) }
        }
        return [try Tensor(values, shape: [count], as: elementType)]
    }
}

extension MelWeightMatrix: ReferenceKernel {
    /// Triangles over the spectrum's bins whose corners are evenly spaced in mel = 2595·log₁₀(1 + f / 700).
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let bands = try Indexing.number(arguments.required(Operand.bandCount), named: "num_mel_bins")
        let length = try Indexing.number(arguments.required(Operand.length), named: "dft_length")
        let rate = try Indexing.number(arguments.required(Operand.sampleRate), named: "sample_rate")
        let edges = try [Operand.lowerEdge, .upperEdge].map { try arguments.required($0).reals() }
        guard bands >= 0, length >= 0, rate > 0, edges.allSatisfy({ $0.count == 1 && $0[0] >= 0 }) else {
            throw CleaveError(.invalidRequest, "\(bands) bands of \(length) samples at rate \(rate) have no weights")
        }
        let bins = length / 2 + 1
        let count = try Tensor.allocatableCount(of: [bins, bands], .float64)
        func mel(_ frequency: Double) -> Double { 2595 * log10(1 + frequency / 700) }
        let (low, high) = (mel(edges[0][0]), mel(edges[1][0]))
        let corners = try (0..<bands + 2).map { index -> Int in
            let value = low + Double(index) * (high - low) / Double(bands + 2)
            let bin = (Double(length + 1) * 700 * (pow(10, value / 2595) - 1) / Double(rate)).rounded(.down)
            guard bin >= 0, bin < Double(bins) else {
                throw CleaveError(
                    .invalidRequest, "the band's corner is bin \(bin), expected 0 … \(bins - 1)",
                    suggestion: "lower the upper edge")
            }
            return Int(bin)
        }
        var weights = [Double](repeating: 0, count: count)
        for band in 0..<bands {
            let (lower, center, upper) = (corners[band], corners[band + 1], corners[band + 2])
            if lower == center { weights[center * bands + band] = 1 }
            for bin in lower..<max(lower, center) { weights[bin * bands + band] = Double(bin - lower) / Double(center - lower) }
            for bin in center..<max(center, upper) { weights[bin * bands + band] = Double(upper - bin) / Double(upper - center) }
            if center > lower { weights[center * bands + band] = 1 }
        }
        return [try Tensor(weights, shape: [bins, bands], as: elementType)]
    }
}

/// X[k] = Σ x[n]·exp(∓2πi·kn / N), for the first `count` numbers k; the inverse has the other sign and is divided by N.
private func fourierTransform(
    _ signal: [(real: Double, imaginary: Double)], isInverse: Bool, count: Int
) -> [(real: Double, imaginary: Double)] {
    let length = signal.count
    let turns = (0..<length).map { 2 * Double.pi * Double($0) / Double(length) }
    let (cosines, sines) = (turns.map { cos($0) }, turns.map { isInverse ? sin($0) : -sin($0) })
    let scale = isInverse ? 1 / Double(length) : 1
    return (0..<count).map { number in
        var sum = (real: 0.0, imaginary: 0.0)
        var turn = 0
        for (real, imaginary) in signal {
            sum.real += real * cosines[turn] - imaginary * sines[turn]
            sum.imaginary += real * sines[turn] + imaginary * cosines[turn]
            turn = (turn + number) % length
        }
        return (sum.real * scale, sum.imaginary * scale)
    }
}

extension DFT: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        guard input.rank >= 2, let parts = input.shape.last, parts == 1 || parts == 2 else {
            throw CleaveError(.shapeMismatch, "the input has shape \(input.shape), expected […, 1] (real) or […, 2] (complex)")
        }
        let given = try self.axis ?? arguments.optional(Operand.axis).map { try Indexing.number($0, named: "axis") } ?? -2
        let axis = try Indexing.axis(given, rank: input.rank)
        guard axis < input.rank - 1 else {
            throw CleaveError(.invalidAttribute, "axis is \(given), expected another dimension than the one of real and imaginary parts")
        }
        let length = try arguments.optional(Operand.length).map { try Indexing.number($0, named: "dft_length") } ?? input.shape[axis]
        guard length > 0 else { throw CleaveError(.invalidRequest, "dft_length is \(length), expected a positive number") }
        let count = isOneSided ? length / 2 + 1 : length
        var shape = input.shape
        shape[axis] = count
        shape[shape.count - 1] = 2
        _ = try resultCount(shape)
        _ = try Tensor.allocatableCount(of: [length], .complex128)
        var result = [Double](repeating: 0, count: try resultCount(shape))
        let values = try input.reals()
        let (inputStrides, strides) = (Indexing.strides(input.shape), Indexing.strides(shape))
        var lines = input.shape
        lines[axis] = 1
        lines[lines.count - 1] = 1
        forEachPosition(in: lines) { position in
            let start = offset(of: position, strides: inputStrides)
            let signal = (0..<length).map { place -> (real: Double, imaginary: Double) in
                guard place < input.shape[axis] else { return (0, 0) }
                let index = start + place * inputStrides[axis]
                return (values[index], parts == 2 ? values[index + 1] : 0)
            }
            let target = offset(of: position, strides: strides)
            for (place, value) in fourierTransform(signal, isInverse: isInverse, count: count).enumerated() {
                result[target + place * strides[axis]] = value.real
                result[target + place * strides[axis] + 1] = value.imaginary
            }
        }
        return [try Tensor(result, shape: shape, as: input.elementType)]
    }
}

extension STFT: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let signal = try arguments.required(Operand.signal)
        guard signal.rank == 3, [1, 2].contains(signal.shape[2]) else {
            throw CleaveError(.shapeMismatch, "the signal has shape \(signal.shape), expected [batch, samples, 1 or 2]")
        }
        let (batch, samples, parts) = (signal.shape[0], signal.shape[1], signal.shape[2])
        let step = try Indexing.number(arguments.required(Operand.step), named: "frame_step")
        let window = try arguments.optional(Operand.window)?.reals()
        let length = try arguments.optional(Operand.frameLength).map { try Indexing.number($0, named: "frame_length") }
            ?? window?.count ?? samples
        guard step > 0, length > 0, length <= samples, window.map({ $0.count == length }) ?? true else {
            throw CleaveError(
                .shapeMismatch,
                "frames of \(length) samples every \(step), with a window of \(window?.count ?? length), do not fit \(samples) samples")
        }
        let frames = (samples - length) / step + 1
        let count = isOneSided ? length / 2 + 1 : length
        let shape = [batch, frames, count, 2]
        var result: [Double] = []
        result.reserveCapacity(try resultCount(shape))
        let values = try signal.reals()
        for sample in 0..<batch {
            for frame in 0..<frames {
                let start = (sample * samples + frame * step) * parts
                let slice = (0..<length).map { place -> (real: Double, imaginary: Double) in
                    let index = start + place * parts
                    let factor = window?[place] ?? 1
                    return (values[index] * factor, parts == 2 ? values[index + 1] * factor : 0)
                }
                for value in fourierTransform(slice, isInverse: false, count: count) { result += [value.real, value.imaginary] }
            }
        }
        return [try Tensor(result, shape: shape, as: signal.elementType)]
    }
}
