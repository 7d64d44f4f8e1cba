import GraphIR
import Tensors

extension OneHot: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let indices = try arguments.required(Operand.indices)
        let values = try arguments.required(Operand.values)
        guard let depthValue = try arguments.required(Operand.depth).reals().first else {
            throw CleaveError(.shapeMismatch, "depth has no element, expected one")
        }
        let depth = Int(clamping: depthValue)
        guard depth >= 0 else { throw CleaveError(.invalidRequest, "depth is \(depth), expected no negative number") }
        guard values.shape == [2] else {
            throw CleaveError(.shapeMismatch, "values have shape \(values.shape), expected [2] (off, on)")
        }
        let axis = try Indexing.axis(self.axis, rank: indices.rank + 1)
        var shape = indices.shape
        shape.insert(depth, at: axis)
        _ = try Tensor.allocatableCount(of: shape, values.elementType)
        let inner = Indexing.product(indices.shape[axis...])
        var hot: [Int] = []
        for (position, value) in try indices.reals().enumerated() {
            let index = Int(clamping: value)
            guard index >= -depth, index < depth else { continue }
            hot.append((position / inner * depth + (index < 0 ? index + depth : index)) * inner + position % inner)
        }
        return [
            try Tensor.assembled(shape: shape, elementType: values.elementType) { sink in
                let everywhere = shape.map { _ in AxisPath.strided(start: 0, stride: 0) }
                try sink.copy(BoxCopy(lengths: shape, source: everywhere, target: AxisPath.rowMajor(shape)), from: values)
                let on = hot.map { _ in 1 }
                try sink.copy(BlockCopy(count: hot.count, sources: on, targets: hot, blockLength: 1), from: values)
            }
        ]
    }
}

extension NonZero: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let isNonZero = try input.strings?.map { !$0.isEmpty } ?? input.reals().map { $0 != 0 }
        let found = isNonZero.indices.filter { isNonZero[$0] }
        let coordinates = zip(input.shape, Indexing.strides(input.shape)).flatMap { length, stride in
            found.map { Int64($0 / stride % length) }
        }
        return [try Tensor(coordinates, shape: [input.rank, found.count])]
    }
}

extension Compress: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        var input = try arguments.required(Operand.input)
        let condition = try arguments.required(Operand.condition).integers()
        if axis == nil { input = try input.reshaped([input.count]) }
        let axis = try Indexing.axis(self.axis ?? 0, rank: input.rank)
        guard condition.count <= input.shape[axis] else {
            throw CleaveError(
                .shapeMismatch, "the condition has \(condition.count) entries, but the dimension has length \(input.shape[axis])")
        }
        return [try input.picking(condition.indices.filter { condition[$0] != 0 }, along: axis)]
    }
}

extension ReverseSequence: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let lengths = try arguments.required(Operand.lengths).indices()
        guard input.rank >= 2, [batchAxis, timeAxis].sorted() == [0, 1] else {
            throw CleaveError(
                .invalidAttribute, "batch_axis \(batchAxis) and time_axis \(timeAxis) of shape \(input.shape), expected 0 and 1")
        }
        let times = input.shape[timeAxis]
        guard lengths.count == input.shape[batchAxis], lengths.allSatisfy({ $0 >= 0 && $0 <= times }) else {
            throw CleaveError(
                .shapeMismatch, "sequence_lens is \(lengths), expected \(input.shape[batchAxis]) lengths of at most \(times)")
        }
        guard input.count > 0 else { return [input] }
        let slices = (0..<input.shape[0]).flatMap { row in
            (0..<input.shape[1]).map { column in
                let (batch, time) = timeAxis == 1 ? (row, column) : (column, row)
                let source = time < lengths[batch] ? lengths[batch] - 1 - time : time
                return timeAxis == 1 ? row * times + source : source * input.shape[1] + column
            }
        }
        return [try input.picking(shape: input.shape, blocks: slices, blockLength: Indexing.product(input.shape[2...]))]
    }
}

extension Trilu: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        guard input.rank >= 2 else {
            throw CleaveError(.shapeMismatch, "the input has shape \(input.shape), expected matrices")
        }
        let (rows, columns) = (input.shape[input.rank - 2], input.shape[input.rank - 1])
        let given = try arguments.optional(Operand.diagonal).map { try Indexing.number($0, named: "k") } ?? 0
        // A diagonal beyond the corners is as good as one at them.
        let diagonal = min(max(given, -rows - 1), columns + 1)
        let kept = (0..<input.count).filter { offset in
            let (row, column) = (offset / columns % rows, offset % columns)
            return upper ? column - row >= diagonal : column - row <= diagonal
        }
        return [
            try Tensor.assembled(shape: input.shape, elementType: input.elementType) {
                try $0.copy(BlockCopy(count: kept.count, sources: kept, targets: kept, blockLength: 1), from: input)
            }
        ]
    }
}

extension TopK: ReferenceKernel {
    /// Among equal elements the one with the lower index comes first; the result is ordered in any case.
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let axis = try Indexing.axis(self.axis, rank: input.rank)
        guard let count = try arguments.optional(Operand.k).map({ try Indexing.number($0, named: "k") }) ?? k else {
            throw CleaveError(.invalidAttribute, "neither an attribute nor an operand gives k")
        }
        let view = AxisView(input.shape, axis: axis)
        guard count >= 0, count <= view.length else {
            throw CleaveError(.invalidRequest, "k is \(count), but dimension \(axis) has length \(view.length)")
        }
        let keys = try input.orderKeys()
        var shape = input.shape
        shape[axis] = count
        var offsets = [Int](repeating: 0, count: try Tensor.elementCount(of: shape))
        var chosen = [Int64](repeating: 0, count: offsets.count)
        view.forEachLine { start in
            let order = (0..<view.length).sorted { left, right in
                let (first, second) = (keys[start + left * view.inner], keys[start + right * view.inner])
                return first == second ? left < right : (largest ? first > second : first < second)
            }
            // The line of the result that belongs to the line at `start`.
            let target = start / (view.length * view.inner) * count * view.inner + start % view.inner
            for rank in 0..<count {
                offsets[target + rank * view.inner] = start + order[rank] * view.inner
                chosen[target + rank * view.inner] = Int64(order[rank])
            }
        }
        return [try input.picking(shape: shape, blocks: offsets, blockLength: 1), try Tensor(chosen, shape: shape)]
    }
}
