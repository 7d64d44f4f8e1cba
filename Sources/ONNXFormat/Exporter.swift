import COnnxSchema
import CProtobufC
import GraphIR
import Tensors

/// Builds the messages that a graph is written as. They point at the graph's tensors and live as long as the exporter.
final class Exporter {
    let graph: Graph
    let arena: MessageArena
    /// Messages of the initializers that hold elements of fixed size, in order.
    private var initializers: [(message: UnsafeMutablePointer<Onnx__TensorProto>, tensor: Tensor)] = []

    init(_ graph: Graph, arena: MessageArena = MessageArena()) {
        self.graph = graph
        self.arena = arena
    }

    // MARK: Sizes

    func size(of model: UnsafePointer<Onnx__ModelProto>) -> Int {
        protobuf_c_message_get_packed_size(UnsafeRawPointer(model).assumingMemoryBound(to: ProtobufCMessage.self))
    }

    /// - Throws: `CleaveError` when the model is larger than `limit`.
    func checkSize(of model: UnsafePointer<Onnx__ModelProto>, limit: Int) throws {
        let size = size(of: model)
        guard size <= limit else {
            throw CleaveError(
                .unsupported, "the model takes \(size) bytes, more than the \(limit) that one file can have",
                suggestion: "write the weights as external data")
        }
    }

    // MARK: External data

    struct ExternalTensor {
        var tensor: Tensor
        var offset: Int
    }

    /// Offsets are multiples of a page, so that a reader can map tensors one by one.
    static let externalAlignment = 4096

    /// Makes the initializers of at least `smallest` bytes refer to a file.
    /// - Returns: what that file must hold.
    func moveInitializersOut(to location: String, smallest: Int) -> [ExternalTensor] {
        var layout: [ExternalTensor] = []
        var end = 0
        for (message, tensor) in initializers where tensor.byteCount >= max(smallest, 1) {
            let offset = (end + Self.externalAlignment - 1) / Self.externalAlignment * Self.externalAlignment
            end = offset + tensor.byteCount
            layout.append(ExternalTensor(tensor: tensor, offset: offset))
            message.pointee.has_raw_data = 0
            message.pointee.raw_data = ProtobufCBinaryData(len: 0, data: nil)
            message.pointee.has_data_location = 1
            message.pointee.data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL
            let entries = [("location", location), ("offset", "\(offset)"), ("length", "\(tensor.byteCount)")].map { entry($0, $1) }
            message.pointee.n_external_data = entries.count
            message.pointee.external_data = arena.list(entries)
        }
        return layout
    }

    // MARK: The model

    /// The model, which lives as long as the exporter.
    /// - Throws: `CleaveError` when the graph's opset cannot express an operator.
    func model() throws -> UnsafeMutablePointer<Onnx__ModelProto> {
        let model: UnsafeMutablePointer<Onnx__ModelProto> = try graph.encoding.map { try arena.unpack($0.model) } ?? arena.make()
        model.pointee.graph = try fill(model.pointee.graph ?? arena.make())
        if graph.encoding == nil { model.pointee.producer_name = arena.string("cleave") }
        try writeOpsetsAndMetadata(to: model)
        return model
    }

    /// The graph as a node's attribute, which lives as long as arena and graph.
    /// - Throws: `CleaveError` when the graph's opset cannot express an operator.
    func graphMessage() throws -> UnsafeMutablePointer<Onnx__GraphProto> {
        let model: UnsafeMutablePointer<Onnx__ModelProto>? = try graph.encoding.map { try arena.unpack($0.model) }
        return try fill(model?.pointee.graph ?? arena.make())
    }

    private func fill(_ message: UnsafeMutablePointer<Onnx__GraphProto>) throws -> UnsafeMutablePointer<Onnx__GraphProto> {
        message.pointee.name = arena.string(graph.name)
        try writeValues(to: message)
        let nodes = try graph.nodes.map { node in
            try locating(node: graph.label(of: node), operatorName: node.operator.name) { try self.message(for: node) }
        }
        message.pointee.n_node = nodes.count
        message.pointee.node = arena.list(nodes)
        try dropDeadReferences(in: message)
        return message
    }

    private func entry(_ key: String, _ value: String) -> UnsafeMutablePointer<Onnx__StringStringEntryProto> {
        let entry = arena.make(Onnx__StringStringEntryProto.self)
        entry.pointee.key = arena.string(key)
        entry.pointee.value = arena.string(value)
        return entry
    }

    /// Opset imports and metadata are rewritten where the graph's have changed, and stay as they were read otherwise.
    private func writeOpsetsAndMetadata(to model: UnsafeMutablePointer<Onnx__ModelProto>) throws {
        let opsets = try elements(model.pointee.opset_import, model.pointee.n_opset_import).map {
            Graph.OpsetImport(domain: try text($0.pointee.domain), version: Int($0.pointee.version))
        }
        let imported = importedOpsets
        if opsets != imported {
            let messages = imported.map { opset in
                let message = arena.make(Onnx__OperatorSetIdProto.self)
                message.pointee.domain = arena.string(opset.domain)
                message.pointee.has_version = 1
                message.pointee.version = Int64(opset.version)
                return message
            }
            model.pointee.n_opset_import = messages.count
            model.pointee.opset_import = arena.list(messages)
        }
        let metadata = try elements(model.pointee.metadata_props, model.pointee.n_metadata_props).map {
            Graph.MetadataEntry(key: try text($0.pointee.key), value: try text($0.pointee.value))
        }
        if metadata != graph.metadata {
            let messages = graph.metadata.map { entry($0.key, $0.value) }
            model.pointee.n_metadata_props = messages.count
            model.pointee.metadata_props = arena.list(messages)
        }
        let needed = IRVersion.needed(
            by: graph, opsetIsNew: opsets != imported, listsAllInitializers: initializersAreListed)
        if model.pointee.ir_version < needed {
            model.pointee.has_ir_version = 1
            model.pointee.ir_version = Int64(needed)
        }
    }

    /// The graph's, and ONNX Runtime's where its operators are used.
    private var importedOpsets: [Graph.OpsetImport] {
        let isMissing = !graph.opsets.contains { $0.domain == QLinear.domain }
        let isUsed = graph.nodes.contains { if case .qLinear = $0.operator { true } else { false } }
        return graph.opsets + (isMissing && isUsed ? [.init(domain: QLinear.domain, version: 1)] : [])
    }

    // MARK: Values

    private var initializersAreListed: Bool {
        guard let listed = graph.encoding.map({ Set($0.listedInputs) }) else { return false }
        return graph.values.allSatisfy { $0.source != .constant || listed.contains($0.name) }
    }

    private func writeValues(to message: UnsafeMutablePointer<Onnx__GraphProto>) throws {
        let inputs = try listedInputs().map { try declaration(of: $0, isInput: $0.source == .graphInput) }
        message.pointee.n_input = inputs.count
        message.pointee.input = arena.list(inputs)
        let outputs = try graph.outputs.map { try declaration(of: graph[$0], isInput: graph[$0].source == .graphInput) }
        message.pointee.n_output = outputs.count
        message.pointee.output = arena.list(outputs)
        let constants = try orderedConstants().map { try initializer(of: $0) }
        message.pointee.n_initializer = constants.count
        message.pointee.initializer = arena.list(constants)
        try writeDeclarations(to: message)
    }

    /// The graph's inputs, with initializers among them where the file had them.
    private func listedInputs() -> [Value] {
        let inputs = graph.inputs.map { graph[$0] }
        let listed = (graph.encoding?.listedInputs ?? []).compactMap { graph.value(named: $0) }
        if listed.filter({ $0.source == .graphInput }).map(\.id) == graph.inputs {
            return listed.filter { isListable($0) }
        }
        return inputs + listed.filter { $0.source != .graphInput && isListable($0) }
    }

    private func isListable(_ value: Value) -> Bool {
        switch value.source {
        case .graphInput, .constant, .external: true
        case .node: false
        }
    }

    private func orderedConstants() -> [Value] {
        let known = (graph.encoding?.initializerOrder ?? []).compactMap { graph.value(named: $0) }.filter { $0.source == .constant }
        let written = Set(known.map(\.id))
        return known + graph.values.filter { $0.source == .constant && !written.contains($0.id) }
    }

    private func initializer(of value: Value) throws -> UnsafeMutablePointer<Onnx__TensorProto> {
        guard let tensor = value.constant else {
            throw CleaveError(.invalidGraph, "the initializer has no tensor", at: .init(tensor: value.name))
        }
        let message: UnsafeMutablePointer<Onnx__TensorProto> = try value.encoding?.initializer.map { try arena.unpack($0) } ?? arena.make()
        message.pointee.name = arena.string(value.name)
        tensor.write(into: message, arena)
        if tensor.strings == nil { initializers.append((message, tensor)) }
        return message
    }

    private func declaration(of value: Value, isInput: Bool) throws -> UnsafeMutablePointer<Onnx__ValueInfoProto> {
        let encoding = value.encoding
        let message: UnsafeMutablePointer<Onnx__ValueInfoProto> = try encoding?.declaration.map { try arena.unpack($0) } ?? arena.make()
        message.pointee.name = arena.string(value.name)
        if let type = value.type, !isCurrent(encoding, type, isInput: isInput) { message.pointee.type = type.message(in: arena) }
        return message
    }

    /// Whether a declaration is to stay: an input's is what was asked for, any other may be vaguer than what inference found. One
    /// that was wrong from the start stays so.
    private func isCurrent(_ encoding: ValueEncoding?, _ type: ValueType, isInput: Bool) -> Bool {
        guard let encoding, encoding.declaration != nil else { return false }
        guard let declared = encoding.declaredType, encoding.contradictedType != type else { return true }
        return isInput ? declared == type : declared.isCompatible(with: type)
    }

    /// Writes `value_info` in the file's order, without what the graph has lost.
    private func writeDeclarations(to message: UnsafeMutablePointer<Onnx__GraphProto>) throws {
        var extra: [String: [UnsafeMutablePointer<Onnx__ValueInfoProto>]] = [:]
        for info in elements(message.pointee.value_info, message.pointee.n_value_info) {
            extra[try text(info.pointee.name), default: []].append(info)
        }
        let declaredElsewhere = Set((graph.encoding?.listedInputs ?? []).compactMap { graph.value(named: $0)?.id }).union(graph.outputs)
            .union(graph.inputs)
        var written: Set<ValueID> = []
        var infos: [UnsafeMutablePointer<Onnx__ValueInfoProto>] = []
        for name in graph.encoding?.declarationOrder ?? [] {
            if let value = graph.value(named: name), value.encoding?.declaration != nil, !declaredElsewhere.contains(value.id),
                written.insert(value.id).inserted
            {
                infos.append(try declaration(of: value, isInput: false))
            } else if let info = extra[name]?.first {
                extra[name]?.removeFirst()
                infos.append(info)
            }
        }
        message.pointee.n_value_info = infos.count
        message.pointee.value_info = arena.list(infos)
    }

    /// Leaves out sparse initializers and quantization annotations of values that the graph has lost.
    private func dropDeadReferences(in message: UnsafeMutablePointer<Onnx__GraphProto>) throws {
        let sparse = try elements(message.pointee.sparse_initializer, message.pointee.n_sparse_initializer).filter {
            graph.value(named: try text($0.pointee.values?.pointee.name))?.source == .external
        }
        message.pointee.n_sparse_initializer = sparse.count
        message.pointee.sparse_initializer = arena.list(sparse)
        let annotations = try elements(message.pointee.quantization_annotation, message.pointee.n_quantization_annotation)
            .filter { annotation in
                let parameters = elements(
                    annotation.pointee.quant_parameter_tensor_names, annotation.pointee.n_quant_parameter_tensor_names)
                let names = [annotation.pointee.tensor_name] + parameters.map { $0.pointee.value }
                return try names.allSatisfy { graph.value(named: try text($0)) != nil }
            }
        message.pointee.n_quantization_annotation = annotations.count
        message.pointee.quantization_annotation = arena.list(annotations)
    }

    // MARK: Nodes

    private func message(for node: Node) throws -> UnsafeMutablePointer<Onnx__NodeProto> {
        let message: UnsafeMutablePointer<Onnx__NodeProto> = try node.encoding.map { try arena.unpack($0.bytes) } ?? arena.make()
        if !node.name.isEmpty { message.pointee.name = arena.string(node.name) }
        message.pointee.n_input = node.inputs.count
        message.pointee.input = names(node.inputs)
        message.pointee.n_output = node.outputs.count
        message.pointee.output = names(node.outputs)
        try writeOperator(of: node, to: message)
        if let origin = node.origin {
            let entries =
                elements(message.pointee.metadata_props, message.pointee.n_metadata_props) + [entry(Origin.metadataKey, origin.text)]
            message.pointee.n_metadata_props = entries.count
            message.pointee.metadata_props = arena.list(entries)
        }
        return message
    }

    private func names(_ ids: [ValueID?]) -> UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? {
        arena.array(ids.map { Optional(arena.string($0.map { graph[$0].name } ?? "")) })
    }

    private func writeOperator(of node: Node, to message: UnsafeMutablePointer<Onnx__NodeProto>) throws {
        if case .opaque(let payload) = node.operator {
            message.pointee.op_type = arena.string(payload.name)
            message.pointee.domain = payload.domain.isEmpty ? nil : arena.string(payload.domain)
            message.pointee.overload = payload.overload.isEmpty ? nil : arena.string(payload.overload)
            return
        }
        if let encoding = node.encoding, encoding.attributesAreCurrent {
            if case .constant(let payload) = node.operator { fill(message.pointee, with: payload) }
            return
        }
        message.pointee.op_type = arena.string(try node.operator.onnxName(opset: graph.opset))
        if case .qLinear = node.operator { message.pointee.domain = arena.string(QLinear.domain) }
        var writer = AttributeWriter(
            opset: graph.opset, operandCount: node.inputs.count, outputCount: node.outputs.count, arena: arena)
        try node.operator.writeAttributes(to: &writer)
        message.pointee.n_attribute = writer.attributes.count
        message.pointee.attribute = arena.list(writer.attributes)
    }

    /// Gives a constant's tensor, which only the operator holds, back to its attribute.
    private func fill(_ node: Onnx__NodeProto, with payload: Constant) {
        for attribute in elements(node.attribute, node.n_attribute) {
            if let tensor = attribute.pointee.t { payload.value.tensor.write(into: tensor, arena) }
        }
    }
}
