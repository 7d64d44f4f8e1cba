import Tensors

/// What a graph holds and does: parameters, multiply-accumulates, and memory for activations.
public struct GraphCost: Hashable, Sendable {
    /// The cost of one node.
    public struct Layer: Hashable, Sendable {
        public var node: NodeID
        /// As `Graph.label(of:)` says it.
        public var name: String
        /// ONNX's operator name.
        public var operatorName: String
        /// Elements of weights, biases and batch norm's statistics that this node is the first to read.
        public var parameters: Int
        /// Those of them that training changes: all but batch norm's statistics.
        public var trainableParameters: Int
        /// Bytes that the parameters take.
        public var parameterBytes: Int
        /// Multiply-accumulate operations; 0 for operators that do none, `nil` when a shape that matters is not known.
        public var multiplyAccumulates: Int?
        /// Bytes of the outputs that depend on an input of the graph, or are an output of it; `nil` when a shape is not known.
        public var activationBytes: Int?
    }

    /// One entry per node, in execution order.
    public var layers: [Layer]
    /// Bytes of the graph's inputs; `nil` when a shape is not known.
    public var inputBytes: Int?
    /// Most bytes of inputs and node outputs that are needed at one time in execution order, each from the node that makes
    /// it to the last that reads it; `nil` when a shape is not known.
    public var peakActivationBytes: Int?

    public var parameters: Int { layers.reduce(0) { saturatingSum($0, $1.parameters) } }
    public var trainableParameters: Int { layers.reduce(0) { saturatingSum($0, $1.trainableParameters) } }
    public var parameterBytes: Int { layers.reduce(0) { saturatingSum($0, $1.parameterBytes) } }

    /// The sum over all layers; `nil` when that of a layer is not known, or the sum does not fit an `Int`.
    public var multiplyAccumulates: Int? { sum(layers.map(\.multiplyAccumulates)) }
    /// Bytes of the inputs and of the outputs of all layers; `nil` when one is not known, or the sum does not fit an `Int`.
    public var activationBytes: Int? { sum([inputBytes] + layers.map(\.activationBytes)) }
}

/// The sum of two numbers that are not negative, or the largest `Int`.
private func saturatingSum(_ left: Int, _ right: Int) -> Int {
    let (sum, overflow) = left.addingReportingOverflow(right)
    return overflow ? .max : sum
}

/// `nil` when a term is, or on overflow.
private func sum(_ terms: [Int?]) -> Int? {
    var total = 0
    for term in terms {
        guard let term else { return nil }
        let (next, overflow) = total.addingReportingOverflow(term)
        if overflow { return nil }
        total = next
    }
    return total
}

extension Graph {
    /// Counts parameters, work and memory.
    ///
    /// Parameters are the floating-point or quantized constants that operators read as weights, biases, factors or statistics
    /// (`Operator.parameterRole`), directly or through nodes that only move or convert them; a constant that several nodes
    /// read counts once. Shapes, axes, limits, quantization scales and zero points are none.
    /// - Parameter lengths: numbers for named lengths of the inputs. The first dimension of an input is taken as 1
    ///   when it is neither known nor named here.
    /// - Throws: `CleaveError` when operands do not fit at these lengths.
    public func cost(assuming lengths: [String: Int]) throws -> GraphCost {
        try specialized(inputShapes: shapes(assuming: lengths)).measuredCost()
    }

    /// Most bytes of inputs and node outputs that a run in execution order needs at one time, those that are the same at every run
    /// included; `nil` when a shape is not known.
    /// - Parameter lengths: as for `cost(assuming:)`.
    /// - Throws: `CleaveError` when operands do not fit at these lengths.
    public func peakRunBytes(assuming lengths: [String: Int]) throws -> Int? {
        let graph = try specialized(inputShapes: shapes(assuming: lengths))
        return graph.peakActivationBytes(fixed: graph.valueTable.map { $0?.source == .constant })
    }

    /// The shapes of the inputs that are fully known then.
    private func shapes(assuming lengths: [String: Int]) -> [String: [Int]] {
        var lengths = lengths
        for id in inputs {
            guard case .symbolic(let batch)? = self[id].tensorType?.shape?.first, let name = batch.name else { continue }
            lengths[name] = lengths[name] ?? 1
        }
        var result: [String: [Int]] = [:]
        for id in inputs {
            guard let type = self[id].tensorType, var shape = type.shape?.map({ $0.substituting(lengths) }) else { continue }
            if shape.first == .unknown { shape[0] = 1 }
            result[self[id].name] = TensorType(type.elementType, shape).knownShape
        }
        return result
    }

    private func measuredCost() -> GraphCost {
        var counted: Set<ValueID> = []
        let fixed = fixedValues()
        let layers = nodes.map { node in
            var layer = GraphCost.Layer(
                node: node.id, name: label(of: node), operatorName: node.operator.name, parameters: 0, trainableParameters: 0,
                parameterBytes: 0, multiplyAccumulates: node.operator.payload.multiplyAccumulates(costContext(of: node)),
                activationBytes: outputBytes(of: node, fixed: fixed))
            for (index, operand) in node.inputs.enumerated() {
                guard let operand, let parameter = parameter(behind: operand),
                    let type = self[operand].tensorType, let role = node.operator.parameterRole(ofOperand: index, type: type),
                    counted.insert(parameter.value).inserted
                else { continue }
                layer.parameters = saturatingSum(layer.parameters, parameter.elements)
                layer.parameterBytes = saturatingSum(layer.parameterBytes, parameter.bytes)
                if role == .trainable { layer.trainableParameters = saturatingSum(layer.trainableParameters, parameter.elements) }
            }
            return layer
        }
        return GraphCost(
            layers: layers, inputBytes: sum(inputs.map { byteCount(of: $0) }), peakActivationBytes: peakActivationBytes(fixed: fixed))
    }

    /// The constant, or filled shape, that a value holds the elements of; `nil` when it holds something else.
    private func parameter(behind id: ValueID) -> (value: ValueID, elements: Int, bytes: Int)? {
        var id = id
        while let producer = producer(of: id) {
            if case .constant = producer.operator { break }
            if case .constantOfShape = producer.operator { break }
            guard producer.operator.carriesParameters, let source = producer.inputs.first ?? nil else { return nil }
            id = source
        }
        guard self[id].source != .graphInput, self[id].source != .external, let type = self[id].tensorType,
            type.elementType.isFloatingPoint || (type.elementType.isInteger && type.elementType.bitWidth <= 32),
            let shape = type.knownShape, let elements = try? Tensor.elementCount(of: shape),
            let bytes = type.elementType.byteCount(elements: elements)
        else { return nil }
        return (id, elements, bytes)
    }

    // MARK: Memory

    private func byteCount(of id: ValueID) -> Int? {
        guard let type = self[id].tensorType, let shape = type.knownShape, let elements = try? Tensor.elementCount(of: shape) else {
            return nil
        }
        return type.elementType.byteCount(elements: elements)
    }

    /// Bytes of the outputs; `fixed` values are none of the activations.
    private func outputBytes(of node: Node, fixed: [Bool]) -> Int? {
        sum(node.outputs.compactMap { $0 }.map { fixed[$0.index] ? 0 : byteCount(of: $0) })
    }

    /// Per value, whether it is no activation: a constant, or computed from nothing else and no output of the graph.
    private func fixedValues() -> [Bool] {
        var fixed = valueTable.map { $0?.source == .constant }
        for node in nodes {
            if case .opaque = node.operator { continue }
            guard node.captures.isEmpty, node.inputs.allSatisfy({ $0.map { fixed[$0.index] } ?? true }) else { continue }
            for value in node.outputs { if let value { fixed[value.index] = true } }
        }
        // Whoever runs the graph gets them in memory of their own.
        for output in outputs where producer(of: output) != nil { fixed[output.index] = false }
        return fixed
    }

    private func peakActivationBytes(fixed: [Bool]) -> Int? {
        var remaining = [Int](repeating: 0, count: valueTable.count)
        for value in values { remaining[value.id.index] = readers[value.id.index].count + (isOutput(value.id) ? 1 : 0) }
        guard var live = sum(inputs.map { byteCount(of: $0) }) else { return nil }
        func freed(_ id: ValueID) -> Int { fixed[id.index] || self[id].source == .external ? 0 : byteCount(of: id) ?? 0 }
        var peak = live
        for node in nodes {
            guard let made = outputBytes(of: node, fixed: fixed), let total = sum([live, made]) else { return nil }
            live = total
            peak = max(peak, live)
            for value in node.outputs.compactMap({ $0 }) where remaining[value.index] == 0 { live -= freed(value) }
            for value in node.inputs.compactMap({ $0 }) + node.captures {
                remaining[value.index] -= 1
                if remaining[value.index] == 0 { live -= freed(value) }
            }
        }
        return peak
    }
}
