import Tensors

/// A network: nodes in an order in which they can run, and the values between them.
///
/// A graph is a value. It changes only through `edit`, which works on a copy, infers types as it wires, verifies what it
/// touched, and then commits or throws with the graph untouched.
public struct Graph: Sendable {
    public struct OpsetImport: Hashable, Sendable {
        /// Empty for ONNX's own operators.
        public var domain: String
        public var version: Int

        public init(domain: String, version: Int) {
            self.domain = domain
            self.version = version
        }
    }

    public internal(set) var name: String
    public internal(set) var opsets: [OpsetImport]
    /// What the caller gives at every run, in order.
    public internal(set) var inputs: [ValueID] = []
    public internal(set) var outputs: [ValueID] = [] {
        didSet { outputSet = Set(outputs) }
    }
    /// Key–value pairs of the model, in order (`metadata_props`).
    public internal(set) var metadata: [MetadataEntry] = []
    /// What the file said beyond the fields here, as the importer left it.
    public internal(set) var encoding: GraphEncoding?

    /// Nodes in execution order.
    public internal(set) var order: [NodeID] = []
    var nodeTable: [Node?] = []
    var valueTable: [Value?] = []
    /// Per value, the nodes that read it.
    var readers: [ReaderList] = []
    private var outputSet: Set<ValueID> = []
    var valueIDs: [String: ValueID] = [:]
    /// Names that subgraphs in attributes give to values of their own, which new values must not be mistaken for.
    var reservedNames: Set<String> = []
    /// Per base name, the number to try next for a unique one.
    var nextSuffix: [String: Int] = [:]

    public struct MetadataEntry: Hashable, Sendable {
        public var key: String
        public var value: String

        public init(key: String, value: String) {
            self.key = key
            self.value = value
        }
    }

    /// An empty graph for operators of ONNX's default domain at `opset`.
    public init(name: String, opset: Int) {
        self.init(name: name, opsets: [OpsetImport(domain: "", version: opset)])
    }

    public init(name: String, opsets: [OpsetImport]) {
        self.name = name
        self.opsets = opsets
    }

    /// The version of ONNX's default operator set; 1 when the model imports none.
    public var opset: Int { opsets.first { $0.domain.isEmpty || $0.domain == "ai.onnx" }?.version ?? 1 }

    /// The nodes in execution order.
    public var nodes: some Sequence<Node> { order.lazy.compactMap { nodeTable[$0.index] } }
    public var nodeCount: Int { order.count }

    /// All values, in the order in which they were made.
    public var values: some Sequence<Value> { valueTable.lazy.compactMap { $0 } }

    /// The node with the given identifier. It is a programming error to ask for one of another graph or one that is gone.
    public subscript(id: NodeID) -> Node {
        guard let node = nodeTable[id.index] else { preconditionFailure("node \(id.index) is not in the graph") }
        return node
    }

    /// The value with the given identifier. It is a programming error to ask for one of another graph or one that is gone.
    public subscript(id: ValueID) -> Value {
        guard let value = valueTable[id.index] else { preconditionFailure("value \(id.index) is not in the graph") }
        return value
    }

    public func contains(_ id: NodeID) -> Bool { id.index < nodeTable.count && nodeTable[id.index] != nil }
    public func contains(_ id: ValueID) -> Bool { id.index < valueTable.count && valueTable[id.index] != nil }

    public func value(named name: String) -> Value? { valueIDs[name].map { self[$0] } }

    /// The node that makes the value; `nil` for inputs and constants.
    public func producer(of id: ValueID) -> Node? {
        if case .node(let node, _) = self[id].source { self[node] } else { nil }
    }

    /// The nodes that read the value, each once, in execution-independent but stable order (by identifier).
    public func consumers(of id: ValueID) -> [Node] { readers[id.index].distinct.map { self[$0] } }

    /// How many operand positions and captures read the value.
    public func useCount(of id: ValueID) -> Int { readers[id.index].count }

    public func isOutput(_ id: ValueID) -> Bool { outputSet.contains(id) }

    /// Whether anything reads the value, or it is an output.
    func isUsed(_ id: ValueID) -> Bool { useCount(of: id) > 0 || isOutput(id) }

    /// Whether a subgraph reads the value by name, so that it must keep its name and meaning.
    public func isCaptured(_ id: ValueID) -> Bool {
        readers[id.index].distinct.contains { self[$0].captures.contains(id) }
    }

    /// The constant that an operand is, whether an initializer or the output of a `Constant` node.
    public func constant(_ id: ValueID?) -> Tensor? {
        guard let id else { return nil }
        let value = self[id]
        if let constant = value.constant { return constant }
        if case .constant(let payload)? = producer(of: id)?.operator { return payload.value.tensor }
        return nil
    }

    /// What to call a node in messages and tables: its name, or its first output's where it has none.
    public func label(of node: Node) -> String {
        if !node.name.isEmpty { return node.name }
        return node.outputs.compactMap { $0 }.first.map { self[$0].name } ?? "node \(node.id.index)"
    }

    /// Types of operands and outputs, for `OperatorPayload.multiplyAccumulates`.
    public func costContext(of node: Node) -> CostContext {
        func types(_ ids: [ValueID?]) -> [TensorType?] { ids.map { $0.flatMap { self[$0].tensorType } } }
        return CostContext(inputs: types(node.inputs), outputs: types(node.outputs))
    }

    /// Replaces the value at key `key`, or appends the entry.
    public mutating func setMetadata(_ key: String, to value: String) {
        if let index = metadata.firstIndex(where: { $0.key == key }) {
            metadata[index].value = value
        } else {
            metadata.append(MetadataEntry(key: key, value: value))
        }
    }
}

/// What an imported model held beyond the typed graph, each as an encoded protobuf message.
public struct GraphEncoding: Hashable, Sendable {
    /// The `ModelProto` without what the typed graph holds.
    public var model: [UInt8]
    /// Names of all `graph.input` entries in order, initializers listed as inputs included.
    public var listedInputs: [String]
    /// Names of initializers in order.
    public var initializerOrder: [String]
    /// Names of `value_info` entries in order.
    public var declarationOrder: [String]
    /// Bytes of all files that tensors of the model keep their elements in.
    public var externalByteCount: Int
    /// What is wrong with the order of the nodes in the file, of which the graph knows nothing: its own order is right.
    public var orderFault: CleaveError?

    public init(
        model: [UInt8], listedInputs: [String], initializerOrder: [String], declarationOrder: [String], externalByteCount: Int,
        orderFault: CleaveError? = nil
    ) {
        self.model = model
        self.listedInputs = listedInputs
        self.initializerOrder = initializerOrder
        self.declarationOrder = declarationOrder
        self.externalByteCount = externalByteCount
        self.orderFault = orderFault
    }
}
