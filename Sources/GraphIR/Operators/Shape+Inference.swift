import Tensors

extension ShapeOf {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        guard let shape = try context.type(of: Operand.input, .any).shape else { return [InferredValue(.int64, [.unknown])] }
        func position(_ index: Int) -> Int { min(max(index < 0 ? index + shape.count : index, 0), shape.count) }
        let first = position(start)
        let lengths = Array(shape[first..<max(first, position(end ?? shape.count))])
        return [InferredValue(.int64, [.known(lengths.count)], contents: lengths)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension SizeOf {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .any)
        return [InferredValue(.int64, [], contents: input.shape.map { [$0.reduce(1, *)] })]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension Reshape {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .any)
        guard let wanted = try shape?.map({ .known($0) }) ?? context.vector(Operand.shape, "one length per dimension") else {
            return [InferredValue(input.elementType, nil)]
        }
        if let bad = wanted.compactMap(\.known).first(where: { $0 < -1 }) {
            throw CleaveError(.shapeMismatch, "shape has the entry \(bad), expected lengths, 0 or -1")
        }
        guard wanted.count(where: { $0 == -1 }) <= 1 else {
            throw CleaveError(.shapeMismatch, "shape \(text(of: wanted)) has several entries of -1, expected at most one")
        }
        return [InferredValue(input.elementType, try lengths(wanted, of: input), contents: context.contents(Operand.input))]
    }

    /// The wanted shape with 0 and −1 replaced by what they stand for.
    private func lengths(_ wanted: [Dimension], of input: OperandType) throws -> [Dimension] {
        let copies = allowZero ? [] : wanted.indices.filter { wanted[$0] == 0 }
        if let rank = input.rank, let beyond = copies.first(where: { $0 >= rank }) {
            throw CleaveError(.shapeMismatch, "shape copies dimension \(beyond), but the input has \(count(rank, "dimension"))")
        }
        var result = wanted
        for index in copies { result[index] = input.dimension(index) }
        guard let shape = input.shape else { return result.map { $0 == -1 ? .unknown : $0 } }
        let dividends = shape.indices.filter { !copies.contains($0) }.map { shape[$0] }
        let divisors = result.indices.filter { !copies.contains($0) && result[$0] != -1 }.map { result[$0] }
        guard let open = result.firstIndex(of: -1) else {
            let total = shape.reduce(1, *)
            guard !total.isCertainlyDifferent(from: result.reduce(1, *)) else {
                throw CleaveError(
                    .shapeMismatch,
                    "input \(text(of: shape)) has \(total) elements, but shape \(text(of: result)) has \(result.reduce(1, *))")
            }
            if let unknown = Self.single(.unknown, in: result) {
                result[unknown] = quotient(of: dividends, by: divisors.filter { $0 != .unknown })
            }
            return result
        }
        result[open] = quotient(of: dividends, by: divisors)
        if let total = TensorType(.int8, shape).knownShape.flatMap({ product($0) }),
            let rest = TensorType(.int8, divisors).knownShape.flatMap({ product($0 + copies.map { shape[$0].known }) }),
            rest == 0 ? total != 0 : !total.isMultiple(of: rest)
        {
            throw CleaveError(
                .shapeMismatch, "input \(text(of: shape)) has \(total) elements, which shape \(text(of: wanted)) does not divide")
        }
        return result
    }

    private static func single(_ dimension: Dimension, in shape: [Dimension]) -> Int? {
        let positions = shape.indices.filter { shape[$0] == dimension }
        return positions.count == 1 ? positions[0] : nil
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension Flatten {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .any)
        guard let shape = input.shape else { return [InferredValue(input.elementType, [.unknown, .unknown])] }
        let axis = axis == shape.count ? axis : try normalizedAxis(axis, rank: max(1, shape.count))
        let split = min(axis, shape.count)
        return [InferredValue(
            input.elementType, [shape[..<split].reduce(1, *), shape[split...].reduce(1, *)], contents: context.contents(Operand.input))]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

/// The axes of `Squeeze` and `Unsqueeze`, as attribute or operand: not given, given but not known, or known.
private enum GivenAxes {
    case none
    /// Only how many there are may be known.
    case unknown(count: Int?)
    case known([Int])

    init<Operand: RawRepresentable<Int> & Sendable>(attribute: [Int]?, operand: Operand, _ context: InferenceContext) throws {
        if let attribute {
            self = .known(attribute)
        } else if context.has(operand) {
            let type = try context.type(of: operand, .indices)
            if let rank = type.rank, rank > 1 {
                throw CleaveError(.shapeMismatch, "axes has \(rank) dimensions, expected 1")
            }
            self = context.knownContents(operand).map { .known($0) } ?? .unknown(count: context.elements(operand)?.count)
        } else {
            self = .none
        }
    }
}

extension Squeeze {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .any)
        let contents = context.contents(Operand.input)
        guard let shape = input.shape else { return [InferredValue(input.elementType, nil, contents: contents)] }
        let axes: [Int]
        switch try GivenAxes(attribute: self.axes, operand: Operand.axes, context) {
        case .known(let given): axes = try normalizedAxes(given, rank: shape.count)
        case .unknown(let count):
            return [InferredValue(input.elementType, count.map { [Dimension](repeating: .unknown, count: max(0, shape.count - $0)) })]
        case .none:
            guard shape.allSatisfy({ $0.known != nil || $0.isCertainlyDifferent(from: 1) }) else {
                return [InferredValue(input.elementType, nil)]
            }
            axes = shape.indices.filter { shape[$0] == 1 }
        }
        if let long = axes.first(where: { shape[$0].isCertainlyDifferent(from: 1) }) {
            throw CleaveError(.shapeMismatch, "dimension \(long) has length \(shape[long]), expected 1 to squeeze it")
        }
        return [InferredValue(input.elementType, shape.indices.filter { !axes.contains($0) }.map { shape[$0] }, contents: contents)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension Unsqueeze {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .any)
        let contents = context.contents(Operand.input)
        switch try GivenAxes(attribute: self.axes, operand: Operand.axes, context) {
        case .none: throw CleaveError(.invalidGraph, "axes are not given, expected an attribute or an operand")
        case .unknown(let count):
            let rank = input.rank.flatMap { rank in count.map { rank + $0 } }
            return [InferredValue(input.elementType, rank.map { [Dimension](repeating: .unknown, count: $0) }, contents: contents)]
        case .known(let given):
            guard let shape = input.shape else { return [InferredValue(input.elementType, nil, contents: contents)] }
            var output = shape
            for axis in try normalizedAxes(given, rank: shape.count + given.count).sorted() { output.insert(1, at: axis) }
            return [InferredValue(input.elementType, output, contents: contents)]
        }
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension Transpose {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .any)
        guard let rank = input.rank ?? permutation?.count else { return [InferredValue(input.elementType, nil)] }
        let permutation = self.permutation ?? (0..<rank).reversed()
        guard permutation.sorted() == Array(0..<rank) else {
            throw CleaveError(
                .invalidAttribute, "perm is \(permutation), expected each of 0 … \(rank - 1) once for \(count(rank, "dimension"))")
        }
        let contents = context.contents(Operand.input) == nil ? nil : context.small(Operand.input).flatMap { source in
            SmallTensor(shape: permutation.map { source.shape[$0] }) { coordinates in
                var original = coordinates
                for (position, axis) in permutation.enumerated() { original[axis] = coordinates[position] }
                return source[original]
            }?.elements
        }
        return [InferredValue(input.elementType, permutation.map { input.dimension($0) }, contents: contents)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension Identity {
    /// Not only tensors pass through.
    public func inferOutputs(_ context: InferenceContext) -> [InferredValue] {
        [InferredValue(type: context.types.first ?? nil, contents: context.contents(Operand.input))]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension Dropout {
    /// The mask has the input's element type up to opset 9, and booleans since.
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .allFloats)
        try context.type(of: Operand.ratio, .allFloats).requireScalar()
        try context.type(of: Operand.trainingMode, .booleans).requireScalar()
        let outputs = [
            InferredValue(input.elementType, input.shape),
            InferredValue(context.opset < 10 ? input.elementType : .bool, input.shape),
        ]
        return Array(outputs.prefix(context.outputCount))
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}
