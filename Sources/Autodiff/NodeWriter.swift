import GraphIR
import Tensors

/// Appends nodes to a graph whose shapes are static, and remembers the constants that it made.
struct NodeWriter {
    var editor: GraphEditor
    /// What new values are called after.
    var prefix: String
    var origin: Origin?
    private var scalars: [ScalarKey: ValueID] = [:]
    private var vectors: [[Int]: ValueID] = [:]

    private struct ScalarKey: Hashable {
        let value: Double
        let type: ElementType
    }

    init(_ editor: GraphEditor, prefix: String) {
        self.editor = editor
        self.prefix = prefix
    }

    var graph: Graph { editor.graph }

    // MARK: What is known

    /// - Throws: `CleaveError` when a length is not known.
    func shape(_ id: ValueID) throws -> [Int] { try graph.staticShape(of: id) }

    func elementType(_ id: ValueID) throws -> ElementType {
        guard let type = graph[id].tensorType?.elementType else {
            throw CleaveError(.typeMismatch, "the value is not a tensor of a known type", at: .init(tensor: graph[id].name))
        }
        return type
    }

    /// The operand of a node at a named position.
    func operand<Operand: RawRepresentable<Int>>(_ operand: Operand, of node: Node) throws -> ValueID {
        guard let id = node.input(operand) else {
            throw CleaveError(
                .invalidGraph, "operand \(operand) is left out, but it is required",
                at: .init(node: graph.label(of: node), operatorName: node.operator.name))
        }
        return id
    }

    /// The elements of an operand that shapes and axes are read from; `nil` when they depend on the data.
    func integers(_ id: ValueID) -> [Int]? {
        if let elements = graph.constant(id)?.int64s() { return elements.map { Int($0) } }
        guard let contents = graph[id].contents else { return nil }
        let known = contents.compactMap(\.known)
        return known.count == contents.count ? known : nil
    }

    // MARK: Sources

    mutating func addInput(_ name: String, _ type: TensorType) throws -> ValueID {
        try editor.addInput(editor.uniqueName(name), type: .tensor(type))
    }

    mutating func scalar(_ value: Double, as type: ElementType) throws -> ValueID {
        let key = ScalarKey(value: value, type: type)
        if let known = scalars[key] { return known }
        let id = try editor.addConstant(Tensor([value], shape: [], as: type), name: "training.constant")
        scalars[key] = id
        return id
    }

    mutating func vector(_ elements: [Int]) throws -> ValueID {
        if let known = vectors[elements] { return known }
        let id = try editor.addConstant(Tensor(vector: elements.map { Int64($0) }), name: "training.constant")
        vectors[elements] = id
        return id
    }

    mutating func zeros(_ shape: [Int], as type: ElementType) throws -> ValueID {
        let zero = try Tensor([0], shape: [1], as: type)
        return try emit(.constantOfShape(ConstantOfShape(value: zero)), [vector(shape)])
    }

    // MARK: Nodes

    /// Adds a node with one output.
    /// - Parameter output: what the output is called if that is free; `nil` for a name after the prefix.
    mutating func emit(_ operation: Operator, _ inputs: [ValueID?], output: String? = nil) throws -> ValueID {
        try editor.insertSingle(
            operation, inputs: inputs, output: .new(name: output ?? prefix), name: output ?? prefix, before: nil, origin: origin)
    }

    /// Adds a node with one output before another node.
    mutating func emit(_ operation: Operator, _ inputs: [ValueID?], before anchor: NodeID) throws -> ValueID {
        try editor.insertSingle(
            operation, inputs: inputs, output: .new(name: prefix), name: prefix, before: anchor, origin: origin)
    }

    /// Adds a node with those outputs that are wanted.
    mutating func emit(_ operation: Operator, _ inputs: [ValueID?], wanted: [Bool]) throws -> [ValueID?] {
        let count = (wanted.lastIndex(of: true) ?? 0) + 1
        let node = try editor.insert(
            operation, inputs: inputs, outputs: wanted.prefix(count).map { $0 ? .new(name: prefix) : .none }, name: prefix, before: nil,
            origin: origin)
        return graph[node].outputs + [ValueID?](repeating: nil, count: wanted.count - count)
    }

    mutating func binary(_ function: Binary.Function, _ a: ValueID, _ b: ValueID) throws -> ValueID {
        try emit(.binary(Binary(function: function, broadcastAxis: .numpy)), [a, b])
    }

    mutating func add(_ a: ValueID, _ b: ValueID) throws -> ValueID { try binary(.add, a, b) }
    mutating func subtract(_ a: ValueID, _ b: ValueID) throws -> ValueID { try binary(.sub, a, b) }
    mutating func multiply(_ a: ValueID, _ b: ValueID) throws -> ValueID { try binary(.mul, a, b) }
    mutating func divide(_ a: ValueID, _ b: ValueID) throws -> ValueID { try binary(.div, a, b) }

    mutating func unary(_ function: Unary.Function, _ x: ValueID) throws -> ValueID {
        try emit(.unary(Unary(function: function)), [x])
    }

    /// x · factor
    mutating func scale(_ x: ValueID, by factor: Double) throws -> ValueID {
        factor == 1 ? x : try multiply(x, scalar(factor, as: elementType(x)))
    }

    /// x + term
    mutating func offset(_ x: ValueID, by term: Double) throws -> ValueID { try add(x, scalar(term, as: elementType(x))) }

    /// Elements of `a` where the condition holds, else of `b`.
    mutating func select(_ condition: ValueID, _ a: ValueID, _ b: ValueID) throws -> ValueID {
        try emit(.select(Where()), [condition, a, b])
    }

    mutating func cast(_ x: ValueID, to type: ElementType) throws -> ValueID {
        try elementType(x) == type ? x : emit(.cast(Cast(to: type, saturate: true)), [x])
    }

    mutating func softmax(_ x: ValueID, axis: Int) throws -> ValueID {
        try emit(.softmax(Softmax(function: .softmax, axis: axis, flattens: false)), [x])
    }

    /// - Parameter axes: `nil` for all.
    mutating func reduce(
        _ function: Reduction.Function, _ x: ValueID, axes: [Int]?, keepDimensions: Bool, output: String?
    ) throws -> ValueID {
        try emit(
            .reduction(
                Reduction(function: function, axes: axes, keepDimensions: keepDimensions, keepsInputWithoutAxes: axes?.isEmpty ?? false)),
            [x], output: output)
    }

    /// The sum over some axes, which stay with length 1.
    mutating func sum(_ x: ValueID, over axes: [Int]) throws -> ValueID {
        axes.isEmpty ? x : try reduce(.sum, x, axes: axes, keepDimensions: true, output: nil)
    }

    /// The mean over some axes, which stay with length 1.
    mutating func mean(_ x: ValueID, over axes: [Int]) throws -> ValueID {
        axes.isEmpty ? x : try reduce(.mean, x, axes: axes, keepDimensions: true, output: nil)
    }

    mutating func reshape(_ x: ValueID, to shape: [Int]) throws -> ValueID {
        try self.shape(x) == shape ? x : emit(.reshape(Reshape(shape: nil, allowZero: true)), [x, vector(shape)])
    }

    mutating func transpose(_ x: ValueID, _ permutation: [Int]) throws -> ValueID {
        try emit(.transpose(Transpose(permutation: permutation)), [x])
    }

    /// `x` repeated to a shape that it broadcasts to.
    mutating func expand(_ x: ValueID, to shape: [Int]) throws -> ValueID {
        try self.shape(x) == shape ? x : emit(.expand(Expand()), [x, vector(shape)])
    }

    /// The sum over everything along which an operand of `shape` was repeated to the shape of `x`.
    mutating func unbroadcast(_ x: ValueID, to shape: [Int]) throws -> ValueID {
        let full = try self.shape(x)
        guard full != shape else { return x }
        let padded = [Int](repeating: 1, count: max(0, full.count - shape.count)) + shape
        let repeated = full.indices.filter { padded[$0] == 1 && full[$0] != 1 }
        return try reshape(sum(x, over: repeated), to: shape)
    }

    /// A new dimension 1 with `on` where an index says, else `off`: [N, d…] to [N, classes, d…].
    mutating func oneHot(_ indices: ValueID, classes: Int, off: Double, on: Double, type: ElementType) throws -> ValueID {
        let depth = try vector([classes])
        let values = try editor.addConstant(Tensor([off, on], shape: [2], as: type), name: "training.constant")
        return try emit(.oneHot(OneHot(axis: 1)), [indices, depth, values])
    }

    /// Zeros of `shape`, to which slices of `x` along `axis` are added where `indices` (a vector) say.
    mutating func scatterAdd(_ x: ValueID, at indices: ValueID, along axis: Int, of shape: [Int]) throws -> ValueID {
        let updates = try self.shape(x)
        var vectorShape = [Int](repeating: 1, count: shape.count)
        vectorShape[axis] = updates[axis]
        let places = try expand(reshape(indices, to: vectorShape), to: updates)
        return try emit(
            .scatterElements(ScatterElements(axis: axis, reduction: .add)), [zeros(shape, as: elementType(x)), places, x])
    }

    /// The part of `x` that begins at `starts` and has `lengths`.
    mutating func crop(_ x: ValueID, from starts: [Int], lengths: [Int]) throws -> ValueID {
        let shape = try shape(x)
        let axes = shape.indices.filter { starts[$0] != 0 || lengths[$0] != shape[$0] }
        guard !axes.isEmpty else { return x }
        return try emit(
            .slice(StridedSlice(bounds: nil)),
            [x, vector(axes.map { starts[$0] }), vector(axes.map { starts[$0] + lengths[$0] }), vector(axes)])
    }
}

extension Graph {
    /// The shape of a tensor of a training graph.
    /// - Throws: `CleaveError` when a length is not known.
    func staticShape(of id: ValueID) throws -> [Int] {
        guard let shape = self[id].tensorType?.knownShape else {
            throw CleaveError(
                .unsupported, "the value is \(self[id].type?.description ?? "of unknown type"), but training needs all lengths beforehand",
                at: .init(tensor: self[id].name), suggestion: "give the network's inputs fixed lengths in all dimensions but the first")
        }
        return shape
    }
}

extension Array {
    func removing(at index: Int) -> [Element] {
        var result = self
        result.remove(at: index)
        return result
    }
}
