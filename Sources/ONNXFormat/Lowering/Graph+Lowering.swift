import COnnxSchema
import GraphIR
import Tensors

extension Graph {
    /// Expresses the network in operators that passes and backends know: calls of the model's own functions become the functions'
    /// nodes, an `If` whose condition is known becomes the branch that it takes, and what is split into a sequence and read from it
    /// by constant positions becomes a `Split`. Inputs and outputs stay.
    ///
    /// Functions written for another version of ONNX's operators than the model's stay calls.
    /// - Returns: whether anything changed.
    /// - Throws: `CleaveError` with the graph untouched: for a function that calls itself, calls that do not fit, and a model of more
    ///   than 2 GiB that calls functions.
    @discardableResult
    public mutating func lower() throws -> Bool {
        var graph = self
        var isChanged = false
        // A branch may hold an `If` whose condition is known once the branch is taken.
        for _ in 0..<Self.mostLoweringRounds {
            var roundChanged = try graph.lowerSequences()
            if let spliced = try graph.spliced() {
                graph = spliced
                roundChanged = true
            }
            guard roundChanged else { break }
            isChanged = true
        }
        self = graph
        return isChanged
    }

    /// As `lower`, leaving the graph as it is.
    public func lowered() throws -> Graph {
        var graph = self
        try graph.lower()
        return graph
    }

    private static let mostLoweringRounds = 64

    /// `nil` when there is nothing to put in place.
    private func spliced() throws -> Graph? {
        let isCandidate = nodes.contains {
            switch $0.operator {
            case .opaque, .branch, .loop, .scan: true
            default: false
            }
        }
        guard isCandidate else { return nil }
        let exporter = Exporter(self)
        return try withExtendedLifetime(exporter) {
            let model = try exporter.model()
            guard let message = model.pointee.graph else { return nil }
            let (functions, allFit) = try functions(of: model.pointee)
            let conditions = knownConditions
            guard !functions.isEmpty || !conditions.isEmpty else { return nil }
            var splicer = NodeSplicer(
                functions: functions, conditions: conditions, taken: try Self.names(in: message), arena: exporter.arena)
            let nodes = try splicer.expanded(elements(message.pointee.node, message.pointee.n_node))
            guard splicer.spliceCount > 0 else { return nil }
            message.pointee.n_node = nodes.count
            message.pointee.node = exporter.arena.list(nodes)
            let initializers = elements(message.pointee.initializer, message.pointee.n_initializer) + splicer.initializers
            message.pointee.n_initializer = initializers.count
            message.pointee.initializer = exporter.arena.list(initializers)
            if allFit { model.pointee.n_functions = 0 }
            try exporter.checkSize(of: model, limit: Int(Int32.max))
            return try Graph(onnxBytes: packed(model))
        }
    }

    /// The functions that can be put in place of their calls, and whether these are all.
    private func functions(
        of model: Onnx__ModelProto
    ) throws -> (table: [OpaqueOperator: UnsafeMutablePointer<Onnx__FunctionProto>], allFit: Bool) {
        var table: [OpaqueOperator: UnsafeMutablePointer<Onnx__FunctionProto>] = [:]
        var allFit = true
        for function in elements(model.functions, model.n_functions) {
            let fits = try elements(function.pointee.opset_import, function.pointee.n_opset_import).allSatisfy {
                try !OperatorTable.isDefaultDomain(text($0.pointee.domain)) || Int($0.pointee.version) == opset
            }
            guard fits else {
                allFit = false
                continue
            }
            let domain = try text(function.pointee.domain)
            let key = OpaqueOperator(
                domain: OperatorTable.isDefaultDomain(domain) ? "" : domain, name: try text(function.pointee.name),
                overload: try text(function.pointee.overload))
            table[key] = function
        }
        return (table, allFit)
    }

    private var knownConditions: [String: Bool] {
        var conditions: [String: Bool] = [:]
        for node in nodes {
            guard node.operator.qualifiedName == "If", let condition = node.inputs.first ?? nil
            else { continue }
            let known = self[condition].contents?.first?.known.map(Double.init) ?? constant(condition)?.doubles()?.first
            if let known { conditions[self[condition].name] = known != 0 }
        }
        return conditions
    }

    /// Names in the graph and in the graphs in it.
    private static func names(
        in graph: UnsafeMutablePointer<Onnx__GraphProto>
    ) throws -> (values: Set<String>, nodes: Set<String>) {
        var names: Set<String> = []
        var nodeNames: Set<String> = []
        var pending = [graph]
        while let graph = pending.popLast() {
            for input in elements(graph.pointee.input, graph.pointee.n_input) { names.insert(try text(input.pointee.name)) }
            for tensor in elements(graph.pointee.initializer, graph.pointee.n_initializer) { names.insert(try text(tensor.pointee.name)) }
            for tensor in elements(graph.pointee.sparse_initializer, graph.pointee.n_sparse_initializer) {
                names.insert(try text(tensor.pointee.values?.pointee.name))
            }
            for node in elements(graph.pointee.node, graph.pointee.n_node) {
                nodeNames.insert(try text(node.pointee.name))
                names.formUnion(try NodeSplicer.texts(node.pointee.output, node.pointee.n_output))
                for attribute in elements(node.pointee.attribute, node.pointee.n_attribute) {
                    pending += attribute.pointee.g.map { [$0] } ?? []
                    pending += elements(attribute.pointee.graphs, attribute.pointee.n_graphs)
                }
            }
        }
        return (names, nodeNames)
    }
}
