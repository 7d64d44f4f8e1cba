import CKernels
import GraphIR
import ReferenceBackend
import Tensors

/// Pools and movement of 8-bit integers.
extension PlanCompiler {
    private func window(_ window: Window, _ input: ValueID, _ output: ValueID) throws -> (ck_byte_window, [(begin: Int, end: Int)])? {
        let source = shape(input), result = shape(output)
        guard (3...4).contains(source.count), let (primitive, pads) = try self.window(window, source, result) else { return nil }
        let layout = ByteLayout(.pixels, source, .uint8)
        func pair(_ values: some Collection<Int>, _ missing: Int64) -> (Int64, Int64) {
            let all = values.map(Int64.init)
            return all.count == 1 ? (missing, all[0]) : (all[0], all[1])
        }
        var window = ck_byte_window()
        (window.images, window.bytes) = (Int64(layout.images), Int64(layout.pixelBytes))
        (window.input, window.output) = (pair(source.dropFirst(2), 1), pair(result.dropFirst(2), 1))
        (window.kernel, window.stride) = (pair(primitive.kernel, 1), pair(primitive.strides, 1))
        window.dilation = pair(primitive.dilations, 1)
        window.pad = pair(primitive.begin, 0)
        return (window, pads)
    }

    mutating func lowerByteMaxima(_ pool: MaxPool, _ node: Node, _ input: ValueID, _ output: ValueID) throws -> Bool {
        guard let type = byteType(input), node.outputs.dropFirst().allSatisfy({ $0.map { !isRead($0) } ?? true }),
            let (window, _) = try window(pool.window, input, output)
        else { return false }
        let layout = ByteLayout(.pixels, shape(output), type)
        let source = try byteOperand(input, in: ByteLayout(.pixels, shape(input), type)), target = makeBytes(layout)
        let kernel = NativeKernel("cleave:int8_max_pool", buffers: [source, target]) { addresses, _ in
            var window = window
            ck_pool_byte_maxima(&window, addresses[0].bytes, addresses[1].bytes)
        }
        emit(kernel, computing: [node], reads: [source], writes: [target])
        define(output, in: target, layout)
        return true
    }

    /// For every output along an axis, the number of taps inside the input or, on request, its padding.
    private func tapCounts(_ pool: AveragePool, _ axis: Int, _ pads: (begin: Int, end: Int), _ length: Int, outputs: Int) -> [Int64] {
        let window = pool.window, lower = pool.countIncludePad ? -pads.begin : 0
        let upper = length + (pool.countIncludePad ? pads.end : 0)
        let (kernel, dilation) = (window.kernel[axis], window.dilations[axis])
        return (0..<outputs).map { output in
            let start = output * window.strides[axis] - pads.begin
            /// How many taps come before a position.
            func taps(before position: Int) -> Int { min(max(0, (position - start + dilation - 1) / dilation), kernel) }
            return Int64(max(0, taps(before: upper) - taps(before: lower)))
        }
    }

    mutating func lowerMeans(
        _ payload: IntegerOperator, _ pool: AveragePool, _ node: Node, _ input: ValueID, _ output: ValueID
    ) throws -> Bool {
        guard let type = byteType(input), byteType(output) != nil, let (window, pads) = try window(pool.window, input, output) else {
            return false
        }
        let resolved = AveragePool(
            window: try pool.window.resolved(kernel: nil), ceilMode: pool.ceilMode, countIncludePad: pool.countIncludePad)
        let source = shape(input), result = shape(output)
        let known = pads.indices.map { tapCounts(resolved, $0, pads[$0], source[$0 + 2], outputs: result[$0 + 2]) }
        let counts = known.count == 1 ? [[1]] + known : known
        let offset: Int32 = payload.result.elementType == .int8 ? 128 : 0
        var mean = ck_byte_mean()
        (mean.scale, mean.result_scale) = (payload.operands[0].scale, payload.result.affine.scale)
        mean.is_integer = payload.averagesIntegers(pool)
        // Integers are summed in float32, which has 24 bits.
        guard !mean.is_integer || resolved.window.kernel.reduce(255.0, { $0 * Double($1) }) < Double(1 << 24) else { return false }
        mean.zero = mean.is_integer ? offset : payload.operands[0].stored(as: type)
        mean.offset = offset
        mean.result_zero = payload.result.affine.zeroPoint + offset
        (mean.low, mean.high) = (payload.result.limits.lowerBound + offset, payload.result.limits.upperBound + offset)
        guard !mean.is_integer || type == payload.result.elementType else { return false }
        let layout = ByteLayout(.pixels, result, payload.result.elementType)
        let from = try byteOperand(input, in: ByteLayout(.pixels, source, type)), target = makeBytes(layout)
        let kernel = NativeKernel("cleave:int8_average_pool", buffers: [from, target]) { [call = ByteMean(mean: mean)] addresses, _ in
            var (window, mean) = (window, call.mean)
            counts[0].withUnsafeBufferPointer { rows in
                counts[1].withUnsafeBufferPointer { columns in
                    mean.counts = (rows.baseAddress, columns.baseAddress)
                    ck_pool_byte_means(&window, &mean, addresses[0].bytes, addresses[1].bytes)
                }
            }
        }
        emit(kernel, computing: [node], reads: [from], writes: [target])
        define(output, in: target, layout)
        return true
    }

    mutating func lowerGlobalMean(_ payload: IntegerOperator, _ node: Node, _ input: ValueID, _ output: ValueID) throws -> Bool {
        guard let type = byteType(input), byteType(output) != nil, shape(input).count >= 2 else { return false }
        let source = ByteLayout(.pixels, shape(input), type), layout = ByteLayout(.pixels, shape(output), payload.result.elementType)
        let offset: Int32 = payload.result.elementType == .int8 ? 128 : 0, multiplier = payload.meanMultiplier(count: source.pixels)
        let mean = ck_byte_global_mean(
            zero: payload.operands[0].stored(as: type), factor: payload.meanFactor(count: source.pixels),
            multiplier: multiplier.multiplier, shift: multiplier.shift, is_fixed: payload.rounding == .fixedPoint,
            result_zero: payload.result.affine.zeroPoint + offset, low: payload.result.limits.lowerBound + offset,
            high: payload.result.limits.upperBound + offset)
        let from = try byteOperand(input, in: source), target = makeBytes(layout)
        let kernel = NativeKernel("cleave:int8_global_average", buffers: [from, target]) { addresses, _ in
            var mean = mean
            ck_average_bytes(
                &mean, Int64(source.images), Int64(source.pixels), Int64(source.pixelBytes), addresses[0].bytes, addresses[1].bytes)
        }
        emit(kernel, computing: [node], reads: [from], writes: [target])
        define(output, in: target, layout)
        return true
    }

    // MARK: Movement

    /// The same integers under another shape.
    mutating func lowerByteView(_ input: ValueID, _ output: ValueID) throws -> Bool {
        guard let type = byteType(output), let known = byteLayout(input) else { return false }
        let natural = ByteLayout(.pixels, shape(output), type)
        if known == natural {
            define(output, in: try byteOperand(input, in: known), known)
        } else {
            define(output, in: try rowMajorBytes(input), natural.rowMajor)
        }
        return true
    }

    mutating func lowerByteTranspose(_ transpose: Transpose, _ node: Node, _ input: ValueID, _ output: ValueID) throws -> Bool {
        guard let type = byteType(output) else { return false }
        let lengths = shape(input), permutation = transpose.permutation ?? Array(lengths.indices.reversed())
        guard permutation.count == lengths.count, !lengths.isEmpty else { return false }
        let dense = Self.denseStrides(lengths), layout = ByteLayout(.rowMajor, shape(output), type)
        let (counts, strides) = (permutation.map { Int64(lengths[$0]) }, permutation.map { Int64(dense[$0]) })
        let source = try rowMajorBytes(input), target = makeBytes(layout)
        let kernel = NativeKernel("cleave:int8_transpose", buffers: [source, target]) { addresses, _ in
            ck_gather_bytes(Int32(counts.count), counts, strides, addresses[0].bytes, addresses[1].bytes)
        }
        emit(kernel, computing: [node], reads: [source], writes: [target])
        define(output, in: target, layout)
        return true
    }

    /// Padding of channels and of one or two spatial dimensions with one number.
    mutating func lowerBytePad(_ pad: Pad, _ node: Node, _ input: ValueID, _ output: ValueID) throws -> Bool {
        let lengths = shape(input)
        guard let type = byteType(output), pad.mode == .constant, (3...4).contains(lengths.count),
            let pads = amounts(of: pad, node, rank: lengths.count), pads.allSatisfy({ $0 >= 0 }),
            [0, lengths.count].allSatisfy({ pads[$0] == 0 }), var value = Int64(exactly: pad.value)
        else { return false }
        if let operand = node.input(Pad.Operand.value) {
            guard let values = constant(operand)?.int64s(), values.count == 1 else { return false }
            value = values[0]
        }
        let layout = ByteLayout(.pixels, shape(output), type), byte = UInt8(truncatingIfNeeded: value) ^ layout.flip
        let isFlat = lengths.count == 3
        let size = isFlat ? (1, Int64(lengths[2])) : (Int64(lengths[2]), Int64(lengths[3]))
        let vertical = isFlat ? (0, 0) : (Int64(pads[2]), Int64(pads[6]))
        let horizontal = isFlat ? (Int64(pads[2]), Int64(pads[5])) : (Int64(pads[3]), Int64(pads[7]))
        var from = try byteOperand(input, in: ByteLayout(.pixels, lengths, type))
        if pads[1] + pads[lengths.count + 1] > 0 {
            let isAll = pads.indices.allSatisfy { pads[$0] == 0 || [1, lengths.count + 1].contains($0) }
            from = padChannels(of: from, lengths, before: pads[1], layout, byte, computing: isAll ? [node] : [])
            guard !isAll else {
                define(output, in: from, layout)
                return true
            }
        }
        let target = makeBytes(layout)
        let kernel = NativeKernel("cleave:int8_pad", buffers: [from, target]) { addresses, _ in
            ck_pad_bytes(
                addresses[0].bytes, addresses[1].bytes, Int64(layout.images), size.0, size.1, Int64(layout.pixelBytes), vertical.0,
                vertical.1, horizontal.0, horizontal.1, byte)
        }
        emit(kernel, computing: [node], reads: [from], writes: [target])
        define(output, in: target, layout)
        return true
    }

    /// A buffer with as many channels per pixel as `result` has.
    private mutating func padChannels(
        of source: BufferID, _ lengths: [Int], before: Int, _ result: ByteLayout, _ byte: UInt8, computing nodes: [Node]
    ) -> BufferID {
        let from = ByteLayout(.pixels, lengths, result.elementType)
        let layout = ByteLayout(
            .pixels, images: from.images, channels: result.channels, pixels: from.pixels, result.elementType)
        let target = makeBytes(layout), channels = Int64(layout.channels)
        let kernel = NativeKernel("cleave:int8_pad", buffers: [source, target]) { addresses, _ in
            ck_pad_byte_channels(
                addresses[0].bytes, addresses[1].bytes, Int64(from.images * from.pixels), Int64(from.channels), Int64(before), channels,
                byte)
        }
        emit(kernel, computing: nodes, reads: [source], writes: [target])
        return target
    }

    mutating func lowerByteJoin(_ concat: Concat, _ node: Node, _ output: ValueID) throws -> Bool {
        let operands = node.inputs.compactMap { $0 }, lengths = shape(output)
        let axis = concat.axis < 0 ? concat.axis + lengths.count : concat.axis
        guard let type = byteType(output), lengths.indices.contains(axis), operands.allSatisfy({ byteType($0) == type })
        else { return false }
        let isByPixel = axis == 1 && operands.allSatisfy { shape($0)[1] % 4 == 0 }
        let layout = ByteLayout(isByPixel ? .pixels : .rowMajor, lengths, type)
        let rows = isByPixel ? layout.images * layout.pixels : lengths[..<axis].reduce(1, *)
        var parts: [Int64] = []
        let sources = try operands.map { operand in
            parts.append(Int64(shape(operand)[axis] * (isByPixel ? 1 : lengths[(axis + 1)...].reduce(1, *))))
            return try byteOperand(operand, in: ByteLayout(layout.order, shape(operand), type))
        }
        let target = makeBytes(layout), step = parts.reduce(0, +)
        let kernel = NativeKernel("cleave:int8_concat", buffers: sources + [target]) { [parts] addresses, _ in
            var offset = 0
            for (index, bytes) in parts.enumerated() {
                ck_copy_rows(addresses[index].bytes, bytes, addresses[parts.count].bytes + offset, step, Int64(rows), bytes)
                offset += Int(bytes)
            }
        }
        emit(kernel, computing: [node], reads: sources, writes: [target])
        define(output, in: target, layout)
        return true
    }
}

/// The numbers of a mean, without addresses.
private struct ByteMean: @unchecked Sendable {
    var mean: ck_byte_mean
}
