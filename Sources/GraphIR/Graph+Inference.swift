import Tensors

extension Graph {
    /// What is known of a node's operands.
    func inferenceContext(of node: Node) -> InferenceContext {
        InferenceContext(
            types: node.inputs.map { $0.flatMap { self[$0].type } },
            isPresent: node.inputs.map { $0 != nil },
            constants: node.inputs.map { constant($0) },
            contents: node.inputs.map { $0.flatMap { self[$0].contents } },
            captures: node.captures.isEmpty ? [:] : knownCaptures(of: node),
            outputCount: node.outputs.count,
            opset: opset)
    }

    /// What the node's outputs are: as inferred, with what that leaves open taken from declarations in the file.
    /// - Parameter lengths: numbers for names that declarations mention.
    /// - Throws: `CleaveError`, naming the node.
    func inferredOutputs(of node: Node, substituting lengths: [String: Int]) throws -> [InferredValue] {
        try locating(inside: label(of: node), operatorName: node.operator.name) {
            try node.checkCounts()
            let inferred = try node.operator.payload.inferOutputs(inferenceContext(of: node))
            return zip(node.outputs, inferred).map { id, result in
                let declared = id.flatMap { self[$0].encoding?.declaredType }?.substituting(lengths)
                return InferredValue(type: result.type.map { $0.refined(by: declared) } ?? declared, contents: result.contents)
            }
        }
    }

    /// Infers the outputs of a node and reports whether any of them changed.
    mutating func inferOutputs(of id: NodeID, substituting lengths: [String: Int]) throws -> Bool {
        let node = self[id]
        var changed = false
        for (value, result) in zip(node.outputs, try inferredOutputs(of: node, substituting: lengths)) {
            guard let index = value?.index, let known = valueTable[index], result.type != known.type || result.contents != known.contents
            else { continue }
            changed = true
            valueTable[index]?.type = result.type
            valueTable[index]?.contents = result.contents
        }
        return changed
    }
}

extension ValueType {
    /// The same type with some named lengths replaced by numbers.
    func substituting(_ lengths: [String: Int]) -> ValueType {
        guard !lengths.isEmpty, case .tensor(let type) = self else { return self }
        return .tensor(TensorType(type.elementType, type.shape?.map { $0.substituting(lengths) }))
    }
}
