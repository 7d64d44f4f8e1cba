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
        let rows = layouts.sources.map { $0.byteCount / MemoryLayout<Float>.size / outer }
        if outer == 1, !program.outputs.contains(program.resolve(output)) {
            emitJoin(sources, rows, in: target, computing: node)
        } else {
            let rows = rows.map(Int64.init)
            let kernel = NativeKernel("cleave:concat", buffers: sources + [target]) { addresses, _ in
                withUnsafeTemporaryAllocation(of: UnsafePointer<Float>?.self, capacity: rows.count) { pointers in
                    for index in rows.indices { pointers.initializeElement(at: index, to: UnsafePointer(addresses[index].floats)) }
                    ck_concat(pointers.baseAddress, rows, Int32(rows.count), Int64(outer), addresses[rows.count].floats)
                }
            }
            emit(kernel, computing: [node], reads: sources, writes: [target])
        }
        define(output, in: target, layouts.result)
        return true
    }

    /// Makes a buffer of others that follow each other: those that can become parts of it, and only the rest is copied.
    private mutating func emitJoin(_ sources: [BufferID], _ counts: [Int], in target: BufferID, computing node: Node) {
        var copies: [(source: BufferID, offset: Int, count: Int64)] = []
        var offset = 0
        for (source, count) in zip(sources, counts) {
            let byteCount = count * MemoryLayout<Float>.size
            if !makePart(source, of: target, at: offset, byteCount: byteCount) { copies.append((source, offset, Int64(count))) }
            offset += byteCount
        }
        let parts = copies
        let kernel = NativeKernel("cleave:concat", buffers: copies.map(\.source) + [target]) { addresses, _ in
            for (index, part) in parts.enumerated() {
                var (source, count) = (Optional(UnsafePointer(addresses[index].floats)), part.count)
                ck_concat(&source, &count, 1, 1, (addresses[parts.count] + part.offset).floats)
            }
        }
        emit(kernel, computing: [node], reads: copies.map(\.source), writes: [target])
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

    mutating func lower(_ pad: Pad, _ node: Node, _ input: ValueID, _ output: ValueID) throws -> Bool {
        let lengths = shape(input)
        guard let pads = amounts(of: pad, node, rank: lengths.count) else { return false }
        var value = pad.value
        if let operand = node.input(Pad.Operand.value) {
            guard let values = elements(operand), values.count == 1 else { return false }
            value = values[0]
        }
        let touched = lengths.indices.filter { pads[$0] != 0 || pads[lengths.count + $0] != 0 }
        guard pad.mode == .constant, (3...4).contains(lengths.count), touched.allSatisfy({ $0 >= 2 }) else {
            try checkTables(for: touched.map { shape(output)[$0] }, bytesPerIndex: 4 * MemoryLayout<Int>.size)
            var sources = [PickedIndices](repeating: .same, count: lengths.count)
            for axis in touched {
                let indices = pad.sources(length: lengths[axis], begin: pads[axis], end: pads[lengths.count + axis])
                guard let indices else { return false }
                sources[axis] = .table(indices)
            }
            return try emitPick(from: input, lengths, sources, fill: value, computing: node, output)
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

    /// Begin pads of all dimensions, then end pads; `nil` when they are not constant or out of range.
    func amounts(of pad: Pad, _ node: Node, rank: Int) -> [Int]? {
        guard let given = pad.pads ?? constant(node.input(Pad.Operand.pads))?.int64s()?.map({ Int($0) }),
            given.allSatisfy({ $0.magnitude <= UInt(Int32.max) })
        else { return nil }
        var axes: [Int]?
        if let operand = node.input(Pad.Operand.axes) {
            guard let known = constant(operand)?.int64s() else { return nil }
            axes = known.map { Int($0) }
        }
        return Pad.amounts(given, axes: axes, rank: rank).map { $0.begin + $0.end }
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
