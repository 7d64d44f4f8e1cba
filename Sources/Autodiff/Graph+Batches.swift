import GraphIR
import Tensors

extension Graph {
    /// The graph with only what `outputs` are computed from; they become its outputs.
    public func computing(only outputs: [ValueID]) throws -> Graph {
        var needed: Set<NodeID> = []
        var pending = outputs
        while let value = pending.popLast() {
            guard let node = producer(of: value), needed.insert(node.id).inserted else { continue }
            pending += node.inputs.compactMap { $0 } + node.captures
        }
        let kept = Set(outputs)
        var graph = self
        try graph.edit { editor in
            editor.setOutputs(outputs)
            for id in editor.graph.order.reversed() where !needed.contains(id) { editor.remove(id) }
            for value in Array(editor.graph.values) where !kept.contains(value.id) && editor.graph.useCount(of: value.id) == 0 {
                if value.source == .graphInput || value.source == .constant { editor.removeValue(value.id) }
            }
        }
        return graph
    }

    /// The scores of classes that a network ends in: what its final softmax, or the logarithm of one, is computed from, or the
    /// output itself without one. Copies behind the softmax, quantized ones too, are passed over.
    /// - Parameter output: with shape [N, classes, …].
    public func logits(behind output: ValueID) -> ValueID {
        var id = output
        while let node = producer(of: id), let input = node.inputs.first ?? nil {
            switch node.operator {
            case .identity, .quantizeLinear, .dequantizeLinear: id = input
            case .softmax(let payload):
                return payload.function != .hardmax && payload.normalizesClasses(of: self[input].tensorType) ? input : output
            default: return output
            }
        }
        return output
    }

    /// A network that was exported for one image, made for `size`: its inputs, and what its nodes reshape to. Inputs whose first
    /// dimension is open, or `size` already, stay as they are.
    /// - Throws: `CleaveError` for an input whose first dimension is another number, or a network that is made for one image all
    ///   through.
    public func forBatches(of size: Int) throws -> Graph {
        let fixed = inputs.filter { self[$0].tensorType?.shape?.first?.known.map { $0 != size } ?? false }
        guard !fixed.isEmpty else { return self }
        if let input = fixed.map({ self[$0] }).first(where: { $0.tensorType?.shape?.first != 1 }) {
            throw CleaveError(
                .invalidRequest, "the input is \(input.type?.description ?? ""), expected batch size \(size) as asked for",
                at: .init(tensor: input.name), suggestion: "use the batch size of the input")
        }
        var graph = self
        do {
            try graph.edit { editor in
                for node in editor.graph.reshapesOfBatches(from: fixed) { try editor.openBatch(of: node, size) }
                for id in fixed {
                    guard let type = editor.graph[id].tensorType, var shape = type.shape else { continue }
                    shape[0] = .known(size)
                    editor.setType(id, to: .tensor(TensorType(type.elementType, shape)))
                }
            }
        } catch var error as CleaveError {
            error.suggestion = "the network is made for batch size 1: export it with an open one"
            throw error
        }
        return graph
    }

    /// The nodes that reshape what depends on `inputs` from [1, …] to [1, …] as a constant says.
    fileprivate func reshapesOfBatches(from inputs: [ValueID]) -> [Node] {
        var batches = Set(inputs)
        var found: [Node] = []
        for node in nodes {
            guard let input = node.inputs.first ?? nil, node.inputs.contains(where: { $0.map(batches.contains) ?? false }) else { continue }
            batches.formUnion(node.outputs.compactMap { $0 })
            guard case .reshape = node.operator, batches.contains(input), self[input].tensorType?.shape?.first == 1 else { continue }
            found.append(node)
        }
        return found
    }
}

extension GraphEditor {
    /// Makes a `Reshape` to [1, …] one to [batchSize, …]: row-major order keeps every sample's elements together.
    fileprivate mutating func openBatch(of node: Node, _ batchSize: Int) throws {
        guard case .reshape(var payload) = node.operator else { return }
        if payload.shape?.first == 1 {
            payload.shape?[0] = batchSize
            setOperator(node.id, to: .reshape(payload))
        } else if let operand = node.input(Reshape.Operand.shape), var shape = graph.constant(operand)?.int64s(), shape.first == 1 {
            shape[0] = Int64(batchSize)
            setInputs(node.id, to: [node.inputs[0], try addConstant(Tensor(vector: shape), name: graph[operand].name)])
        }
    }
}

extension Softmax {
    /// Whether scores [N, classes, …] are normalized over the classes alone.
    fileprivate func normalizesClasses(of type: TensorType?) -> Bool {
        guard let rank = type?.rank, rank >= 2 else { return false }
        let axis = axis < 0 ? axis + rank : axis
        return axis == 1 && (!flattens || rank == 2 || type?.shape?.dropFirst(2).allSatisfy { $0 == 1 } == true)
    }
}
