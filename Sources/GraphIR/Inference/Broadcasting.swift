import Tensors

/// The shape of element-wise results over all operands, aligned at their last dimension as NumPy does; `nil` when a rank is unknown.
/// - Throws: `CleaveError` when two lengths are neither equal nor 1.
func broadcastShape(_ operands: [OperandType]) throws -> [Dimension]? {
    guard var result = operands.first?.shape else {
        return nil
    }
    var widest = operands[0]
    for operand in operands.dropFirst() {
        guard let shape = operand.shape else { return nil }
        guard let merged = broadcast(result, shape) else {
            throw CleaveError(
                .shapeMismatch,
                "\(widest.name) \(text(of: result)) and \(operand.name) \(text(of: shape)) cannot be broadcast: "
                    + "aligned at the end, lengths must be equal or 1")
        }
        if shape.count >= result.count, merged == shape { widest = operand }
        result = merged
    }
    return result
}

/// `nil` when the shapes certainly do not fit.
func broadcast(_ left: [Dimension], _ right: [Dimension]) -> [Dimension]? {
    let rank = max(left.count, right.count)
    var result: [Dimension] = []
    result.reserveCapacity(rank)
    for index in 0..<rank {
        let a = index - (rank - left.count)
        let b = index - (rank - right.count)
        guard a >= 0 else { result.append(right[b]); continue }
        guard b >= 0 else { result.append(left[a]); continue }
        guard let merged = broadcast(left[a], right[b]) else { return nil }
        result.append(merged)
    }
    return result
}

private func broadcast(_ left: Dimension, _ right: Dimension) -> Dimension? {
    if left == right || right == .known(1) { return left }
    if left == .known(1) { return right }
    switch (left.known, right.known) {
    case (.some, .some): return nil
    case (.some, nil): return left
    case (nil, .some): return right
    case (nil, nil): return .unknown
    }
}

/// Checks that `operand` broadcasts to `shape` without changing it (ONNX's "unidirectional broadcasting").
func requireBroadcastable(_ operand: OperandType, to shape: [Dimension]?, of target: String) throws {
    guard let shape, let own = operand.shape else { return }
    let fits = own.count <= shape.count && zip(own.reversed(), shape.reversed()).allSatisfy { mine, wanted in
        mine == .known(1) || !mine.isCertainlyDifferent(from: wanted) || mine.known == nil
    }
    guard fits else {
        throw CleaveError(
            .shapeMismatch, "\(operand.name) \(text(of: own)) cannot be broadcast to \(text(of: shape)), the shape of \(target)")
    }
}

/// The one length that two dimensions must have in common; `nil` when they certainly differ.
func unified(_ left: Dimension, _ right: Dimension) -> Dimension? {
    if left == right { return left }
    if left.isCertainlyDifferent(from: right) { return nil }
    if left.known != nil || right == .unknown { return left }
    if right.known != nil || left == .unknown { return right }
    return left
}

/// The product of dimensions, without those that occur in `divisors`, divided by the rest of these; unknown when that is not clear.
func quotient(of dimensions: [Dimension], by divisors: [Dimension]) -> Dimension {
    var dividends = dimensions
    var rest: [Dimension] = []
    for divisor in divisors {
        if divisor != .unknown, let index = dividends.firstIndex(of: divisor) {
            dividends.remove(at: index)
        } else {
            rest.append(divisor)
        }
    }
    let numerator = dividends.reduce(Dimension.known(1), *)
    return numerator.divided(exactlyBy: rest.reduce(Dimension.known(1), *)) ?? .unknown
}
