import Tensors

extension Graph {
    /// The versions of ONNX's default operator set that Cleave reads.
    public static let supportedOpsets = 1...23

    /// Checks every rule that a graph must obey.
    /// - Throws: the first of `faults`.
    public func verify() throws {
        if let fault = faults.first { throw fault }
    }

    /// Everything that is wrong with the graph, in a fixed order: model, values, nodes in execution order, types.
    ///
    /// Each fault names the node or tensor. Types are only checked in a graph whose structure is sound.
    public var faults: [CleaveError] {
        var verifier = GraphVerifier(graph: self, isSubgraph: false)
        verifier.checkOpsets()
        return verifier.checked()
    }

    /// Everything that is wrong with the graph as a subgraph: it inherits operator sets, and may give a value of the graph around it.
    fileprivate var faultsAsSubgraph: [CleaveError] {
        var verifier = GraphVerifier(graph: self, isSubgraph: true)
        return verifier.checked()
    }
}

/// Collects the faults of one graph.
private struct GraphVerifier {
    let graph: Graph
    let isSubgraph: Bool
    var faults: [CleaveError] = []
    var isStructureSound = true

    init(graph: Graph, isSubgraph: Bool) {
        self.graph = graph
        self.isSubgraph = isSubgraph
    }

    mutating func checked() -> [CleaveError] {
        checkValues()
        checkInterface()
        checkNodes()
        checkSubgraphs()
        checkReaders()
        if isStructureSound { checkTypes() }
        return faults
    }

    private mutating func report(_ fault: CleaveError, breaksStructure: Bool = false) {
        faults.append(fault)
        if breaksStructure { isStructureSound = false }
    }

    private mutating func report(
        _ problem: String, node: Node? = nil, tensor: ValueID? = nil, kind: CleaveError.Kind = .invalidGraph, breaksStructure: Bool = true
    ) {
        let location = CleaveError.Location(
            node: node.map { graph.label(of: $0) }, operatorName: node?.operator.name,
            tensor: tensor.flatMap { graph.contains($0) ? graph[$0].name : nil })
        report(CleaveError(kind, problem, at: location), breaksStructure: breaksStructure)
    }

    // MARK: Model

    mutating func checkOpsets() {
        var seen: Set<String> = []
        for opset in graph.opsets {
            let domain = opset.domain == "ai.onnx" ? "" : opset.domain
            if !seen.insert(domain).inserted {
                report("the operator set of domain '\(domain)' is imported twice, expected once", breaksStructure: false)
            }
            if domain.isEmpty, !Graph.supportedOpsets.contains(opset.version) {
                let range = Graph.supportedOpsets
                report(
                    CleaveError(
                        .unsupported,
                        "the model uses version \(opset.version) of ONNX's operator set, expected \(range.lowerBound) to "
                            + "\(range.upperBound)",
                        suggestion: "export the model again with opset \(range.upperBound)"))
            }
        }
        if !seen.contains("") {
            let needing = graph.nodes.first { if case .opaque = $0.operator { false } else { true } }
            if let needing { report("no version of ONNX's operator set is imported", node: needing, breaksStructure: false) }
        }
    }

    // MARK: Values

    mutating func checkValues() {
        var names: Set<String> = []
        let listed = graph.inputs.reduce(into: [ValueID: Int]()) { $0[$1, default: 0] += 1 }
        for value in graph.values {
            if value.name.isEmpty { report("value \(value.id.index) has an empty name") }
            if !names.insert(value.name).inserted { report("two values have this name, expected unique names", tensor: value.id) }
            if graph.valueIDs[value.name] != value.id { report("the value cannot be found by its name", tensor: value.id) }
            switch value.source {
            case .constant: checkConstant(value)
            case .node(let id, let index):
                let isMade = graph.contains(id) && graph[id].outputs.indices.contains(index) && graph[id].outputs[index] == value.id
                if !isMade { report("the node that should make the value does not", tensor: value.id) }
            case .graphInput:
                if listed[value.id] != 1 { report("the value is an input, but is not listed once as one", tensor: value.id) }
            case .external: break
            }
            if value.constant != nil, value.source != .constant { report("the value holds a tensor, but is no constant", tensor: value.id) }
            checkSize(of: value)
        }
    }

    /// Lengths that are open count as 1: whatever they are, the tensor is no smaller, or it is empty.
    private mutating func checkSize(of value: Value) {
        guard let type = value.tensorType, let lengths = type.shape?.compactMap(\.known), !lengths.contains(0) else { return }
        let count = try? Tensor.elementCount(of: lengths)
        // Strings have no fixed size; each takes at least a byte.
        guard count.flatMap({ type.elementType == .string ? $0 : type.elementType.byteCount(elements: $0) }) == nil else { return }
        report(
            CleaveError(
                .malformedTensor, "the tensor is \(type), more than memory can address", at: .init(tensor: value.name),
                suggestion: "check the lengths that the model declares, and those that it computes them from"))
    }

    private mutating func checkConstant(_ value: Value) {
        guard let tensor = value.constant else {
            report("the constant holds no tensor", tensor: value.id)
            return
        }
        let type = TensorType(tensor.elementType, lengths: tensor.shape)
        if value.type != .tensor(type) {
            report(
                "the constant is \(type), but its type is \(value.type.map(\.description) ?? "unknown")", tensor: value.id,
                kind: .typeMismatch)
        }
        checkDeclaration(of: value, against: type)
    }

    /// What the file declares must not contradict what the value is.
    private mutating func checkDeclaration(of value: Value, against type: TensorType) {
        guard let declared = value.encoding?.declaredType?.tensor else { return }
        var fits = declared.elementType == type.elementType
        if let shape = type.shape, let declaredShape = declared.shape {
            fits = fits && shape.count == declaredShape.count && !zip(shape, declaredShape).contains { $0.isCertainlyDifferent(from: $1) }
        }
        guard !fits else { return }
        report("the tensor is declared as \(declared), but it is \(type)", tensor: value.id, kind: .shapeMismatch, breaksStructure: false)
    }

    mutating func checkInterface() {
        for id in graph.inputs where !graph.contains(id) || graph[id].source != .graphInput {
            report("an input is listed that is none", tensor: id)
        }
        var seen: Set<ValueID> = []
        for id in graph.outputs {
            guard graph.contains(id) else { report("an output is not in the graph"); continue }
            if isSubgraph { continue }
            if graph[id].source == .external { report("the output is made by nothing", tensor: id) }
            if !seen.insert(id).inserted { report("the output is listed twice, expected once", tensor: id) }
        }
    }

    // MARK: Nodes

    mutating func checkNodes() {
        var done = [Bool](repeating: false, count: graph.nodeTable.count)
        for id in graph.order {
            guard graph.contains(id) else { report("the order has node \(id.index), which is gone"); continue }
            let node = graph[id]
            if done[id.index] { report("the node is in the order twice, expected once", node: node) }
            do {
                try node.checkCounts()
            } catch let fault as CleaveError {
                report(fault.at(node: graph.label(of: node), operatorName: node.operator.name), breaksStructure: true)
            } catch {
                report("\(error)", node: node)
            }
            for (index, value) in (node.inputs + node.captures).enumerated() {
                guard let value else { continue }
                guard graph.contains(value) else { report("operand \(index) is not in the graph", node: node); continue }
                if case .node(let producer, _) = graph[value].source, producer.index >= done.count || !done[producer.index] {
                    report("the node runs before the tensor that it reads is made", node: node, tensor: value)
                }
            }
            for (index, value) in node.outputs.enumerated() {
                guard let value else { continue }
                if !graph.contains(value) || graph[value].source != .node(id, index: index) {
                    report("output \(index) belongs to something else", node: node, tensor: value)
                }
            }
            done[id.index] = true
        }
        for case let node? in graph.nodeTable where !done[node.id.index] { report("the node is not in the order", node: node) }
    }

    /// What is wrong inside of nodes, and whether they list what their subgraphs read.
    mutating func checkSubgraphs() {
        for node in graph.nodes where node.operator.isControlFlow {
            let captured = Set(node.captures.filter { graph.contains($0) }.map { graph[$0].name })
            for (name, body) in node.operator.subgraphs {
                for fault in body.graph.faultsAsSubgraph {
                    report(fault.inside(node: graph.label(of: node), operatorName: node.operator.name))
                }
                let lost = body.graph.values.first {
                    $0.source == .external && $0.type == nil && body.graph.isUsed($0.id) && !captured.contains($0.name)
                }
                if let lost { report("\(name) reads '\(lost.name)', which the node does not capture", node: node) }
            }
        }
    }

    mutating func checkReaders() {
        var expected = [[NodeID: Int]](repeating: [:], count: graph.valueTable.count)
        for node in graph.nodeTable.lazy.compactMap({ $0 }) {
            for value in node.inputs + node.captures {
                guard let value, expected.indices.contains(value.index) else { continue }
                expected[value.index][node.id, default: 0] += 1
            }
        }
        for (index, counts) in expected.enumerated() where graph.readers[index].counts != counts {
            report("the list of nodes that read the value is wrong", tensor: ValueID(index))
        }
    }

    // MARK: Types

    /// Every node infers again what is stored of its outputs.
    mutating func checkTypes() {
        for node in graph.nodes {
            do {
                for (id, inferred) in zip(node.outputs, try graph.inferredOutputs(of: node, substituting: [:])) {
                    guard let value = id.map({ graph[$0] }) else { continue }
                    if value.type != inferred.type || value.contents != inferred.contents {
                        report(
                            "the stored type is \(value.type.map(\.description) ?? "unknown"), but inference says "
                                + (inferred.type.map(\.description) ?? "unknown"),
                            node: node, tensor: id, kind: .typeMismatch, breaksStructure: false)
                    }
                    if let type = inferred.type?.tensor { checkDeclaration(of: value, against: type) }
                }
            } catch let fault as CleaveError {
                report(fault)
            } catch {
                report("\(error)", node: node, breaksStructure: false)
            }
        }
    }
}
