import GraphIR
import Tensors

/// The sizes of a convolution and of the gradient of its output, checked against each other.
private func gradientShape(
    of forward: Convolution, input: [Int], weight: [Int], outputGradient: [Int]
) throws -> ConvolutionShape {
    let shape = try ConvolutionShape(input: input, weight: weight, window: forward.window, groups: forward.groups)
    guard outputGradient == shape.outputShape else {
        throw CleaveError(.shapeMismatch, "the output gradient has shape \(outputGradient), expected \(shape.outputShape)")
    }
    _ = try (resultCount(input), resultCount(weight))
    return shape
}

extension ConvolutionInputGradient: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let weight = try arguments.required(Operand.weight)
        let gradient = try arguments.required(Operand.outputGradient)
        try weight.elementType.requireSame(as: gradient.elementType)
        let shape = try gradientShape(of: forward, input: inputShape, weight: weight.shape, outputGradient: gradient.shape)
        let result = try shape.inputGradient(weight.reals(), gradient.reals())
        return [try Tensor(result, shape: inputShape, as: gradient.elementType)]
    }
}

extension ConvolutionWeightGradient: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let gradient = try arguments.required(Operand.outputGradient)
        try input.elementType.requireSame(as: gradient.elementType)
        let shape = try gradientShape(of: forward, input: input.shape, weight: weightShape, outputGradient: gradient.shape)
        let gradients = try gradient.reals()
        let weight = try Tensor(shape.weightGradient(input.reals(), gradients), shape: weightShape, as: input.elementType)
        guard arguments.outputCount > 1 else { return [weight] }
        return [weight, try Tensor(shape.biasGradient(gradients), shape: [shape.filters], as: input.elementType)]
    }
}

extension ConvolutionShape {
    /// dx[n, c] += weight[m, c, tap] · dy[n, m] where output reads input at the tap, over the filters m of c's group.
    fileprivate func inputGradient(_ weight: [Double], _ gradient: [Double]) -> [Double] {
        let inputCount = placed.inputCount, outputCount = placed.outputCount, tapCount = placed.tapCount
        let runs = placed.runs(), stride = placed.rowStride
        return filled(batch * channels * inputCount) { result in
            withPointers(weight, gradient) { weight, gradient in
                concurrently(batch * channels) { plane in
                    let sums = result + plane * inputCount
                    let (image, channel) = plane.quotientAndRemainder(dividingBy: channels)
                    let (group, place) = channel.quotientAndRemainder(dividingBy: channelsPerGroup)
                    for filter in group * filtersPerGroup..<(group + 1) * filtersPerGroup {
                        let taps = weight + (filter * channelsPerGroup + place) * tapCount
                        let source = gradient + (image * filters + filter) * outputCount
                        for run in runs {
                            let factor = taps[run.tap]
                            for index in 0..<run.count { sums[run.input + index * stride] += factor * source[run.output + index] }
                        }
                    }
                }
            }
        }
    }

    /// dw[m, c, tap] = Σ over images and outputs of x[n, c] · dy[n, m] where output reads input at the tap.
    fileprivate func weightGradient(_ input: [Double], _ gradient: [Double]) -> [Double] {
        let inputCount = placed.inputCount, outputCount = placed.outputCount, tapCount = placed.tapCount
        let runs = placed.runs(), stride = placed.rowStride
        return filled(filters * channelsPerGroup * tapCount) { result in
            withPointers(input, gradient) { input, gradient in
                concurrently(filters * channelsPerGroup) { plane in
                    let sums = result + plane * tapCount
                    let (filter, place) = plane.quotientAndRemainder(dividingBy: channelsPerGroup)
                    let channel = filter / filtersPerGroup * channelsPerGroup + place
                    for image in 0..<batch {
                        let values = input + (image * channels + channel) * inputCount
                        let slopes = gradient + (image * filters + filter) * outputCount
                        for run in runs {
                            var sum = 0.0
                            for index in 0..<run.count { sum += values[run.input + index * stride] * slopes[run.output + index] }
                            sums[run.tap] += sum
                        }
                    }
                }
            }
        }
    }

    /// db[m] = Σ dy[n, m]
    fileprivate func biasGradient(_ gradient: [Double]) -> [Double] {
        var sums = [Double](repeating: 0, count: filters)
        let outputCount = placed.outputCount
        for plane in 0..<batch * filters {
            for index in 0..<outputCount { sums[plane % filters] += gradient[plane * outputCount + index] }
        }
        return sums
    }
}
