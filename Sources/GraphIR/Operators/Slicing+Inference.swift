import Tensors

extension Expand {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .any)
        guard let wanted = try context.vector(Operand.shape, "one length per dimension"), let shape = input.shape else {
            return [InferredValue(input.elementType, nil)]
        }
        if let negative = wanted.compactMap(\.known).first(where: { $0 < 0 }) {
            throw CleaveError(.shapeMismatch, "shape has the entry \(negative), expected numbers from 0 up")
        }
        let output = try broadcastShape([input, OperandType(name: .words("shape"), elementType: nil, shape: wanted)])
        let lengths = output.flatMap { TensorType(.int64, $0).knownShape }
        let contents = context.contents(Operand.input) == nil ? nil : lengths.flatMap { lengths in
            context.small(Operand.input).flatMap { source in SmallTensor(shape: lengths) { source.broadcastElement($0) }?.elements }
        }
        return [InferredValue(input.elementType, output ?? shape.map { _ in .unknown }, contents: contents)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension Tile {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .any)
        let repeats = try context.vector(Operand.repeats, "one number per dimension")
        guard let shape = input.shape ?? repeats?.map({ _ in .unknown }) else { return [InferredValue(input.elementType, nil)] }
        guard let repeats else { return [InferredValue(input.elementType, shape.map { _ in .unknown })] }
        guard repeats.count == shape.count else {
            throw CleaveError(.shapeMismatch, "repeats has \(count(repeats.count, "element")), expected \(shape.count), one per dimension")
        }
        if let negative = repeats.compactMap(\.known).first(where: { $0 < 0 }) {
            throw CleaveError(.shapeMismatch, "repeats has the entry \(negative), expected numbers from 0 up")
        }
        let output = zip(shape, repeats).map { $0 * $1 }
        let contents = context.contents(Operand.input) == nil ? nil : TensorType(.int64, output).knownShape.flatMap { lengths in
            context.small(Operand.input).flatMap { source in
                SmallTensor(shape: lengths) { coordinates in source[zip(coordinates, source.shape).map { $0 % $1 }] }?.elements
            }
        }
        return [InferredValue(input.elementType, output, contents: contents)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension Concat {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let operands = try context.allTypes(.any)
        let elementType = try commonElementType(operands)
        guard let first = operands.first(where: { $0.shape != nil }), let rank = first.rank else {
            return [InferredValue(elementType, nil)]
        }
        let axis = try normalizedAxis(axis, rank: rank)
        var output = first.shape ?? []
        output[axis] = 0
        for operand in operands {
            guard let shape = operand.shape else { output[axis] = .unknown; continue }
            try operand.requireRank(rank, "as \(first.name) has")
            for index in shape.indices where index != axis {
                guard let common = unified(output[index], shape[index]) else {
                    throw CleaveError(
                        .shapeMismatch,
                        "\(first.name) \(text(of: first.shape ?? [])) and \(operand.name) \(text(of: shape)) differ in dimension \(index), "
                            + "expected equal lengths outside dimension \(axis)")
                }
                output[index] = common
            }
            output[axis] = output[axis] + shape[axis]
        }
        return [InferredValue(elementType, output, contents: contents(context, axis: axis, length: output[axis].known))]
    }

    private func contents(_ context: InferenceContext, axis: Int, length: Int?) -> [Dimension]? {
        guard let length, context.contents.contains(where: { $0 != nil }) else { return nil }
        let pieces = (0..<context.operandCount).compactMap { context.small(at: $0) }
        guard pieces.count == context.operandCount, var shape = pieces.first?.shape else { return nil }
        shape[axis] = length
        return SmallTensor(shape: shape) { coordinates in
            var source = coordinates
            for piece in pieces {
                if source[axis] < piece.shape[axis] { return piece[source] }
                source[axis] -= piece.shape[axis]
            }
            return .unknown
        }?.elements
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension Split {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .any)
        guard let shape = input.shape else {
            return [InferredValue](repeating: InferredValue(input.elementType, nil), count: context.outputCount)
        }
        let axis = try normalizedAxis(axis, rank: shape.count)
        let lengths = try pieceLengths(of: shape[axis], axis: axis, context)
        let starts = lengths.reduce(into: [Dimension.known(0)]) { $0.append($0[$0.count - 1] + $1) }
        return zip(lengths, starts).map { length, start in
            var piece = shape
            piece[axis] = length
            return InferredValue(input.elementType, piece, contents: contents(context, axis: axis, shape: piece, start: start.known))
        }
    }

    private func pieceLengths(of length: Dimension, axis: Int, _ context: InferenceContext) throws -> [Dimension] {
        if sizes != nil || context.has(Operand.sizes) {
            guard let given = try sizes?.map({ .known($0) }) ?? context.vector(Operand.sizes, "one length per output") else {
                return [Dimension](repeating: .unknown, count: context.outputCount)
            }
            guard given.count == context.outputCount, !given.contains(where: { $0.isLess(than: 0) ?? false }) else {
                throw CleaveError(
                    .shapeMismatch, "split is \(text(of: given)), expected \(count(context.outputCount, "length")), one per output")
            }
            let total = given.reduce(0, +)
            guard !total.isCertainlyDifferent(from: length) else {
                throw CleaveError(
                    .shapeMismatch, "split is \(text(of: given)), which sums to \(total), but dimension \(axis) has length \(length)")
            }
            return given
        }
        let pieces = context.outputCount
        if let outputCount, outputCount != pieces {
            throw CleaveError(.invalidAttribute, "num_outputs is \(outputCount), but the node has \(count(pieces, "output"))")
        }
        guard pieces > 0 else { return [] }
        if let even = length.divided(exactlyBy: .known(pieces)) { return [Dimension](repeating: even, count: pieces) }
        if outputCount == nil, length.known != nil {
            throw CleaveError(.shapeMismatch, "dimension \(axis) has length \(length), which cannot be split evenly into \(pieces)")
        }
        let even = outputCount == nil ? length.dividedFlooring(by: .known(pieces)) : length.dividedCeiling(by: pieces)
        guard outputCount != nil else { return [Dimension](repeating: even, count: pieces) }
        let last = length - even * .known(pieces - 1)
        if let known = last.known, known < 0 {
            throw CleaveError(
                .shapeMismatch, "dimension \(axis) has length \(length), which cannot be split into \(pieces) pieces of \(even)")
        }
        return [Dimension](repeating: even, count: pieces - 1) + [last]
    }

    private func contents(_ context: InferenceContext, axis: Int, shape: [Dimension], start: Int?) -> [Dimension]? {
        guard context.contents(Operand.input) != nil, let input = context.small(Operand.input), let start,
            let lengths = TensorType(.int64, shape).knownShape, start <= input.shape[axis] - lengths[axis]
        else { return nil }
        return SmallTensor(shape: lengths) { coordinates in
            var source = coordinates
            source[axis] += start
            return input[source]
        }?.elements
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension Pad {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .any)
        let value = try context.type(of: Operand.value, .any)
        try value.requireScalar()
        let elementType = try commonElementType([input, value])
        guard let shape = input.shape else { return [InferredValue(elementType, nil)] }
        guard let pads = try pads?.map({ .known($0) }) ?? context.vector(Operand.pads, "begin pads, then end pads"),
            let axes = try paddedAxes(rank: shape.count, context)
        else { return [InferredValue(elementType, shape.map { _ in .unknown })] }
        guard pads.count == 2 * axes.count else {
            throw CleaveError(.shapeMismatch, "pads has \(count(pads.count, "element")), expected \(2 * axes.count), two per dimension")
        }
        var begins = [Dimension](repeating: 0, count: shape.count)
        var output = shape
        for (index, axis) in axes.enumerated() {
            begins[axis] = pads[index]
            output[axis] = shape[axis] + pads[index] + pads[index + axes.count]
            if output[axis] == .unknown, [shape[axis], pads[index], pads[index + axes.count]].allSatisfy({ $0.known != nil }) {
                throw CleaveError(
                    .shapeMismatch,
                    "pads lengthen dimension \(axis) of length \(shape[axis]) by \(pads[index]) and \(pads[index + axes.count]), "
                        + "beyond what can be counted")
            }
            if let known = output[axis].known, known < 0 {
                throw CleaveError(
                    .shapeMismatch,
                    "pads crop dimension \(axis) of length \(shape[axis]) by \(pads[index]) and \(pads[index + axes.count]), "
                        + "more than it has")
            }
        }
        return [InferredValue(elementType, output, contents: contents(context, shape: output, begins: begins))]
    }

    private func paddedAxes(rank: Int, _ context: InferenceContext) throws -> [Int]? {
        guard context.has(Operand.axes) else { return Array(0..<rank) }
        _ = try context.vector(Operand.axes, "one entry per axis")
        return try context.knownContents(Operand.axes).map { try normalizedAxes($0, rank: rank) }
    }

    private func contents(_ context: InferenceContext, shape: [Dimension], begins: [Dimension]) -> [Dimension]? {
        guard mode == .constant, pads == nil, let input = context.small(Operand.input),
            context.contents(Operand.input) != nil || input.elements.isEmpty,
            let lengths = TensorType(.int64, shape).knownShape, let begins = TensorType(.int64, begins).knownShape
        else { return nil }
        let filling: Dimension = context.has(Operand.value) ? context.contents(Operand.value)?.first ?? .unknown : 0
        return SmallTensor(shape: lengths) { coordinates in
            let source = zip(coordinates, begins).map { $0 &- $1 }
            return zip(source, input.shape).allSatisfy { $0 >= 0 && $0 < $1 } ? input[source] : filling
        }?.elements
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension DepthToSpace {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .any)
        try input.requireRank(4, "batch, channels, height, width")
        let block = try checkedBlock(blockSize)
        let channels = input.dimension(1)
        if let known = channels.known, let square = (block * block).known, !known.isMultiple(of: square) {
            throw CleaveError(
                .shapeMismatch, "input has \(count(known, "channel")), expected a multiple of \(square) (blocksize \(blockSize))")
        }
        return [InferredValue(
            input.elementType,
            [input.dimension(0), channels.dividedFlooring(by: block * block), input.dimension(2) * block, input.dimension(3) * block])]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension SpaceToDepth {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .any)
        try input.requireRank(4, "batch, channels, height, width")
        let block = try checkedBlock(blockSize)
        for axis in [2, 3] {
            guard let known = input.dimension(axis).known, !known.isMultiple(of: blockSize) else { continue }
            throw CleaveError(.shapeMismatch, "dimension \(axis) has length \(known), expected a multiple of \(blockSize) (blocksize)")
        }
        let (height, width) = (input.dimension(2).dividedFlooring(by: block), input.dimension(3).dividedFlooring(by: block))
        return [InferredValue(input.elementType, [input.dimension(0), input.dimension(1) * block * block, height, width])]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

private func checkedBlock(_ blockSize: Int) throws -> Dimension {
    guard blockSize > 0 else { throw CleaveError(.invalidAttribute, "blocksize is \(blockSize), expected a positive number") }
    return .known(blockSize)
}
