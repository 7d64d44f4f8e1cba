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
    ///
    /// What is added to or multiplied with the image before any layer normalizes the data and is no parameter: means and deviations
    /// that exporters write into the network.
    func parameters(isFrozen: (String) -> Bool) -> [ParameterCandidate] {
        var order: [ValueID] = []
        var seen: Set<ValueID> = []
        var frozen: Set<ValueID> = []
        var decaying: Set<ValueID> = []
        var data = Set(inputs)
        var layered: Set<ValueID> = []
        for node in nodes {
            let operands = node.inputs.compactMap { $0 }
            let isBehindLayer = operands.contains { layered.contains($0) }
            if !isBehindLayer, operands.contains(where: { data.contains($0) }), node.operator.isArithmetic || !readsParameter(node) {
                data.formUnion(node.outputs.compactMap { $0 })
                continue
            }
            if isBehindLayer || readsParameter(node) { layered.formUnion(node.outputs.compactMap { $0 }) }
            let isNodeFrozen = isFrozen(label(of: node))
            for (index, operand) in node.inputs.enumerated() {
                guard let operand, let source = parameter(operand, at: index, of: node) else { continue }
                if seen.insert(source).inserted { order.append(source) }
                if isNodeFrozen || isFrozen(self[source].name) { frozen.insert(source) }
                if node.operator.decays(operand: index) { decaying.insert(source) }
            }
        }
        return order.map {
            ParameterCandidate(name: self[$0].name, value: $0, isFrozen: frozen.contains($0), decays: decaying.contains($0))
        }
    }

    private func readsParameter(_ node: Node) -> Bool {
        node.inputs.enumerated().contains { index, operand in operand.flatMap { parameter($0, at: index, of: node) } != nil }
    }

    /// The constant that an operand holds as a parameter.
    private func parameter(_ operand: ValueID, at index: Int, of node: Node) -> ValueID? {
        guard let type = self[operand].tensorType, node.operator.parameterRole(ofOperand: index, type: type) == .trainable else {
            return nil
        }
        return parameterSource(of: operand)
    }

    /// The floating-point constant whose elements a value holds.
    private func parameterSource(of id: ValueID) -> ValueID? { constantSource(of: id).flatMap { isTrainable($0) ? $0 : nil } }

    /// The constant whose elements a value holds, moved or converted.
    private func constantSource(of id: ValueID) -> ValueID? {
        var id = id
        while let producer = producer(of: id), producer.operator.carriesParameters, let source = producer.inputs.first ?? nil {
            id = source
        }
        return constant(id) == nil ? nil : id
    }

    private func isTrainable(_ constant: ValueID) -> Bool {
        self[constant].tensorType.map { $0.elementType == .float32 || $0.elementType == .float64 } ?? false
    }

    /// - Throws: `CleaveError` for a weight that is not frozen, and stored in a type too coarse for the small steps of training.
    func checkParameterTypes(isFrozen: (String) -> Bool) throws {
        for node in nodes where !isFrozen(label(of: node)) {
            for (index, operand) in node.inputs.enumerated() {
                guard let operand, let type = self[operand].tensorType, type.elementType.isFloatingPoint,
                    node.operator.parameterRole(ofOperand: index, type: type) == .trainable, let source = constantSource(of: operand),
                    !isTrainable(source), !isFrozen(self[source].name)
                else { continue }
                throw CleaveError(
                    .unsupported, "the parameter is \(self[source].type?.description ?? "of unknown type"), but training changes float32",
                    at: .init(node: label(of: node), operatorName: node.operator.name, tensor: self[source].name),
                    suggestion: "store the parameters as float32, or freeze this one: --freeze '\(self[source].name)'")
            }
        }
    }
}

extension Operator {
    /// Whether the operator adds, subtracts, multiplies or divides element by element.
    fileprivate var isArithmetic: Bool {
        switch self {
        case .binary(let payload): [.add, .sub, .mul, .div].contains(payload.function)
        case .variadic: true
        default: false
        }
    }

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
