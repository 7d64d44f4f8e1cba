import Foundation
import GraphIR
import Tensors

/// Elements that are normalized together, and the factor and bias that every one of them has.
private struct NormalizedGroups {
    /// Elements per group; groups are lists of offsets.
    let groups: [[Int]]
    let epsilon: Double

    /// x̂ and the gradient of the input, g being the gradient of x̂.
    ///
    /// x̂ = (x − mean)·r with r = 1/√(variance + ε); dx = r·(g − mean(g) − x̂·mean(g·x̂)).
    func differentiate(_ values: [Double], _ g: [Double]) -> (normalized: [Double], gradient: [Double]) {
        var normalized = values, gradient = values
        for group in groups where !group.isEmpty {
            let count = Double(group.count)
            let mean = group.reduce(0) { $0 + values[$1] } / count
            let variance = group.reduce(0) { $0 + (values[$1] - mean) * (values[$1] - mean) } / count
            let inverse = 1 / (variance + epsilon).squareRoot()
            for index in group { normalized[index] = (values[index] - mean) * inverse }
            let meanSlope = group.reduce(0) { $0 + g[$1] } / count
            let projection = group.reduce(0) { $0 + g[$1] * normalized[$1] } / count
            for index in group { gradient[index] = inverse * (g[index] - meanSlope - normalized[index] * projection) }
        }
        return (normalized, gradient)
    }
}

/// - Throws: `CleaveError` unless input and output gradient have one shape.
private func requireSameShape(_ input: Tensor, _ gradient: Tensor) throws {
    guard input.shape == gradient.shape else {
        throw CleaveError(.shapeMismatch, "the output gradient has shape \(gradient.shape), expected the input's, \(input.shape)")
    }
}

/// Channels (dimension 1) and elements per channel plane of [N, C, …]; a vector is N samples of one channel.
private func channelLayout(_ shape: [Int]) throws -> (channels: Int, planeSize: Int) {
    guard !shape.isEmpty else { throw CleaveError(.shapeMismatch, "the input is a scalar, expected [N, C, …]") }
    return shape.count == 1 ? (1, 1) : (shape[1], shape[2...].reduce(1, &*))
}

/// - Throws: `CleaveError` when there is not one entry per channel (or group).
private func entries(_ tensor: Tensor, _ name: String, count: Int) throws -> [Double] {
    guard tensor.count == count else {
        throw CleaveError(.shapeMismatch, "\(name) has shape \(tensor.shape), expected [\(count)]")
    }
    return try tensor.reals()
}

extension BatchNormGradient: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let scaleTensor = try arguments.required(Operand.scale)
        let gradientTensor = try arguments.required(Operand.outputGradient)
        try requireSameShape(input, gradientTensor)
        let (channels, planeSize) = try channelLayout(input.shape)
        let scale = try entries(scaleTensor, "scale", count: channels)
        let values = try input.reals(), slopes = try gradientTensor.reals()
        let channel = values.indices.map { channels * planeSize == 0 ? 0 : $0 / planeSize % channels }
        var normalized = values, result = values
        if forward.trainingMode {
            var groups = [[Int]](repeating: [], count: channels)
            for index in values.indices { groups[channel[index]].append(index) }
            let g = values.indices.map { slopes[$0] * scale[channel[$0]] }
            (normalized, result) = NormalizedGroups(groups: groups, epsilon: Double(forward.epsilon)).differentiate(values, g)
        } else {
            let mean = try entries(arguments.required(Operand.mean), "mean", count: channels)
            let variance = try entries(arguments.required(Operand.variance), "variance", count: channels)
            for index in values.indices {
                let inverse = 1 / (variance[channel[index]] + Double(forward.epsilon)).squareRoot()
                normalized[index] = (values[index] - mean[channel[index]]) * inverse
                result[index] = slopes[index] * scale[channel[index]] * inverse
            }
        }
        let parameters = sums(slopes, normalized, entry: channel, count: channels)
        let gradients = try [parameters.scale, parameters.bias].map { try Tensor($0, shape: [channels], as: scaleTensor.elementType) }
        return Array(([try Tensor(result, shape: input.shape, as: input.elementType)] + gradients).prefix(arguments.outputCount))
    }
}

/// Per entry of scale and bias, Σ dy·x̂ and Σ dy over the elements that have it.
private func sums(_ slopes: [Double], _ normalized: [Double], entry: [Int], count: Int) -> (scale: [Double], bias: [Double]) {
    var scale = [Double](repeating: 0, count: count), bias = scale
    for index in slopes.indices {
        scale[entry[index]] += slopes[index] * normalized[index]
        bias[entry[index]] += slopes[index]
    }
    return (scale, bias)
}

extension GroupNormGradient: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let scaleTensor = try arguments.required(Operand.scale)
        let gradientTensor = try arguments.required(Operand.outputGradient)
        try requireSameShape(input, gradientTensor)
        let (channels, planeSize) = try channelLayout(input.shape)
        guard forward.groups > 0, channels.isMultiple(of: forward.groups) else {
            throw CleaveError(.invalidAttribute, "num_groups is \(forward.groups), expected a divisor of the \(channels) channels")
        }
        let channelsPerGroup = channels / forward.groups
        let count = forward.affinePerGroup ? forward.groups : channels
        let scale = try entries(scaleTensor, "scale", count: count)
        let values = try input.reals(), slopes = try gradientTensor.reals()
        let entry = values.indices.map { index -> Int in
            let channel = index / planeSize % channels
            return forward.affinePerGroup ? channel / channelsPerGroup : channel
        }
        let size = channelsPerGroup * planeSize
        let groups = size == 0 ? [] : stride(from: 0, to: values.count, by: size).map { Array($0..<$0 + size) }
        let g = values.indices.map { slopes[$0] * scale[entry[$0]] }
        let (normalized, result) = NormalizedGroups(groups: groups, epsilon: Double(forward.epsilon)).differentiate(values, g)
        let parameters = sums(slopes, normalized, entry: entry, count: count)
        let gradients = try [parameters.scale, parameters.bias].map { try Tensor($0, shape: [count], as: scaleTensor.elementType) }
        return Array(([try Tensor(result, shape: input.shape, as: input.elementType)] + gradients).prefix(arguments.outputCount))
    }
}

/// The sum of `values` over everything along which an operand of `shape` was repeated to `full`.
private func unbroadcast(_ values: [Double], from full: [Int], to shape: [Int]) throws -> [Double] {
    let strides = try broadcastStrides(shape, to: full)
    var result = [Double](repeating: 0, count: shape.reduce(1, &*))
    var element = 0
    forEachPosition(in: full) { position in
        result[offset(of: position, strides: strides)] += values[element]
        element += 1
    }
    return result
}

/// Gradients of input and scale of a normalization over the dimensions from `axis` on, whose scale is broadcast to the input.
/// - Parameter differentiate: x̂ and the gradient of the input, from the input, the gradient of x̂, and the elements per group.
private func gradients(
    of input: Tensor, scale: Tensor, from gradient: Tensor, axis: Int, outputCount: Int,
    differentiate: (_ values: [Double], _ g: [Double], _ size: Int) -> (normalized: [Double], gradient: [Double])
) throws -> [Tensor?] {
    try requireSameShape(input, gradient)
    let axis = try Indexing.axis(axis, rank: input.rank)
    let slopes = try gradient.reals()
    let g = combine(slopes, try broadcast(scale.reals(), shape: scale.shape, to: input.shape), *)
    let (normalized, result) = differentiate(try input.reals(), g, input.shape[axis...].reduce(1, &*))
    let output = try Tensor(result, shape: input.shape, as: input.elementType)
    guard outputCount > 1 else { return [output] }
    let scaleGradient = try unbroadcast(combine(slopes, normalized, *), from: input.shape, to: scale.shape)
    return [output, try Tensor(scaleGradient, shape: scale.shape, as: scale.elementType)]
}

extension LayerNormGradient: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        try gradients(
            of: arguments.required(Operand.input), scale: arguments.required(Operand.scale),
            from: arguments.required(Operand.outputGradient), axis: forward.axis, outputCount: arguments.outputCount
        ) { values, g, size in
            let groups = size == 0 ? [] : stride(from: 0, to: values.count, by: size).map { Array($0..<$0 + size) }
            return NormalizedGroups(groups: groups, epsilon: Double(forward.epsilon)).differentiate(values, g)
        }
    }
}

extension RMSNormGradient: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        try gradients(
            of: arguments.required(Operand.input), scale: arguments.required(Operand.scale),
            from: arguments.required(Operand.outputGradient), axis: forward.axis, outputCount: arguments.outputCount
        ) { values, g, size in
            var normalized = values, result = values
            for start in stride(from: 0, to: values.count, by: max(size, 1)) {
                let group = start..<start + size
                let meanSquare = group.reduce(0) { $0 + values[$1] * values[$1] } / Double(size)
                let inverse = 1 / (meanSquare + Double(forward.epsilon)).squareRoot()
                let projection = group.reduce(0) { $0 + g[$1] * values[$1] } / Double(size)
                for index in group {
                    normalized[index] = values[index] * inverse
                    result[index] = inverse * (g[index] - values[index] * inverse * inverse * projection)
                }
            }
            return (normalized, result)
        }
    }
}

extension LocalResponseNormGradient: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let gradient = try arguments.required(Operand.outputGradient)
        try requireSameShape(input, gradient)
        let (channels, planeSize) = try channelLayout(input.shape)
        guard forward.size > 0, forward.size <= Int(Int32.max) else {
            throw CleaveError(.invalidAttribute, "size is \(forward.size), expected a positive number of channels")
        }
        let values = try input.reals(), slopes = try gradient.reals()
        let before = (forward.size - 1) / 2, after = forward.size - 1 - before
        let share = Double(forward.alpha) / Double(forward.size), beta = Double(forward.beta)
        var result = values
        for start in stride(from: 0, to: values.count, by: max(1, channels * planeSize)) {
            for position in start..<start + planeSize {
                func index(_ channel: Int) -> Int { position + channel * planeSize }
                let sums = (0..<channels).map { channel in
                    (max(0, channel - before)...min(channels - 1, channel + after)).reduce(Double(forward.bias)) {
                        $0 + share * values[index($1)] * values[index($1)]
                    }
                }
                for channel in 0..<channels {
                    // The channels whose window holds this one: the window turned round.
                    let readers = max(0, channel - after)...min(channels - 1, channel + before)
                    let slope = readers.reduce(0.0) { $0 + slopes[index($1)] * values[index($1)] * pow(sums[$1], -beta - 1) }
                    result[index(channel)] =
                        slopes[index(channel)] * pow(sums[channel], -beta) - 2 * share * beta * values[index(channel)] * slope
                }
            }
        }
        return [try Tensor(result, shape: input.shape, as: input.elementType)]
    }
}
