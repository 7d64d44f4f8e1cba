import GraphIR
import Tensors

extension SeparateConvolutions {
    /// New weights for the layers of a separation.
    func randomWeights(_ separation: Separation, _ group: Group, seed: UInt64) throws -> SeparatedWeights {
        let layers = group.members[0].shape.layers(of: separation)
        let weights = try layers.map { layer in
            var generator = SeededRandom(seed: seed, name: weightName(group, layer))
            return try Tensor.glorotUniform(
                convolution: layer.weightShape, groups: layer.groups, as: group.members[0].elementType, using: &generator)
        }
        return SeparatedWeights(first: weights[0], second: weights[1])
    }

    private func weightName(_ group: Group, _ layer: SeparatedLayer) -> String { "\(group.weightName)/\(layer.role.rawValue)" }

    /// Puts the chosen layers in the places of their convolutions, in one transaction, and removes weights that nobody reads any more.
    func rewrite(_ graph: inout Graph, _ chosen: [(Group, Choice)]) throws {
        guard !chosen.isEmpty else { return }
        try graph.edit { editor in
            for (group, choice) in chosen {
                let layers = group.members[0].shape.layers(of: choice.separation)
                let weights = try zip(layers, [choice.weights.first, choice.weights.second]).map { layer, weight in
                    try editor.addConstant(weight, name: weightName(group, layer))
                }
                for member in group.members {
                    try locating(node: member.label, operatorName: member.node.operator.name) {
                        try replace(member, by: choice.separation, weights: weights, in: &editor)
                    }
                }
                try removeUnused(group.members[0].weight, from: &editor)
            }
        }
    }

    /// Removes a weight of which nothing is wanted any more but its shape, which is known.
    private func removeUnused(_ weight: ValueID, from editor: inout GraphEditor) throws {
        let readers = editor.graph.shapeReaders(of: weight)
        guard editor.graph.useCount(of: weight) == readers.count, !editor.graph.isOutput(weight) else { return }
        for reader in readers {
            for (value, tensor) in editor.graph.knownResults(of: reader) ?? [] {
                try editor.fold(value, of: reader, to: tensor, pass: name)
            }
            editor.remove(reader.id)
        }
        editor.removeUnused(weight)
    }

    private func replace(
        _ member: SeparationCandidate, by separation: Separation, weights: [ValueID], in editor: inout GraphEditor
    ) throws {
        let node = member.node
        guard let output = node.outputs.first ?? nil else { return }
        let origin = Origin(pass: name, nodes: node.origin?.nodes ?? [member.label])
        let layers = member.shape.layers(of: separation)
        let outputName = editor.graph[output].name
        let between = try editor.insertSingle(
            .convolution(layers[0].convolution), inputs: [node.input(Convolution.Operand.input), weights[0]],
            output: .new(name: "\(outputName)/\(layers[0].role.rawValue)"), name: "\(member.label)/\(layers[0].role.rawValue)",
            before: node.id, origin: origin)
        let bias = node.input(Convolution.Operand.bias).map { [$0] } ?? []
        _ = try editor.insertSingle(
            .convolution(layers[1].convolution), inputs: [between, weights[1]] + bias, output: .existing(output),
            name: "\(member.label)/\(layers[1].role.rawValue)", before: node.id, origin: origin)
        editor.remove(node.id)
    }
}

extension Graph {
    /// The nodes that ask for nothing but the value's shape, when that is known: PyTorch's exporter writes them beside every
    /// convolution, unless it optimizes.
    func shapeReaders(of value: ValueID) -> [Node] {
        consumers(of: value).filter { node in
            switch node.operator {
            case .shapeOf, .sizeOf: node.captures.isEmpty && knownResults(of: node) != nil
            default: false
            }
        }
    }
}

extension GraphEditor {
    /// Removes a weight, with the node that makes it and what only that node needs, unless something still reads it.
    fileprivate mutating func removeUnused(_ value: ValueID) {
        guard graph.useCount(of: value) == 0, !graph.isOutput(value) else { return }
        guard let producer = graph.producer(of: value) else {
            if graph[value].source == .constant { removeValue(value) }
            return
        }
        switch producer.operator {
        case .constant, .constantOfShape:
            remove(producer.id)
            for operand in producer.inputs.compactMap({ $0 }) { removeUnused(operand) }
        default: return
        }
    }
}
