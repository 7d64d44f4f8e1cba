import CKernels
import GraphIR
import Tensors

/// Largest numbers of windows. oneDNN's pools lose NaN, and make the lowest finite number of −∞.
extension PlanCompiler {
    /// Makes the step of a max pool, on row-major tensors and on channels in blocks.
    mutating func lowerMaxima(_ window: Primitive.Window, _ node: Node, _ input: ValueID, _ output: ValueID) throws {
        let lengths = shape(input), result = shape(output)
        let (buffer, layout) = try channelOperand(input)
        let block = layout.channelBlock ?? 1
        var pool = ck_max_pool()
        (pool.outer, pool.lanes) = (Int64(lengths[0] * ((lengths[1] + block - 1) / block)), Int64(block))
        // Images and rows are volumes of depth and height 1.
        func triple(_ values: some Collection<Int>, _ missing: Int64) -> (Int64, Int64, Int64) {
            let full = [Int64](repeating: missing, count: 3 - values.count) + values.map(Int64.init)
            return (full[0], full[1], full[2])
        }
        (pool.input, pool.output) = (triple(lengths.dropFirst(2), 1), triple(result.dropFirst(2), 1))
        (pool.kernel, pool.stride, pool.dilation) = (triple(window.kernel, 1), triple(window.strides, 1), triple(window.dilations, 1))
        pool.pad = triple(window.begin, 0)
        let target = try block == 1 ? Layout.plain(result) : .channelBlocked(result, block: block)
        let place = makeBuffer(.arena, byteCount: target.byteCount)
        let scratch = Int(withUnsafePointer(to: pool) { ck_max_pool_scratch_count($0, Int32(backend.threads)) })
        let kernel = NativeKernel(
            "cleave:max_pool", buffers: [buffer, place], scratchpadByteCount: scratch * MemoryLayout<Float>.size
        ) { [pool] addresses, scratchpad in
            var pool = pool
            ck_pool_maxima(&pool, addresses[0].floats, addresses[1].floats, scratchpad?.floats)
        }
        emit(kernel, computing: [node], reads: [buffer], writes: [place])
        define(output, in: place, target)
    }

    /// Reduces all spatial dimensions, on row-major tensors and on channels in blocks.
    mutating func lowerGlobalReduction(
        _ kind: ck_reduction_kind, _ node: Node, _ input: ValueID, _ output: ValueID
    ) throws -> Bool {
        let lengths = shape(input)
        guard lengths.count > 2 else { return false }
        let (buffer, layout) = try channelOperand(input)
        let block = layout.channelBlock ?? 1
        let outer = Int64(lengths[0] * ((lengths[1] + block - 1) / block)), count = Int64(lengths.dropFirst(2).reduce(1, *))
        let pooled = Array(lengths.prefix(2)) + lengths.dropFirst(2).map { _ in 1 }
        let target = try block == 1 ? Layout.plain(pooled) : .channelBlocked(pooled, block: block)
        let place = makeBuffer(.arena, byteCount: target.byteCount)
        let kernel = NativeKernel("cleave:reduce", buffers: [buffer, place]) { addresses, _ in
            ck_reduce(kind, addresses[0].floats, addresses[1].floats, outer, count, Int64(block))
        }
        emit(kernel, computing: [node], reads: [buffer], writes: [place])
        if pooled == shape(output) {
            define(output, in: place, target)
        } else if target.isPlain {
            define(output, in: place, try .plain(shape(output)))
        } else {
            let plain = try Layout.plain(pooled), copy = makeBuffer(.arena, byteCount: plain.byteCount)
            try emitReorder(from: (place, target), to: (copy, plain))
            define(output, in: copy, try .plain(shape(output)))
        }
        return true
    }

    /// A tensor in blocks of channels if that is how it lies, else row-major.
    private mutating func channelOperand(_ id: ValueID) throws -> (buffer: BufferID, layout: Layout) {
        let (buffer, layout) = try home(id)
        return layout.channelBlock != nil ? (buffer, layout) : (try plainOperand(id), try .plain(shape(id)))
    }
}
