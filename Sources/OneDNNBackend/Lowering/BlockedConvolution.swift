import CKernels
import GraphIR
import Tensors

/// Which of our own kernels for AVX-512 computes a convolution.
private enum ConvolutionKernel {
    /// Channels in blocks of 16 on both sides.
    case blocked
    /// Few input channels, row-major; output channels in blocks.
    case planes
    /// One input channel per group, with one output channel or a power of two up to 16.
    case depthwise

    func weightCount(_ shape: ck_convolution) -> Int {
        withUnsafePointer(to: shape) { shape in
            switch self {
            case .blocked: Int(ck_convolution_weight_count(shape))
            case .planes: Int(ck_planes_weight_count(shape))
            case .depthwise: Int(ck_depthwise_weight_count(shape))
            }
        }
    }

    func pack(_ shape: ck_convolution, _ weights: UnsafePointer<Float>?, to packed: UnsafeMutablePointer<Float>) {
        withUnsafePointer(to: shape) { shape in
            switch self {
            case .blocked: ck_convolution_pack(shape, weights, packed)
            case .planes: ck_planes_pack(shape, weights, packed)
            case .depthwise: ck_depthwise_pack(shape, weights, packed)
            }
        }
    }

    /// Bytes that the kernel needs while it runs.
    func scratchpadByteCount(_ shape: ck_convolution) -> Int {
        guard case .planes = self else { return 0 }
        return withUnsafePointer(to: shape) { Int(ck_planes_scratch_count($0)) * MemoryLayout<Float>.size }
    }

    var name: String {
        switch self {
        case .blocked: "blocked"
        case .planes: "planes"
        case .depthwise: "depthwise"
        }
    }
}

extension PlanCompiler {
    /// A convolution on a kernel of our own, which runs on AVX-512 and makes channels in blocks of 16.
    ///
    /// The choice depends on shapes and processor alone and not on timings, so that results stay the same from run to run.
    mutating func lowerBlocked(_ request: ConvolutionRequest, _ group: Group) throws -> Bool {
        guard ck_convolution_available(), let weights = request.weights, let (kernel, shape) = ownKernel(request) else { return false }
        guard request.bias == nil || constant(request.bias).map({ $0.elementType == .float32 && $0.shape == [request.result[1]] }) ?? false
        else { return false }
        let lanes = request.result[1] % 16
        let epilogue = blockedEpilogue(group, mustKeepZero: lanes != 0)
        guard let output = group.output(afterEpilogue: epilogue.count) else { return false }
        let lengths = self.shape(request.input)
        let sourceLayout = try kernel == .planes ? Layout.plain(lengths) : .channelBlocked(lengths, block: 16)
        let layout = try Layout.channelBlocked(request.result, block: 16)
        let source = try operand(request.input, in: sourceLayout)
        let packed = try packedWeights(request, group, weights, kernel, shape)
        var buffers = [source, packed.weights, packed.bias]
        var target: BufferID?
        if let other = epilogue.residual {
            let residual = try operand(other, in: layout)
            if residual != source, isReusable(residual) { target = residual }
            buffers.append(residual)
        }
        let result = target ?? makeBuffer(.arena, byteCount: layout.byteCount)
        var writes = [result]
        let second = storesSecond(of: group, kernel, epilogue.activation, lanes: lanes) ? group.second : nil
        var constants: [BufferID] = []
        if let second {
            writes.append(makeBuffer(.arena, byteCount: layout.byteCount))
            let padding = [Float](repeating: 0, count: (16 - lanes) % 16)
            constants = [
                addConstant(try .vector(second.affine.scale + padding, pool: pool)),
                addConstant(try .vector(second.affine.shift + padding, pool: pool)),
            ]
        }
        let call = OwnConvolution(
            kernel: kernel, shape: shape, activation: epilogue.activation, secondActivation: second.map { Self.activation(of: $0) },
            hasResidual: epilogue.residual != nil)
        emit(
            NativeKernel(
                call.name, buffers: buffers + constants + writes, scratchpadByteCount: kernel.scratchpadByteCount(shape)
            ) { call.run($0, scratchpad: $1) },
            computing: group.mainNodes(withEpilogue: epilogue.count) + (second?.nodes ?? []),
            reads: buffers + constants, writes: writes)
        define(output, in: result, layout)
        if let second { define(second.output, in: writes[1], layout) }
        try lowerRest(of: group, from: epilogue.count)
        if second == nil { try lowerSecond(of: group) }
        return true
    }

    /// The kernel for a request, and the request in its terms; `nil` when there is none.
    private func ownKernel(_ request: ConvolutionRequest) -> (ConvolutionKernel, ck_convolution)? {
        let source = shape(request.input), rank = request.window.kernel.count
        guard !request.transposed, request.weightStrides == nil, rank <= 2 else { return nil }
        let groups = request.outputAxes == 1 ? 1 : request.weightShape[0]
        let (outputs, inputs) = (request.weightShape[request.outputAxes - 1], request.weightShape[request.outputAxes])
        let kernel: ConvolutionKernel
        switch (groups, inputs, outputs) {
        // Few channels would leave most of a block empty.
        case (1, ..<12, _): kernel = .planes
        case (1, _, _): kernel = .blocked
        case (_, 1, _) where 16 % outputs == 0: kernel = .depthwise
        default:
            guard inputs % 16 == 0, outputs % 16 == 0 else { return nil }
            kernel = .blocked
        }
        func pair(_ values: [Int], _ missing: Int) -> (Int64, Int64) {
            rank == 1 ? (Int64(missing), Int64(values[0])) : (Int64(values[0]), Int64(values[1]))
        }
        let window = request.window
        var c = ck_convolution()
        (c.batch, c.groups, c.input_channels, c.output_channels) = (Int64(source[0]), Int64(groups), Int64(inputs), Int64(outputs))
        (c.input_height, c.input_width) = pair(Array(source.dropFirst(2)), 1)
        (c.output_height, c.output_width) = pair(Array(request.result.dropFirst(2)), 1)
        (c.kernel_height, c.kernel_width) = pair(window.kernel, 1)
        (c.stride_height, c.stride_width) = pair(window.strides, 1)
        (c.dilation_height, c.dilation_width) = pair(window.dilations, 1)
        (c.pad_height, c.pad_width) = pair(window.begin, 0)
        return (kernel, c)
    }

    /// As much of the epilogue as the kernels can do: a residual, then an activation.
    private func blockedEpilogue(
        _ group: Group, mustKeepZero: Bool
    ) -> (residual: ValueID?, activation: ck_activation, count: Int) {
        var result = (residual: ValueID?.none, activation: ck_activation.none, count: 0)
        for part in group.epilogue {
            guard result.activation.kind == CK_NO_ACTIVATION else { return result }
            switch part.kind {
            case .add(let other): result.residual = other
            case .activation(let function):
                guard function.keepsZero || !mustKeepZero else { return result }
                result.activation = function.native
            }
            result.count += 1
        }
        return result
    }

    /// Whether the kernel stores the group's second result besides the first one.
    private func storesSecond(of group: Group, _ kernel: ConvolutionKernel, _ activation: ck_activation, lanes: Int) -> Bool {
        guard let second = group.second, kernel != .depthwise, [CK_NO_ACTIVATION, CK_CLAMP, CK_LEAKY].contains(activation.kind) else {
            return false
        }
        return lanes == 0 || second.affine.shift.allSatisfy { $0 == 0 }
    }

    private static func activation(of second: Group.Second) -> ck_activation {
        if case .activation(let function)? = second.activation?.kind { function.native } else { .none }
    }

    private mutating func packedWeights(
        _ request: ConvolutionRequest, _ group: Group, _ weights: [Float], _ kernel: ConvolutionKernel, _ shape: ck_convolution
    ) throws -> (weights: BufferID, bias: BufferID) {
        let folded = foldedWeights(request, group, weights)
        let packed = try PackedConstant(.plain([kernel.weightCount(shape)]), pool: pool)
        folded.weights.withUnsafeBufferPointer { kernel.pack(shape, $0.baseAddress, to: packed.address.floats) }
        let channels = request.result[1]
        let padding = [Float](repeating: 0, count: (16 - channels % 16) % 16)
        let bias = (folded.bias ?? [Float](repeating: 0, count: channels)) + padding
        return (addConstant(packed), addConstant(try .vector(bias, pool: pool)))
    }
}

extension ck_activation_kind: @retroactive Hashable {}

/// A call of one of our convolution kernels.
private struct OwnConvolution: Sendable {
    var kernel: ConvolutionKernel
    var shape: ck_convolution
    var activation: ck_activation
    /// That of the second result, if there is one.
    var secondActivation: ck_activation?
    var hasResidual: Bool

    var name: String { "cleave:avx512_\(kernel.name)\(shape.kernel_height)x\(shape.kernel_width)" }

    /// - Parameter addresses: source, weights, bias, residual?, (scale, shift)?, output, second?
    func run(_ addresses: [UnsafeMutableRawPointer], scratchpad: UnsafeMutableRawPointer?) {
        var shape = shape
        var epilogue = ck_convolution_epilogue()
        epilogue.activation = activation
        let (source, weights, bias) = (addresses[0].floats, addresses[1].floats, addresses[2].floats)
        let residual = hasResidual ? addresses[3].floats : nil
        var next = hasResidual ? 4 : 3
        if let secondActivation {
            epilogue.scale = UnsafePointer(addresses[next].floats)
            epilogue.shift = UnsafePointer(addresses[next + 1].floats)
            epilogue.second = addresses[next + 3].floats
            epilogue.second_activation = secondActivation
            next += 2
        }
        let output = addresses[next].floats
        switch kernel {
        case .blocked: ck_convolve(&shape, source, weights, bias, residual, output, &epilogue)
        case .planes: ck_convolve_planes(&shape, source, weights, bias, residual, output, &epilogue, scratchpad?.floats)
        case .depthwise: ck_convolve_depthwise(&shape, source, weights, bias, residual, output, &epilogue)
        }
    }
}
