import Foundation
import GraphIR
import Tensors

/// Mean and population variance of some elements, in two passes.
private func moments(_ values: some Collection<Double>) -> (mean: Double, variance: Double) {
    let count = Double(values.count)
    let mean = values.reduce(0, +) / count
    return (mean, values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count)
}

/// A per-channel operand.
/// - Throws: `CleaveError` when it has not `count` entries.
private func perChannel(_ tensor: Tensor, _ name: String, count: Int) throws -> [Double] {
    guard tensor.count == count else {
        throw CleaveError(.shapeMismatch, "\(name) has shape \(tensor.shape), expected [\(count)]")
    }
    return try tensor.reals()
}

/// Channels (dimension 1) and elements per channel plane of [N, C, …]; a vector is N samples of one channel.
private func channelLayout(_ shape: [Int]) throws -> (channels: Int, planeSize: Int) {
    guard !shape.isEmpty else { throw CleaveError(.shapeMismatch, "the input is a scalar, expected [N, C, …]") }
    return shape.count == 1 ? (1, 1) : (shape[1], shape[2...].reduce(1, &*))
}

extension BatchNorm: ReferenceKernel {
    /// y = (x − mean) / √(variance + ε) · scale + bias. In training the batch's mean and population variance take part, and
    /// running = running · momentum + batch · (1 − momentum). Outputs 3 and 4 (up to opset 13) are the batch's statistics.
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let (channels, planeSize) = try channelLayout(input.shape)
        let operands = try [Operand.scale, .bias, .mean, .variance].map {
            try perChannel(arguments.required($0), "\($0)", count: channels)
        }
        var (mean, variance) = (operands[2], operands[3])
        var values = try input.reals()
        let planes = channels == 0 || planeSize == 0 ? 0 : values.count / planeSize
        if trainingMode {
            for channel in 0..<channels {
                let elements = stride(from: channel, to: planes, by: channels).flatMap { values[$0 * planeSize..<($0 + 1) * planeSize] }
                (mean[channel], variance[channel]) = moments(elements)
            }
        }
        for plane in 0..<planes {
            let channel = plane % channels
            let factor = operands[0][channel] / (variance[channel] + Double(epsilon)).squareRoot()
            for index in plane * planeSize..<(plane + 1) * planeSize {
                values[index] = (values[index] - mean[channel]) * factor + operands[1][channel]
            }
        }
        var outputs: [Tensor?] = [try Tensor(values, shape: input.shape, as: input.elementType)]
        guard arguments.outputCount > 1 else { return outputs }
        let types = try [Operand.mean, .variance].map { try arguments.required($0).elementType }
        let batch = [mean, variance]
        let weight = trainingMode ? Double(momentum) : 0
        for (index, type) in types.enumerated() {
            let running = combine(operands[2 + index], batch[index]) { $0 * weight + $1 * (1 - weight) }
            outputs.append(try Tensor(running, shape: [channels], as: type))
        }
        for (index, type) in types.enumerated() where arguments.outputCount > 3 {
            outputs.append(try Tensor(batch[index], shape: [channels], as: type))
        }
        return outputs
    }
}

/// Normalizes every block of `size` elements to mean 0 and variance 1, and hands out the block's moments.
private func normalize(_ values: inout [Double], blockSize size: Int, epsilon: Float) -> [(mean: Double, inverseDeviation: Double)] {
    guard size > 0 else { return [] }
    return stride(from: 0, to: values.count, by: size).map { start in
        let (mean, variance) = moments(values[start..<start + size])
        let inverse = 1 / (variance + Double(epsilon)).squareRoot()
        for index in start..<start + size { values[index] = (values[index] - mean) * inverse }
        return (mean, inverse)
    }
}

/// Multiplies every plane of [N, C, …] by an entry of `scale` and adds one of `bias`.
private func applyAffine(_ values: inout [Double], planeSize: Int, channels: Int, scale: [Double], bias: [Double], entry: (Int) -> Int) {
    guard planeSize > 0, channels > 0 else { return }
    for plane in 0..<values.count / planeSize {
        let parameter = entry(plane % channels)
        for index in plane * planeSize..<(plane + 1) * planeSize {
            values[index] = values[index] * scale[parameter] + bias[parameter]
        }
    }
}

extension InstanceNorm: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let (channels, planeSize) = try channelLayout(input.shape)
        let scale = try perChannel(arguments.required(Operand.scale), "scale", count: channels)
        let bias = try perChannel(arguments.required(Operand.bias), "bias", count: channels)
        var values = try input.reals()
        _ = normalize(&values, blockSize: planeSize, epsilon: epsilon)
        applyAffine(&values, planeSize: planeSize, channels: channels, scale: scale, bias: bias) { $0 }
        return [try Tensor(values, shape: input.shape, as: input.elementType)]
    }
}

extension GroupNorm: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let (channels, planeSize) = try channelLayout(input.shape)
        guard groups > 0, channels.isMultiple(of: groups) else {
            throw CleaveError(.invalidAttribute, "num_groups is \(groups), expected a divisor of the \(channels) channels")
        }
        let channelsPerGroup = channels / groups
        let entries = affinePerGroup ? groups : channels
        let scale = try perChannel(arguments.required(Operand.scale), "scale", count: entries)
        let bias = try perChannel(arguments.required(Operand.bias), "bias", count: entries)
        var values = try input.reals()
        _ = normalize(&values, blockSize: channelsPerGroup * planeSize, epsilon: epsilon)
        applyAffine(&values, planeSize: planeSize, channels: channels, scale: scale, bias: bias) {
            affinePerGroup ? $0 / channelsPerGroup : $0
        }
        return [try Tensor(values, shape: input.shape, as: input.elementType)]
    }
}

extension LayerNorm: ReferenceKernel {
    /// y = (x − mean) / √(variance + ε) · scale + bias; the further outputs are mean and 1/√(variance + ε), in the stash type.
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let axis = try Indexing.axis(self.axis, rank: input.rank)
        let scale = try arguments.required(Operand.scale)
        var values = try input.reals()
        let statistics = normalize(&values, blockSize: input.shape[axis...].reduce(1, &*), epsilon: epsilon)
        values = combine(values, try broadcast(scale.reals(), shape: scale.shape, to: input.shape), *)
        if let bias = arguments.optional(Operand.bias) {
            values = combine(values, try broadcast(bias.reals(), shape: bias.shape, to: input.shape), +)
        }
        let output = try Tensor(values, shape: input.shape, as: input.elementType)
        guard arguments.outputCount > 1 else { return [output] }
        guard let type = ElementType(rawValue: stashType), type.isFloatingPoint else {
            throw CleaveError(.invalidAttribute, "stash_type is \(stashType), expected a floating-point type")
        }
        let shape = Array(input.shape[..<axis]) + [Int](repeating: 1, count: input.rank - axis)
        return [
            output, try Tensor(statistics.map(\.mean), shape: shape, as: type),
            try Tensor(statistics.map(\.inverseDeviation), shape: shape, as: type),
        ]
    }
}

extension RMSNorm: ReferenceKernel {
    /// y = x / √(mean(x²) + ε) · scale, in the scale's type.
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let axis = try Indexing.axis(self.axis, rank: input.rank)
        let scale = try arguments.required(Operand.scale)
        var values = try input.reals()
        let size = input.shape[axis...].reduce(1, &*)
        for start in stride(from: 0, to: values.count, by: max(size, 1)) {
            let meanSquare = values[start..<start + size].reduce(0) { $0 + $1 * $1 } / Double(size)
            let inverse = 1 / (meanSquare + Double(epsilon)).squareRoot()
            for index in start..<start + size { values[index] *= inverse }
        }
        values = combine(values, try broadcast(scale.reals(), shape: scale.shape, to: input.shape), *)
        return [try Tensor(values, shape: input.shape, as: scale.elementType)]
    }
}

extension LocalResponseNorm: ReferenceKernel {
    /// y[c] = x[c] / (bias + alpha/size · Σ x[i]²)^beta over i from c − ⌊(size−1)/2⌋ to c + ⌈(size−1)/2⌉.
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let (channels, planeSize) = try channelLayout(input.shape)
        guard size > 0, size <= Int(Int32.max) else {
            throw CleaveError(.invalidAttribute, "size is \(size), expected a positive number of channels")
        }
        let values = try input.reals()
        var output = values
        let before = (size - 1) / 2, after = size - 1 - before
        for start in stride(from: 0, to: values.count, by: max(1, channels * planeSize)) {
            for channel in 0..<channels {
                let window = max(0, channel - before)...min(channels - 1, channel + after)
                for position in start..<start + planeSize {
                    let squares = window.reduce(0.0) { $0 + values[position + $1 * planeSize] * values[position + $1 * planeSize] }
                    let index = position + channel * planeSize
                    output[index] = values[index] / pow(Double(bias) + Double(alpha) / Double(size) * squares, Double(beta))
                }
            }
        }
        return [try Tensor(output, shape: input.shape, as: input.elementType)]
    }
}

extension LpNorm: ReferenceKernel {
    /// x / ‖x‖ₚ along the axis; a line of zeros stays zero.
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        guard p == 1 || p == 2 else { throw CleaveError(.invalidAttribute, "p is \(p), expected 1 or 2") }
        let view = AxisView(input.shape, axis: try Indexing.axis(axis, rank: input.rank))
        var values = try input.reals()
        let norm = PNorm(p)
        view.forEachLine { start in
            let line = stride(from: start, to: start + view.length * view.inner, by: max(1, view.inner))
            let length = norm.root(line.reduce(0) { $0 + norm.term(values[$1]) })
            for index in line where length != 0 { values[index] /= length }
        }
        return [try Tensor(values, shape: input.shape, as: input.elementType)]
    }
}

extension MeanVarianceNorm: ReferenceKernel {
    /// (x − mean) / (deviation + 10⁻⁹), the constant being that of ONNX's function body.
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        var values = try input.reals()
        let layout = try ReducedLayout(input.shape, axes: axes)
        let count = Double(layout.reducedCount)
        let means = layout.fold(values, from: 0, +).map { $0 / count }
        layout.forEachElement { element, group in values[element] -= means[group] }
        let deviations = layout.fold(values, from: 0) { $0 + $1 * $1 }.map { ($0 / count).squareRoot() + 1e-9 }
        layout.forEachElement { element, group in values[element] /= deviations[group] }
        return [try Tensor(values, shape: input.shape, as: input.elementType)]
    }
}
