import Tensors

/// A small tensor whose elements are followed through the graph, as far as they are known.
struct SmallTensor {
    let shape: [Int]
    /// Row-major.
    let elements: [Dimension]

    /// `nil` when the counts differ, or the tensor is too large to be a shape.
    init?(shape: [Int], elements: [Dimension]) {
        guard elements.count <= InferredValue.contentsLimit, (try? Tensor.elementCount(of: shape)) == elements.count else { return nil }
        self.shape = shape
        self.elements = elements
    }

    /// Builds a tensor from the coordinates of each of its elements; `nil` when it is too large.
    init?(shape: [Int], element: ([Int]) -> Dimension) {
        guard let count = try? Tensor.elementCount(of: shape), count <= InferredValue.contentsLimit else { return nil }
        var coordinates = [Int](repeating: 0, count: shape.count)
        var elements: [Dimension] = []
        for _ in 0..<count {
            elements.append(element(coordinates))
            for axis in shape.indices.reversed() {
                coordinates[axis] += 1
                if coordinates[axis] < shape[axis] { break }
                coordinates[axis] = 0
            }
        }
        self.shape = shape
        self.elements = elements
    }

    /// The element at the given coordinates.
    subscript(coordinates: [Int]) -> Dimension { elements[offset(coordinates)] }

    func offset(_ coordinates: [Int]) -> Int { zip(coordinates, shape).reduce(0) { $0 * $1.1 + $1.0 } }

    /// The element that the broadcast tensor has at `coordinates` of a shape with at least as many dimensions.
    func broadcastElement(_ coordinates: [Int]) -> Dimension {
        self[zip(coordinates.suffix(shape.count), shape).map { $1 == 1 ? 0 : $0 }]
    }
}

extension InferenceContext {
    /// The elements of a small operand, unknown ones included; `nil` when not even their number is known, or it is large.
    func elements(at index: Int) -> [Dimension]? {
        if let contents = contents(at: index) { return contents }
        guard let shape = tensor(at: index)?.knownShape, let count = try? Tensor.elementCount(of: shape),
            count <= InferredValue.contentsLimit
        else { return nil }
        return [Dimension](repeating: .unknown, count: count)
    }

    func elements<Operand: RawRepresentable<Int>>(_ operand: Operand) -> [Dimension]? { elements(at: operand.rawValue) }

    /// A small operand whose shape is known, some of whose elements may be.
    func small(at index: Int) -> SmallTensor? {
        guard let shape = tensor(at: index)?.knownShape, let elements = elements(at: index) else { return nil }
        return SmallTensor(shape: shape, elements: elements)
    }

    func small<Operand: RawRepresentable<Int>>(_ operand: Operand) -> SmallTensor? { small(at: operand.rawValue) }

    /// The single number that an operand holds, when it is known.
    func knownScalar<Operand: RawRepresentable<Int>>(_ operand: Operand) -> Int? {
        guard let contents = contents(operand), contents.count == 1 else { return nil }
        return contents[0].known
    }

    /// The elements of a shape-like operand (a vector) as dimensions; `nil` when not even their number is known.
    /// - Throws: `CleaveError` when the operand is not a vector.
    func vector<Operand: RawRepresentable<Int> & Sendable>(_ operand: Operand, _ role: String) throws -> [Dimension]? {
        try type(of: operand, .indices).requireRank(1, role)
        return elements(operand)
    }
}

extension Tensor {
    /// The elements of a small tensor of whole numbers or booleans, as inference follows them; elements of a
    /// floating-point tensor that are not whole numbers are unknown.
    var inferenceContents: [Dimension]? {
        guard count <= InferredValue.contentsLimit, elementType != .uint64 else { return nil }
        if let integers = int64s() { return integers.map { .known(Int($0)) } }
        guard ElementTypeClass.floats.contains(elementType), let values = doubles() else { return nil }
        let elements = values.map { value in Int(exactly: value).map { Dimension.known($0).limited(to: elementType) } ?? .unknown }
        return elements.contains { $0 != .unknown } ? elements : nil
    }
}
