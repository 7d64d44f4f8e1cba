import CKernels
import GraphIR
import Tensors

extension PlanCompiler {
    /// Rounds a tensor in whatever layout it has; a number per channel is found in the layouts of weights.
    mutating func lower(_ operation: FakeQuantize, _ node: Node, _ input: ValueID, _ output: ValueID) throws -> Bool {
        guard let scale = node.input(FakeQuantize.Operand.scale), isBuffered(scale) else { return false }
        let low = node.input(FakeQuantize.Operand.low)
        guard low.map({ isBuffered($0) }) ?? true else { return false }
        let steps = operation.native
        if isSingle(scale) {
            let (buffer, layout) = try home(input)
            let count = layout.elementCount, hasLow = low != nil
            let target = isReusable(buffer) ? buffer : makeBuffer(.arena, byteCount: layout.byteCount)
            let reads = [buffer, try plainOperand(scale)] + (try low.map { [try plainOperand($0)] } ?? [])
            let kernel = NativeKernel("cleave:fake_quantize", buffers: reads + [target]) { addresses, _ in
                var steps = steps
                let floats = addresses.map(\.floats)
                ck_fake_quantize(&steps, floats[0], floats[1], hasLow ? floats[2] : nil, floats[floats.count - 1], count)
            }
            emit(kernel, computing: [node], reads: reads, writes: [target])
            define(output, in: target, layout)
            return true
        }
        let (buffer, layout, channels) = try operand(input, withChannelsAlong: operation.axis)
        let reads = [buffer, try plainOperand(scale)]
        let target = makeBuffer(.arena, byteCount: layout.byteCount)
        let kernel = NativeKernel("cleave:fake_quantize", buffers: reads + [target]) { addresses, _ in
            var steps = steps, channels = channels
            ck_fake_quantize_channels(&steps, &channels, addresses[0].floats, addresses[1].floats, addresses[2].floats)
        }
        emit(kernel, computing: [node], reads: reads, writes: [target])
        define(output, in: target, layout)
        return true
    }

    mutating func lower(_ gradient: FakeQuantizeGradient, _ node: Node) throws -> Bool {
        guard let input = node.input(FakeQuantizeGradient.Operand.input), isBuffered(input),
            let scale = node.input(FakeQuantizeGradient.Operand.scale), isBuffered(scale),
            let slope = node.input(FakeQuantizeGradient.Operand.outputGradient), isBuffered(slope)
        else { return false }
        let low = node.input(FakeQuantizeGradient.Operand.low)
        guard low.map({ isBuffered($0) }) ?? true else { return false }
        let isWhole = isSingle(scale)
        let (buffer, layout, channels): (BufferID, Layout, ck_channels)
        if isWhole {
            (buffer, layout) = try home(input)
            channels = ck_channels()
        } else {
            (buffer, layout, channels) = try operand(input, withChannelsAlong: gradient.forward.axis)
        }
        let dy = try operand(slope, in: layout)
        let reads = [buffer, dy, try plainOperand(scale)] + (try low.map { [try plainOperand($0)] } ?? [])
        let target = [dy, buffer].first { isReusable($0) } ?? makeBuffer(.arena, byteCount: layout.byteCount)
        let wanted = node.outputs.map { $0.map { isRead($0) } ?? false }
        var writes = [target]
        for (index, operand) in [(1, scale), (2, low)] where index < wanted.count && wanted[index] {
            let vector = try Layout.plain(operand.map { shape($0) } ?? [])
            writes.append(makeBuffer(.arena, byteCount: vector.byteCount))
            if let result = node.outputs[index] { define(result, in: writes[writes.count - 1], vector) }
        }
        let call = FakeQuantizeGradientCall(
            steps: gradient.forward.native, channels: isWhole ? nil : channels, count: layout.elementCount, hasLow: low != nil,
            wantsScale: wanted.count > 1 && wanted[1], wantsLow: wanted.count > 2 && wanted[2])
        let scratch = isWhole ? Int(ck_fake_quantize_gradient_scratch_size(call.count)) : 0
        emit(
            NativeKernel("cleave:fake_quantize_gradient", buffers: reads + writes, scratchpadByteCount: scratch) {
                call.run($0, scratch: $1)
            },
            computing: [node], reads: reads, writes: writes)
        if let result = node.outputs[0] { define(result, in: target, layout) }
        return true
    }

    mutating func lower(_ operation: SymmetricScale, _ node: Node, _ input: ValueID, _ output: ValueID) throws -> Bool {
        let (buffer, _, channels) = try operand(input, withChannelsAlong: operation.axis)
        let vector = try Layout.plain(shape(output)), target = makeBuffer(.arena, byteCount: vector.byteCount)
        let maximum = Float(operation.maximum)
        let kernel = NativeKernel("cleave:symmetric_scale", buffers: [buffer, target]) { addresses, _ in
            var channels = channels
            ck_symmetric_scale(&channels, maximum, addresses[0].floats, addresses[1].floats)
        }
        emit(kernel, computing: [node], reads: [buffer], writes: [target])
        define(output, in: target, vector)
        return true
    }

    /// Padding does no harm: the range contains 0 anyway.
    mutating func lower(_ operation: MovingRange, _ node: Node, _ input: ValueID) throws -> Bool {
        guard let low = node.input(MovingRange.Operand.low), let high = node.input(MovingRange.Operand.high), isBuffered(low),
            isBuffered(high)
        else { return false }
        let (buffer, layout) = try home(input)
        let reads = [buffer, try plainOperand(low), try plainOperand(high)]
        let scalar = try Layout.plain([])
        let writes = (0..<2).map { _ in makeBuffer(.arena, byteCount: scalar.byteCount) }
        let count = layout.elementCount, momentum = operation.momentum
        let kernel = NativeKernel("cleave:moving_range", buffers: reads + writes) { addresses, _ in
            let floats = addresses.map(\.floats)
            ck_moving_range(floats[0], count, momentum, 1 - momentum, floats[1], floats[2], floats[3], floats[4])
        }
        emit(kernel, computing: [node], reads: reads, writes: writes)
        for (result, buffer) in zip(node.outputs, writes) {
            if let result { define(result, in: buffer, scalar) }
        }
        return true
    }

    private func isSingle(_ scale: ValueID) -> Bool { shape(scale).reduce(1, *) == 1 }

    /// A tensor in a layout in which our kernels find the channels along an axis: the one that it has, or else row-major.
    private mutating func operand(
        _ id: ValueID, withChannelsAlong axis: Int
    ) throws -> (buffer: BufferID, layout: Layout, channels: ck_channels) {
        let lengths = shape(id)
        let axis = axis < 0 ? axis + lengths.count : axis
        let (buffer, layout) = try home(id)
        if axis == 0, !layout.isPlain, let channels = layout.outputChannels { return (buffer, layout, channels) }
        let (outer, inner) = (lengths[..<axis].reduce(1, *), lengths[(axis + 1)...].reduce(1, *))
        let (length, plain) = (Int64(lengths[axis]), try Layout.plain(lengths))
        let channels = inner == 1
            ? ck_channels(outer: 1, blocks: 1, inner: Int64(outer), lanes: length, channels: length)
            : ck_channels(outer: Int64(outer), blocks: length, inner: Int64(inner), lanes: 1, channels: length)
        return (try operand(id, in: plain), plain, channels)
    }
}

extension FakeQuantize {
    fileprivate var native: ck_fake_quantization {
        ck_fake_quantization(minimum: Float(minimum), maximum: Float(maximum), unit: unit)
    }
}

/// A call of a kernel for the gradients of a fake quantization.
private struct FakeQuantizeGradientCall: Sendable {
    var steps: ck_fake_quantization
    /// `nil` with one scale.
    var channels: ck_channels?
    var count: Int64
    var hasLow: Bool
    var wantsScale: Bool
    var wantsLow: Bool

    /// - Parameter addresses: input, output gradient, scale, low?, input gradient, then what is wanted.
    func run(_ addresses: [UnsafeMutableRawPointer], scratch: UnsafeMutableRawPointer?) {
        var steps = steps
        let floats = addresses.map(\.floats), result = hasLow ? 4 : 3
        let dscale = wantsScale ? floats[result + 1] : nil
        if var channels {
            ck_fake_quantize_channels_gradient(&steps, &channels, floats[0], floats[1], floats[2], floats[result], dscale)
            return
        }
        let dlow = wantsLow ? floats[result + (wantsScale ? 2 : 1)] : nil
        ck_fake_quantize_gradient(
            &steps, floats[0], floats[1], floats[2], hasLow ? floats[3] : nil, floats[result], dscale, dlow, count, scratch)
    }
}
