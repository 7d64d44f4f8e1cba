import GraphIR
import Tensors

/// The sizes of one convolution, checked against each other.
struct ConvolutionShape {
    let batch: Int
    let channels: Int
    let filters: Int
    let groups: Int
    let placed: PlacedWindow

    var channelsPerGroup: Int { channels / groups }
    var filtersPerGroup: Int { filters / groups }
    var outputShape: [Int] { [batch, filters] + placed.outputShape }

    /// - Throws: `CleaveError` when input [N, C, …] and weight [M, C/groups, …] do not fit each other or the attributes.
    init(input: [Int], weight: [Int], window: Window, groups: Int) throws {
        guard weight.count >= 3, input.count == weight.count else {
            throw CleaveError(
                .shapeMismatch, "input \(input) and weight \(weight) have \(input.count) and \(weight.count) dimensions, "
                    + "expected the same number, at least 3")
        }
        guard groups > 0, weight[0].isMultiple(of: groups) else {
            throw CleaveError(.invalidAttribute, "group is \(groups), expected a divisor of the \(weight[0]) filters")
        }
        let (expected, overflow) = weight[1].multipliedReportingOverflow(by: groups)
        guard !overflow, input[1] == expected else {
            throw CleaveError(
                .shapeMismatch,
                "the input has \(input[1]) channels, expected \(expected): \(groups) groups of \(weight[1]) as in the weight")
        }
        batch = input[0]
        channels = input[1]
        filters = weight[0]
        self.groups = groups
        placed = try PlacedWindow(window.resolved(kernel: Array(weight[2...])), over: Array(input[2...]), ceilMode: false)
        _ = try resultCount(outputShape)
    }

    /// y[n, m] = bias[m] + Σ over the group's channels c and the taps of weight[m, c, tap] · x[n, c], in Double.
    func convolve(_ input: [Double], _ weight: [Double], bias: [Double]?) -> [Double] {
        let inputCount = placed.inputCount, outputCount = placed.outputCount, tapCount = placed.tapCount
        let runs = placed.runs(), stride = placed.rowStride
        if outputCount == 0 { return [] }
        return filled(batch * filters * outputCount) { output in
            withPointers(input, weight) { input, weight in
                concurrently(batch * filters) { plane in
                    let sums = output + plane * outputCount
                    let (image, filter) = plane.quotientAndRemainder(dividingBy: filters)
                    sums.update(repeating: bias?[filter] ?? 0, count: outputCount)
                    for channel in 0..<channelsPerGroup {
                        let source = image * channels + filter / filtersPerGroup * channelsPerGroup + channel
                        let taps = weight + (filter * channelsPerGroup + channel) * tapCount
                        for run in runs {
                            multiplyAdd(
                                taps[run.tap], input + source * inputCount + run.input, stride: stride, into: sums + run.output,
                                stride: 1, count: run.count)
                        }
                    }
                }
            }
        }
    }
}

/// target[i·targetStride] += factor · source[i·sourceStride]
private func multiplyAdd(
    _ factor: Double, _ source: UnsafePointer<Double>, stride sourceStride: Int, into target: UnsafeMutablePointer<Double>,
    stride targetStride: Int, count: Int
) {
    if sourceStride == 1 && targetStride == 1 {
        for index in 0..<count { target[index] += factor * source[index] }
    } else {
        for index in 0..<count { target[index &* targetStride] += factor * source[index &* sourceStride] }
    }
}

/// An array of `count` zeros that `body` fills through a pointer.
func filled(_ count: Int, _ body: (UnsafeMutablePointer<Double>) -> Void) -> [Double] {
    var result = [Double](repeating: 0, count: count)
    result.withUnsafeMutableBufferPointer { if let base = $0.baseAddress { body(base) } }
    return result
}

/// Calls `body` with pointers to the elements, unless one of the arrays is empty.
func withPointers<Element>(_ first: [Element], _ second: [Element], _ body: (UnsafePointer<Element>, UnsafePointer<Element>) -> Void) {
    first.withUnsafeBufferPointer { first in
        second.withUnsafeBufferPointer { second in
            if let first = first.baseAddress, let second = second.baseAddress { body(first, second) }
        }
    }
}

/// The bias of a convolution as Doubles.
/// - Throws: `CleaveError` when it does not have one entry per filter.
func checkedBias(_ bias: Tensor?, filters: Int) throws -> [Double]? {
    guard let bias else { return nil }
    guard bias.shape == [filters] else {
        throw CleaveError(.shapeMismatch, "the bias has shape \(bias.shape), expected [\(filters)], one entry per filter")
    }
    return try bias.reals()
}

extension Convolution: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let weight = try arguments.required(Operand.weight)
        try input.elementType.requireSame(as: weight.elementType)
        let shape = try ConvolutionShape(input: input.shape, weight: weight.shape, window: window, groups: groups)
        let bias = try checkedBias(arguments.optional(Operand.bias), filters: shape.filters)
        let output = try shape.convolve(input.reals(), weight.reals(), bias: bias)
        return [try Tensor(output, shape: shape.outputShape, as: input.elementType)]
    }
}

extension ConvolutionTranspose: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let weight = try arguments.required(Operand.weight)
        try input.elementType.requireSame(as: weight.elementType)
        guard weight.rank >= 3, input.rank == weight.rank, input.shape[1] == weight.shape[0] else {
            throw CleaveError(
                .shapeMismatch, "input \(input.shape) and weight \(weight.shape) do not fit, expected [N, C, …] and [C, M/group, …]")
        }
        guard groups > 0, input.shape[1].isMultiple(of: groups) else {
            throw CleaveError(.invalidAttribute, "group is \(groups), expected a divisor of the \(input.shape[1]) channels")
        }
        let (filters, overflow) = weight.shape[1].multipliedReportingOverflow(by: groups)
        guard !overflow else { throw CleaveError(.invalidAttribute, "group is \(groups), which is out of range") }
        let placed = try placedWindow(over: Array(input.shape[2...]), kernel: Array(weight.shape[2...]))
        let outputShape = [input.shape[0], filters] + placed.inputShape
        _ = try resultCount(outputShape)
        let bias = try checkedBias(arguments.optional(Operand.bias), filters: filters)
        let output = try scatter(
            input.reals(), weight.reals(), bias: bias, placed: placed, batch: input.shape[0], channels: input.shape[1],
            filters: filters)
        return [try Tensor(output, shape: outputShape, as: input.elementType)]
    }

    /// The window of the convolution whose transpose this is: it goes from the (larger) output to the input.
    ///
    /// output = stride·(input − 1) + outputPadding + extent − padding. When the output is given (`output_shape`, or input·stride for
    /// `SAME_*`), the padding follows, and its odd element goes to the end for `SAME_UPPER` and to the beginning otherwise.
    private func placedWindow(over inputShape: [Int], kernel: [Int]) throws -> PlacedWindow {
        let window = try self.window.resolved(kernel: kernel)
        try PlacedWindow.requireRank(inputShape, window)
        let rank = kernel.count
        let extra = outputPadding.isEmpty ? [Int](repeating: 0, count: rank) : outputPadding
        guard extra.count == rank, extra.allSatisfy({ 0 <= $0 && $0 <= Int(Int32.max) }) else {
            throw CleaveError(.invalidAttribute, "output_padding is \(outputPadding), expected \(rank) numbers that are not negative")
        }
        if let outputShape, outputShape.count != rank || outputShape.contains(where: { $0 < 0 || $0 > 1 << 40 }) {
            throw CleaveError(.invalidAttribute, "output_shape is \(outputShape), expected \(rank) spatial lengths")
        }
        var outputs: [Int] = [], begins: [Int] = [], ends: [Int] = []
        for axis in 0..<rank {
            let (reach, overflow) = window.strides[axis].multipliedReportingOverflow(by: max(0, inputShape[axis] - 1))
            guard !overflow, reach <= 1 << 40 else {
                throw CleaveError(.invalidAttribute, "strides is \(window.strides), which makes the output too large")
            }
            let full = reach + extra[axis] + window.extent(axis)
            let given: Int? =
                switch window.padding {
                case .sameUpper, .sameLower: outputShape?[axis] ?? inputShape[axis] * window.strides[axis]
                case .explicit, .valid: outputShape?[axis]
                }
            if let given {
                let total = max(0, full - given)
                begins.append(window.padding == .sameUpper ? total / 2 : total - total / 2)
                ends.append(total - begins[axis])
                outputs.append(given)
            } else {
                let pads = window.pads(axis, length: inputShape[axis])
                begins.append(pads.begin)
                ends.append(pads.end)
                outputs.append(max(0, full - pads.begin - pads.end))
            }
        }
        return PlacedWindow(window, inputShape: outputs, outputShape: inputShape, begin: begins, end: ends)
    }

    /// y[n, m] = bias[m] + Σ over channels and taps of weight[c, m, tap] · x[n, c], each product where the convolution would have read.
    private func scatter(
        _ input: [Double], _ weight: [Double], bias: [Double]?, placed: PlacedWindow, batch: Int, channels: Int, filters: Int
    ) -> [Double] {
        let planeCount = placed.inputCount, sourceCount = placed.outputCount, tapCount = placed.tapCount
        let runs = placed.runs(), stride = placed.rowStride
        let channelsPerGroup = channels / groups, filtersPerGroup = filters / groups
        if planeCount == 0 { return [] }
        return filled(batch * filters * planeCount) { output in
            withPointers(input, weight) { input, weight in
                concurrently(batch * filters) { plane in
                    let sums = output + plane * planeCount
                    let (image, filter) = plane.quotientAndRemainder(dividingBy: filters)
                    sums.update(repeating: bias?[filter] ?? 0, count: planeCount)
                    let (group, filterInGroup) = filter.quotientAndRemainder(dividingBy: filtersPerGroup)
                    for channel in group * channelsPerGroup..<(group + 1) * channelsPerGroup {
                        let source = input + (image * channels + channel) * sourceCount
                        let taps = weight + (channel * filtersPerGroup + filterInGroup) * tapCount
                        for run in runs {
                            multiplyAdd(
                                taps[run.tap], source + run.output, stride: 1, into: sums + run.input, stride: stride, count: run.count)
                        }
                    }
                }
            }
        }
    }
}
