import GraphIR
import Tensors

/// A constant of a network that training could change.
struct ParameterCandidate {
    let name: String
    let value: ValueID
    let isFrozen: Bool
    let decays: Bool
}

extension Graph {
    /// Whether a node's parameters are frozen: by its label, or by the name of one of its constants.
    func isFrozen(_ node: Node, _ isFrozen: (String) -> Bool) -> Bool {
        let constants = node.inputs.compactMap { $0 }.compactMap { parameterSource(of: $0) }
        return isFrozen(label(of: node)) || constants.contains { isFrozen(self[$0].name) }
    }

    /// The floating-point constants that nodes read as weights, biases and factors, directly or through nodes that only move or
    /// convert them; each once, in execution order of the first node that reads it. One that several nodes read is frozen when it
    /// is at any of them.
    func parameters(isFrozen: (String) -> Bool) -> [ParameterCandidate] {
        var order: [ValueID] = []
        var seen: Set<ValueID> = []
        var frozen: Set<ValueID> = []
        var decaying: Set<ValueID> = []
        for node in nodes {
            let isNodeFrozen = isFrozen(label(of: node))
            for (index, operand) in node.inputs.enumerated() {
                guard let operand, let type = self[operand].tensorType, let source = parameterSource(of: operand),
                    node.operator.parameterRole(ofOperand: index, type: type) == .trainable
                else { continue }
                if seen.insert(source).inserted { order.append(source) }
                if isNodeFrozen || isFrozen(self[source].name) { frozen.insert(source) }
                if node.operator.decays(operand: index) { decaying.insert(source) }
            }
        }
        return order.map {
            ParameterCandidate(name: self[$0].name, value: $0, isFrozen: frozen.contains($0), decays: decaying.contains($0))
        }
    }

    /// The floating-point constant whose elements a value holds.
    private func parameterSource(of id: ValueID) -> ValueID? {
        var id = id
        while let producer = producer(of: id), producer.operator.carriesParameters, let source = producer.inputs.first ?? nil {
            id = source
        }
        guard constant(id) != nil, let type = self[id].tensorType?.elementType, type == .float32 || type == .float64 else { return nil }
        return id
    }
}

extension Operator {
    /// Whether weight decay applies to the operand: the weights of convolutions and matrix products.
    fileprivate func decays(operand index: Int) -> Bool {
        switch self {
        case .convolution, .convolutionTranspose: index == 1
        case .gemm: index <= 1
        case .matMul, .einsum: true
        default: false
        }
    }
}

extension GraphEditor {
    /// Makes the output of a `Constant` node an initializer.
    mutating func makeInitializer(_ id: ValueID) {
        guard let node = graph.producer(of: id), let tensor = graph.constant(id) else { return }
        setConstant(id, to: tensor)
        remove(node.id)
    }
}
