import Tensors

extension If {
    /// What both branches agree on. A branch whose operands cannot fit is one that is never taken.
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        try context.type(of: Operand.condition, .booleans).requireScalar()
        for branch in [thenBranch, elseBranch] where branch.graph.outputs.count < context.outputCount {
            throw CleaveError(
                .invalidGraph, "a branch has \(branch.graph.outputs.count) outputs, but the node has \(context.outputCount)")
        }
        let taken = context.knownScalar(Operand.condition).map { $0 != 0 ? [thenBranch] : [elseBranch] } ?? [thenBranch, elseBranch]
        var candidates: [[InferredValue]] = []
        var misfit: CleaveError?
        for branch in taken {
            do {
                candidates.append(try branch.inferredOutputs(inputs: [], captures: context.captures))
            } catch let error as CleaveError where error.kind == .shapeMismatch {
                misfit = misfit ?? error
            }
        }
        guard let first = candidates.first else { throw misfit ?? CleaveError(.invalidGraph, "the node has no branch") }
        return try (0..<context.outputCount).map { index in
            var result = first[index]
            for other in candidates.dropFirst() {
                result.type = try ValueType.joined(result.type, other[index].type, what: "output \(index)")
                if result.contents != other[index].contents { result.contents = nil }
            }
            return result
        }
    }

    /// Not known before a branch is taken.
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}

/// The types that states have in every iteration and afterwards.
///
/// What the body makes of a state may differ from what it was given: the types widen until they hold, losing lengths first, then
/// ranks, of what changes and in the end of all.
/// - Parameter outputs: what the body gives for states of the given types, states first.
private func settledStates(
    _ initial: [ValueType?], _ outputs: ([ValueType?]) throws -> [InferredValue]
) throws -> (states: [ValueType?], outputs: [InferredValue]) {
    var states = initial
    for round in 0..<3 {
        let results = try outputs(states)
        let joined = try states.enumerated().map { try ValueType.joined($1, results[$0].type, what: "state \($0)") }
        if joined == states { return (states, results) }
        states = zip(states, joined).map { round == 0 || ($0 == $1 && round == 1) ? $1 : $1?.withoutShape }
    }
    return (states, try outputs(states))
}

extension ValueType {
    /// The same type of any shape.
    fileprivate var withoutShape: ValueType { tensor.map { .tensor(TensorType($0.elementType, nil)) } ?? self }
}

extension Loop {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        try context.type(of: Operand.iterationCount, .integers).requireScalar()
        try context.type(of: Operand.condition, .booleans).requireScalar()
        let initial = Array(context.types.dropFirst(2))
        let bodyOutputs = body.graph.outputs.count
        guard bodyOutputs > initial.count, bodyOutputs - 1 >= context.outputCount else {
            throw CleaveError(
                .invalidGraph,
                "the body has \(bodyOutputs) outputs, expected a condition, \(count(initial.count, "state")) "
                    + "and what the node gives besides")
        }
        let iteration = KnownValue(type: .tensor(TensorType(.int64, lengths: [])), constant: nil, contents: nil)
        let condition = KnownValue(type: .tensor(TensorType(.bool, lengths: [])), constant: nil, contents: [1])
        var runsToTheEnd = false
        let (states, outputs) = try settledStates(initial) { states in
            let known = states.map { KnownValue(type: $0, constant: nil, contents: nil) }
            let results = try body.inferredOutputs(inputs: [iteration, condition] + known, captures: context.captures)
            runsToTheEnd = results[0].contents == [1]
            return Array(results.dropFirst())
        }
        let startsTrue = !context.has(Operand.condition) || context.knownScalar(Operand.condition) == 1
        let count = startsTrue && runsToTheEnd ? context.contents(Operand.iterationCount)?.first : nil
        let length = count.map { ($0.known ?? 0) < 0 ? 0 : $0 } ?? .unknown
        let stacked = outputs.dropFirst(states.count).map { output in
            InferredValue(
                type: output.type.flatMap(\.tensor).map { .tensor(TensorType($0.elementType, $0.shape.map { [length] + $0 })) },
                contents: nil)
        }
        return Array((states.map { InferredValue(type: $0, contents: nil) } + stacked).prefix(context.outputCount))
    }

    /// Not known before the body has run.
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}

extension Scan {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let stateCount = try stateCount(operandCount: context.operandCount)
        let first = isBatched ? 1 : 0
        var batch = Dimension.unknown
        var length = Dimension.unknown
        func merge(_ dimension: Dimension, into known: inout Dimension, _ what: String) throws {
            guard let merged = unified(known, dimension) else {
                throw CleaveError(.shapeMismatch, "\(what) is \(known) of one operand and \(dimension) of another, expected the same")
            }
            known = merged
        }
        let initial = try (0..<stateCount).map { index -> ValueType? in
            let type = try context.type(at: first + index, named: .words("state \(index)"), .any)
            guard isBatched else { return type.elementType.map { .tensor(TensorType($0, type.shape)) } }
            try type.requireRank(atLeast: 1, "batch")
            try merge(type.dimension(0), into: &batch, "the batch")
            return type.elementType.map { .tensor(TensorType($0, type.shape.map { Array($0.dropFirst()) })) }
        }
        let slices = try (0..<scanInputCount).map { index -> ValueType? in
            let type = try context.type(at: first + stateCount + index, named: .words("scan input \(index)"), .any)
            guard var shape = type.shape else { return type.elementType.map { .tensor(TensorType($0, nil)) } }
            if isBatched {
                try type.requireRank(atLeast: 2, "batch, sequence")
                try merge(shape.removeFirst(), into: &batch, "the batch")
            }
            let axis = try normalizedAxis(inputAxes.isEmpty ? 0 : inputAxes[index], rank: shape.count)
            try merge(shape.remove(at: axis), into: &length, "the sequence's length")
            return type.elementType.map { .tensor(TensorType($0, shape)) }
        }
        let (states, outputs) = try settledStates(initial) { states in
            try body.inferredOutputs(
                inputs: (states + slices).map { KnownValue(type: $0, constant: nil, contents: nil) }, captures: context.captures)
        }
        func batched(_ type: ValueType?) -> ValueType? {
            guard isBatched, let tensor = type?.tensor else { return type }
            return .tensor(TensorType(tensor.elementType, tensor.shape.map { [batch] + $0 }))
        }
        let stacked = try outputs.dropFirst(stateCount).enumerated().map { index, output -> ValueType? in
            guard let type = output.type?.tensor, var shape = type.shape else {
                return output.type?.tensor.map { .tensor(TensorType($0.elementType, nil)) }
            }
            let axis = try normalizedAxis(outputAxes.isEmpty ? 0 : outputAxes[index], rank: shape.count + 1)
            shape.insert(length, at: axis)
            return .tensor(TensorType(type.elementType, shape))
        }
        return (states + stacked).prefix(context.outputCount).map { InferredValue(type: batched($0), contents: nil) }
    }

    /// Not known before the body has run.
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
