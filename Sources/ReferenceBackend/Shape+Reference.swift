import GraphIR
import Tensors

extension ShapeOf: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let shape = try arguments.required(Operand.input).shape
        func bound(_ axis: Int) -> Int { min(max(axis < 0 ? axis + shape.count : axis, 0), shape.count) }
        let first = bound(start)
        let last = max(first, end.map(bound) ?? shape.count)
        return [Tensor(vector: shape[first..<last].map { Int64($0) })]
    }
}

extension SizeOf: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        [Tensor(scalar: Int64(try arguments.required(Operand.input).count))]
    }
}

extension Reshape: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        guard let wanted = try arguments.optional(Operand.shape)?.indices() ?? shape else {
            throw CleaveError(.invalidAttribute, "neither an attribute nor an operand gives the shape")
        }
        var result = wanted
        var open: Int?
        for (axis, length) in wanted.enumerated() {
            switch length {
            case 0 where !allowZero:
                guard axis < input.rank else {
                    throw CleaveError(.shapeMismatch, "shape \(wanted) copies dimension \(axis), but the input has \(input.rank)")
                }
                result[axis] = input.shape[axis]
            case -1:
                guard open == nil else { throw CleaveError(.invalidAttribute, "shape \(wanted) leaves two dimensions open") }
                open = axis
                result[axis] = 1
            case ..<0:
                throw CleaveError(.invalidAttribute, "shape \(wanted) has a negative dimension")
            default: break
            }
        }
        if let open {
            let known = try Tensor.elementCount(of: result)
            guard known > 0, input.count.isMultiple(of: known) else {
                throw CleaveError(.shapeMismatch, "\(input.count) elements of shape \(input.shape) do not divide into shape \(wanted)")
            }
            result[open] = input.count / known
        }
        return [try input.reshaped(result)]
    }
}

extension Flatten: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        guard axis >= -input.rank, axis <= input.rank else {
            throw CleaveError(.invalidAttribute, "axis is \(axis), expected \(-input.rank) … \(input.rank)")
        }
        let split = axis < 0 ? axis + input.rank : axis
        return [try input.reshaped([Indexing.product(input.shape[..<split]), Indexing.product(input.shape[split...])])]
    }
}

extension Squeeze: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        var removed = Set(input.shape.indices.filter { input.shape[$0] == 1 })
        if let given = try arguments.optional(Operand.axes)?.indices() ?? axes {
            let chosen = try given.map { try Indexing.axis($0, rank: input.rank) }
            if let long = chosen.first(where: { !removed.contains($0) }) {
                throw CleaveError(.shapeMismatch, "dimension \(long) has length \(input.shape[long]), expected 1")
            }
            removed = Set(chosen)
        }
        return [try input.reshaped(input.shape.indices.filter { !removed.contains($0) }.map { input.shape[$0] })]
    }
}

extension Unsqueeze: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        guard let given = try arguments.optional(Operand.axes)?.indices() ?? axes else {
            throw CleaveError(.invalidAttribute, "neither an attribute nor an operand gives the axes")
        }
        var shape = input.shape
        for axis in try Indexing.axes(given, rank: input.rank + given.count).sorted() { shape.insert(1, at: axis) }
        return [try input.reshaped(shape)]
    }
}

extension Identity: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] { [try arguments.required(Operand.input)] }
}

extension Transpose: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let order = permutation ?? input.shape.indices.reversed()
        guard order.sorted() == Array(input.shape.indices) else {
            throw CleaveError(.invalidAttribute, "perm is \(order), expected the axes 0 … \(input.rank - 1) in some order")
        }
        return [try input.transposed(order)]
    }
}

extension Tensor {
    /// The tensor whose dimension d is this one's dimension `order[d]`; `order` is a permutation.
    func transposed(_ order: [Int]) throws -> Tensor {
        let strides = Indexing.strides(shape)
        return try picking(shape: order.map { shape[$0] }, along: order.map { .strided(start: 0, stride: strides[$0]) })
    }
}

extension Expand: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let wanted = try arguments.required(Operand.shape).indices()
        let rank = max(wanted.count, input.rank)
        let strides = Indexing.strides(input.shape)
        var shape: [Int] = []
        var paths: [AxisPath] = []
        for axis in 0..<rank {
            let own = axis - (rank - input.rank)
            let other = axis - (rank - wanted.count)
            let length = own < 0 ? 1 : input.shape[own]
            let target = other < 0 ? 1 : wanted[other]
            guard length == target || length == 1 || target == 1 else {
                throw CleaveError(.shapeMismatch, "shape \(input.shape) cannot be broadcast to \(wanted)")
            }
            shape.append(length == 1 ? target : length)
            paths.append(.strided(start: 0, stride: length == 1 ? 0 : strides[own]))
        }
        return [try input.picking(shape: shape, along: paths)]
    }
}

extension Tile: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let repeats = try arguments.required(Operand.repeats).indices()
        guard repeats.count == input.rank else {
            throw CleaveError(.shapeMismatch, "repeats has \(repeats.count) entries, expected \(input.rank), one per dimension")
        }
        guard repeats.allSatisfy({ $0 >= 0 }) else {
            throw CleaveError(.invalidAttribute, "repeats is \(repeats), expected no negative number")
        }
        let shape = try zip(input.shape, repeats).map { try Indexing.multiplied($0, $1) }
        _ = try Tensor.allocatableCount(of: shape, input.elementType)
        let strides = Indexing.strides(input.shape)
        let paths = shape.indices.map { axis -> AxisPath in
            if repeats[axis] == 1 { return .strided(start: 0, stride: strides[axis]) }
            if input.shape[axis] == 1 { return .strided(start: 0, stride: 0) }
            return .offsets((0..<shape[axis]).map { $0 % input.shape[axis] * strides[axis] })
        }
        return [try input.picking(shape: shape, along: paths)]
    }
}

extension DepthToSpace: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let (batch, channels, height, width) = try imageShape(of: input)
        let area = try checkedArea(ofBlock: blockSize)
        guard channels.isMultiple(of: area) else {
            throw CleaveError(.shapeMismatch, "\(channels) channels do not divide into blocks of \(blockSize)×\(blockSize)")
        }
        let depth = channels / area
        let spread =
            switch mode {
            case .depthColumnRow:
                try input.reshaped([batch, blockSize, blockSize, depth, height, width]).transposed([0, 3, 4, 1, 5, 2])
            case .columnRowDepth:
                try input.reshaped([batch, depth, blockSize, blockSize, height, width]).transposed([0, 1, 4, 2, 5, 3])
            }
        return [try spread.reshaped([
            batch, depth, Indexing.multiplied(height, blockSize), Indexing.multiplied(width, blockSize),
        ])]
    }
}

extension SpaceToDepth: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let (batch, channels, height, width) = try imageShape(of: input)
        let area = try checkedArea(ofBlock: blockSize)
        guard height.isMultiple(of: blockSize), width.isMultiple(of: blockSize) else {
            throw CleaveError(.shapeMismatch, "\(height)×\(width) does not divide into blocks of \(blockSize)×\(blockSize)")
        }
        let blocks = try input.reshaped([batch, channels, height / blockSize, blockSize, width / blockSize, blockSize])
        return [try blocks.transposed([0, 3, 5, 1, 2, 4]).reshaped([
            batch, Indexing.multiplied(channels, area), height / blockSize, width / blockSize,
        ])]
    }
}

private func imageShape(of input: Tensor) throws -> (Int, Int, Int, Int) {
    guard input.rank == 4 else {
        throw CleaveError(.shapeMismatch, "the input has \(input.rank) dimensions, expected 4 (batch, channels, height, width)")
    }
    return (input.shape[0], input.shape[1], input.shape[2], input.shape[3])
}

private func checkedArea(ofBlock size: Int) throws -> Int {
    guard size > 0 else { throw CleaveError(.invalidAttribute, "blocksize is \(size), expected a positive number") }
    return try Indexing.multiplied(size, size)
}

extension Dropout: ReferenceKernel {
    /// In training, an element is kept where a uniform number is not below the ratio, and divided by (1 − ratio);
    /// the numbers come from `SeededRandom` with `seed`, or seed 0, so that a run can be repeated.
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let isTraining = try arguments.optional(Operand.trainingMode)?.reals().first.map { $0 != 0 } ?? self.isTraining
        let ratio = try arguments.optional(Operand.ratio)?.reals().first ?? Double(self.ratio ?? 0.5)
        // Up to opset 9 the mask has the input's type.
        let maskType = arguments.opset < 10 ? input.elementType : .bool
        guard isTraining, ratio != 0 else {
            let mask = arguments.outputCount > 1 ? try Tensor(scalar: true).repeated(shape: input.shape).converted(to: maskType) : nil
            return [input, mask]
        }
        guard ratio > 0, ratio < 1 else { throw CleaveError(.invalidAttribute, "ratio is \(ratio), expected 0 ≤ ratio < 1") }
        var random = SeededRandom(seed: UInt64(bitPattern: Int64(seed ?? 0)))
        let isKept = (0..<input.count).map { _ in random.unit() >= ratio }
        let kept = try zip(input.reals(), isKept).map { $1 ? $0 / (1 - ratio) : 0 }
        let output = try Tensor(kept, shape: input.shape, as: input.elementType)
        return [output, arguments.outputCount > 1 ? try Tensor(isKept, shape: input.shape).converted(to: maskType) : nil]
    }
}

extension Tensor {
    /// The same numbers in another type.
    fileprivate func converted(to type: ElementType) throws -> Tensor {
        type == elementType ? self : try Tensor(reals(), shape: shape, as: type)
    }
}
