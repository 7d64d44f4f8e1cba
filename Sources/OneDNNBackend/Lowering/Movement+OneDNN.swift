import CKernels
import COneDNN
import GraphIR
import Tensors

/// From where the indices of a dimension of a result are read.
enum PickedIndices {
    /// Every index from the same one.
    case same
    /// Index i of `count` from start + i · step.
    case steps(start: Int, step: Int, count: Int)
    /// The whole dimension several times.
    case cycles(Int)
    /// From these, −1 for what is filled in.
    case table([Int])

    /// How many there are, from a dimension of that length.
    func count(of length: Int) -> Int {
        switch self {
        case .same: length
        case .steps(_, _, let count): count
        case .cycles(let count): length * count
        case .table(let indices): indices.count
        }
    }

    /// The same for blocks of channels; `nil` when channels do not stay together in their blocks.
    func blocks(of length: Int, _ block: Int) -> PickedIndices? {
        switch self {
        case .same: return .same
        case .steps(let start, let step, let count):
            guard step == 1, start % block == 0, count % block == 0 else { return nil }
            return .steps(start: start / block, step: 1, count: count / block)
        case .cycles(let count): return length % block == 0 ? .cycles(count) : nil
        case .table(let channels):
            guard channels.count % block == 0 else { return nil }
            var result: [Int] = []
            for first in stride(from: 0, to: channels.count, by: block) {
                let start = channels[first], step = start < 0 ? 0 : 1
                guard start < 0 || start % block == 0, (0..<block).allSatisfy({ channels[first + $0] == start + $0 * step }) else {
                    return nil
                }
                result.append(start < 0 ? -1 : start / block)
            }
            return .table(result)
        }
    }
}

/// Operators that move elements along each dimension by itself.
extension PlanCompiler {
    /// Makes a result of elements of an operand. Channels stay in their blocks where whole blocks move.
    /// - Parameters:
    ///   - lengths: the operand's shape, or one with as many elements.
    ///   - sources: per dimension, the index in the operand of every index of the result.
    ///   - fill: what is put where these are −1.
    mutating func emitPick(
        from input: ValueID, _ lengths: [Int], _ sources: [PickedIndices], fill: Float = 0, computing node: Node, _ output: ValueID
    ) throws -> Bool {
        let result = zip(lengths, sources).map { $1.count(of: $0) }
        guard try Tensor.elementCount(of: result) == Tensor.elementCount(of: shape(output)) else { return false }
        var (buffer, layout) = try home(input)
        var physical = (lengths: lengths, sources: sources)
        let target: Layout
        if let block = layout.channelBlock, lengths == shape(input), result == shape(output), fill == 0 || !layout.hasPadding,
            let blocks = sources[1].blocks(of: lengths[1], block)
        {
            physical.lengths[1] = (lengths[1] + block - 1) / block
            physical.lengths.append(block)
            physical.sources[1] = blocks
            physical.sources.append(.same)
            target = try .channelBlocked(result, block: block)
        } else {
            (buffer, layout) = (try plainOperand(input), try .plain(shape(input)))
            target = try .plain(shape(output))
        }
        guard let plan = PickPlan(lengths: physical.lengths, sources: physical.sources) else { return false }
        try pool.charge(byteCount: plan.tables.count * MemoryLayout<Int64>.size)
        let place = makeBuffer(.arena, byteCount: target.byteCount)
        let kernel = NativeKernel("cleave:pick", buffers: [buffer, place]) { addresses, _ in
            ck_pick(Int32(plan.axes.count), plan.axes, plan.tables, plan.run, fill, addresses[0].floats, addresses[1].floats)
        }
        emit(kernel, computing: [node], reads: [buffer], writes: [place])
        define(output, in: place, target)
        return true
    }

    /// Refuses tables of the indices of dimensions that take more than the memory limit while they are made.
    func checkTables(for lengths: [Int], bytesPerIndex: Int) throws {
        let count = lengths.reduce(0) { sum, length in sum > .max - length ? .max : sum + length }
        guard count > backend.memoryLimit / bytesPerIndex else { return }
        let (size, overflow) = count.multipliedReportingOverflow(by: bytesPerIndex)
        throw CleaveError(
            .unsupported,
            "running the network takes \(NumberFormat.bytes(overflow ? .max : size)) to find where elements come from, "
                + "but the limit is \(NumberFormat.bytes(backend.memoryLimit))",
            suggestion: "run it on a smaller batch or image")
    }

    mutating func lower(_ gather: Gather, _ node: Node, _ input: ValueID, _ output: ValueID) throws -> Bool {
        let lengths = shape(input), axis = gather.axis < 0 ? gather.axis + lengths.count : gather.axis
        guard lengths.indices.contains(axis), let indices = constant(node.input(Gather.Operand.indices))?.int64s() else { return false }
        let chosen = indices.map { $0 < 0 ? Int($0) + lengths[axis] : Int($0) }
        guard chosen.allSatisfy({ (0..<lengths[axis]).contains($0) }) else { return false }
        var sources = [PickedIndices](repeating: .same, count: lengths.count)
        sources[axis] = .table(chosen)
        return try emitPick(from: input, lengths, sources, computing: node, output)
    }

    mutating func lowerExpand(_ node: Node, _ input: ValueID, _ output: ValueID) throws -> Bool {
        let result = shape(output), own = shape(input)
        guard own.count <= result.count else { return false }
        let lengths = [Int](repeating: 1, count: result.count - own.count) + own
        guard zip(lengths, result).allSatisfy({ $0 == $1 || $0 == 1 }) else { return false }
        let sources = zip(lengths, result).map { $0 == $1 ? PickedIndices.same : .steps(start: 0, step: 0, count: $1) }
        return try emitPick(from: input, lengths, sources, computing: node, output)
    }

    mutating func lowerTile(_ node: Node, _ input: ValueID, _ output: ValueID) throws -> Bool {
        let lengths = shape(input), result = shape(output)
        guard lengths.count == result.count, zip(lengths, result).allSatisfy({ $1 % $0 == 0 }) else { return false }
        let sources = zip(lengths, result).map { $0 == $1 ? PickedIndices.same : .cycles($1 / $0) }
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
            var sources = [PickedIndices](repeating: .same, count: lengths.count)
            sources[axis] = .steps(start: start, step: 1, count: count)
            guard try emitPick(from: input, lengths, sources, computing: node, output) else { return false }
            start += count
        }
        return true
    }

    mutating func lower(_ slice: StridedSlice, _ node: Node, _ input: ValueID, _ output: ValueID) throws -> Bool {
        let lengths = shape(input), part = shape(output)
        guard let bounds = bounds(of: slice, node, lengths) else { return false }
        var sources: [PickedIndices] = []
        for axis in lengths.indices {
            let (last, overflow) = bounds.steps[axis].multipliedReportingOverflow(by: part[axis] - 1)
            let (start, all) = (bounds.starts[axis], 0..<lengths[axis])
            guard !overflow, all.contains(start), all.contains(start &+ last) else { return false }
            let isWhole = part[axis] == lengths[axis] && last == part[axis] - 1
            sources.append(isWhole ? .same : .steps(start: start, step: bounds.steps[axis], count: part[axis]))
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

/// What `ck_pick` is called with: neighbouring dimensions at even distances count as one, and the last of them are copied in one piece.
struct PickPlan: Sendable {
    private(set) var axes: [ck_axis] = []
    private(set) var tables: [Int64] = []
    private(set) var run: Int64 = 1

    /// - Parameters:
    ///   - lengths: of the operand, row-major.
    ///   - sources: as for `PlanCompiler.emitPick`.
    /// - Returns: `nil` when the kernel cannot count so many dimensions.
    init?(lengths: [Int], sources: [PickedIndices]) {
        for ((length, stride), source) in zip(zip(lengths, PlanCompiler.denseStrides(lengths)), sources) {
            switch source {
            case .same: append(count: length, start: 0, step: stride)
            case .steps(let start, let step, let count): append(count: count, start: start * stride, step: step * stride)
            case .cycles(let count):
                append(count: count, start: 0, step: 0)
                append(count: length, start: 0, step: stride)
            case .table(let indices):
                axes.append(ck_axis(count: Int64(indices.count), table: Int64(tables.count), start: 0, step: 0))
                tables += indices.map { $0 < 0 ? -1 : Int64($0 * stride) }
            }
        }
        // A result that is one piece of the operand stays an axis, which threads can share.
        if axes.count > 1, let last = axes.last, last.table < 0, last.step == 1 {
            run = last.count
            axes.removeLast()
            if last.start != 0 { axes.insert(ck_axis(count: 1, table: -1, start: last.start, step: 0), at: 0) }
        }
        if axes.isEmpty { axes = [ck_axis(count: 1, table: -1, start: 0, step: 0)] }
        guard axes.count <= Int(CK_MAX_RANK) else { return nil }
    }

    /// Adds a dimension at even distances, to the one before it where the distances are the same.
    private mutating func append(count: Int, start: Int, step: Int) {
        let (count, start, step) = (Int64(count), Int64(start), Int64(step))
        guard let last = axes.last, last.table < 0, count == 1 || last.count == 1 || last.step == step * count else {
            if count != 1 || start != 0 { axes.append(ck_axis(count: count, table: -1, start: start, step: step)) }
            return
        }
        // An only index has no distance: it moves all the others.
        axes[axes.count - 1] = ck_axis(
            count: last.count * count, table: -1, start: last.start + start, step: count == 1 ? last.step : step)
    }
}
