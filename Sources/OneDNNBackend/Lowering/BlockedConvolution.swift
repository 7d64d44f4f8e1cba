import CKernels
import GraphIR
import Tensors

extension PlanCompiler {
    /// A convolution on our own kernel, which runs on AVX-512 and channels in blocks of 16.
    ///
    /// The choice depends on shapes and processor alone and not on timings, so that results stay the same from run to run.
    mutating func lowerBlocked(_ request: ConvolutionRequest, _ group: Group) throws -> Bool {
        guard ck_convolution_available(), let weights = request.weights, let shape = blockedShape(request) else { return false }
        guard request.bias == nil || constant(request.bias).map({ $0.elementType == .float32 && $0.shape == [request.result[1]] }) ?? false
        else { return false }
        let lanes = request.result[1] % 16
        guard let epilogue = blockedEpilogue(group, mustKeepZero: lanes != 0), let output = group.output(afterEpilogue: epilogue.count)
        else { return false }
        let sourceLayout = try Layout.channelBlocked(self.shape(request.input), block: 16)
        let layout = try Layout.channelBlocked(request.result, block: 16)
        let source = try operand(request.input, in: sourceLayout)
        let packed = try packedWeights(request, group, weights, shape)
        var buffers = [source, packed.weights, packed.bias]
        var target: BufferID?
        if let other = epilogue.residual {
            let residual = try operand(other, in: layout)
            if residual != source, isReusable(residual) { target = residual }
            buffers.append(residual)
        }
        let result = target ?? makeBuffer(.arena, byteCount: layout.byteCount)
        var writes = [result]
        let second = lanes == 0 || group.second?.affine.shift.allSatisfy({ $0 == 0 }) ?? true ? group.second : nil
        var constants: [BufferID] = []
        if let second {
            writes.append(makeBuffer(.arena, byteCount: layout.byteCount))
            let padding = [Float](repeating: 0, count: (16 - lanes) % 16)
            constants = [
                addConstant(try .vector(second.affine.scale + padding, pool: pool)),
                addConstant(try .vector(second.affine.shift + padding, pool: pool)),
            ]
        }
        let kernel = BlockedConvolutionKernel(
            shape: shape, activation: epilogue.activation, secondActivation: second.map { Self.activation(of: $0) },
            hasResidual: epilogue.residual != nil)
        emit(
            NativeKernel(kernel.name, buffers: buffers + constants + writes) { addresses, _ in kernel.run(addresses) },
            computing: group.mainNodes(withEpilogue: epilogue.count) + (second?.nodes ?? []),
            reads: buffers + constants, writes: writes)
        define(output, in: result, layout)
        if let second { define(second.output, in: writes[1], layout) }
        try lowerRest(of: group, from: epilogue.count)
        if second == nil { try lowerSecond(of: group) }
        return true
    }

    /// The request in the kernel's terms; `nil` when it is not for this kernel.
    private func blockedShape(_ request: ConvolutionRequest) -> ck_convolution? {
        let source = shape(request.input), rank = request.window.kernel.count
        guard !request.transposed, request.weightStrides == nil, rank <= 2 else { return nil }
        let groups = request.outputAxes == 1 ? 1 : request.weightShape[0]
        let (outputs, inputs) = (request.weightShape[request.outputAxes - 1], request.weightShape[request.outputAxes])
        // Few channels leave most of a block empty.
        guard groups == 1 ? inputs >= 12 && outputs >= 8 : inputs % 16 == 0 && outputs % 16 == 0 else { return nil }
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
        return c
    }

    /// As much of the epilogue as the kernel can do: a residual, then an activation. `nil` when oneDNN can do more.
    private func blockedEpilogue(
        _ group: Group, mustKeepZero: Bool
    ) -> (residual: ValueID?, activation: ck_activation, count: Int)? {
        var result = (residual: ValueID?.none, activation: ck_activation.none, count: 0)
        for part in group.epilogue {
            switch part.kind {
            case .add(let other):
                guard result.activation.kind == CK_NO_ACTIVATION else { return result }
                result.residual = other
            case .activation(let function):
                guard result.activation.kind == CK_NO_ACTIVATION else { return result }
                guard let native = function.native, function.keepsZero || !mustKeepZero else { return nil }
                result.activation = native
            }
            result.count += 1
        }
        return result
    }

    private static func activation(of second: Group.Second) -> ck_activation {
        if case .activation(let function)? = second.activation?.kind { function.native ?? .none } else { .none }
    }

    private mutating func packedWeights(
        _ request: ConvolutionRequest, _ group: Group, _ weights: [Float], _ shape: ck_convolution
    ) throws -> (weights: BufferID, bias: BufferID) {
        let folded = foldedWeights(request, group, weights)
        var shape = shape
        let layout = try Layout.plain([Int(ck_convolution_weight_count(&shape))])
        let packed = try PackedConstant(layout, pool: pool)
        folded.weights.withUnsafeBufferPointer { ck_convolution_pack(&shape, $0.baseAddress, packed.address.floats) }
        let channels = request.result[1]
        let padding = [Float](repeating: 0, count: (16 - channels % 16) % 16)
        let bias = (folded.bias ?? [Float](repeating: 0, count: channels)) + padding
        return (addConstant(packed), addConstant(try .vector(bias, pool: pool)))
    }
}

/// A call of `ck_convolve`.
private struct BlockedConvolutionKernel: Sendable {
    var shape: ck_convolution
    var activation: ck_activation
    /// That of the second result, if there is one.
    var secondActivation: ck_activation?
    var hasResidual: Bool

    var name: String { "cleave:avx512\(shape.kernel_height)x\(shape.kernel_width)" }

    /// - Parameter addresses: source, weights, bias, residual?, (scale, shift)?, output, second?
    func run(_ addresses: [UnsafeMutableRawPointer]) {
        var shape = shape
        var epilogue = ck_convolution_epilogue()
        epilogue.activation = activation
        let residual = hasResidual ? addresses[3].floats : nil
        var next = hasResidual ? 4 : 3
        if let secondActivation {
            epilogue.scale = UnsafePointer(addresses[next].floats)
            epilogue.shift = UnsafePointer(addresses[next + 1].floats)
            epilogue.second = addresses[next + 3].floats
            epilogue.second_activation = secondActivation
            next += 2
        }
        ck_convolve(
            &shape, addresses[0].floats, addresses[1].floats, addresses[2].floats, residual, addresses[next].floats, &epilogue)
    }
}
