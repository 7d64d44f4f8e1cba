import GraphIR

extension Graph {
    /// The network as it is used: batch norms take their running statistics and dropouts drop nothing, also where an exporter wrote
    /// them as they are in training. Values and their names stay.
    ///
    /// A batch norm whose new statistics are read, or are graph outputs, stays as it is.
    public func forInference() throws -> Graph {
        var graph = self
        try graph.edit { editor in
            for id in editor.graph.order {
                let node = editor.graph[id]
                guard let (operation, inputs) = node.inferenceForm, let output = node.outputs.first ?? nil,
                    node.outputs.dropFirst().allSatisfy({ !editor.graph.isRead($0) })
                else { continue }
                try editor.insert(
                    operation, inputs: inputs, outputs: [.existing(output)], name: node.name, before: id, origin: node.origin)
                editor.remove(id)
            }
        }
        return graph
    }

    /// Whether a node reads the value, or it is a graph output.
    func isRead(_ id: ValueID?) -> Bool { id.map { useCount(of: $0) > 0 || isOutput($0) } ?? false }
}

extension Node {
    /// What computes the node's first output outside of training; `nil` where the node does.
    fileprivate var inferenceForm: (operation: Operator, inputs: [ValueID?])? {
        switch self.operator {
        case .batchNorm(var payload) where payload.trainingMode:
            payload.trainingMode = false
            return (.batchNorm(payload), inputs)
        case .dropout(var payload) where payload.isTraining || input(Dropout.Operand.trainingMode) != nil:
            if payload.isTraining { payload.isTestLegacy = true }
            return (.dropout(payload), Array(inputs.prefix(Dropout.Operand.trainingMode.rawValue)))
        default: return nil
        }
    }
}
