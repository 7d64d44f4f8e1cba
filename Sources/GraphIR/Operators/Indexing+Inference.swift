import Tensors

extension Gather {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .any)
        let indices = try context.type(of: Operand.indices, .indices)
        guard let shape = input.shape else { return [InferredValue(input.elementType, nil)] }
        let axis = try normalizedAxis(axis, rank: shape.count)
        if let length = shape[axis].known, let given = context.contents(Operand.indices) {
            try checkIndices(given, length: length, axis: axis)
        }
        let output = indices.shape.map { shape[..<axis] + $0 + shape[(axis + 1)...] }
        return [InferredValue(input.elementType, output.map { Array($0) }, contents: contents(context, axis: axis))]
    }

    private func contents(_ context: InferenceContext, axis: Int) -> [Dimension]? {
        guard context.contents(Operand.input) != nil, let input = context.small(Operand.input), let indices = context.small(Operand.indices)
        else { return nil }
        let shape = input.shape[..<axis] + indices.shape + input.shape[(axis + 1)...]
        return SmallTensor(shape: Array(shape)) { coordinates in
            guard let index = indices[Array(coordinates[axis..<axis + indices.shape.count])].known else { return .unknown }
            let position = index < 0 ? index + input.shape[axis] : index
            return input[Array(coordinates[..<axis] + [position] + coordinates[(axis + indices.shape.count)...])]
        }?.elements
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

/// - Throws: `CleaveError` when a known index is outside −length ..< length.
private func checkIndices(_ indices: [Dimension], length: Int, axis: Int) throws {
    guard let outside = indices.compactMap(\.known).first(where: { $0 < -length || $0 >= length }) else { return }
    let expected = length == 0 ? "none: it is empty" : "\(-length) … \(length - 1)"
    throw CleaveError(
        .shapeMismatch, "an index is \(outside), but dimension \(axis) of the input has length \(length), expected \(expected)")
}

/// Input and indices have the same rank, and the axis is one of theirs.
private func checkElementwiseIndexing(_ input: OperandType, _ indices: OperandType, axis: Int) throws {
    guard let rank = input.rank ?? indices.rank else { return }
    try input.requireRank(atLeast: 1, "the indexed one …")
    try indices.requireRank(rank, "as the input has")
    _ = try normalizedAxis(axis, rank: rank)
}

extension GatherElements {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .any)
        let indices = try context.type(of: Operand.indices, .indices)
        try checkElementwiseIndexing(input, indices, axis: axis)
        return [InferredValue(input.elementType, indices.shape)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension GatherND {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .any)
        let indices = try context.type(of: Operand.indices, .indices)
        try input.requireRank(atLeast: 1, "the indexed ones …")
        try indices.requireRank(atLeast: 1, "…, index tuple")
        guard let shape = input.shape, let indexShape = indices.shape else { return [InferredValue(input.elementType, nil)] }
        guard batchDimensions >= 0, batchDimensions < min(shape.count, indexShape.count) else {
            throw CleaveError(
                .invalidAttribute, "batch_dims is \(batchDimensions), expected 0 … \(min(shape.count, indexShape.count) - 1)")
        }
        guard let tuple = indexShape[indexShape.count - 1].known else { return [InferredValue(input.elementType, nil)] }
        guard tuple >= 1, tuple <= shape.count - batchDimensions else {
            throw CleaveError(
                .shapeMismatch,
                "index tuples have \(tuple) entries, but the input has "
                    + count(shape.count - batchDimensions, "dimension") + " to index")
        }
        return [InferredValue(input.elementType, indexShape.dropLast() + shape.dropFirst(batchDimensions + tuple))]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension ScatterElements {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .any)
        let indices = try context.type(of: Operand.indices, .indices)
        let updates = try context.type(of: Operand.updates, .any)
        try checkElementwiseIndexing(input, indices, axis: axis)
        if let rank = indices.rank { try updates.requireRank(rank, "as the indices have") }
        if let wanted = indices.shape, let given = updates.shape,
            zip(wanted, given).contains(where: { $0.isCertainlyDifferent(from: $1) })
        {
            throw CleaveError(.shapeMismatch, "updates has shape \(text(of: given)), expected that of the indices, \(text(of: wanted))")
        }
        let type = try commonElementType([input, updates])
        return [InferredValue(type, input.shape, contents: try contents(context))]
    }

    private func contents(_ context: InferenceContext) throws -> [Dimension]? {
        guard reduction == .none, let input = context.small(Operand.input), let indices = context.small(Operand.indices),
            let updates = context.small(Operand.updates), updates.shape == indices.shape, input.shape.count == indices.shape.count
        else { return nil }
        let axis = try normalizedAxis(axis, rank: input.shape.count)
        var elements = input.elements
        var isKnown = true
        _ = SmallTensor(shape: indices.shape) { coordinates in
            guard let index = indices[coordinates].known, (-input.shape[axis]..<input.shape[axis]).contains(index) else {
                isKnown = false
                return .unknown
            }
            var target = coordinates
            target[axis] = index < 0 ? index + input.shape[axis] : index
            if zip(target, input.shape).allSatisfy({ $0 < $1 }) { elements[input.offset(target)] = updates[coordinates] }
            return .unknown
        }
        return isKnown ? elements : nil
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension ScatterND {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .any)
        let indices = try context.type(of: Operand.indices, .indices)
        let updates = try context.type(of: Operand.updates, .any)
        try input.requireRank(atLeast: 1, "the indexed ones …")
        try indices.requireRank(atLeast: 1, "…, index tuple")
        if let shape = input.shape, let indexShape = indices.shape, let tuple = indexShape.last?.known {
            guard tuple <= shape.count else {
                throw CleaveError(
                    .shapeMismatch, "index tuples have \(tuple) entries, but the input has \(count(shape.count, "dimension")) to index")
            }
            let expected = indexShape.dropLast() + shape.dropFirst(tuple)
            if let given = updates.shape,
                given.count != expected.count || zip(given, expected).contains(where: { $0.isCertainlyDifferent(from: $1) })
            {
                throw CleaveError(
                    .shapeMismatch,
                    "updates has shape \(text(of: given)), expected \(text(of: Array(expected))) for indices \(text(of: indexShape))")
            }
        }
        return [InferredValue(try commonElementType([input, updates]), input.shape, contents: contents(context))]
    }

    /// Of a vector that single elements are replaced in.
    private func contents(_ context: InferenceContext) -> [Dimension]? {
        guard reduction == .none, var elements = context.elements(Operand.input), context.tensor(Operand.input)?.rank == 1,
            let indices = context.knownContents(Operand.indices), let updates = context.elements(Operand.updates),
            indices.count == updates.count, context.tensor(Operand.indices)?.shape?.last == 1
        else { return nil }
        for (index, update) in zip(indices, updates) {
            guard (-elements.count..<elements.count).contains(index) else { return nil }
            elements[index < 0 ? index + elements.count : index] = update
        }
        return elements
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension OneHot {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let indices = try context.type(of: Operand.indices, .numbers)
        try context.type(of: Operand.depth, .numbers).requireScalar()
        let values = try context.type(of: Operand.values, .any)
        try values.requireRank(1, "off, on")
        guard !values.dimension(0).isCertainlyDifferent(from: 2) else {
            throw CleaveError(.shapeMismatch, "values has \(values.dimension(0)) elements, expected 2 (off, on)")
        }
        guard var shape = indices.shape else { return [InferredValue(values.elementType, nil)] }
        let axis = try normalizedAxis(axis, rank: shape.count + 1)
        let depth = context.contents(Operand.depth)?.first ?? .unknown
        if let known = depth.known, known < 0 { throw CleaveError(.shapeMismatch, "depth is \(known), expected a number from 0 up") }
        shape.insert(depth, at: axis)
        return [InferredValue(values.elementType, shape)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension NonZero {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .any)
        guard let rank = input.rank else { return [InferredValue(.int64, [.unknown, .unknown])] }
        let truths = context.contents(Operand.input)?.map(\.truth)
        guard let truths, !truths.contains(nil) else { return [InferredValue(.int64, [.known(rank), .unknown])] }
        let positions = truths.indices.filter { truths[$0] == true }
        let contents = rank == 1 ? positions.map { Dimension.known($0) } : nil
        return [InferredValue(.int64, [.known(rank), .known(positions.count)], contents: contents)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension Compress {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .any)
        let condition = try context.type(of: Operand.condition, .booleans)
        try condition.requireRank(1, "one element per slice")
        try input.requireRank(atLeast: 1, "the compressed one …")
        let length = context.knownContents(Operand.condition).map { Dimension.known($0.count { $0 != 0 }) } ?? .unknown
        guard let axis else { return [InferredValue(input.elementType, [length])] }
        guard var shape = input.shape else { return [InferredValue(input.elementType, nil)] }
        shape[try normalizedAxis(axis, rank: shape.count)] = length
        return [InferredValue(input.elementType, shape)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension ReverseSequence {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .any)
        let lengths = try context.type(of: Operand.lengths, .indices)
        try input.requireRank(atLeast: 2, "batch, time …")
        guard Set([batchAxis, timeAxis]) == [0, 1] else {
            throw CleaveError(
                .invalidAttribute, "batch_axis and time_axis are \(batchAxis) and \(timeAxis), expected 0 and 1 in either order")
        }
        try lengths.requireVector(input.dimension(batchAxis), per: "batch entry")
        return [InferredValue(input.elementType, input.shape)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension Trilu {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .any)
        try context.type(of: Operand.diagonal, .indices).requireScalar()
        try input.requireRank(atLeast: 2, "…, rows, columns")
        return [InferredValue(input.elementType, input.shape)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension Unique {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .any)
        var distinct: [Dimension]? = [.unknown]
        if let axis {
            distinct = input.shape
            if let rank = input.rank { distinct?[try normalizedAxis(axis, rank: rank)] = .unknown }
        }
        let all = axis.map { axis in input.rank.map { input.dimension(axis < 0 ? axis + $0 : axis) } ?? .unknown }
            ?? input.shape?.reduce(1, *) ?? .unknown
        let outputs = [
            InferredValue(input.elementType, distinct), InferredValue(.int64, [.unknown]), InferredValue(.int64, [all]),
            InferredValue(.int64, [.unknown]),
        ]
        return Array(outputs.prefix(context.outputCount))
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension NonMaxSuppression {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let boxes = try context.type(of: Operand.boxes, .floats)
        let scores = try context.type(of: Operand.scores, .floats)
        try context.type(of: Operand.maxOutputBoxesPerClass, .indices).requireScalar()
        for threshold in [Operand.iouThreshold, .scoreThreshold] { try context.type(of: threshold, .floats).requireScalar() }
        try boxes.requireRank(3, "batch, boxes, 4 coordinates")
        try scores.requireRank(3, "batch, classes, boxes")
        guard !boxes.dimension(2).isCertainlyDifferent(from: 4) else {
            throw CleaveError(.shapeMismatch, "boxes has \(boxes.dimension(2)) coordinates per box, expected 4")
        }
        guard !boxes.dimension(1).isCertainlyDifferent(from: scores.dimension(2)),
            !boxes.dimension(0).isCertainlyDifferent(from: scores.dimension(0))
        else {
            throw CleaveError(
                .shapeMismatch,
                "boxes \(text(of: boxes.shape ?? [])) and scores \(text(of: scores.shape ?? [])) differ in batch or number of boxes")
        }
        return [InferredValue(.int64, [.unknown, 3])]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}
