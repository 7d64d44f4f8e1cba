import CKernels
import COneDNN
import GraphIR
import Tensors

/// Operators that move elements along each dimension by itself.
extension PlanCompiler {
    /// Makes a result of elements of an operand. Channels stay in their blocks where whole blocks move.
    /// - Parameters:
    ///   - lengths: the operand's shape, or one with as many elements.
    ///   - sources: per dimension, the index in the operand of every index of the result, −1 for `fill`; `nil` where they are the same.
    mutating func emitPick(
        from input: ValueID, _ lengths: [Int], _ sources: [[Int]?], fill: Float = 0, computing node: Node, _ output: ValueID
    ) throws -> Bool {
        let result = zip(lengths, sources).map { $1?.count ?? $0 }
        guard try Tensor.elementCount(of: result) == Tensor.elementCount(of: shape(output)) else { return false }
        var (buffer, layout) = try home(input)
        var physical = (lengths: lengths, sources: sources)
        let target: Layout
        let channels = sources.count > 1 ? sources[1] : nil
        let blocks = channels.flatMap { Self.blocks(of: $0, layout.channelBlock ?? 1) }
        if let block = layout.channelBlock, lengths == shape(input), result == shape(output), fill == 0 || !layout.hasPadding,
            (channels == nil) == (blocks == nil)
        {
            physical.lengths[1] = (lengths[1] + block - 1) / block
            physical.lengths.append(block)
            physical.sources[1] = blocks
            physical.sources.append(nil)
            target = try .channelBlocked(result, block: block)
        } else {
            (buffer, layout) = (try plainOperand(input), try .plain(shape(input)))
            target = try .plain(shape(output))
        }
        guard let plan = PickPlan(lengths: physical.lengths, sources: physical.sources) else { return false }
        let place = makeBuffer(.arena, byteCount: target.byteCount)
        let kernel = NativeKernel("cleave:pick", buffers: [buffer, place]) { addresses, _ in
            ck_pick(Int32(plan.lengths.count), plan.lengths, plan.tables, plan.run, fill, addresses[0].floats, addresses[1].floats)
        }
        emit(kernel, computing: [node], reads: [buffer], writes: [place])
        define(output, in: place, target)
        return true
    }

    /// The blocks that channels come from, −1 for what is filled in; `nil` when they come in other pieces.
    private static func blocks(of channels: [Int], _ block: Int) -> [Int]? {
        guard channels.count % block == 0 else { return nil }
        var result: [Int] = []
        for first in stride(from: 0, to: channels.count, by: block) {
            let start = channels[first], step = start < 0 ? 0 : 1
            guard start < 0 || start % block == 0, (0..<block).allSatisfy({ channels[first + $0] == start + $0 * step }) else { return nil }
            result.append(start < 0 ? -1 : start / block)
        }
        return result
    }

    mutating func lower(_ gather: Gather, _ node: Node, _ input: ValueID, _ output: ValueID) throws -> Bool {
        let lengths = shape(input), axis = gather.axis < 0 ? gather.axis + lengths.count : gather.axis
        guard lengths.indices.contains(axis), let indices = constant(node.input(Gather.Operand.indices))?.int64s() else { return false }
        let chosen = indices.map { $0 < 0 ? Int($0) + lengths[axis] : Int($0) }
        guard chosen.allSatisfy({ (0..<lengths[axis]).contains($0) }) else { return false }
        var sources = [[Int]?](repeating: nil, count: lengths.count)
        sources[axis] = chosen
        return try emitPick(from: input, lengths, sources, computing: node, output)
    }

    mutating func lowerExpand(_ node: Node, _ input: ValueID, _ output: ValueID) throws -> Bool {
        let result = shape(output), own = shape(input)
        guard own.count <= result.count else { return false }
        let lengths = [Int](repeating: 1, count: result.count - own.count) + own
        guard zip(lengths, result).allSatisfy({ $0 == $1 || $0 == 1 }) else { return false }
        let sources = zip(lengths, result).map { $0 == $1 ? nil : [Int](repeating: 0, count: $1) }
        return try emitPick(from: input, lengths, sources, computing: node, output)
    }

    mutating func lowerTile(_ node: Node, _ input: ValueID, _ output: ValueID) throws -> Bool {
        let lengths = shape(input), result = shape(output)
        guard lengths.count == result.count, zip(lengths, result).allSatisfy({ $1 % $0 == 0 }) else { return false }
        let sources = zip(lengths, result).map { length, count in
            length == count ? nil : (0..<count).map { $0 % length }
        }
        return try emitPick(from: input, lengths, sources, computing: node, output)
    }

    mutating func lower(_ split: Split, _ node: Node, _ input: ValueID) throws -> Bool {
        let lengths = shape(input)
        let axis = split.axis < 0 ? split.axis + lengths.count : split.axis
        let outputs = node.outputs.compactMap { $0 }
        guard lengths.indices.contains(axis), outputs.count == node.outputs.count, outputs.allSatisfy({ isBuffered($0) }),
            outputs.reduce(0, { $0 + shape($1)[axis] }) == lengths[axis]
        else { return false }
        var start = 0
        for output in outputs {
            let count = shape(output)[axis]
            var sources = [[Int]?](repeating: nil, count: lengths.count)
            sources[axis] = Array(start..<(start + count))
            guard try emitPick(from: input, lengths, sources, computing: node, output) else { return false }
            start += count
        }
        return true
    }

    mutating func lower(_ slice: StridedSlice, _ node: Node, _ input: ValueID, _ output: ValueID) throws -> Bool {
        let lengths = shape(input), part = shape(output)
        guard let bounds = bounds(of: slice, node, lengths) else { return false }
        var sources: [[Int]?] = []
        for axis in lengths.indices {
            let (last, overflow) = bounds.steps[axis].multipliedReportingOverflow(by: part[axis] - 1)
            let (start, all) = (bounds.starts[axis], 0..<lengths[axis])
            guard !overflow, all.contains(start), all.contains(start &+ last) else { return false }
            let isWhole = part[axis] == lengths[axis] && last == part[axis] - 1
            sources.append(isWhole ? nil : (0..<part[axis]).map { start + $0 * bounds.steps[axis] })
        }
        return try emitPick(from: input, lengths, sources, computing: node, output)
    }

    /// First index and step along every dimension; `nil` when they are not constant.
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
            guard lengths.indices.contains(axis), steps[index] != 0 else { return nil }
            let start = starts[index] < 0 ? max(starts[index], -lengths[axis]) + lengths[axis] : starts[index]
            // Backwards, a start beyond the end means the last element.
            result.starts[axis] = min(start, steps[index] > 0 ? lengths[axis] : lengths[axis] - 1)
            result.steps[axis] = steps[index]
        }
        return result
    }
}

/// The tables of `ck_pick`: neighbouring dimensions that stay as they are count as one, and the last of them are copied in one piece.
struct PickPlan: Sendable {
    private(set) var lengths: [Int64] = []
    private(set) var tables: [Int64] = []
    private(set) var run: Int64 = 1

    /// - Parameters:
    ///   - lengths: of the operand, row-major.
    ///   - sources: as for `PlanCompiler.emitPick`.
    /// - Returns: `nil` when the kernel cannot count so many dimensions.
    init?(lengths: [Int], sources: [[Int]?]) {
        var axes: [(count: Int, stride: Int, source: [Int]?)] = []
        let strides = PlanCompiler.denseStrides(lengths)
        for (axis, source) in sources.enumerated() where source != nil || lengths[axis] != 1 {
            if source == nil, let last = axes.last, last.source == nil {
                axes[axes.count - 1] = (last.count * lengths[axis], strides[axis], nil)
            } else {
                axes.append((source?.count ?? lengths[axis], strides[axis], source))
            }
        }
        if let last = axes.last, last.source == nil {
            run = Int64(last.count)
            axes.removeLast()
        }
        if axes.isEmpty { axes = [(1, 0, [0])] }
        guard axes.count <= Int(CK_MAX_RANK) else { return nil }
        self.lengths = axes.map { Int64($0.count) }
        for axis in axes { tables += (axis.source ?? Array(0..<axis.count)).map { $0 < 0 ? -1 : Int64($0 * axis.stride) } }
    }
}
