import COnnxSchema
import Tensors

/// Collects the names that subgraphs in a node's attributes read from the graph around them.
struct Captures {
    /// Each once, in the order of first use.
    private(set) var names: [String] = []
    /// Names that the subgraphs define themselves.
    private(set) var defined: Set<String> = []
    private var known: Set<String> = []
    /// Names that the subgraphs from the outermost to the current one define.
    private var scopes: [Set<String>] = []

    init(of node: Onnx__NodeProto) throws { try visitSubgraphs(of: node) }

    private mutating func visitSubgraphs(of node: Onnx__NodeProto) throws {
        for attribute in elements(node.attribute, node.n_attribute) {
            if let graph = attribute.pointee.g { try visit(graph.pointee) }
            for graph in elements(attribute.pointee.graphs, attribute.pointee.n_graphs) { try visit(graph.pointee) }
        }
    }

    private mutating func visit(_ graph: Onnx__GraphProto) throws {
        let nodes = elements(graph.node, graph.n_node)
        var defined: Set<String> = [""]
        for input in elements(graph.input, graph.n_input) { defined.insert(try text(input.pointee.name)) }
        for tensor in elements(graph.initializer, graph.n_initializer) { defined.insert(try text(tensor.pointee.name)) }
        for tensor in elements(graph.sparse_initializer, graph.n_sparse_initializer) {
            defined.insert(try text(tensor.pointee.values?.pointee.name))
        }
        for node in nodes {
            for output in UnsafeBufferPointer(start: node.pointee.output, count: node.pointee.n_output) { defined.insert(try text(output)) }
        }
        scopes.append(defined)
        self.defined.formUnion(defined)
        for node in nodes {
            for input in UnsafeBufferPointer(start: node.pointee.input, count: node.pointee.n_input) { use(try text(input)) }
            try visitSubgraphs(of: node.pointee)
        }
        for output in elements(graph.output, graph.n_output) { use(try text(output.pointee.name)) }
        scopes.removeLast()
    }

    private mutating func use(_ name: String) {
        guard !scopes.contains(where: { $0.contains(name) }), known.insert(name).inserted else { return }
        names.append(name)
    }
}
