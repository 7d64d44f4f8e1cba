import CKernels
import COneDNN
import GraphIR
import Tensors

/// A convolution's shapes as its gradients see them.
private struct GradientRequest {
    /// [N, C, D1 … Dn]
    var source: [Int]
    /// [N, M, D1' … Dn']
    var result: [Int]
    /// [O, I, k…] or [G, O/G, I/G, k…].
    var weights: [Int]
    var window: Primitive.Window

    init?(_ convolution: Convolution, source: [Int], weights: [Int], result: [Int]) throws {
        guard (3...5).contains(source.count), weights.count == source.count, result.count == source.count, convolution.groups > 0,
            let window = Primitive.Window(
                try convolution.window.resolved(kernel: Array(weights.dropFirst(2))), input: Array(source.dropFirst(2)),
                output: Array(result.dropFirst(2)))
        else { return nil }
        let groups = convolution.groups
        self.source = source
        self.result = result
        self.weights = groups == 1 ? weights : [groups, weights[0] / groups] + weights.dropFirst()
        self.window = window
    }

    /// The request as our kernels take it; two-dimensional.
    var native: ck_convolution {
        let hasGroups = weights.count > source.count
        var c = ck_convolution()
        (c.batch, c.groups) = (Int64(source[0]), hasGroups ? Int64(weights[0]) : 1)
        (c.output_channels, c.input_channels) = (Int64(weights[hasGroups ? 1 : 0]), Int64(weights[hasGroups ? 2 : 1]))
        (c.input_height, c.input_width) = (Int64(source[2]), Int64(source[3]))
        (c.output_height, c.output_width) = (Int64(result[2]), Int64(result[3]))
        (c.kernel_height, c.kernel_width) = (Int64(window.kernel[0]), Int64(window.kernel[1]))
        (c.stride_height, c.stride_width) = (Int64(window.strides[0]), Int64(window.strides[1]))
        (c.dilation_height, c.dilation_width) = (Int64(window.dilations[0]), Int64(window.dilations[1]))
        (c.pad_height, c.pad_width) = (Int64(window.begin[0]), Int64(window.begin[1]))
        return c
    }
}

extension PlanCompiler {
    /// Layouts for a tensor that goes into or comes out of a gradient's primitive, those first that cost no reorder elsewhere.
    private func candidates(_ shape: [Int], current: Layout?) throws -> [Layout] {
        var result: [Layout] = []
        if let current { result.append(current) }
        if ck_convolution_available(), shape[1] % 16 == 0 { result.append(try .channelBlocked(shape, block: 16)) }
        result.append(try .any(shape))
        return result
    }

    /// The first fast primitive for a list of layouts of two tensors and the weights, or at last whatever there is.
    private func choose(
        _ first: [Layout], _ second: [Layout], weights: [Layout], _ make: (Layout, Layout, Layout) throws -> Primitive
    ) throws -> Primitive {
        for weight in weights {
            for first in first {
                for second in second {
                    if let primitive = try? make(first, second, weight), primitive.implementation.hasPrefix("jit") { return primitive }
                }
            }
        }
        return try make(first[first.count - 1], second[second.count - 1], weights[weights.count - 1])
    }

    mutating func lower(_ gradient: ConvolutionInputGradient, _ node: Node, _ output: ValueID) throws -> Bool {
        guard let weight = node.input(ConvolutionInputGradient.Operand.weight), isBuffered(weight),
            let slope = node.input(ConvolutionInputGradient.Operand.outputGradient), isBuffered(slope),
            let request = try GradientRequest(
                gradient.forward, source: gradient.inputShape, weights: shape(weight), result: shape(slope))
        else { return false }
        let current = try home(weight).layout
        if try lowerSmallImages(request, current, node, weight, slope, output) { return true }
        let weightLayouts = try (current.shape == request.weights && constant(weight) == nil ? [current] : []) + [.any(request.weights)]
        let primitive = try choose(
            candidates(request.source, current: nil), candidates(request.result, current: home(slope).layout), weights: weightLayouts
        ) { try .convolutionSourceGradient($0, weights: $2, destinationGradient: $1, window: request.window) }
        let weights = try primitive.layout(ONEDNN_WEIGHTS), dy = try primitive.layout(ONEDNN_DIFF_DESTINATION)
        let result = try primitive.layout(ONEDNN_DIFF_SOURCE)
        let reads = [try operand(weight, in: weights), try operand(slope, in: dy)]
        let target = makeBuffer(.arena, byteCount: result.byteCount)
        emit(
            PrimitiveKernel(
                primitive: primitive,
                arguments: [
                    .init(ONEDNN_WEIGHTS, reads[0], weights), .init(ONEDNN_DIFF_DESTINATION, reads[1], dy),
                    .init(ONEDNN_DIFF_SOURCE, target, result),
                ]),
            computing: [node], reads: reads, writes: [target])
        define(output, in: target, result)
        return true
    }

    mutating func lower(_ gradient: ConvolutionWeightGradient, _ node: Node, _ input: ValueID, _ output: ValueID) throws -> Bool {
        guard let slope = node.input(ConvolutionWeightGradient.Operand.outputGradient), isBuffered(slope),
            let request = try GradientRequest(
                gradient.forward, source: shape(input), weights: gradient.weightShape, result: shape(slope))
        else { return false }
        let bias = (node.outputs.count > 1 ? node.outputs[1] : nil).flatMap { isRead($0) ? $0 : nil }
        var weightLayouts = [try Layout.any(request.weights)]
        if let parameter = parameter(withGradient: output), !isUnsettled(parameter) {
            let layout = try home(parameter).layout
            if layout.shape == request.weights { weightLayouts.insert(layout, at: 0) }
        }
        if try lowerDepthwise(request, weightLayouts[0], node, input, slope, output, bias) { return true }
        if try lowerSmallImages(request, weightLayouts[0], node, input, slope, output, bias) { return true }
        let biasLayout = try bias.map { _ in try Layout.plain([request.result[1]]) }
        let primitive = try choose(
            candidates(request.source, current: home(input).layout), candidates(request.result, current: home(slope).layout),
            weights: weightLayouts
        ) { try .convolutionWeightsGradient($0, gradient: $2, biasGradient: biasLayout, destinationGradient: $1, window: request.window) }
        let source = try primitive.layout(ONEDNN_SOURCE), dy = try primitive.layout(ONEDNN_DIFF_DESTINATION)
        let result = try primitive.layout(ONEDNN_DIFF_WEIGHTS)
        let reads = [try operand(input, in: source), try operand(slope, in: dy)]
        var writes = [makeBuffer(.arena, byteCount: result.byteCount)]
        var arguments: [PrimitiveKernel.Argument] = [
            .init(ONEDNN_SOURCE, reads[0], source), .init(ONEDNN_DIFF_DESTINATION, reads[1], dy),
            .init(ONEDNN_DIFF_WEIGHTS, writes[0], result),
        ]
        define(output, in: writes[0], result)
        if let bias, let biasLayout {
            writes.append(makeBuffer(.arena, byteCount: biasLayout.byteCount))
            arguments.append(.init(ONEDNN_DIFF_BIAS, writes[1], biasLayout))
            define(bias, in: writes[1], biasLayout)
        }
        emit(PrimitiveKernel(primitive: primitive, arguments: arguments), computing: [node], reads: reads, writes: writes)
        return true
    }

    /// The gradients of weights and bias of a convolution of every channel by itself, on our own kernel; oneDNN's takes a hundred times
    /// as long on the smallest images.
    private mutating func lowerDepthwise(
        _ request: GradientRequest, _ layout: Layout, _ node: Node, _ input: ValueID, _ slope: ValueID, _ output: ValueID, _ bias: ValueID?
    ) throws -> Bool {
        guard request.weights.count == 5, request.weights[1] == 1, request.weights[2] == 1, layout.hasFilterBlocks,
            request.weights[0] == request.source[1]
        else { return false }
        let source = try Layout.channelBlocked(request.source, block: 16), dy = try Layout.channelBlocked(request.result, block: 16)
        let reads = [try operand(input, in: source), try operand(slope, in: dy)]
        var writes = [makeBuffer(.arena, byteCount: layout.byteCount)]
        define(output, in: writes[0], layout)
        if let bias {
            let vector = try Layout.plain([request.result[1]])
            writes.append(makeBuffer(.arena, byteCount: vector.byteCount))
            define(bias, in: writes[1], vector)
        }
        let shape = request.native, hasBias = bias != nil
        let kernel = NativeKernel("cleave:depthwise_weight_gradient", buffers: reads + writes) { addresses, _ in
            var shape = shape
            ck_depthwise_weight_gradient(
                &shape, addresses[0].floats, addresses[1].floats, addresses[2].floats, hasBias ? addresses[3].floats : nil)
        }
        emit(kernel, computing: [node], reads: reads, writes: writes)
        return true
    }

    /// Gradients of weights and bias on our own kernel, which is faster where images are small.
    private mutating func lowerSmallImages(
        _ request: GradientRequest, _ layout: Layout, _ node: Node, _ input: ValueID, _ slope: ValueID, _ output: ValueID, _ bias: ValueID?
    ) throws -> Bool {
        guard ck_convolution_available(), request.weights.count == 4, request.source.count == 4, layout.hasWeightBlocks,
            request.result[2] * request.result[3] <= Self.smallImage, request.result[0] * request.result[2] * request.result[3] < 1 << 16
        else { return false }
        let source = try Layout.channelBlocked(request.source, block: 16), dy = try Layout.channelBlocked(request.result, block: 16)
        let reads = [try operand(input, in: source), try operand(slope, in: dy)]
        var writes = [makeBuffer(.arena, byteCount: layout.byteCount)]
        define(output, in: writes[0], layout)
        if let bias {
            let vector = try Layout.plain([request.result[1]])
            writes.append(makeBuffer(.arena, byteCount: vector.byteCount))
            define(bias, in: writes[1], vector)
        }
        let shape = request.native, hasBias = bias != nil
        let scratch = withUnsafePointer(to: shape) { Int(ck_weight_gradient_scratch_size($0)) }
        let kernel = NativeKernel(
            "cleave:weight_gradient", buffers: reads + writes, scratchpadByteCount: scratch
        ) { addresses, scratch in
            var shape = shape
            ck_weight_gradient(
                &shape, addresses[0].floats, addresses[1].floats, addresses[2].floats, hasBias ? addresses[3].floats : nil, scratch)
        }
        emit(kernel, computing: [node], reads: reads, writes: writes)
        return true
    }

    /// Output pixels of an image up to which our kernel for the weights' gradient is faster.
    private static let smallImage = 64

    /// The gradient of the input on our own kernel, which reads the weights as the forward pass does.
    private mutating func lowerSmallImages(
        _ request: GradientRequest, _ layout: Layout, _ node: Node, _ weight: ValueID, _ slope: ValueID, _ output: ValueID
    ) throws -> Bool {
        guard ck_convolution_available(), request.weights.count == 4, request.source.count == 4, layout.hasWeightBlocks,
            request.source[2] * request.source[3] <= Self.tinyImage
        else { return false }
        let dy = try Layout.channelBlocked(request.result, block: 16), result = try Layout.channelBlocked(request.source, block: 16)
        let reads = [try home(weight).buffer, try operand(slope, in: dy)]
        let target = makeBuffer(.arena, byteCount: result.byteCount)
        let shape = request.native
        let scratch = withUnsafePointer(to: shape) { Int(ck_input_gradient_scratch_size($0)) }
        let kernel = NativeKernel("cleave:input_gradient", buffers: reads + [target], scratchpadByteCount: scratch) { addresses, scratch in
            var shape = shape
            ck_input_gradient(&shape, addresses[0].floats, addresses[1].floats, addresses[2].floats, scratch)
        }
        emit(kernel, computing: [node], reads: reads, writes: [target])
        define(output, in: target, result)
        return true
    }

    /// Input pixels of an image up to which our kernel for the input's gradient is faster than oneDNN's with the weights reordered.
    private static let tinyImage = 1
}
