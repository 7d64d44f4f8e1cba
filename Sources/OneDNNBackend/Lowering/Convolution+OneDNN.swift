import CKernels
import COneDNN
import GraphIR
import Tensors

extension Primitive.Window {
    /// A resolved window over inputs and outputs of these spatial shapes; `nil` when padding before the input is negative.
    ///
    /// The end padding is what makes oneDNN's formula ⌊(L + b + e − k)/s⌋ + 1 give the output's length.
    init?(_ window: Window, input: [Int], output: [Int]) {
        let pads = input.indices.map { window.pads($0, length: input[$0]) }
        guard pads.allSatisfy({ $0.begin >= 0 }) else { return nil }
        self.init(
            kernel: window.kernel, strides: window.strides, dilations: window.dilations, begin: pads.map(\.begin),
            end: input.indices.map { axis in
                let (begin, end) = pads[axis], span = input[axis] + begin - window.extent(axis)
                let fits = span + end >= 0 && (span + end) / window.strides[axis] + 1 == output[axis]
                return fits ? end : (output[axis] - 1) * window.strides[axis] - span
            })
    }
}

extension PlanCompiler {
    mutating func lower(_ convolution: Convolution, _ group: Group) throws -> Bool {
        let node = group.anchor
        guard let input = node.input(Convolution.Operand.input), let output = node.outputs.first ?? nil,
            let weight = node.input(Convolution.Operand.weight), isBuffered(weight)
        else { return false }
        let source = shape(input), weights = shape(weight), result = shape(output)
        guard (3...5).contains(source.count), weights.count == source.count, convolution.groups > 0,
            let window = Primitive.Window(
                try convolution.window.resolved(kernel: Array(weights.dropFirst(2))), input: Array(source.dropFirst(2)),
                output: Array(result.dropFirst(2)))
        else { return false }
        let groups = convolution.groups
        let request = ConvolutionRequest(
            input: input, weight: weight, bias: node.input(Convolution.Operand.bias), result: result, window: window, transposed: false,
            weightShape: groups == 1 ? weights : [groups, weights[0] / groups] + weights.dropFirst(),
            weightStrides: nil, outputAxes: groups == 1 ? 1 : 2, weights: elements(weight))
        let trimmed = trimmed(request, source: Array(source.dropFirst(2)))
        if try lowerBlocked(trimmed, group) { return true }
        return try lower(trimmed, group)
    }

    mutating func lower(_ convolution: ConvolutionTranspose, _ group: Group) throws -> Bool {
        let node = group.anchor
        guard let input = node.input(ConvolutionTranspose.Operand.input), let output = node.outputs.first ?? nil,
            let weight = node.input(ConvolutionTranspose.Operand.weight), isBuffered(weight)
        else { return false }
        let source = shape(input), weights = shape(weight), result = shape(output)
        guard (3...5).contains(source.count), weights.count == source.count, convolution.groups > 0 else { return false }
        let resolved = try convolution.window.resolved(kernel: Array(weights.dropFirst(2)))
        guard convolution.outputShape == nil, case .explicit(let begin, _) = resolved.padding, begin.allSatisfy({ $0 >= 0 }) else {
            return false
        }
        // Output position o comes from input i where o = i·stride + tap·dilation − begin; what is left over is padding at the end.
        let end = begin.indices.map { axis in
            (source[axis + 2] - 1) * resolved.strides[axis] + resolved.extent(axis) - begin[axis] - result[axis + 2]
        }
        let window = Primitive.Window(
            kernel: resolved.kernel, strides: resolved.strides, dilations: resolved.dilations, begin: begin, end: end)
        // ONNX has [C, M/groups, k…], oneDNN wants [groups, M/groups, C/groups, k…].
        let (groups, kernel) = (convolution.groups, Array(weights.dropFirst(2))), taps = kernel.reduce(1, *)
        let perGroup = weights[0] / groups
        var strides = [weights[1] * taps * perGroup, taps, weights[1] * taps]
        for axis in kernel.indices { strides.append(kernel[(axis + 1)...].reduce(1, *)) }
        let shape = [groups, weights[1], perGroup] + kernel
        let request = ConvolutionRequest(
            input: input, weight: weight, bias: node.input(ConvolutionTranspose.Operand.bias), result: result, window: window,
            transposed: true, weightShape: groups == 1 ? Array(shape.dropFirst()) : shape,
            weightStrides: groups == 1 ? Array(strides.dropFirst()) : strides, outputAxes: groups == 1 ? 1 : 2,
            weights: elements(weight))
        return try lower(request, group)
    }
}

/// A convolution of either direction in oneDNN's terms.
struct ConvolutionRequest {
    var input: ValueID
    var weight: ValueID
    var bias: ValueID?
    /// Shape of the output.
    var result: [Int]
    var window: Primitive.Window
    var transposed: Bool
    /// [O, I, k…] or [G, O/G, I/G, k…].
    var weightShape: [Int]
    /// How the weight operand lies under that shape; `nil` for row-major.
    var weightStrides: [Int]?
    /// How many leading dimensions of `weightShape` make up the output channels.
    var outputAxes: Int
    /// The elements of constant weights, under `weightShape` and `weightStrides`.
    var weights: [Float]?

    var plainWeights: Layout {
        get throws { try weightStrides.map { try .strided(weightShape, strides: $0) } ?? .plain(weightShape) }
    }
}

extension PlanCompiler {
    /// Takes in a residual, if the epilogue begins with one. Activations follow in place: oneDNN's would replace NaN by a number.
    private mutating func lower(_ request: ConvolutionRequest, _ group: Group) throws -> Bool {
        let channels = request.result[1]
        guard request.bias.map({ isBuffered($0) && shape($0) == [channels] }) ?? true else { return false }
        if request.weights == nil || (request.bias != nil && constant(request.bias) == nil) {
            guard group.affine.isEmpty else { return false }
        }
        do {
            if case .add(let other)? = group.epilogue.first?.kind {
                try lower(request, group, adding: other)
            } else {
                try lower(request, group, adding: nil)
            }
        } catch let failure as OneDNNFailure where failure.isUnsupported && !group.epilogue.isEmpty {
            try lower(request, group, adding: nil)
        }
        try lowerSecond(of: group)
        return true
    }

    private mutating func lower(_ request: ConvolutionRequest, _ group: Group, adding other: ValueID?) throws {
        let (sourceBuffer, sourceLayout) = try home(request.input)
        let bias = try biasLayout(request, group)
        let weights = try Layout.any(request.weightShape)
        func make(source: Layout, destination: Layout, residual: Primitive.PostOp) throws -> Primitive {
            try .convolution(
                source, weights: weights, bias: bias, destination: destination, window: request.window,
                transposed: request.transposed, postOps: other == nil ? [] : [residual])
        }
        var (primitive, source) = try choose(request, sourceLayout) { try make(source: $0, destination: $1, residual: .sum) }
        let destination = try primitive.layout(ONEDNN_DESTINATION)

        let buffer = try operand(request.input, in: source)
        var arguments = [PrimitiveKernel.Argument(ONEDNN_SOURCE, buffer, source)]
        var result: BufferID?
        if let other {
            let residual = try operand(other, in: destination)
            if residual != buffer, residual != sourceBuffer, isReusable(residual) {
                result = residual
            } else if let adding = try? make(source: source, destination: destination, residual: .add(destination)),
                adding.implementation == primitive.implementation
            {
                primitive = adding
                arguments.append(.init(ONEDNN_POST_OP, residual, destination))
            } else {
                let copy = makeBuffer(.arena, byteCount: destination.byteCount)
                try emitReorder(from: (residual, destination), to: (copy, destination))
                result = copy
            }
        }
        arguments += try weightArguments(request, group, primitive)
        let target = result ?? makeBuffer(.arena, byteCount: destination.byteCount)
        arguments.append(.init(ONEDNN_DESTINATION, target, destination))
        let reads = arguments.map(\.buffer)
        let count = other == nil ? 0 : 1
        emit(
            PrimitiveKernel(primitive: primitive, arguments: arguments),
            computing: group.mainNodes(withEpilogue: count), reads: reads, writes: [target])
        try finish(group, from: count, in: target, destination)
    }

    /// The primitive and the layout of its source. Blocked channels are kept where our own kernels, which want them, are around;
    /// else oneDNN chooses, but a layout that the source already has wins when it costs nothing.
    private func choose(
        _ request: ConvolutionRequest, _ current: Layout, _ make: (Layout, Layout) throws -> Primitive
    ) throws -> (Primitive, Layout) {
        if ck_convolution_available(), !request.transposed, request.result[1] % 16 == 0 {
            let source = shape(request.input)
            let wanted = try source[1] % 16 == 0 ? Layout.channelBlocked(source, block: 16) : current
            if let blocked = try? make(wanted, .channelBlocked(request.result, block: 16)), blocked.implementation.hasPrefix("jit") {
                return (blocked, wanted)
            }
        }
        let result = try Layout.any(request.result)
        let primitive = try make(.any(shape(request.input)), result)
        let source = try primitive.layout(ONEDNN_SOURCE)
        if source != current, let direct = try? make(current, result), direct.implementation == primitive.implementation {
            return (direct, current)
        }
        return (primitive, source)
    }

    private func biasLayout(_ request: ConvolutionRequest, _ group: Group) throws -> Layout? {
        request.bias == nil && group.affine.isEmpty ? nil : try .plain([request.result[1]])
    }

    /// Weights and bias as the primitive wants them, with the group's scales and shifts multiplied in.
    private mutating func weightArguments(
        _ request: ConvolutionRequest, _ group: Group, _ primitive: Primitive
    ) throws -> [PrimitiveKernel.Argument] {
        let layout = try primitive.layout(ONEDNN_WEIGHTS)
        let bias = try biasLayout(request, group)
        guard let weights = request.weights, request.bias == nil || constant(request.bias) != nil else {
            var arguments = [PrimitiveKernel.Argument(ONEDNN_WEIGHTS, try changingWeights(request, layout), layout)]
            if let bias, let operand = request.bias { arguments.append(.init(ONEDNN_BIAS, try plainOperand(operand), bias)) }
            return arguments
        }
        let folded = foldedWeights(request, group, weights)
        let packed = addConstant(try PackedConstant.pack(folded.weights, as: request.plainWeights, in: layout, pool: pool))
        var arguments = [PrimitiveKernel.Argument(ONEDNN_WEIGHTS, packed, layout)]
        if let bias, let values = folded.bias {
            arguments.append(.init(ONEDNN_BIAS, addConstant(try PackedConstant.pack(values, as: bias, in: bias, pool: pool)), bias))
        }
        return arguments
    }

    /// A buffer with weights that are not constant; those that the session keeps lie as the first convolution that reads them wants.
    private mutating func changingWeights(_ request: ConvolutionRequest, _ layout: Layout) throws -> BufferID {
        guard request.weightStrides != nil else {
            settleWeights(request.weight, in: layout)
            return try operand(request.weight, in: layout)
        }
        let plain = try plainOperand(request.weight)
        let packed = makeBuffer(.arena, byteCount: layout.byteCount)
        try emitReorder(from: (plain, request.plainWeights), to: (packed, layout))
        return packed
    }

    /// Weights and bias of a group: w'[m] = w[m]·s[m], b'[m] = b[m]·s[m] + t[m] for every scale s and shift t.
    func foldedWeights(_ request: ConvolutionRequest, _ group: Group, _ weights: [Float]) -> (weights: [Float], bias: [Float]?) {
        let channels = request.result[1]
        let bias = elements(request.bias)
        guard !group.affine.isEmpty else { return (weights, bias) }
        var scale = [Double](repeating: 1, count: channels)
        var shift = bias?.map { Double($0) } ?? [Double](repeating: 0, count: channels)
        for affine in group.affine {
            for channel in 0..<channels {
                scale[channel] *= Double(affine.scale[channel])
                shift[channel] = shift[channel] * Double(affine.scale[channel]) + Double(affine.shift[channel])
            }
        }
        var folded = weights
        // Row-major strides of the output channel(s) in the weight operand.
        let strides = request.weightStrides ?? request.weightShape.indices.map { request.weightShape[($0 + 1)...].reduce(1, *) }
        let perGroup = request.weightShape[request.outputAxes - 1]
        let inner = Array(zip(request.weightShape, strides).dropFirst(request.outputAxes))
        let rows = inner.dropLast(request.window.kernel.count), taps = request.window.kernel.reduce(1, *)
        for channel in 0..<channels {
            let factor = Float(scale[channel])
            let base =
                request.outputAxes == 1
                ? channel * strides[0] : channel / perGroup * strides[0] + channel % perGroup * strides[1]
            for (length, stride) in rows {
                for row in 0..<length {
                    for tap in 0..<taps { folded[base + row * stride + tap] *= factor }
                }
            }
        }
        return (folded, shift.map { Float($0) })
    }

    /// The request without the taps that meet nothing but padding: of a 3×3 kernel on a 1×1 image, one remains.
    private func trimmed(_ request: ConvolutionRequest, source: [Int]) -> ConvolutionRequest {
        guard let weights = request.weights else { return request }
        let window = request.window, lengths = window.kernel
        let kept = source.indices.map { axis -> Range<Int> in
            let taps = (0..<lengths[axis]).filter { tap in
                let offset = tap * window.dilations[axis] - window.begin[axis]
                return (0..<request.result[axis + 2]).contains { (0..<source[axis]).contains($0 * window.strides[axis] + offset) }
            }
            guard let first = taps.first, let last = taps.last, window.begin[axis] >= first * window.dilations[axis] else {
                return 0..<lengths[axis]
            }
            return first..<last + 1
        }
        guard kept.map(\.count) != lengths else { return request }
        var result = request
        for axis in source.indices {
            result.window.kernel[axis] = kept[axis].count
            result.window.begin[axis] -= kept[axis].lowerBound * window.dilations[axis]
            result.window.end[axis] -= (lengths[axis] - kept[axis].upperBound) * window.dilations[axis]
        }
        result.weightShape.replaceSubrange((request.weightShape.count - lengths.count)..., with: kept.map(\.count))
        // Kernels of one to three dimensions, seen as three.
        let padding = 3 - lengths.count
        let ranges = [Range<Int>](repeating: 0..<1, count: padding) + kept
        let full = [Int](repeating: 1, count: padding) + lengths
        let volume = full.reduce(1, *)
        var selected: [Float] = []
        selected.reserveCapacity(result.weightShape.reduce(1, *))
        for filter in stride(from: 0, to: weights.count, by: volume) {
            for plane in ranges[0] {
                for row in ranges[1] {
                    let start = filter + (plane * full[1] + row) * full[2]
                    selected += weights[(start + ranges[2].lowerBound)..<(start + ranges[2].upperBound)]
                }
            }
        }
        result.weights = selected
        return result
    }
}
