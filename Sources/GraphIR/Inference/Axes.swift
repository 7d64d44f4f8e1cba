import Tensors

/// The axis counted from the front.
/// - Parameter rank: number of dimensions that the axis may name.
/// - Throws: `CleaveError` when the axis is outside −rank ..< rank.
func normalizedAxis(_ axis: Int, rank: Int, attribute: String = "axis") throws -> Int {
    guard axis >= -rank, axis < rank else {
        let expected = rank == 0 ? "none: there are no dimensions" : "\(-rank) … \(rank - 1) for \(count(rank, "dimension"))"
        throw CleaveError(.invalidAttribute, "\(attribute) is \(axis), expected \(expected)")
    }
    return axis < 0 ? axis + rank : axis
}

/// The axes counted from the front, in the given order.
/// - Throws: `CleaveError` when one is out of range or occurs twice.
func normalizedAxes(_ axes: [Int], rank: Int) throws -> [Int] {
    let normalized = try axes.map { try normalizedAxis($0, rank: rank, attribute: axes.count == 1 ? "axis" : "one of the axes") }
    guard Set(normalized).count == normalized.count else {
        throw CleaveError(.invalidAttribute, "axes are \(axes), expected each dimension once for \(count(rank, "dimension"))")
    }
    return normalized
}
