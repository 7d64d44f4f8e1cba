import COnnxSchema
import CProtobufC
import GraphIR
import Tensors

/// Builds a graph from an unpacked model. Initializers' elements are taken out of the message, which must outlive the importer.
///
/// Subgraphs of control flow are built in the same way; names that they do not define are values of the graphs around them.
struct Importer {
    private let model: UnsafeMutablePointer<Onnx__ModelProto>
    private let message: UnsafeMutablePointer<Onnx__GraphProto>
    private let external: ExternalData
    private let tensors: TensorReader
    private var carried: CarriedTensors
    /// Operators that the model's own functions define.
    private let functions: Set<OpaqueOperator>
    private let opsets: [Graph.OpsetImport]
    private var values: [String: ValueID] = [:]
    /// How many graphs are around this one.
    private let depth: Int

    /// Deeper ones stay encoded: types of loops settle in several rounds each, which multiply.
    private static let mostNestedSubgraphs = 6

    /// - Throws: `CleaveError` when the message is no model, or one of a version that Cleave does not read.
    init(_ model: UnsafeMutablePointer<Onnx__ModelProto>, external: ExternalData) throws {
        guard model.pointee.ir_version >= 1 else {
            throw CleaveError(
                .malformedFile, "the IR version is \(model.pointee.ir_version), expected 1 or more", suggestion: "is it an ONNX model?")
        }
        guard let graph = model.pointee.graph else {
            throw CleaveError(.malformedFile, "the model has no graph", suggestion: "fetch or export the file again")
        }
        self.model = model
        message = graph
        depth = 0
        self.external = external
        tensors = TensorReader(external: external)
        carried = CarriedTensors(external: external)
        opsets = try Self.opsets(of: model.pointee)
        functions = Set(
            try elements(model.pointee.functions, model.pointee.n_functions).map {
                OpaqueOperator(
                    domain: Self.normalized(try text($0.pointee.domain)), name: try text($0.pointee.name),
                    overload: try text($0.pointee.overload))
            })
    }

    private init(body message: UnsafeMutablePointer<Onnx__GraphProto>, within parent: Importer) {
        self.message = message
        model = parent.model
        depth = parent.depth + 1
        external = parent.external
        tensors = parent.tensors
        carried = parent.carried
        functions = parent.functions
        opsets = parent.opsets
    }

    private static func normalized(_ domain: String) -> String { OperatorTable.isDefaultDomain(domain) ? "" : domain }

    private static func opsets(of model: Onnx__ModelProto) throws -> [Graph.OpsetImport] {
        let imports = try elements(model.opset_import, model.n_opset_import).map {
            Graph.OpsetImport(domain: try text($0.pointee.domain), version: Int($0.pointee.version))
        }
        let versions = Set(imports.filter { OperatorTable.isDefaultDomain($0.domain) }.map(\.version)).sorted()
        guard versions.count <= 1 else {
            throw CleaveError(
                .malformedFile, "the default operator set is imported in versions \(versions), expected one",
                suggestion: "export the model again with one opset")
        }
        if let version = versions.first {
            guard version >= 1 else { throw CleaveError(.malformedFile, "the opset is \(version), expected 1 or more") }
            let newest = OperatorTable.opsets.upperBound
            guard version <= newest else {
                throw CleaveError(
                    .unsupported, "opset \(version) is newer than what Cleave reads (up to \(newest))",
                    suggestion: "export the model again with opset \(newest) or older")
            }
        }
        return imports
    }

    /// - Throws: `CleaveError` naming node, operator or tensor.
    mutating func graph() throws -> Graph {
        var graph = Graph(name: try text(message.pointee.name), opsets: opsets)
        try graph.edit { editor in
            try addInitializers(to: &editor)
            try addInputs(to: &editor)
            try addNodeOutputs(to: &editor)
            let extraDeclarations = try addDeclarations(to: &editor)
            try addNodes(to: &editor)
            editor.setOutputs(try outputNames().map { try value($0, &editor) })
            if depth == 0 {
                editor.setMetadata(
                    try elements(model.pointee.metadata_props, model.pointee.n_metadata_props).map {
                        Graph.MetadataEntry(key: try text($0.pointee.key), value: try text($0.pointee.value))
                    })
            }
            editor.setEncoding(try encoding(extraDeclarations: extraDeclarations))
        }
        try graph.checkDeclaredOutputs()
        try graph.markContradictions()
        return graph
    }

    // MARK: Values

    private mutating func addValue(
        _ name: String, _ source: Value.Source, _ type: ValueType?, _ editor: inout GraphEditor
    ) throws -> ValueID {
        let id = try editor.addValue(named: name, source: source, type: type)
        values[name] = id
        return id
    }

    private mutating func addInitializers(to editor: inout GraphEditor) throws {
        for initializer in elements(message.pointee.initializer, message.pointee.n_initializer) {
            let name = try text(initializer.pointee.name)
            guard !name.isEmpty else { throw CleaveError(.invalidGraph, "an initializer has no name") }
            let tensor = try locating(tensor: name) { try tensors.tensor(initializer, .takeOver) }
            let id = try addValue(name, .constant, nil, &editor)
            editor.setConstant(id, to: tensor)
            let residual = packed(initializer) {
                $0.name = nil
                $0.n_dims = 0
                $0.has_data_type = 0
            }
            if !residual.isEmpty {
                editor.setEncoding(id, to: ValueEncoding(declaration: nil, declaredType: nil, initializer: residual))
            }
        }
        for initializer in elements(message.pointee.sparse_initializer, message.pointee.n_sparse_initializer) {
            let name = try text(initializer.pointee.values?.pointee.name)
            guard !name.isEmpty else { throw CleaveError(.invalidGraph, "a sparse initializer has no name") }
            try carried.embed(initializer)
            _ = try addValue(name, .external, try Self.type(of: initializer.pointee), &editor)
        }
    }

    /// Operators see a sparse initializer as the tensor that it stands for; only its storage is sparse.
    private static func type(of initializer: Onnx__SparseTensorProto) throws -> ValueType? {
        guard let type = ElementType(rawValue: Int(initializer.values?.pointee.data_type ?? 0)) else { return nil }
        let shape = UnsafeBufferPointer(start: initializer.dims, count: initializer.n_dims).map { Int($0) }
        _ = try Tensor.elementCount(of: shape)
        return .tensor(TensorType(type, lengths: shape))
    }

    private mutating func addInputs(to editor: inout GraphEditor) throws {
        var listed: Set<String> = []
        for input in elements(message.pointee.input, message.pointee.n_input) {
            let name = try text(input.pointee.name)
            guard listed.insert(name).inserted else {
                throw CleaveError(
                    .invalidGraph, "two inputs have the same name, expected unique names", at: .init(tensor: name),
                    suggestion: "rename one of them, or export the model again")
            }
            let type = try ValueType(input.pointee.type)
            let id: ValueID
            if let initializer = values[name] {
                id = initializer
                try checkDefault(editor.graph[id], declared: type)
            } else {
                id = try editor.addInput(name, type: type)
                values[name] = id
            }
            declare(id, input, type, &editor)
        }
    }

    private func checkDefault(_ value: Value, declared: ValueType?) throws {
        guard let tensor = value.constant, let declared = declared?.tensor, declared.elementType != tensor.elementType else { return }
        throw CleaveError(
            .typeMismatch, "the input's default has elements of \(tensor.elementType), expected \(declared.elementType)",
            at: .init(tensor: value.name))
    }

    private mutating func addNodeOutputs(to editor: inout GraphEditor) throws {
        for (index, node) in nodes.enumerated() {
            let (label, operatorName) = location(of: node.pointee, index)
            try locating(node: label, operatorName: operatorName) {
                for output in try names(node.pointee.output, node.pointee.n_output) where !output.isEmpty {
                    _ = try addValue(output, .external, nil, &editor)
                }
            }
        }
    }

    private static let incomplete = "the model may be a part of a larger one, or damaged: export it again as a whole"

    private mutating func value(_ name: String, _ editor: inout GraphEditor) throws -> ValueID {
        guard let id = try known(name, &editor) else {
            throw CleaveError(
                .invalidGraph,
                name.isEmpty ? "an output of the graph has no name" : "nothing makes this output of the graph, expected a node",
                at: .init(tensor: name.isEmpty ? nil : name), suggestion: Self.incomplete)
        }
        return id
    }

    /// The value of that name; in a subgraph, a name that it does not define is one of a graph around it.
    private mutating func known(_ name: String, _ editor: inout GraphEditor) throws -> ValueID? {
        if let id = values[name] { return id }
        guard depth > 0, !name.isEmpty else { return nil }
        return try addValue(name, .external, nil, &editor)
    }

    // MARK: Declarations

    private func declare(
        _ id: ValueID, _ info: UnsafeMutablePointer<Onnx__ValueInfoProto>, _ type: ValueType?, _ editor: inout GraphEditor
    ) {
        editor.setEncoding(
            id,
            to: ValueEncoding(
                declaration: packed(info) { $0.name = nil }, declaredType: type,
                initializer: editor.graph[id].encoding?.initializer))
    }

    /// Attaches declarations of outputs and of values in between to the values.
    /// - Returns: `value_info` entries that have no place in the typed graph: of unknown names, or of values declared elsewhere.
    private mutating func addDeclarations(to editor: inout GraphEditor) throws -> [UnsafeMutablePointer<Onnx__ValueInfoProto>] {
        for output in elements(message.pointee.output, message.pointee.n_output) {
            let id = try value(text(output.pointee.name), &editor)
            guard editor.graph[id].encoding?.declaration == nil else { continue }
            declare(id, output, try ValueType(output.pointee.type), &editor)
        }
        return try elements(message.pointee.value_info, message.pointee.n_value_info).filter { info in
            guard let id = values[try text(info.pointee.name)], editor.graph[id].encoding?.declaration == nil else { return true }
            declare(id, info, try ValueType(info.pointee.type), &editor)
            return false
        }
    }

    private func outputNames() throws -> [String] {
        try elements(message.pointee.output, message.pointee.n_output).map { try text($0.pointee.name) }
    }

    // MARK: Nodes

    private var nodes: [UnsafeMutablePointer<Onnx__NodeProto>] { elements(message.pointee.node, message.pointee.n_node) }

    private func names(_ list: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ count: Int) throws -> [String] {
        try UnsafeBufferPointer(start: list, count: list == nil ? 0 : count).map { try text($0) }
    }

    /// Where errors say that they are: texts that cannot be read are told as errors later.
    private func location(of node: Onnx__NodeProto, _ index: Int) -> (label: String, operatorName: String?) {
        let names = [try? text(node.name)] + ((try? names(node.output, node.n_output)) ?? [])
        let operatorName = (try? text(node.op_type)).flatMap { $0.isEmpty ? nil : $0 }
        return (names.lazy.compactMap { $0 }.first { !$0.isEmpty } ?? "node \(index)", operatorName)
    }

    private mutating func addNodes(to editor: inout GraphEditor) throws {
        for (index, node) in nodes.enumerated() {
            let (label, operatorName) = location(of: node.pointee, index)
            try locating(node: label, operatorName: operatorName) {
                try addNode(node, to: &editor)
            }
        }
    }

    private mutating func addNode(_ node: UnsafeMutablePointer<Onnx__NodeProto>, to editor: inout GraphEditor) throws {
        let inputs = try names(node.pointee.input, node.pointee.n_input).enumerated().map { index, name -> ValueID? in
            if name.isEmpty { return nil }
            guard let id = try known(name, &editor) else {
                throw CleaveError(
                    .invalidGraph, "nothing makes operand \(index), expected an input, an initializer or a node", at: .init(tensor: name),
                    suggestion: Self.incomplete)
            }
            return id
        }
        let scopes = try Captures(of: node.pointee)
        editor.reserve(scopes.defined)
        let captures = try scopes.names.map { name -> ValueID in
            guard let id = try known(name, &editor) else {
                throw CleaveError(
                    .invalidGraph, "a subgraph reads a value that nothing makes", at: .init(tensor: name), suggestion: Self.incomplete)
            }
            return id
        }
        let (operation, origin, encoding) = try decoded(node)
        try editor.insert(
            operation, inputs: inputs,
            outputs: try names(node.pointee.output, node.pointee.n_output).map { values[$0].map { .existing($0) } ?? .none },
            name: try text(node.pointee.name), before: nil, origin: origin, captures: captures,
            encoding: NodeEncoding(bytes: encoding, attributesAreCurrent: true), keepsName: true)
    }

    /// The operator, its origin, and the rest of the message. What subgraphs hold stays in the message: decoding takes it out of a
    /// message that is packed by then.
    private mutating func decoded(_ node: UnsafeMutablePointer<Onnx__NodeProto>) throws -> (Operator, Origin?, [UInt8]) {
        let (origin, metadata) = try origin(of: node.pointee)
        defer { metadata?.deallocate() }
        func residual(namesOperator: Bool) -> [UInt8] {
            packed(node) {
                if !namesOperator {
                    $0.op_type = nil
                    $0.domain = nil
                    $0.overload = nil
                }
                $0.n_input = 0
                $0.n_output = 0
                $0.name = nil
                if let metadata {
                    $0.n_metadata_props = metadata.count
                    $0.metadata_props = metadata.baseAddress
                }
            }
        }
        let hasSubgraphs = elements(node.pointee.attribute, node.pointee.n_attribute).contains {
            $0.pointee.g != nil || $0.pointee.n_graphs > 0
        }
        if hasSubgraphs {
            try carried.embed(node)
            let encoding = residual(namesOperator: true)
            return (try operation(of: node), origin, encoding)
        }
        let operation = try operation(of: node)
        guard case .opaque = operation else { return (operation, origin, residual(namesOperator: true)) }
        try carried.embed(node)
        return (operation, origin, residual(namesOperator: false))
    }

    private func operation(of node: UnsafeMutablePointer<Onnx__NodeProto>) throws -> Operator {
        let opaque = OpaqueOperator(
            domain: try text(node.pointee.domain), name: try text(node.pointee.op_type), overload: try text(node.pointee.overload))
        guard !opaque.name.isEmpty else {
            throw CleaveError(
                .invalidGraph, "the node's op_type is empty, expected the name of an operator", suggestion: "export the model again")
        }
        if opaque.domain == QLinear.domain, opaque.overload.isEmpty, !functions.contains(opaque) {
            var reader = try AttributeReader(node.pointee, opset: try defaultOpset(), tensors: tensors)
            return try OperatorTable.decodeQLinear(opaque.name, &reader) ?? .opaque(opaque)
        }
        guard OperatorTable.isDefaultDomain(opaque.domain), opaque.overload.isEmpty else { return .opaque(opaque) }
        guard !functions.contains(OpaqueOperator(domain: "", name: opaque.name, overload: "")) else { return .opaque(opaque) }
        var reader = try AttributeReader(node.pointee, opset: try defaultOpset(), tensors: tensors)
        if depth < Self.mostNestedSubgraphs {
            reader.readSubgraph = { body in
                var importer = Importer(body: body, within: self)
                return Subgraph(try importer.graph())
            }
        }
        return try OperatorTable.decode(opaque.name, &reader) ?? .opaque(opaque)
    }

    /// Models of IR versions 1 and 2 import no operator set and mean the first.
    private func defaultOpset() throws -> Int {
        if let version = opsets.first(where: { OperatorTable.isDefaultDomain($0.domain) })?.version { return version }
        guard model.pointee.ir_version < 3 else {
            throw CleaveError(
                .malformedFile, "the operator is of ONNX's default domain, but the model imports no version of its operators",
                suggestion: "fetch or export the file again")
        }
        return 1
    }

    /// The origin in a node's metadata, and the metadata without it; `nil` for metadata as they are.
    private func origin(
        of node: Onnx__NodeProto
    ) throws -> (Origin?, UnsafeMutableBufferPointer<UnsafeMutablePointer<Onnx__StringStringEntryProto>?>?) {
        let entries = elements(node.metadata_props, node.n_metadata_props)
        guard let index = try entries.firstIndex(where: { try text($0.pointee.key) == Origin.metadataKey }),
            let origin = Origin(text: try text(entries[index].pointee.value))
        else { return (nil, nil) }
        var others = entries
        others.remove(at: index)
        let copy = UnsafeMutableBufferPointer<UnsafeMutablePointer<Onnx__StringStringEntryProto>?>.allocate(capacity: others.count)
        _ = copy.initialize(from: others)
        return (origin, copy)
    }

    // MARK: The rest

    private mutating func encoding(extraDeclarations: [UnsafeMutablePointer<Onnx__ValueInfoProto>]) throws -> GraphEncoding {
        if depth == 0 {
            for function in elements(model.pointee.functions, model.pointee.n_functions) { try carried.embed(function) }
            for training in elements(model.pointee.training_info, model.pointee.n_training_info) { try carried.embed(training) }
        }
        var declarations = extraDeclarations.map { Optional($0) }
        var graph = message.pointee
        graph.name = nil
        graph.n_node = 0
        graph.n_initializer = 0
        graph.n_input = 0
        graph.n_output = 0
        graph.n_value_info = declarations.count
        var wrapper = depth == 0 ? model.pointee : .empty
        let residual = declarations.withUnsafeMutableBufferPointer { declarations in
            graph.value_info = declarations.baseAddress
            return withUnsafeMutablePointer(to: &graph) { graph in
                wrapper.graph = graph
                return packed(&wrapper)
            }
        }
        return GraphEncoding(
            model: residual,
            listedInputs: try elements(message.pointee.input, message.pointee.n_input).map { try text($0.pointee.name) },
            initializerOrder: try elements(message.pointee.initializer, message.pointee.n_initializer).map { try text($0.pointee.name) },
            declarationOrder: try elements(message.pointee.value_info, message.pointee.n_value_info).map { try text($0.pointee.name) },
            externalByteCount: external.byteCount, orderFault: try orderFault(of: nodes))
    }
}
