import Tensors

extension Graph {
    /// The same graph with the types, and whatever follows from them, that it has for inputs of the given shapes.
    ///
    /// A named length that an input shape tells is replaced everywhere, also in inputs that are left out.
    /// - Parameter inputShapes: by input name; an input left out keeps its declared shape.
    /// - Throws: `CleaveError` for a name that is no input, a shape that does not fit the declared one, one name for two
    ///   lengths, or a node whose operands do not fit then.
    public func specialized(inputShapes: [String: [Int]]) throws -> Graph {
        let names = inputs.map { self[$0].name }
        if let surplus = inputShapes.keys.sorted().first(where: { !names.contains($0) }) {
            throw CleaveError(
                .invalidRequest, "there is no such input, expected \(names.map { "'\($0)'" }.joined(separator: ", "))",
                at: .init(tensor: surplus), suggestion: "name the shapes after the model's inputs")
        }
        var lengths: [String: Int] = [:]
        for id in inputs {
            guard let shape = inputShapes[self[id].name] else { continue }
            try locating(tensor: self[id].name) { try bind(self[id], to: shape, in: &lengths) }
        }
        // Types are settled at every commit: without news of the inputs there is nothing to infer.
        let isSettled = lengths.isEmpty && inputs.allSatisfy { id in
            inputShapes[self[id].name].map { self[id].tensorType?.knownShape == $0 } ?? true
        }
        if isSettled { return self }
        var graph = self
        for index in graph.valueTable.indices {
            guard let value = graph.valueTable[index], let type = value.type else { continue }
            if value.source == .graphInput, let shape = inputShapes[value.name], let elementType = value.tensorType?.elementType {
                graph.valueTable[index]?.type = .tensor(TensorType(elementType, lengths: shape))
            } else if value.source == .graphInput || value.source == .external {
                graph.valueTable[index]?.type = type.substituting(lengths)
            }
        }
        for id in graph.order { _ = try graph.inferOutputs(of: id, substituting: lengths) }
        return graph
    }

    /// Checks a shape against the declared one and learns what the names in it stand for.
    private func bind(_ input: Value, to shape: [Int], in lengths: inout [String: Int]) throws {
        _ = try Tensor.elementCount(of: shape)
        guard let type = input.tensorType else {
            throw CleaveError(.invalidRequest, "the input is no tensor of a known type, so that it cannot be given a shape")
        }
        guard let declared = type.shape else { return }
        var fits = declared.count == shape.count
        for (dimension, length) in zip(declared, shape) where fits {
            if case .symbolic(let symbol) = dimension, let name = symbol.name {
                if let other = lengths[name], other != length {
                    throw CleaveError(
                        .shapeMismatch, "\(name) is \(length) in shape \(shape), but \(other) in that of another input or dimension")
                }
                lengths[name] = length
            } else {
                fits = !dimension.substituting(lengths).isCertainlyDifferent(from: .known(length))
            }
        }
        guard fits else { throw CleaveError(.shapeMismatch, "the input has shape \(shape), expected \(text(of: declared))") }
    }
}
