import Tensors

/// Axes, indices and offsets: what kernels check before they touch an element.
enum Indexing {
    /// The distance between neighbours along every dimension of a row-major tensor.
    static func strides(_ shape: [Int]) -> [Int] {
        var strides = [Int](repeating: 1, count: shape.count)
        for axis in shape.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * shape[axis + 1] }
        return strides
    }

    /// `axis` counted from the front; negative axes count from the end.
    /// - Throws: `CleaveError` when there is no such axis among `rank`.
    static func axis(_ axis: Int, rank: Int) throws -> Int {
        guard axis >= -rank, axis < rank else {
            let range = rank == 0 ? "none, the operand is a scalar" : "\(-rank) … \(rank - 1)"
            throw CleaveError(.invalidAttribute, "axis is \(axis), expected \(range)")
        }
        return axis < 0 ? axis + rank : axis
    }

    /// Every axis counted from the front, in the given order.
    /// - Throws: `CleaveError` when there is no such axis, or one is named twice.
    static func axes(_ axes: [Int], rank: Int) throws -> [Int] {
        let resolved = try axes.map { try axis($0, rank: rank) }
        guard Set(resolved).count == resolved.count else {
            throw CleaveError(.invalidAttribute, "axes \(axes) name an axis twice")
        }
        return resolved
    }

    /// `index` counted from the front; negative indices count from the end.
    /// - Throws: `CleaveError` when it is outside a dimension of `length`.
    static func index(_ index: Int, length: Int) throws -> Int {
        guard index >= -length, index < length else {
            throw CleaveError(.invalidRequest, "index \(index) is outside a dimension of length \(length)")
        }
        return index < 0 ? index + length : index
    }

    /// The number of elements in some dimensions of a shape that already exists.
    static func product(_ lengths: some Sequence<Int>) -> Int { lengths.reduce(1, *) }

    /// The product of two lengths that a model made up.
    static func multiplied(_ left: Int, _ right: Int) throws -> Int {
        let (product, overflow) = left.multipliedReportingOverflow(by: right)
        guard !overflow else { throw CleaveError(.malformedTensor, "a dimension of \(left) × \(right) elements is too long") }
        return product
    }

    /// The sum of lengths that a model made up.
    static func sum(_ terms: some Sequence<Int>) throws -> Int {
        try terms.reduce(0) { total, term in
            let (sum, overflow) = total.addingReportingOverflow(term)
            guard !overflow else { throw CleaveError(.malformedTensor, "a dimension of \(total) + \(term) elements is too long") }
            return sum
        }
    }

    /// Moves `position` on by one in row-major order; false, and all zeros, after the last.
    static func advance(_ position: inout [Int], in lengths: [Int]) -> Bool {
        for axis in position.indices.reversed() {
            position[axis] += 1
            if position[axis] < lengths[axis] { return true }
            position[axis] = 0
        }
        return false
    }

    /// The single element of an integer operand that stands for a number, whatever its shape.
    static func number(_ tensor: Tensor, named name: String) throws -> Int {
        let values = try tensor.indices()
        guard values.count == 1, let value = values.first else {
            throw CleaveError(.shapeMismatch, "\(name) has shape \(tensor.shape), expected a single number")
        }
        return value
    }
}
