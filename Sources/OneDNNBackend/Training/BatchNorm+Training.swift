import CKernels
import GraphIR
import Tensors

extension PlanCompiler {
    /// How our kernels see the operand of a normalization, which they take row-major or with channels in blocks.
    private mutating func operand(
        ofNorm input: ValueID, epsilon: Float, relu: Bool
    ) throws -> (buffer: BufferID, layout: Layout, norm: ck_batch_norm) {
        let shape = shape(input)
        var (buffer, layout) = try home(input)
        if !layout.isPlain, layout.channelBlock == nil {
            layout = try .plain(shape)
            buffer = try operand(input, in: layout)
        }
        let spatial = shape.dropFirst(2).reduce(1, *)
        // Of images of one pixel, channels lie next to each other in both layouts.
        let block = layout.isPlain ? (spatial == 1 && shape[1] % 16 == 0 ? 16 : 1) : layout.channelBlock ?? 1
        let norm = ck_batch_norm(
            batch: Int64(shape[0]), channels: Int64(shape[1]), spatial: Int64(spatial), block: Int64(block), epsilon: epsilon, relu: relu)
        return (buffer, layout, norm)
    }

    private func scratchByteCount(_ norm: ck_batch_norm) -> Int { withUnsafePointer(to: norm) { Int(ck_batch_norm_scratch_size($0)) } }

    private mutating func statisticsBuffer(_ norm: ck_batch_norm) -> BufferID {
        let count = withUnsafePointer(to: norm) { Int(ck_batch_norm_statistics_count($0)) }
        return makeBuffer(.arena, byteCount: count * MemoryLayout<Float>.size)
    }

    /// Normalization by the moments of the batch, with the ReLU after it.
    mutating func lowerTraining(_ norm: BatchNorm, _ group: Group, _ input: ValueID) throws -> Bool {
        let node = group.anchor
        guard shape(input).count >= 2, group.affine.isEmpty, node.outputs.dropFirst(3).allSatisfy({ $0.map { !isRead($0) } ?? true }),
            let scale = node.input(BatchNorm.Operand.scale), let shift = node.input(BatchNorm.Operand.bias),
            node.inputs.allSatisfy({ $0.map { isBuffered($0) } ?? true })
        else { return false }
        var fused = false
        if case .activation(let function)? = group.epilogue.first?.kind {
            fused = function.native.kind == CK_CLAMP && function.native.low == 0 && function.native.high == .infinity
        }
        let (buffer, layout, kernelNorm) = try operand(ofNorm: input, epsilon: norm.epsilon, relu: fused)
        let statistics = statisticsBuffer(kernelNorm)
        leftovers.moments.append(.init(input: program.resolve(input), epsilon: norm.epsilon, buffer: statistics))
        let target = isReusable(buffer) ? buffer : makeBuffer(.arena, byteCount: layout.byteCount)
        let running = try runningStatistics(node)
        let reads = [buffer, try plainOperand(scale), try plainOperand(shift)] + running.reads
        let momentum = norm.momentum, hasRunning = !running.reads.isEmpty
        let kernel = NativeKernel(
            "cleave:batch_norm", buffers: reads + [statistics, target] + running.writes, scratchpadByteCount: scratchByteCount(kernelNorm)
        ) { addresses, scratch in
            var norm = kernelNorm
            let first = hasRunning ? 5 : 3
            var running = ck_running_statistics()
            if hasRunning {
                running = .init(
                    mean: addresses[3].floats, variance: addresses[4].floats, new_mean: addresses[7].floats,
                    new_variance: addresses[8].floats, momentum: momentum)
            }
            ck_batch_norm_train(
                &norm, addresses[0].floats, addresses[1].floats, addresses[2].floats, addresses[first].floats, &running,
                addresses[first + 1].floats, scratch)
        }
        emit(kernel, computing: group.mainNodes(withEpilogue: fused ? 1 : 0), reads: reads, writes: [statistics, target] + running.writes)
        try finish(group, from: fused ? 1 : 0, in: target, layout)
        return true
    }

    /// Old and new running statistics; nothing where nobody reads the new ones.
    private mutating func runningStatistics(_ node: Node) throws -> (reads: [BufferID], writes: [BufferID]) {
        let results = node.outputs.dropFirst().prefix(2).map { $0 }
        guard results.contains(where: { $0.map { isRead($0) } ?? false }), let mean = node.input(BatchNorm.Operand.mean),
            let variance = node.input(BatchNorm.Operand.variance)
        else { return ([], []) }
        let reads = [try plainOperand(mean), try plainOperand(variance)]
        let layout = try Layout.plain(shape(mean))
        let writes = (0..<2).map { index in
            let buffer = makeBuffer(.arena, byteCount: layout.byteCount)
            if index < results.count, let result = results[index] { define(result, in: buffer, layout) }
            return buffer
        }
        return (reads, writes)
    }

    /// The gradient of a normalization, with that of the ReLU after it before, and the sum with another gradient behind.
    mutating func lower(_ gradient: BatchNormGradient, _ group: Group) throws -> Bool {
        let node = group.anchor
        guard let input = node.input(BatchNormGradient.Operand.input), let scale = node.input(BatchNormGradient.Operand.scale),
            var slope = node.input(BatchNormGradient.Operand.outputGradient), isBuffered(input), isBuffered(scale), isBuffered(slope),
            shape(input).count >= 2
        else { return false }
        var shift: ValueID?
        if let prologue = group.prologue {
            guard let outer = prologue.input(ActivationGradient.Operand.outputGradient), let bias = normShift(of: node, behind: prologue)
            else { return false }
            (slope, shift) = (outer, bias)
        }
        let (buffer, layout, norm) = try operand(ofNorm: input, epsilon: gradient.forward.epsilon, relu: shift != nil)
        guard let statistics = try statistics(gradient, node, buffer, norm) else { return false }
        let dy = try operand(slope, in: layout)
        var reads = [buffer, dy, try plainOperand(scale), statistics]
        if let shift { reads.append(try plainOperand(shift)) }
        var addend: BufferID?
        if case .add(let other)? = group.epilogue.first?.kind { addend = try operand(other, in: layout) }
        if let addend { reads.append(addend) }
        let results = node.outputs + [ValueID?](repeating: nil, count: 3 - node.outputs.count)
        var writes: [BufferID] = []
        func isWanted(_ index: Int) -> Bool { results[index].map { isRead($0) } ?? false }
        let wanted = (0..<3).map(isWanted)
        let target = [addend, dy, buffer].compactMap { $0 }.first { isReusable($0) }
        if wanted[0] { writes.append(target ?? makeBuffer(.arena, byteCount: layout.byteCount)) }
        let vector = try Layout.plain(shape(scale))
        for index in 1...2 where wanted[index] {
            writes.append(makeBuffer(.arena, byteCount: vector.byteCount))
            if let result = results[index] { define(result, in: writes[writes.count - 1], vector) }
        }
        let call = NormGradientCall(
            norm: norm, isFixed: !gradient.forward.trainingMode, hasShift: shift != nil, hasAddend: addend != nil, wanted: wanted)
        emit(
            NativeKernel(
                "cleave:batch_norm_gradient", buffers: reads + writes, scratchpadByteCount: scratchByteCount(norm)
            ) { call.run($0, scratch: $1) },
            computing: group.nodes, reads: reads, writes: writes)
        if wanted[0], let output = group.output(afterEpilogue: group.epilogue.count) { define(output, in: writes[0], layout) }
        return true
    }

    /// The bias of the normalization whose output went through the ReLU that `prologue` is the gradient of.
    private func normShift(of gradient: Node, behind prologue: Node) -> ValueID? {
        guard let value = prologue.input(ActivationGradient.Operand.value), let relu = graph.producer(of: program.resolve(value)),
            let sum = relu.inputs.first ?? nil, let forward = graph.producer(of: program.resolve(sum)),
            program.isForward(forward, of: gradient), let shift = forward.input(BatchNorm.Operand.bias), isBuffered(shift)
        else { return nil }
        return shift
    }

    /// Mean and 1/√(variance + ε): those that the forward kernel left, else computed now.
    private mutating func statistics(
        _ gradient: BatchNormGradient, _ node: Node, _ input: BufferID, _ norm: ck_batch_norm
    ) throws -> BufferID? {
        if !gradient.forward.trainingMode {
            guard let mean = node.input(BatchNormGradient.Operand.mean), let variance = node.input(BatchNormGradient.Operand.variance),
                isBuffered(mean), isBuffered(variance)
            else { return nil }
            let result = statisticsBuffer(norm), reads = [try plainOperand(mean), try plainOperand(variance)]
            let kernel = NativeKernel("cleave:moments", buffers: reads + [result]) { addresses, _ in
                var norm = norm
                ck_batch_norm_fixed_statistics(&norm, addresses[0].floats, addresses[1].floats, addresses[2].floats)
            }
            emit(kernel, computing: [node], reads: reads, writes: [result])
            return result
        }
        let id = node.input(BatchNormGradient.Operand.input).map(program.resolve)
        if let known = leftovers.moments.first(where: { $0.input == id && $0.epsilon == gradient.forward.epsilon }) { return known.buffer }
        let result = statisticsBuffer(norm)
        let kernel = NativeKernel(
            "cleave:moments", buffers: [input, result], scratchpadByteCount: scratchByteCount(norm)
        ) { addresses, scratch in
            var norm = norm, running = ck_running_statistics()
            ck_batch_norm_train(&norm, addresses[0].floats, nil, nil, addresses[1].floats, &running, nil, scratch)
        }
        emit(kernel, computing: [node], reads: [input], writes: [result])
        return result
    }
}

/// A call of the kernel for the gradient of a batch norm.
private struct NormGradientCall: Sendable {
    var norm: ck_batch_norm
    var isFixed: Bool
    var hasShift: Bool
    var hasAddend: Bool
    /// Whether the gradients of input, scale and bias are stored.
    var wanted: [Bool]

    /// - Parameter addresses: input, output gradient, scale, statistics, shift?, addend?, then what is wanted.
    func run(_ addresses: [UnsafeMutableRawPointer], scratch: UnsafeMutableRawPointer?) {
        var norm = norm, next = 4
        func take(_ isThere: Bool) -> UnsafeMutablePointer<Float>? {
            guard isThere else { return nil }
            next += 1
            return addresses[next - 1].floats
        }
        let shift = take(hasShift), addend = take(hasAddend), dx = take(wanted[0]), dscale = take(wanted[1]), dshift = take(wanted[2])
        ck_batch_norm_gradient(
            &norm, isFixed, addresses[0].floats, addresses[1].floats, addresses[2].floats, shift, addresses[3].floats, addend, dx, dscale,
            dshift, scratch)
    }
}
