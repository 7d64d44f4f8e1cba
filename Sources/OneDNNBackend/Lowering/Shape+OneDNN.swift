import CKernels
import COneDNN
import GraphIR
import Tensors

extension PlanCompiler {
    /// The same bytes under another shape.
    mutating func lowerView(_ input: ValueID, _ output: ValueID) throws -> Bool {
        let lengths = shape(output)
        guard try Tensor.elementCount(of: lengths) == Tensor.elementCount(of: shape(input)) else { return false }
        define(output, in: try plainOperand(input), try .plain(lengths))
        return true
    }

    mutating func lower(_ transpose: Transpose, _ node: Node, _ input: ValueID, _ output: ValueID) throws -> Bool {
        let lengths = shape(input)
        let permutation = transpose.permutation ?? Array(lengths.indices.reversed())
        guard permutation.count == lengths.count, !lengths.isEmpty else { return false }
        // The result in the operand's dimensions: only its strides are permuted.
        let dense = Self.denseStrides(permutation.map { lengths[$0] })
        var strides = [Int](repeating: 0, count: lengths.count)
        for (position, axis) in permutation.enumerated() { strides[axis] = dense[position] }
        let source = try home(input)
        return try emitCopy(source, to: .strided(lengths, strides: strides), node, output)
    }

    mutating func lower(_ move: DepthToSpace, _ node: Node, _ input: ValueID, _ output: ValueID) throws -> Bool {
        let lengths = shape(input), b = move.blockSize
        guard lengths.count == 4, b > 0, lengths[1] % (b * b) == 0 else { return false }
        let (n, c, h, w) = (lengths[0], lengths[1] / (b * b), lengths[2], lengths[3])
        // Result [N, C, H, b, W, b]: strides of every factor of the operand's channels, rows and columns.
        let (row, column) = (b * w * b, b)
        let factors: [(Int, Int)] =
            switch move.mode {
            case .depthColumnRow: [(n, c * h * row), (b, w * b), (b, 1), (c, h * b * w * b), (h, row), (w, column)]
            case .columnRowDepth: [(n, c * h * row), (c, h * b * w * b), (b, w * b), (b, 1), (h, row), (w, column)]
            }
        let source = (buffer: try plainOperand(input), layout: try Layout.plain(factors.map(\.0)))
        return try emitCopy(source, to: .strided(factors.map(\.0), strides: factors.map(\.1)), node, output)
    }

    mutating func lower(_ move: SpaceToDepth, _ node: Node, _ input: ValueID, _ output: ValueID) throws -> Bool {
        let lengths = shape(input), b = move.blockSize
        guard lengths.count == 4, b > 0, lengths[2] % b == 0, lengths[3] % b == 0 else { return false }
        let (n, c, h, w) = (lengths[0], lengths[1], lengths[2] / b, lengths[3] / b), plane = h * w
        // Operand [N, C, H, b, W, b], result [N, b, b, C, H, W].
        let factors = [(n, b * b * c * plane), (c, plane), (h, w), (b, b * c * plane), (w, 1), (b, c * plane)]
        let source = (buffer: try plainOperand(input), layout: try Layout.plain(factors.map(\.0)))
        return try emitCopy(source, to: .strided(factors.map(\.0), strides: factors.map(\.1)), node, output)
    }

    mutating func lower(_ concat: Concat, _ node: Node, _ output: ValueID) throws -> Bool {
        let operands = node.inputs.compactMap { $0 }
        guard operands.allSatisfy({ isBuffered($0) }) else { return false }
        let lengths = shape(output)
        let axis = concat.axis < 0 ? concat.axis + lengths.count : concat.axis
        guard lengths.indices.contains(axis) else { return false }
        let layouts = try concatLayouts(operands, axis, lengths)
        let sources = try zip(operands, layouts.sources).map { try operand($0, in: $1) }
        let target = makeBuffer(.arena, byteCount: layouts.result.byteCount)
        // Dimensions before the axis, in the order in which they lie in memory.
        let physical = layouts.result.channelBlock.map { [lengths[0], (lengths[1] + $0 - 1) / $0] + lengths.dropFirst(2) } ?? lengths
        let outer = physical[..<axis].reduce(1, *)
        let rows = layouts.sources.map { Int64($0.byteCount / MemoryLayout<Float>.size / outer) }
        let kernel = NativeKernel("cleave:concat", buffers: sources + [target]) { addresses, _ in
            withUnsafeTemporaryAllocation(of: UnsafePointer<Float>?.self, capacity: rows.count) { pointers in
                for index in rows.indices { pointers.initializeElement(at: index, to: UnsafePointer(addresses[index].floats)) }
                ck_concat(pointers.baseAddress, rows, Int32(rows.count), Int64(outer), addresses[rows.count].floats)
            }
        }
        emit(kernel, computing: [node], reads: sources, writes: [target])
        define(output, in: target, layouts.result)
        return true
    }

    /// Blocked channels when some operand has them and every block stays whole, else row-major.
    private mutating func concatLayouts(
        _ operands: [ValueID], _ axis: Int, _ lengths: [Int]
    ) throws -> (sources: [Layout], result: Layout) {
        for id in operands {
            guard let block = try home(id).layout.channelBlock else { continue }
            guard axis != 1 || operands.allSatisfy({ shape($0)[1] % block == 0 }) else { continue }
            return (try operands.map { try .channelBlocked(shape($0), block: block) }, try .channelBlocked(lengths, block: block))
        }
        return (try operands.map { try .plain(shape($0)) }, try .plain(lengths))
    }

    mutating func lower(_ split: Split, _ node: Node, _ input: ValueID) throws -> Bool {
        let lengths = shape(input)
        let axis = split.axis < 0 ? split.axis + lengths.count : split.axis
        let outputs = node.outputs.compactMap { $0 }
        guard lengths.indices.contains(axis), outputs.count == node.outputs.count, outputs.allSatisfy({ isBuffered($0) }) else {
            return false
        }
        let buffer = try plainOperand(input), strides = Self.denseStrides(lengths)
        var start = 0
        for output in outputs {
            let part = shape(output)
            let source = try Layout.strided(part, strides: strides), result = try Layout.plain(part)
            let target = makeBuffer(.arena, byteCount: result.byteCount)
            try emitReorder(
                from: (buffer, source), to: (target, result), computing: [node],
                sourceOffset: start * strides[axis] * MemoryLayout<Float>.size)
            define(output, in: target, result)
            start += part[axis]
        }
        return true
    }

    mutating func lower(_ slice: StridedSlice, _ node: Node, _ input: ValueID, _ output: ValueID) throws -> Bool {
        let lengths = shape(input), part = shape(output)
        guard let bounds = bounds(of: slice, node, lengths) else { return false }
        let strides = Self.denseStrides(lengths)
        let source = try Layout.strided(part, strides: lengths.indices.map { strides[$0] * bounds.steps[$0] })
        let result = try Layout.plain(part)
        let start = lengths.indices.reduce(0) { $0 + bounds.starts[$1] * strides[$1] }
        let buffer = try plainOperand(input), target = makeBuffer(.arena, byteCount: result.byteCount)
        try emitReorder(
            from: (buffer, source), to: (target, result), computing: [node], sourceOffset: start * MemoryLayout<Float>.size)
        define(output, in: target, result)
        return true
    }

    /// First index and step along every dimension; `nil` when they are not constant or a step is negative.
    private func bounds(of slice: StridedSlice, _ node: Node, _ lengths: [Int]) -> (starts: [Int], steps: [Int])? {
        func integers(_ operand: StridedSlice.Operand) -> [Int]? { constant(node.input(operand))?.int64s()?.map { Int(clamping: $0) } }
        guard let starts = slice.bounds?.starts ?? integers(.starts) else { return nil }
        var axes = Array(starts.indices), steps = [Int](repeating: 1, count: starts.count)
        if let given = slice.bounds?.axes { axes = given }
        if node.input(StridedSlice.Operand.axes) != nil {
            guard let given = integers(.axes) else { return nil }
            axes = given
        }
        if node.input(StridedSlice.Operand.steps) != nil {
            guard let given = integers(.steps) else { return nil }
            steps = given
        }
        guard axes.count == starts.count, steps.count == starts.count else { return nil }
        var result = (starts: [Int](repeating: 0, count: lengths.count), steps: [Int](repeating: 1, count: lengths.count))
        for (index, axis) in axes.enumerated() {
            let axis = axis < 0 ? axis + lengths.count : axis
            guard lengths.indices.contains(axis), steps[index] > 0, steps[index] <= Int(Int32.max) else { return nil }
            let start = starts[index] < 0 ? max(starts[index], -lengths[axis]) + lengths[axis] : starts[index]
            result.starts[axis] = min(start, lengths[axis])
            result.steps[axis] = steps[index]
        }
        return result
    }

    mutating func lower(_ pad: Pad, _ node: Node, _ input: ValueID, _ output: ValueID) throws -> Bool {
        let lengths = shape(input)
        guard pad.mode == .constant, (3...4).contains(lengths.count), node.input(Pad.Operand.axes) == nil,
            let pads = pad.pads ?? constant(node.input(Pad.Operand.pads))?.int64s()?.map({ Int($0) }), pads.count == 2 * lengths.count,
            pads[0] == 0, pads[1] == 0, pads[lengths.count] == 0, pads[lengths.count + 1] == 0
        else { return false }
        var value = pad.value
        if let operand = node.input(Pad.Operand.value) {
            guard let values = elements(operand), values.count == 1 else { return false }
            value = values[0]
        }
        var (buffer, layout) = try home(input)
        var block = layout.channelBlock ?? 1
        if layout.isPlain || block == 1 || (layout.hasPadding && value != 0) {
            layout = try .plain(lengths)
            buffer = try operand(input, in: layout)
            block = 1
        }
        let result = try block == 1 ? Layout.plain(shape(output)) : .channelBlocked(shape(output), block: block)
        let target = makeBuffer(.arena, byteCount: result.byteCount)
        let outer = Int64(lengths[0] * ((lengths[1] + block - 1) / block)), inner = Int64(block)
        // A one-dimensional image is one row.
        let isFlat = lengths.count == 3
        let (height, width) = isFlat ? (1, Int64(lengths[2])) : (Int64(lengths[2]), Int64(lengths[3]))
        let vertical = isFlat ? (0, 0) : (Int64(pads[2]), Int64(pads[6]))
        let horizontal = isFlat ? (Int64(pads[2]), Int64(pads[5])) : (Int64(pads[3]), Int64(pads[7]))
        let kernel = NativeKernel("cleave:pad", buffers: [buffer, target]) { [value] addresses, _ in
            ck_pad(
                addresses[0].floats, addresses[1].floats, outer, height, width, inner, vertical.0, vertical.1, horizontal.0, horizontal.1,
                value)
        }
        emit(kernel, computing: [node], reads: [buffer], writes: [target])
        define(output, in: target, result)
        return true
    }

    static func denseStrides(_ lengths: [Int]) -> [Int] {
        lengths.indices.map { lengths[($0 + 1)...].reduce(1, *) }
    }

    /// A copy into a new row-major result, which `strided` describes in the operand's dimensions.
    private mutating func emitCopy(
        _ source: (buffer: BufferID, layout: Layout), to strided: Layout, _ node: Node, _ output: ValueID
    ) throws -> Bool {
        let result = try Layout.plain(shape(output))
        let target = makeBuffer(.arena, byteCount: result.byteCount)
        try emitReorder(from: source, to: (target, strided), computing: [node])
        define(output, in: target, result)
        return true
    }
}
