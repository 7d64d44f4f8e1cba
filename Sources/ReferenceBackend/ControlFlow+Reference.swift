import GraphIR
import Tensors

extension If: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let isTrue = try truth(arguments.required(Operand.condition), "the condition")
        return try arguments.runSubgraph(isTrue ? thenBranch : elseBranch, [], arguments.captures)
    }
}

extension Loop: ReferenceKernel {
    /// The body's condition is heeded whether or not the node has operand `condition`, as ONNX Runtime does.
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        var states = try presentOperands(arguments.operands.dropFirst(2), "state")
        let outputCount = body.graph.outputs.count
        guard body.graph.inputs.count == states.count + 2, outputCount > states.count else {
            throw CleaveError(
                .invalidGraph,
                "the body has \(body.graph.inputs.count) inputs and \(outputCount) outputs, expected \(states.count + 2) inputs and more "
                    + "than \(states.count) outputs")
        }
        let limit = try arguments.optional(Operand.iterationCount).map { try Indexing.number($0, named: "the iteration count") }
        var goesOn = try arguments.optional(Operand.condition).map { try truth($0, "the condition") } ?? true
        var outputs = ScanOutputs(count: outputCount - 1 - states.count, iterationCount: nil, memoryLimit: arguments.memoryLimit)
        var iteration = 0
        while goesOn, limit.map({ iteration < $0 }) ?? true {
            let inputs = [Tensor(scalar: Int64(iteration)), Tensor(scalar: true)] + states
            let results = try arguments.runSubgraph(body, inputs, arguments.captures)
            goesOn = try truth(results[0], "the body's condition")
            states = try nextStates(states, results[1...])
            try outputs.append(results[(1 + states.count)...])
            iteration += 1
        }
        var missing: [EmptySlice] = []
        if iteration == 0 {
            let inputs = [Tensor(scalar: Int64(0)), Tensor(scalar: true)] + states
            missing = try body.emptySlices(inputs, arguments.captures, after: 1 + states.count)
        }
        return try states + outputs.stacked(axes: [], reversed: [], missing: missing)
    }
}

extension Scan: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let stateCount = try stateCount(operandCount: arguments.operands.count)
        let operands = try presentOperands(arguments.operands.dropFirst(isBatched ? 1 : 0), "operand")
        let (states, inputs) = (Array(operands[..<stateCount]), Array(operands[stateCount...]))
        guard isBatched else {
            let axes = try zip(inputs, inputAxes.isEmpty ? inputs.map { _ in 0 } : inputAxes).map { try Indexing.axis($1, rank: $0.rank) }
            let length = try commonLength(zip(inputs, axes).map { $0.shape[$1] }, "scanned")
            return try scan(states, inputs, axes: axes, length: length, paddedTo: length, arguments)
        }
        let batch = try commonLength(operands.map { $0.shape.first ?? 0 }, "batch")
        let longest = try commonLength(inputs.map { $0.rank > 1 ? $0.shape[1] : 0 }, "scanned")
        let lengths = try arguments.operands[0]?.indices() ?? [Int](repeating: longest, count: batch)
        guard batch > 0, lengths.count == batch, lengths.allSatisfy({ (0...longest).contains($0) }) else {
            throw CleaveError(
                .shapeMismatch, "the sequences' lengths are \(lengths), expected one of 0 … \(longest) for each of \(batch) samples")
        }
        let samples = try lengths.enumerated().map { sample, length in
            try scan(
                states.map { try $0.slice(sample, along: 0) }, inputs.map { try $0.slice(sample, along: 0) },
                axes: inputs.map { _ in 0 }, length: length, paddedTo: longest, arguments)
        }
        return try samples[0].indices.map { index in try stack(samples.map { $0[index] }, along: 0) }
    }

    private func scan(
        _ initial: [Tensor], _ inputs: [Tensor], axes: [Int], length: Int, paddedTo longest: Int, _ arguments: KernelArguments
    ) throws -> [Tensor] {
        func slices(_ step: Int) throws -> [Tensor] {
            try inputs.enumerated().map { index, input in
                let isReversed = !inputsReversed.isEmpty && inputsReversed[index]
                return try input.slice(isReversed ? length - 1 - step : step, along: axes[index])
            }
        }
        var states = initial
        var outputs = ScanOutputs(
            count: body.graph.outputs.count - states.count, iterationCount: longest, memoryLimit: arguments.memoryLimit)
        for step in 0..<length {
            let results = try arguments.runSubgraph(body, states + slices(step), arguments.captures)
            states = try nextStates(states, results[...])
            try outputs.append(results[states.count...])
        }
        var missing: [EmptySlice] = []
        if length == 0 {
            let inputs = try zip(inputs, axes).map { input, axis in
                try Tensor(repeating: 0, shape: input.shape.enumerated().filter { $0.offset != axis }.map(\.element), as: input.elementType)
            }
            missing = try body.emptySlices(states + inputs, arguments.captures, after: states.count)
        }
        try outputs.pad(to: longest, missing: missing)
        return try states + outputs.stacked(axes: outputAxes, reversed: outputsReversed, missing: missing)
    }
}

/// The operands, none of which may be left out.
private func presentOperands(_ operands: ArraySlice<Tensor?>, _ what: String) throws -> [Tensor] {
    try operands.enumerated().map { index, operand in
        guard let operand else { throw CleaveError(.invalidGraph, "\(what) \(index) is left out, but it is required") }
        return operand
    }
}

/// The one element of a boolean tensor.
private func truth(_ tensor: Tensor, _ what: String) throws -> Bool {
    guard tensor.elementType == .bool, tensor.count == 1, let value = tensor.int64s()?.first else {
        throw CleaveError(.typeMismatch, "\(what) is \(tensor), expected a single boolean")
    }
    return value != 0
}

private func commonLength(_ lengths: [Int], _ what: String) throws -> Int {
    guard let first = lengths.first, lengths.allSatisfy({ $0 == first }) else {
        throw CleaveError(.shapeMismatch, "the \(what) dimensions have lengths \(lengths), expected the same")
    }
    return first
}

/// What the body made of the states; shapes may change, element types may not.
private func nextStates(_ states: [Tensor], _ results: ArraySlice<Tensor>) throws -> [Tensor] {
    try zip(states, results).enumerated().map { index, pair in
        guard pair.0.elementType == pair.1.elementType else {
            throw CleaveError(.typeMismatch, "state \(index) was \(pair.0), but the body makes it \(pair.1), expected elements of one type")
        }
        return pair.1
    }
}

/// What a scan output would consist of, had the body run.
private typealias EmptySlice = (elementType: ElementType, shape: [Int])

extension Subgraph {
    /// Element types and shapes of outputs of a body that never runs, as far as inference tells; unknown lengths are 0.
    fileprivate func emptySlices(_ inputs: [Tensor], _ captures: [String: Tensor], after first: Int) throws -> [EmptySlice] {
        func known(_ tensor: Tensor) -> KnownValue {
            KnownValue(type: .tensor(TensorType(tensor.elementType, lengths: tensor.shape)), constant: nil, contents: nil)
        }
        let typed = try typed(inputs: inputs.map(known), captures: captures.mapValues(known))
        return try typed.outputs.dropFirst(first).map { id in
            guard let type = typed[id].tensorType else {
                throw CleaveError(
                    .unsupported, "the body does not run, and the type of what it would make is not known",
                    at: .init(tensor: typed[id].name))
            }
            return (type.elementType, (type.shape ?? []).map { $0.known ?? 0 })
        }
    }
}

/// What a body gives besides states, iteration by iteration.
private struct ScanOutputs {
    private var slices: [[Tensor]]
    /// How many iterations there will be; `nil` when the body decides.
    private let iterationCount: Int?
    private let memoryLimit: Int
    private var byteCount = 0

    /// What a slice takes besides its elements.
    private static let overhead = 256

    init(count: Int, iterationCount: Int?, memoryLimit: Int) {
        slices = [[Tensor]](repeating: [], count: count)
        self.iterationCount = iterationCount
        self.memoryLimit = memoryLimit
    }

    /// - Throws: `CleaveError` when all slices so far, or all that are to come, need more memory than there is.
    mutating func append(_ results: ArraySlice<Tensor>) throws {
        let isFirst = slices.allSatisfy(\.isEmpty)
        for (index, tensor) in results.enumerated() where index < slices.count {
            slices[index].append(tensor)
            // Each slice is there twice while they are put together.
            byteCount += 2 * tensor.byteCount + Self.overhead
        }
        let (expected, isVast) = byteCount.multipliedReportingOverflow(by: isFirst ? iterationCount ?? 1 : 1)
        guard isVast || expected > memoryLimit else { return }
        let count = isFirst ? iterationCount ?? 1 : slices.first?.count ?? 0
        throw CleaveError(
            .unsupported,
            "collecting the outputs of \(NumberFormat.quantity(count, "iteration")) takes "
                + "\(isVast ? "more than 9.22 EB" : NumberFormat.bytes(expected)), but the limit is \(NumberFormat.bytes(memoryLimit))",
            suggestion: "try fewer iterations")
    }

    /// Adds zeros for iterations that a shorter sequence does not have.
    mutating func pad(to length: Int, missing: [EmptySlice]) throws {
        for index in slices.indices where slices[index].count < length {
            let (type, shape) = slices[index].first.map { ($0.elementType, $0.shape) } ?? missing[index]
            let zeros = try Tensor(repeating: 0, shape: shape, as: type)
            slices[index] += [Tensor](repeating: zeros, count: length - slices[index].count)
        }
    }

    /// One tensor per output. Empty lists stand for the first dimension, and for no output from its end.
    func stacked(axes: [Int], reversed: [Bool], missing: [EmptySlice]) throws -> [Tensor] {
        try slices.enumerated().map { index, slices in
            let shape = slices.first?.shape ?? missing[index].shape
            let axis = try Indexing.axis(axes.isEmpty ? 0 : axes[index], rank: shape.count + 1)
            guard slices.isEmpty else { return try stack(!reversed.isEmpty && reversed[index] ? slices.reversed() : slices, along: axis) }
            var result = shape
            result.insert(0, at: axis)
            return try Tensor(repeating: 0, shape: result, as: missing[index].elementType)
        }
    }
}

/// Tensors of one type and shape, one behind the other along a new dimension.
private func stack(_ slices: [Tensor], along axis: Int) throws -> Tensor {
    let first = slices[0]
    for (index, slice) in slices.enumerated() where slice.shape != first.shape || slice.elementType != first.elementType {
        throw CleaveError(.shapeMismatch, "iteration \(index) gives \(slice), but the first gave \(first), expected the same")
    }
    var shape = first.shape
    shape.insert(slices.count, at: axis)
    return try Tensor.assembled(shape: shape, elementType: first.elementType) { sink in
        let strides = Indexing.strides(shape)
        for (index, slice) in slices.enumerated() {
            var lengths = slice.shape
            lengths.insert(1, at: axis)
            let target = strides.enumerated().map { AxisPath.strided(start: $0 == axis ? index * $1 : 0, stride: $1) }
            try sink.copy(BoxCopy(lengths: lengths, source: AxisPath.rowMajor(lengths), target: target), from: slice)
        }
    }
}

extension Tensor {
    /// The slice at `index`, without the dimension that it is taken along.
    fileprivate func slice(_ index: Int, along axis: Int) throws -> Tensor {
        guard shape.indices.contains(axis), (0..<shape[axis]).contains(index) else {
            throw CleaveError(.shapeMismatch, "\(self) has no slice \(index) along dimension \(axis)")
        }
        var rest = shape
        rest.remove(at: axis)
        return try picking([index], along: axis).reshaped(rest)
    }
}
