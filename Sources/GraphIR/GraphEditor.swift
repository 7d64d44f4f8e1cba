import Tensors

extension Graph {
    /// Changes the graph in one transaction: `body` works on a copy, and when it returns, what it touched is ordered,
    /// inferred again and verified, and the graph is replaced. When anything throws, the graph is untouched.
    public mutating func edit<Result>(_ body: (inout GraphEditor) throws -> Result) throws -> Result {
        var editor = GraphEditor(self)
        let result = try body(&editor)
        self = try editor.committed()
        return result
    }
}

/// A transaction on a graph. Every method keeps the bookkeeping (names, producers, readers) right; order and types of
/// what changed are settled at commit.
public struct GraphEditor {
    /// The graph as changed so far. Types of new nodes are there at once; nodes further down follow at commit.
    public private(set) var graph: Graph
    /// New nodes that go before a node of the old order, in the order of insertion.
    private var insertions: [NodeID: [NodeID]] = [:]
    private var appended: [NodeID] = []
    /// Nodes whose outputs are inferred again at commit.
    private var touched: Set<NodeID> = []
    private var orderChanged = false
    /// Nodes whose names are made unique at commit, when what they replace is gone.
    private var renamable: [NodeID] = []

    init(_ graph: Graph) { self.graph = graph }

    // MARK: Values

    /// Adds an input that the caller gives at every run.
    /// - Throws: `CleaveError` when the name is taken or empty.
    public mutating func addInput(_ name: String, type: ValueType?) throws -> ValueID {
        let id = try addValue(named: name, source: .graphInput, type: type)
        graph.inputs.append(id)
        return id
    }

    /// Adds an initializer. The name is made unique by a suffix when it is taken.
    public mutating func addConstant(_ tensor: Tensor, name: String) throws -> ValueID {
        let id = try addValue(named: uniqueName(name), source: .constant, type: nil)
        setConstant(id, to: tensor)
        return id
    }

    /// Adds a value under exactly this name, made by nothing yet.
    /// - Throws: `CleaveError` when the name is taken or empty.
    public mutating func addValue(named name: String, source: Value.Source, type: ValueType?) throws -> ValueID {
        guard !name.isEmpty else { throw CleaveError(.invalidGraph, "a value has an empty name") }
        guard graph.valueIDs[name] == nil else {
            throw CleaveError(
                .invalidGraph, "two values are called '\(name)', expected unique names", at: .init(tensor: name),
                suggestion: "rename one of them, or export the model again")
        }
        let id = ValueID(graph.valueTable.count)
        graph.valueTable.append(
            Value(id: id, name: name, type: type, source: source, constant: nil, contents: nil, encoding: nil))
        graph.readers.append(ReaderList())
        graph.valueIDs[name] = id
        return id
    }

    /// Makes the value an initializer holding `tensor`, or gives an initializer another tensor.
    ///
    /// When a node makes the value, that node loses the output; a graph input stops being one.
    public mutating func setConstant(_ id: ValueID, to tensor: Tensor) {
        detachProducer(of: id)
        update(id) {
            $0.source = .constant
            $0.constant = tensor
            $0.type = .tensor(TensorType(tensor.elementType, lengths: tensor.shape))
            $0.contents = tensor.inferenceContents
        }
        touchReaders(of: id)
    }

    public mutating func setType(_ id: ValueID, to type: ValueType?) {
        update(id) { $0.type = type }
        touchReaders(of: id)
    }

    /// Sets what the file said of the value; a declared type fills in what inference leaves open.
    public mutating func setEncoding(_ id: ValueID, to encoding: ValueEncoding?) {
        if graph[id].encoding?.declaredType != encoding?.declaredType, case .node(let node, _) = graph[id].source { touched.insert(node) }
        update(id) { $0.encoding = encoding }
    }

    /// Declares the outputs of the graph, in order.
    public mutating func setOutputs(_ ids: [ValueID]) { graph.outputs = ids }

    /// Makes every reader of `old` read `new` instead.
    /// - Precondition: `old` is not captured by a subgraph; graph outputs keep their value (give it a new producer instead).
    public mutating func replaceUses(of old: ValueID, with new: ValueID) {
        precondition(!graph.isCaptured(old), "a subgraph reads the value by name")
        let readers = graph.readers[old.index]
        for node in readers.distinct {
            updateNode(node) { current in current.inputs = current.inputs.map { $0 == old ? new : $0 } }
        }
        graph.readers[old.index] = ReaderList()
        graph.readers[new.index].add(readers)
        orderChanged = true
    }

    /// Removes a value that nobody reads, nobody makes, and that is not a graph output.
    /// - Precondition: the value is unused.
    public mutating func removeValue(_ id: ValueID) {
        precondition(graph.readers[id.index].isEmpty && !graph.isOutput(id), "the value is in use")
        detachProducer(of: id)
        graph.valueIDs[graph[id].name] = nil
        graph.valueTable[id.index] = nil
    }

    /// A name that no value of the graph and of its subgraphs has: `base`, or `base` with a number.
    public mutating func uniqueName(_ base: String) -> String {
        let base = base.isEmpty ? "value" : base
        guard isTaken(base) else { return base }
        var suffix = graph.nextSuffix[base] ?? 1
        while isTaken("\(base)_\(suffix)") { suffix += 1 }
        graph.nextSuffix[base] = suffix + 1
        return "\(base)_\(suffix)"
    }

    private func isTaken(_ name: String) -> Bool { graph.valueIDs[name] != nil || graph.reservedNames.contains(name) }

    /// Keeps `uniqueName` from giving these names, which subgraphs in attributes define.
    public mutating func reserve(_ names: Set<String>) { graph.reservedNames.formUnion(names) }

    // MARK: Nodes

    /// What becomes of an output of a new node.
    public enum Output: Hashable, Sendable {
        /// A new value, whose name is made unique.
        case new(name: String)
        /// A value that exists: whoever made it loses it, its name and readers stay.
        case existing(ValueID)
        /// Left out.
        case none
    }

    /// Adds a node before `anchor` (at the end without one) and infers its outputs.
    ///
    /// At commit the name gets a number when another node of the graph has it, as ONNX Runtime takes no two nodes of one name.
    /// - Parameter keepsName: leaves the name as it is, whoever else has it: it is that of an imported node.
    /// - Returns: the new node; its outputs are `graph[id].outputs`.
    /// - Throws: `CleaveError` when the operands do not fit the operator.
    @discardableResult
    public mutating func insert(
        _ operation: Operator, inputs: [ValueID?], outputs: [Output], name: String, before anchor: NodeID?, origin: Origin?,
        captures: [ValueID] = [], encoding: NodeEncoding? = nil, keepsName: Bool = false
    ) throws -> NodeID {
        let id = NodeID(graph.nodeTable.count)
        if !name.isEmpty && !keepsName { renamable.append(id) }
        graph.nodeTable.append(
            Node(
                id: id, name: name, operator: operation, inputs: inputs, outputs: [], captures: captures, origin: origin,
                encoding: encoding))
        for value in inputs.compactMap({ $0 }) + captures { graph.readers[value.index].add(id) }
        for (index, output) in outputs.enumerated() {
            switch output {
            case .none: updateNode(id) { $0.outputs.append(nil) }
            case .new(let name):
                let value = try addValue(named: uniqueName(name), source: .node(id, index: index), type: nil)
                updateNode(id) { $0.outputs.append(value) }
            case .existing(let value):
                detachProducer(of: value)
                update(value) {
                    $0.source = .node(id, index: index)
                    $0.constant = nil
                }
                updateNode(id) { $0.outputs.append(value) }
            }
        }
        if let anchor { insertions[anchor, default: []].append(id) } else { appended.append(id) }
        orderChanged = true
        touched.remove(id)
        if try graph.inferOutputs(of: id, substituting: [:]) {
            for value in graph[id].outputs.compactMap({ $0 }) { touchReaders(of: value) }
        }
        return id
    }

    /// The first output of a node inserted as by `insert`, for the common case of an operator with one output.
    public mutating func insertSingle(
        _ operation: Operator, inputs: [ValueID?], output: Output, name: String, before anchor: NodeID?, origin: Origin?
    ) throws -> ValueID {
        let node = try insert(operation, inputs: inputs, outputs: [output], name: name, before: anchor, origin: origin)
        guard let value = graph[node].outputs.first ?? nil else { preconditionFailure("a single output cannot be left out") }
        return value
    }

    /// Makes the node that makes `value` make a new value instead, so that another node can take its place with `.existing(value)`;
    /// readers and outputs stay with `value`.
    /// - Parameter name: that of the new value, made unique.
    /// - Precondition: a node makes the value.
    public mutating func redirectProducer(of value: ValueID, to name: String) throws -> ValueID {
        guard case .node(let node, let index) = graph[value].source else { preconditionFailure("no node makes the value") }
        let new = try addValue(named: uniqueName(name), source: .node(node, index: index), type: graph[value].type)
        updateNode(node) { $0.outputs[index] = new }
        update(value) { $0.source = .external }
        return new
    }

    /// Gives a value another name.
    /// - Throws: `CleaveError` when the name is taken or empty, or a subgraph reads the value by its name.
    public mutating func rename(_ id: ValueID, to name: String) throws {
        let old = graph[id].name
        guard name != old else { return }
        guard !name.isEmpty, !isTaken(name), !graph.isCaptured(id) else {
            throw CleaveError(.invalidGraph, "the value cannot be called '\(name)'", at: .init(tensor: old))
        }
        graph.valueIDs[old] = nil
        graph.valueIDs[name] = id
        update(id) { $0.name = name }
    }

    /// Gives a node another operator; its operands and outputs stay.
    public mutating func setOperator(_ id: NodeID, to operation: Operator) {
        updateNode(id) {
            if $0.operator != operation { $0.encoding?.attributesAreCurrent = false }
            $0.operator = operation
        }
    }

    /// Makes a node read other values.
    public mutating func setInputs(_ id: NodeID, to inputs: [ValueID?]) {
        for value in graph[id].inputs.compactMap({ $0 }) { graph.readers[value.index].removeOne(id) }
        for value in inputs.compactMap({ $0 }) { graph.readers[value.index].add(id) }
        updateNode(id) { $0.inputs = inputs }
        orderChanged = true
    }

    public mutating func setOrigin(_ id: NodeID, to origin: Origin?) { updateNode(id) { $0.origin = origin } }

    /// Removes a node whose outputs nobody reads, with these outputs.
    /// - Precondition: no output is read or a graph output.
    public mutating func remove(_ id: NodeID) {
        let node = graph[id]
        for value in node.inputs.compactMap({ $0 }) + node.captures { graph.readers[value.index].removeOne(id) }
        for value in node.outputs.compactMap({ $0 }) { removeValue(value) }
        graph.nodeTable[id.index] = nil
        touched.remove(id)
        orderChanged = true
    }

    /// Sets the version of an operator set, adding the domain when it is new.
    public mutating func setOpset(domain: String, version: Int) {
        if let index = graph.opsets.firstIndex(where: { $0.domain == domain }) {
            guard graph.opsets[index].version != version else { return }
            graph.opsets[index].version = version
        } else {
            graph.opsets.append(.init(domain: domain, version: version))
        }
        let opsets = graph.opsets
        // The order is that before the edit: nodes may be gone from it, and others may be new.
        for node in graph.nodeTable.compactMap({ $0?.id }) {
            updateNode(node) {
                $0.encoding?.attributesAreCurrent = false
                if $0.operator.isControlFlow { $0.operator = $0.operator.mappingSubgraphs { $0.importing(opsets) } }
            }
        }
    }

    public mutating func setEncoding(_ encoding: GraphEncoding?) { graph.encoding = encoding }
    public mutating func setMetadata(_ entries: [Graph.MetadataEntry]) { graph.metadata = entries }

    // MARK: Bookkeeping

    private mutating func update(_ id: ValueID, _ change: (inout Value) -> Void) {
        guard graph.valueTable[id.index] != nil else { preconditionFailure("value \(id.index) is not in the graph") }
        change(&graph.valueTable[id.index]!)
    }

    private mutating func updateNode(_ id: NodeID, _ change: (inout Node) -> Void) {
        guard graph.nodeTable[id.index] != nil else { preconditionFailure("node \(id.index) is not in the graph") }
        change(&graph.nodeTable[id.index]!)
        touched.insert(id)
    }

    /// Takes the value from whatever gives it; the caller gives it a new source or removes it.
    private mutating func detachProducer(of id: ValueID) {
        switch graph[id].source {
        case .node(let node, let index):
            guard graph.contains(node) else { return }
            updateNode(node) { $0.outputs[index] = nil }
        case .graphInput: graph.inputs.removeAll { $0 == id }
        case .constant, .external: return
        }
        update(id) { $0.source = .external }
    }

    private mutating func touchReaders(of id: ValueID) { touched.formUnion(graph.readers[id.index].distinct) }

    // MARK: Commit

    func committed() throws -> Graph {
        var editor = self
        editor.settleNames()
        if orderChanged { try editor.settleOrder() }
        try editor.settleTypes()
        return editor.graph
    }

    private mutating func settleNames() {
        let renamable = renamable.filter(graph.contains)
        guard !renamable.isEmpty else { return }
        let isRenamable = Set(renamable)
        var names = UniqueNames(taken: Set(graph.nodeTable.lazy.compactMap { $0 }.filter { !isRenamable.contains($0.id) }.map(\.name)))
        for id in renamable {
            let name = names.unique(graph[id].name)
            graph.nodeTable[id.index]?.name = name
        }
    }

    private mutating func settleOrder() throws {
        var order: [NodeID] = []
        order.reserveCapacity(graph.order.count + appended.count)
        func place(_ id: NodeID, into order: inout [NodeID]) {
            var pending = [(id, false)]
            while let (node, expanded) = pending.popLast() {
                if !expanded, let before = insertions[node] {
                    pending.append((node, true))
                    pending += before.reversed().map { ($0, false) }
                } else if graph.contains(node) {
                    order.append(node)
                }
            }
        }
        for id in graph.order { place(id, into: &order) }
        for id in appended { place(id, into: &order) }
        graph.order = try graph.topologicalOrder(preferring: order)
    }

    /// Infers the touched nodes again and whatever follows from changed types, in execution order.
    private mutating func settleTypes() throws {
        guard !touched.isEmpty else { return }
        var isDirty = [Bool](repeating: false, count: graph.nodeTable.count)
        for id in touched { isDirty[id.index] = true }
        for id in graph.order where isDirty[id.index] {
            guard try graph.inferOutputs(of: id, substituting: [:]) else { continue }
            for value in graph[id].outputs.lazy.compactMap({ $0 }) {
                for reader in graph.readers[value.index].distinct { isDirty[reader.index] = true }
            }
        }
    }
}
