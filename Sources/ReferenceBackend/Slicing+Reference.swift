import GraphIR
import Tensors

extension Concat: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let inputs = arguments.operands.compactMap { $0 }
        guard let first = inputs.first, inputs.count == arguments.operands.count else {
            throw CleaveError(.invalidGraph, "an operand is left out, but all are required")
        }
        let axis = try Indexing.axis(self.axis, rank: first.rank)
        for (index, input) in inputs.enumerated() {
            guard input.rank == first.rank,
                first.shape.indices.allSatisfy({ $0 == axis || input.shape[$0] == first.shape[$0] })
            else {
                throw CleaveError(
                    .shapeMismatch, "operand \(index) has shape \(input.shape), expected \(first.shape) except in dimension \(axis)")
            }
        }
        var shape = first.shape
        shape[axis] = try Indexing.sum(inputs.map { $0.shape[axis] })
        return [
            try Tensor.assembled(shape: shape, elementType: first.elementType) { sink in
                let strides = Indexing.strides(shape)
                var begin = 0
                for input in inputs {
                    let target = strides.enumerated().map { dimension, stride in
                        AxisPath.strided(start: dimension == axis ? begin * stride : 0, stride: stride)
                    }
                    try sink.copy(BoxCopy(lengths: input.shape, source: AxisPath.rowMajor(input.shape), target: target), from: input)
                    begin += input.shape[axis]
                }
            }
        ]
    }
}

extension Tensor {
    /// The part of the tensor that starts at `start` along every dimension and goes on in `steps`; all of it must be inside.
    func slicing(shape: [Int], starts: [Int], steps: [Int]) throws -> Tensor {
        let strides = Indexing.strides(self.shape)
        return try picking(
            shape: shape,
            along: shape.indices.map { axis in
                // A single element needs no step, whose product with the stride might not fit.
                .strided(start: starts[axis] * strides[axis], stride: shape[axis] > 1 ? steps[axis] * strides[axis] : 0)
            })
    }
}

extension Split: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let axis = try Indexing.axis(self.axis, rank: input.rank)
        let lengths = try arguments.optional(Operand.sizes)?.indices() ?? sizes
            ?? evenLengths(of: input.shape[axis], count: outputCount ?? arguments.outputCount)
        guard lengths.count == arguments.outputCount else {
            throw CleaveError(.invalidAttribute, "\(lengths.count) parts are asked for, but the node has \(arguments.outputCount) outputs")
        }
        guard lengths.allSatisfy({ $0 >= 0 }), try Indexing.sum(lengths) == input.shape[axis] else {
            throw CleaveError(.shapeMismatch, "parts of lengths \(lengths) do not make up dimension \(axis) of \(input.shape)")
        }
        var starts = input.shape.map { _ in 0 }
        return try lengths.map { length in
            var shape = input.shape
            shape[axis] = length
            defer { starts[axis] += length }
            return try input.slicing(shape: shape, starts: starts, steps: shape.map { _ in 1 })
        }
    }

    /// Equal parts; since opset 18, which counts them with `num_outputs`, the last one may be shorter.
    private func evenLengths(of length: Int, count: Int) throws -> [Int] {
        guard count > 0 else { throw CleaveError(.invalidAttribute, "num_outputs is \(count), expected a positive number") }
        let part = length / count + (length.isMultiple(of: count) ? 0 : 1)
        let last = length - part * (count - 1)
        guard last == part || (outputCount != nil && last >= 0) else {
            throw CleaveError(.shapeMismatch, "a dimension of length \(length) does not split into \(count) parts")
        }
        return [Int](repeating: part, count: count - 1) + [last]
    }
}

extension StridedSlice: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let starts: [Int]
        let ends: [Int]
        if let bounds {
            (starts, ends) = (bounds.starts, bounds.ends)
        } else {
            (starts, ends) = try (arguments.required(Operand.starts).indices(), arguments.required(Operand.ends).indices())
        }
        let given = try arguments.optional(Operand.axes)?.indices() ?? bounds?.axes
        let axes = try Indexing.axes(given ?? Array(starts.indices), rank: input.rank)
        let steps = try arguments.optional(Operand.steps)?.indices() ?? [Int](repeating: 1, count: axes.count)
        guard starts.count == axes.count, ends.count == axes.count, steps.count == axes.count else {
            throw CleaveError(
                .shapeMismatch, "\(starts.count) starts, \(ends.count) ends and \(steps.count) steps are given for \(axes.count) axes")
        }
        var shape = input.shape
        var origin = shape.map { _ in 0 }
        var strides = shape.map { _ in 1 }
        for (index, axis) in axes.enumerated() {
            let progression = try Self.progression(
                from: starts[index], to: ends[index], by: steps[index], length: input.shape[axis])
            (origin[axis], shape[axis], strides[axis]) = (progression.first, progression.count, steps[index])
        }
        return [try input.slicing(shape: shape, starts: origin, steps: strides)]
    }

    /// The elements that NumPy's `[from:to:by]` takes from `length`; bounds beyond the ends are moved to them.
    private static func progression(from start: Int, to end: Int, by step: Int, length: Int) throws -> (first: Int, count: Int) {
        guard step != 0 else { throw CleaveError(.invalidAttribute, "a step is 0") }
        func bound(_ position: Int, _ low: Int, _ high: Int) -> Int {
            min(max(position < 0 ? position + length : position, low), high)
        }
        let first = step > 0 ? bound(start, 0, length) : bound(start, 0, length - 1)
        let last = step > 0 ? bound(end, 0, length) : bound(end, -1, length - 1)
        let span = step > 0 ? last - first : first - last
        guard span > 0 else { return (0, 0) }
        return (first, Int(UInt(span - 1) / step.magnitude) + 1)
    }
}

extension Pad: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let (begin, end) = try allPads(arguments, rank: input.rank)
        let shape = try input.shape.indices.map { try Indexing.sum([input.shape[$0], begin[$0], end[$0]]) }
        guard shape.allSatisfy({ $0 >= 0 }) else {
            throw CleaveError(.shapeMismatch, "pads \(begin) and \(end) take more away than shape \(input.shape) has")
        }
        _ = try Tensor.allocatableCount(of: shape, input.elementType)
        guard mode != .constant else { return [try paddedWithConstant(input, shape: shape, begin: begin, arguments)] }
        let strides = Indexing.strides(input.shape)
        let paths = try shape.indices.map { axis -> AxisPath in
            if begin[axis] == 0 && end[axis] == 0 { return .strided(start: 0, stride: strides[axis]) }
            guard let sources = sources(length: input.shape[axis], begin: begin[axis], end: end[axis]) else {
                throw CleaveError(.shapeMismatch, "dimension \(axis) has nothing to pad with: shape \(input.shape), mode \(mode)")
            }
            return .offsets(sources.map { $0 * strides[axis] })
        }
        return [try input.picking(shape: shape, along: paths)]
    }

    /// Begin and end pads of every dimension.
    private func allPads(_ arguments: KernelArguments, rank: Int) throws -> (begin: [Int], end: [Int]) {
        guard let given = try arguments.optional(Operand.pads)?.indices() ?? pads else {
            throw CleaveError(.invalidAttribute, "neither an attribute nor an operand gives the pads")
        }
        let axes = try Indexing.axes(arguments.optional(Operand.axes)?.indices() ?? Array(0..<rank), rank: rank)
        guard let amounts = Pad.amounts(given, axes: axes, rank: rank) else {
            throw CleaveError(.shapeMismatch, "pads has \(given.count) entries, expected \(2 * axes.count)")
        }
        guard given.allSatisfy({ $0 != .min }) else {
            throw CleaveError(.invalidAttribute, "pads is \(given), which is out of range")
        }
        return amounts
    }

    private func paddedWithConstant(_ input: Tensor, shape: [Int], begin: [Int], _ arguments: KernelArguments) throws -> Tensor {
        let fill = try arguments.optional(Operand.value)
            ?? (pads == nil ? nil : Tensor([Double(value)], shape: [1], as: input.elementType))
        if let fill, fill.count != 1 {
            throw CleaveError(.shapeMismatch, "the constant has shape \(fill.shape), expected a single element")
        }
        let inner = Indexing.strides(input.shape)
        let outer = Indexing.strides(shape)
        // The part of the input that is left, and where it begins in both tensors.
        let first = shape.indices.map { min(max(0, -begin[$0]), input.shape[$0]) }
        let target = shape.indices.map { min(max(0, begin[$0]), shape[$0]) }
        let lengths = shape.indices.map { max(0, min(input.shape[$0] - first[$0], shape[$0] - target[$0])) }
        return try Tensor.assembled(shape: shape, elementType: input.elementType) { sink in
            if let fill {
                let everywhere = shape.map { _ in AxisPath.strided(start: 0, stride: 0) }
                try sink.copy(BoxCopy(lengths: shape, source: everywhere, target: AxisPath.rowMajor(shape)), from: fill)
            }
            let copy = BoxCopy(
                lengths: lengths,
                source: shape.indices.map { .strided(start: first[$0] * inner[$0], stride: inner[$0]) },
                target: shape.indices.map { .strided(start: target[$0] * outer[$0], stride: outer[$0]) })
            try sink.copy(copy, from: input)
        }
    }
}
