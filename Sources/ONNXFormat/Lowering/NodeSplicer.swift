import COnnxSchema
import GraphIR
import Tensors

/// Puts the nodes of functions in the places of their calls, and those of a branch in the place of an `If` whose condition is
/// known, under names that nothing else in the model has.
///
/// All messages are the arena's, or point at what the given ones point at; those are not changed.
struct NodeSplicer {
    typealias NodePointer = UnsafeMutablePointer<Onnx__NodeProto>
    typealias GraphPointer = UnsafeMutablePointer<Onnx__GraphProto>
    typealias AttributePointer = UnsafeMutablePointer<Onnx__AttributeProto>

    private let arena: MessageArena
    private let functions: [OpaqueOperator: UnsafeMutablePointer<Onnx__FunctionProto>]
    /// What is known of values that conditions of the outermost graph's `If` nodes are.
    private let conditions: [String: Bool]
    private var names: UniqueNames
    /// Apart from those of values, as a node may be called as its output is.
    private var nodeNames: UniqueNames
    /// Initializers of branches, for the outermost graph.
    private(set) var initializers: [UnsafeMutablePointer<Onnx__TensorProto>] = []
    /// Calls and `If` nodes that were replaced.
    private(set) var spliceCount = 0
    private var nodeCount = 0

    /// Functions that call each other can stand for exponentially many nodes.
    private static let mostNodes = 250_000

    /// - Parameter taken: every name of a value, and every one of a node, in the model's graph and the graphs in it.
    init(
        functions: [OpaqueOperator: UnsafeMutablePointer<Onnx__FunctionProto>], conditions: [String: Bool],
        taken: (values: Set<String>, nodes: Set<String>), arena: MessageArena
    ) {
        self.functions = functions
        self.conditions = conditions
        self.arena = arena
        names = UniqueNames(taken: taken.values)
        nodeNames = UniqueNames(taken: taken.nodes)
    }

    /// The nodes of the outermost graph with all calls replaced.
    /// - Throws: `CleaveError` for a function that calls itself, a call that does not fit its function, and too many nodes.
    mutating func expanded(_ nodes: [NodePointer]) throws -> [NodePointer] {
        var result: [NodePointer] = []
        for node in nodes {
            if let branch = try branch(of: node) {
                try splice(branch: branch, of: node, into: &result)
            } else {
                try emit(try hasSubgraphs(node) ? copy(node, in: nil, stack: []) : node, stack: [], into: &result)
            }
        }
        return result
    }

    // MARK: Bodies

    /// How names and attributes inside a body are to be read.
    private struct Scope {
        var names: [String: String] = [:]
        /// The call's attributes, by the function's names for them.
        var attributes: [String: AttributePointer] = [:]
        /// Begins the names of what the body makes.
        var prefix: String
    }

    private mutating func emit(_ node: NodePointer, stack: [OpaqueOperator], into result: inout [NodePointer]) throws {
        nodeCount += 1
        guard nodeCount <= Self.mostNodes else {
            throw CleaveError(.unsupported, "the model's functions stand for more than \(Self.mostNodes) nodes")
        }
        let key = try Self.key(node)
        guard let function = functions[key] else { return result.append(node) }
        guard !stack.contains(key) else {
            throw CleaveError(.invalidGraph, "the function '\(key.name)' calls itself", at: .init(node: try text(node.pointee.name)))
        }
        try locating(node: label(node), operatorName: key.name) {
            try splice(call: node, of: function, stack: stack + [key], into: &result)
        }
    }

    private mutating func splice(
        call: NodePointer, of function: UnsafeMutablePointer<Onnx__FunctionProto>, stack: [OpaqueOperator],
        into result: inout [NodePointer]
    ) throws {
        let formals = try Self.texts(function.pointee.input, function.pointee.n_input)
        let actuals = try Self.texts(call.pointee.input, call.pointee.n_input)
        guard actuals.count <= formals.count else {
            throw CleaveError(.invalidGraph, "the call has \(actuals.count) operands, expected at most the function's \(formals.count)")
        }
        var scope = Scope(prefix: try label(call))
        for (index, formal) in formals.enumerated() { scope.names[formal] = index < actuals.count ? actuals[index] : "" }
        for attribute in elements(function.pointee.attribute_proto, function.pointee.n_attribute_proto)
            + elements(call.pointee.attribute, call.pointee.n_attribute)
        {
            scope.attributes[try text(attribute.pointee.name)] = attribute
        }
        let outputs = try Self.texts(function.pointee.output, function.pointee.n_output)
        let nodes = elements(function.pointee.node, function.pointee.n_node)
        let made = Set(try nodes.flatMap { try Self.texts($0.pointee.output, $0.pointee.n_output) })
        if let lost = outputs.first(where: { scope.names[$0] == nil && !made.contains($0) }) {
            throw CleaveError(.invalidGraph, "nothing in the function makes its output '\(lost)'")
        }
        try splice(nodes, outputs: outputs, in: scope, for: call, stack: stack, into: &result)
    }

    private mutating func splice(branch: GraphPointer, of node: NodePointer, into result: inout [NodePointer]) throws {
        var scope = Scope(prefix: try label(node))
        for initializer in elements(branch.pointee.initializer, branch.pointee.n_initializer) {
            let name = try text(initializer.pointee.name)
            let copy = arena.make(Onnx__TensorProto.self)
            copy.pointee = initializer.pointee
            scope.names[name] = names.unique("\(scope.prefix)/\(name)")
            copy.pointee.name = arena.string(scope.names[name] ?? name)
            initializers.append(copy)
        }
        let outputs = try elements(branch.pointee.output, branch.pointee.n_output).map { try text($0.pointee.name) }
        try locating(node: label(node), operatorName: "If") {
            try splice(
                elements(branch.pointee.node, branch.pointee.n_node), outputs: outputs, in: scope, for: node, stack: [], into: &result)
        }
    }

    /// - Parameters:
    ///   - outputs: the body's names for what `node` makes.
    ///   - scope: with the names that come from outside of the body.
    private mutating func splice(
        _ nodes: [NodePointer], outputs: [String], in scope: Scope, for node: NodePointer, stack: [OpaqueOperator],
        into result: inout [NodePointer]
    ) throws {
        spliceCount += 1
        let wanted = try Self.texts(node.pointee.output, node.pointee.n_output)
        guard wanted.count <= outputs.count else {
            throw CleaveError(.invalidGraph, "the node has \(wanted.count) outputs, expected at most \(outputs.count)")
        }
        let made = try nodes.flatMap { try Self.texts($0.pointee.output, $0.pointee.n_output) }
        let makes = Set(made)
        var scope = scope
        var aliases: [(from: String, to: String)] = []
        for (output, name) in zip(outputs, wanted) where !name.isEmpty {
            if scope.names[output] == nil, makes.contains(output) {
                scope.names[output] = name
            } else {
                aliases.append((output, name))
            }
        }
        for name in made where !name.isEmpty && scope.names[name] == nil { scope.names[name] = names.unique("\(scope.prefix)/\(name)") }
        for inner in nodes { try emit(copy(inner, in: scope, stack: stack), stack: stack, into: &result) }
        for (from, to) in aliases { result.append(identity(from: scope.names[from] ?? from, to: to)) }
    }

    // MARK: Copies

    /// - Parameter scope: `nil` keeps all names.
    private mutating func copy(_ node: NodePointer, in scope: Scope?, stack: [OpaqueOperator]) throws -> NodePointer {
        let copy = arena.make(Onnx__NodeProto.self)
        copy.pointee = node.pointee
        if let scope {
            func renamed(_ list: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ count: Int) throws
                -> UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
            {
                arena.array(try Self.texts(list, count).map { Optional(arena.string(scope.names[$0] ?? $0)) })
            }
            copy.pointee.input = try renamed(node.pointee.input, node.pointee.n_input)
            copy.pointee.output = try renamed(node.pointee.output, node.pointee.n_output)
            let name = try text(node.pointee.name)
            if !name.isEmpty { copy.pointee.name = arena.string(nodeNames.unique("\(scope.prefix)/\(name)")) }
        }
        var attributes: [AttributePointer] = []
        for attribute in elements(node.pointee.attribute, node.pointee.n_attribute) {
            if let resolved = try resolved(attribute, in: scope, stack: stack) { attributes.append(resolved) }
        }
        copy.pointee.n_attribute = attributes.count
        copy.pointee.attribute = arena.list(attributes)
        return copy
    }

    /// - Returns: `nil` for a reference to an attribute that the call does not give, and that has no default.
    private mutating func resolved(_ attribute: AttributePointer, in scope: Scope?, stack: [OpaqueOperator]) throws -> AttributePointer? {
        let copy = arena.make(Onnx__AttributeProto.self)
        let reference = try text(attribute.pointee.ref_attr_name)
        if let scope, !reference.isEmpty {
            guard let given = scope.attributes[reference] else { return nil }
            copy.pointee = given.pointee
            copy.pointee.name = attribute.pointee.name
            return copy
        }
        copy.pointee = attribute.pointee
        if let graph = attribute.pointee.g { copy.pointee.g = try self.copy(graph, in: scope, stack: stack) }
        var graphs: [GraphPointer] = []
        for graph in elements(attribute.pointee.graphs, attribute.pointee.n_graphs) {
            graphs.append(try self.copy(graph, in: scope, stack: stack))
        }
        copy.pointee.graphs = arena.list(graphs)
        return copy
    }

    private mutating func copy(_ graph: GraphPointer, in scope: Scope?, stack: [OpaqueOperator]) throws -> GraphPointer {
        let copy = arena.make(Onnx__GraphProto.self)
        copy.pointee = graph.pointee
        let nodes = elements(graph.pointee.node, graph.pointee.n_node)
        var inner = scope
        if let scope {
            let inputs = elements(graph.pointee.input, graph.pointee.n_input)
            let constants = elements(graph.pointee.initializer, graph.pointee.n_initializer)
            let made = try inputs.map { try text($0.pointee.name) } + constants.map { try text($0.pointee.name) }
                + nodes.flatMap { try Self.texts($0.pointee.output, $0.pointee.n_output) }
            var known = scope.names
            for name in made where !name.isEmpty { known[name] = names.unique("\(scope.prefix)/\(name)") }
            inner?.names = known
            func renamed(_ infos: [UnsafeMutablePointer<Onnx__ValueInfoProto>]) throws
                -> UnsafeMutablePointer<UnsafeMutablePointer<Onnx__ValueInfoProto>?>?
            {
                arena.list(try infos.map { info in
                    let copy = arena.make(Onnx__ValueInfoProto.self)
                    copy.pointee = info.pointee
                    let name = try text(info.pointee.name)
                    copy.pointee.name = arena.string(known[name] ?? name)
                    return copy
                })
            }
            copy.pointee.input = try renamed(inputs)
            copy.pointee.output = try renamed(elements(graph.pointee.output, graph.pointee.n_output))
            copy.pointee.initializer = arena.list(try constants.map { constant in
                let copy = arena.make(Onnx__TensorProto.self)
                copy.pointee = constant.pointee
                let name = try text(constant.pointee.name)
                copy.pointee.name = arena.string(known[name] ?? name)
                return copy
            })
            copy.pointee.n_value_info = 0
            copy.pointee.n_quantization_annotation = 0
        }
        var expanded: [NodePointer] = []
        for node in nodes { try emit(self.copy(node, in: inner, stack: stack), stack: stack, into: &expanded) }
        copy.pointee.n_node = expanded.count
        copy.pointee.node = arena.list(expanded)
        return copy
    }

    private func identity(from input: String, to output: String) -> NodePointer {
        let node = arena.make(Onnx__NodeProto.self)
        node.pointee.op_type = arena.string("Identity")
        node.pointee.n_input = 1
        node.pointee.input = arena.array([arena.string(input)])
        node.pointee.n_output = 1
        node.pointee.output = arena.array([arena.string(output)])
        return node
    }

    // MARK: Reading

    /// The branch that an `If` of the outermost graph takes, when that is known.
    private func branch(of node: NodePointer) throws -> GraphPointer? {
        guard try Self.key(node) == OpaqueOperator(domain: "", name: "If", overload: ""), node.pointee.n_input == 1,
            let name = try Self.texts(node.pointee.input, 1).first, let condition = conditions[name]
        else { return nil }
        let branch = try elements(node.pointee.attribute, node.pointee.n_attribute).first {
            try text($0.pointee.name) == (condition ? "then_branch" : "else_branch")
        }
        guard let graph = branch?.pointee.g, graph.pointee.n_sparse_initializer == 0, graph.pointee.n_input == 0 else { return nil }
        return graph
    }

    private func hasSubgraphs(_ node: NodePointer) throws -> Bool {
        elements(node.pointee.attribute, node.pointee.n_attribute).contains { $0.pointee.g != nil || $0.pointee.n_graphs > 0 }
    }

    private func label(_ node: NodePointer) throws -> String {
        let name = try text(node.pointee.name)
        if !name.isEmpty { return name }
        return try Self.texts(node.pointee.output, node.pointee.n_output).first { !$0.isEmpty } ?? text(node.pointee.op_type)
    }

    static func key(_ node: NodePointer) throws -> OpaqueOperator {
        let domain = try text(node.pointee.domain)
        return OpaqueOperator(
            domain: OperatorTable.isDefaultDomain(domain) ? "" : domain, name: try text(node.pointee.op_type),
            overload: try text(node.pointee.overload))
    }

    static func texts(_ list: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ count: Int) throws -> [String] {
        try UnsafeBufferPointer(start: list, count: list == nil ? 0 : count).map { try text($0) }
    }
}
