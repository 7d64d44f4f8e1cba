import Tensors

/// A network inside a node: a branch, or the body of a loop.
///
/// It may read values of the graphs around it by name. In `graph` these are values whose source is `.external`; the node lists
/// them in `Node.captures`. The types in `graph` are those that the subgraph alone tells; `typed(inputs:captures:)` gives the ones
/// that it has where the node stands.
public struct Subgraph: Hashable, Sendable {
    private let storage: Storage

    /// Keeps operators small: most nodes have no subgraph.
    private final class Storage: Sendable {
        let graph: Graph

        init(_ graph: Graph) { self.graph = graph }
    }

    public init(_ graph: Graph) { storage = Storage(graph) }

    public var graph: Graph { storage.graph }

    /// Whether both compute the same under the same names; how a file encoded them does not matter.
    public static func == (left: Subgraph, right: Subgraph) -> Bool {
        if left.storage === right.storage { return true }
        let (left, right) = (left.graph, right.graph)
        return left.name == right.name && left.opsets == right.opsets && left.inputs == right.inputs && left.outputs == right.outputs
            && left.nodes.elementsEqual(right.nodes) { $0.meansTheSame(as: $1) }
            && left.values.elementsEqual(right.values) { $0.name == $1.name && $0.source == $1.source && $0.constant == $1.constant }
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(graph.name)
        hasher.combine(graph.inputs)
        hasher.combine(graph.outputs)
        for node in graph.nodes {
            hasher.combine(node.operator.name)
            hasher.combine(node.inputs)
        }
    }

    /// The same subgraph for other versions of operator sets.
    func importing(_ opsets: [Graph.OpsetImport]) -> Subgraph {
        var graph = graph
        graph.opsets = opsets
        for id in graph.order {
            graph.nodeTable[id.index]?.encoding?.attributesAreCurrent = false
            if let node = graph.nodeTable[id.index] {
                graph.nodeTable[id.index]?.operator = node.operator.mappingSubgraphs { $0.importing(opsets) }
            }
        }
        return Subgraph(graph)
    }
}

extension Node {
    fileprivate func meansTheSame(as other: Node) -> Bool {
        guard name == other.name, `operator` == other.operator, inputs == other.inputs, outputs == other.outputs,
            captures == other.captures
        else { return false }
        // The attributes of an operator that Cleave does not know are nowhere else.
        if case .opaque = `operator` { return encoding == other.encoding }
        return true
    }
}

/// What is known of a value before the network runs.
public struct KnownValue: Hashable, Sendable {
    public var type: ValueType?
    public var constant: Tensor?
    /// As `Value.contents`.
    public var contents: [Dimension]?

    public init(type: ValueType?, constant: Tensor?, contents: [Dimension]?) {
        self.type = type
        self.constant = constant
        self.contents = contents
    }
}

extension Subgraph {
    /// The graph with the types that its values have where the node stands.
    /// - Parameters:
    ///   - inputs: what the node gives to the subgraph's inputs, in order.
    ///   - captures: values of the graphs around it, by name.
    /// - Throws: `CleaveError` for another number of inputs, and for a node inside whose operands do not fit, naming it.
    public func typed(inputs: [KnownValue], captures: [String: KnownValue]) throws -> Graph {
        var graph = graph
        guard inputs.count == graph.inputs.count else {
            throw CleaveError(
                .invalidGraph, "the subgraph '\(graph.name)' has \(graph.inputs.count) inputs, but the node gives it \(inputs.count)")
        }
        for value in graph.values where value.source == .external {
            guard let known = captures[value.name] else { continue }
            graph.valueTable[value.id.index]?.type = known.type
            graph.valueTable[value.id.index]?.constant = known.constant
            graph.valueTable[value.id.index]?.contents = known.contents
        }
        for (id, known) in zip(graph.inputs, inputs) {
            let declared = graph[id].encoding?.declaredType ?? graph[id].type
            if let actual = known.type?.tensor?.elementType, let expected = declared?.tensor?.elementType, actual != expected {
                throw CleaveError(
                    .typeMismatch, "the subgraph's input is declared as \(expected), but the node gives it \(actual)",
                    at: .init(tensor: graph[id].name))
            }
            graph.valueTable[id.index]?.type = known.type ?? declared
            graph.valueTable[id.index]?.contents = known.contents
        }
        for id in graph.order { _ = try graph.inferOutputs(of: id, substituting: [:]) }
        return graph
    }

    /// Whether the subgraph reads a value of that name of the graphs around it.
    public func reads(_ name: String) -> Bool { graph.value(named: name)?.source == .external }

    /// The subgraph for inputs of the given types as a graph of its own, which has each output once.
    /// - Parameters:
    ///   - captures: values of the graphs around it that become further inputs, in this order.
    ///   - constants: those that become constants, by name.
    /// - Throws: as `typed(inputs:captures:)`.
    public func standalone(
        inputs: [TensorType], captures: [(name: String, type: TensorType)], constants: [String: Tensor]
    ) throws -> Graph {
        func known(_ type: TensorType, _ constant: Tensor? = nil) -> KnownValue {
            KnownValue(type: .tensor(type), constant: constant, contents: nil)
        }
        var around = constants.mapValues { known(TensorType($0.elementType, lengths: $0.shape), $0) }
        for (name, type) in captures { around[name] = known(type) }
        var graph = try typed(inputs: inputs.map { known($0) }, captures: around)
        for value in graph.values where value.source == .external && constants[value.name] != nil {
            graph.valueTable[value.id.index]?.source = .constant
        }
        for (name, _) in captures {
            guard let value = graph.value(named: name), value.source == .external else { continue }
            graph.valueTable[value.id.index]?.source = .graphInput
            graph.inputs.append(value.id)
        }
        var seen: Set<ValueID> = []
        graph.outputs = graph.outputs.filter { seen.insert($0).inserted }
        return graph
    }

    /// What is known of the subgraph's outputs then.
    func inferredOutputs(inputs: [KnownValue], captures: [String: KnownValue]) throws -> [InferredValue] {
        let typed = try typed(inputs: inputs, captures: captures)
        return typed.outputs.map { InferredValue(type: typed[$0].type, contents: typed[$0].contents) }
    }
}

extension Graph {
    /// What is known of the values that the node's subgraphs read, by name.
    public func knownCaptures(of node: Node) -> [String: KnownValue] {
        var known: [String: KnownValue] = [:]
        for id in node.captures {
            let value = self[id]
            known[value.name] = KnownValue(type: value.type, constant: constant(id), contents: value.contents)
        }
        return known
    }
}

extension ValueType {
    /// The type of a value that is this or the other: what both agree on. Unknown when one of the two is.
    /// - Throws: `CleaveError` when the elements differ in type.
    static func joined(_ left: ValueType?, _ right: ValueType?, what: @autoclosure () -> String) throws -> ValueType? {
        guard let left, let right else { return nil }
        guard case .tensor(let first) = left, case .tensor(let second) = right else { return left == right ? left : nil }
        guard first.elementType == second.elementType else {
            throw CleaveError(.typeMismatch, "\(what()) is \(first) or \(second), expected elements of one type")
        }
        guard let firstShape = first.shape, let secondShape = second.shape, firstShape.count == secondShape.count else {
            return .tensor(TensorType(first.elementType, nil))
        }
        return .tensor(TensorType(first.elementType, zip(firstShape, secondShape).map { $0 == $1 ? $0 : .unknown }))
    }
}

extension CleaveError {
    /// The error of a node inside `label`'s subgraph, located as `label/inner`; or of the node itself.
    public func inside(node label: String, operatorName: String) -> CleaveError {
        guard let inner = location.node else { return at(node: label, operatorName: operatorName) }
        var error = self
        error.location.node = "\(label)/\(inner)"
        return error
    }
}

/// Runs `body`; an error that leaves it is located at the node, or at the node of a subgraph in it.
public func locating<Result>(inside label: String, operatorName: String, _ body: () throws -> Result) throws -> Result {
    do {
        return try body()
    } catch let error as CleaveError {
        throw error.inside(node: label, operatorName: operatorName)
    }
}
