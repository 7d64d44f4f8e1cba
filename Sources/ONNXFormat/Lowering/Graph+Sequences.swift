import COnnxSchema
import GraphIR
import Tensors

extension Graph {
    /// Replaces `SplitToSequence` by `Split` where constant positions are all that is read from the sequence: PyTorch's exporter
    /// writes `chunk` and `split` this way when it does not optimize.
    /// - Returns: whether anything changed.
    mutating func lowerSequences() throws -> Bool {
        let splits = try nodes.compactMap { try sequenceSplit($0) }
        guard !splits.isEmpty else { return false }
        try edit { editor in
            for split in splits { try editor.replace(split) }
        }
        return true
    }

    /// A `SplitToSequence` and what reads from it.
    fileprivate struct SequenceSplit {
        var node: Node
        var input: ValueID
        var axis: Int
        var sizes: [Int]
        var readers: [(node: Node, output: ValueID, place: Int)]
    }

    private static let mostPieces = 4096

    private func sequenceSplit(_ node: Node) throws -> SequenceSplit? {
        guard Self.isDefault(node, "SplitToSequence"), let input = node.inputs.first ?? nil, let sequence = node.outputs.first ?? nil,
            !isOutput(sequence), !isCaptured(sequence), let shape = self[input].tensorType?.shape
        else { return nil }
        let arena = MessageArena()
        return try withExtendedLifetime(arena) {
            let message = try arena.unpack(node.encoding?.bytes ?? [], as: Onnx__NodeProto.self)
            var attributes = try AttributeReader(message.pointee, opset: opset, tensors: TensorReader(external: ExternalData(folder: nil)))
            let given = try attributes.int("axis", default: 0)
            let axis = given < 0 ? given + shape.count : given
            let keepsAxis = try attributes.bool("keepdims", default: true)
            guard shape.indices.contains(axis), let sizes = pieces(node, length: shape[axis].known, keepsAxis: keepsAxis)
            else { return nil }
            var readers: [(Node, ValueID, Int)] = []
            for reader in consumers(of: sequence) {
                guard Self.isDefault(reader, "SequenceAt"), reader.inputs.count == 2, reader.inputs[0] == sequence,
                    let output = reader.outputs.first ?? nil, let position = constant(reader.inputs[1])?.int64s()?.first
                else { return nil }
                let place = position < 0 ? Int(position) + sizes.count : Int(position)
                guard sizes.indices.contains(place) else { return nil }
                readers.append((reader, output, place))
            }
            return SequenceSplit(node: node, input: input, axis: axis, sizes: sizes, readers: readers)
        }
    }

    /// How long the pieces are; `nil` when that is not known, or they would lose the dimension.
    private func pieces(_ node: Node, length: Int?, keepsAxis: Bool) -> [Int]? {
        guard node.inputs.count > 1, let operand = node.inputs[1] else {
            guard keepsAxis, let length, length <= Self.mostPieces else { return nil }
            return [Int](repeating: 1, count: length)
        }
        guard let tensor = constant(operand), let sizes = tensor.int64s().map({ $0.map { Int($0) } }), sizes.allSatisfy({ $0 >= 0 })
        else { return nil }
        if !tensor.shape.isEmpty { return sizes.isEmpty || sizes.count > Self.mostPieces ? nil : sizes }
        guard let size = sizes.first, size > 0, let length, length > 0, length / size < Self.mostPieces else { return nil }
        return stride(from: 0, to: length, by: size).map { min(size, length - $0) }
    }

    private static func isDefault(_ node: Node, _ name: String) -> Bool {
        if case .opaque(let payload) = node.operator { payload == OpaqueOperator(domain: "", name: name, overload: "") } else { false }
    }
}

extension GraphEditor {
    fileprivate mutating func replace(_ split: Graph.SequenceSplit) throws {
        let label = graph.label(of: split.node)
        let origin = Origin(pass: "lower", nodes: split.node.origin?.nodes ?? [label])
        var outputs = split.sizes.indices.map { Output.new(name: "\(label)_\($0)") }
        var repeated: [(output: ValueID, place: Int)] = []
        for reader in split.readers {
            if case .new = outputs[reader.place] {
                outputs[reader.place] = .existing(reader.output)
            } else {
                repeated.append((reader.output, reader.place))
            }
        }
        let sizesAreOperand = graph.opset >= 13
        let sizes = try sizesAreOperand
            ? [addConstant(Tensor(vector: split.sizes.map { Int64($0) }), name: "\(label)_sizes")] : []
        let node = try insert(
            .split(Split(axis: split.axis, sizes: sizesAreOperand ? nil : split.sizes, outputCount: nil)), inputs: [split.input] + sizes,
            outputs: outputs, name: split.node.name, before: split.node.id, origin: origin)
        for (output, place) in repeated {
            try insert(
                .identity(Identity()), inputs: [graph[node].outputs[place]], outputs: [.existing(output)], name: "",
                before: split.node.id, origin: origin)
        }
        for reader in split.readers { remove(reader.node.id) }
        remove(split.node.id)
    }
}
