import COnnxSchema
import GraphIR
import Tensors

extension Graph {
    /// What was wrong with the file that the graph was read from, and that the graph itself knows nothing of: nodes out of order, and
    /// attributes that no operator of ONNX may have, on nodes that are therefore carried along unread.
    /// - Throws: `CleaveError` when the encoded parts of the graph are damaged.
    public func formatFaults() throws -> [CleaveError] { orderFaults + (try attributeFaults()) }

    /// In the graph and in the graphs in it.
    private var orderFaults: [CleaveError] {
        [encoding?.orderFault].compactMap { $0 }
            + nodes.flatMap { node in
                node.operator.subgraphs.flatMap(\.body.graph.orderFaults).map {
                    $0.inside(node: label(of: node), operatorName: node.operator.name)
                }
            }
    }

    private func attributeFaults() throws -> [CleaveError] {
        let arena = MessageArena()
        let functions = try encodedModel(in: arena).map {
            Set(try elements($0.functions, $0.n_functions).map { try text($0.pointee.name) })
        }
        return try nodes.compactMap { node in
            guard case .opaque(let payload) = node.operator, OperatorTable.isDefaultDomain(payload.domain), payload.overload.isEmpty,
                functions?.contains(payload.name) != true, let bytes = node.encoding?.bytes
            else { return nil }
            // The encoding has no operands and outputs, whose number some operators go by.
            var message = try arena.unpack(bytes, as: Onnx__NodeProto.self).pointee
            message.n_input = node.inputs.count
            message.n_output = node.outputs.count
            var reader = try AttributeReader(message, opset: opset, tensors: TensorReader(external: ExternalData(folder: nil)))
            return try OperatorTable.fault(of: payload.name, &reader)?.at(node: label(of: node), operatorName: payload.name)
        }
    }

    /// What a user should know of the model although it is no fault: versions that Cleave does not know in full, and the like.
    /// - Throws: `CleaveError` when the encoded parts of the graph are damaged.
    public func remarks() throws -> [String] {
        var remarks: [String] = []
        let version = try irVersion()
        if version > IRVersion.newest {
            remarks.append(
                "IR version \(version) is newer than \(IRVersion.newest), the newest that Cleave knows: "
                    + "what is new in it is carried along unread")
        }
        if opset < OperatorTable.firstComplete, opsets.contains(where: { OperatorTable.isDefaultDomain($0.domain) }) {
            remarks.append(
                "opset \(opset) is older than \(OperatorTable.firstComplete), the oldest that Cleave reads in full: "
                    + "operators whose definition changed since are carried along unread")
        }
        if let name = repeatedNodeName {
            remarks.append(
                "\(nodes.count { $0.name == name }) nodes are called '\(name)': "
                    + "ONNX Runtime refuses graphs in which two nodes have one name")
        }
        if outputs.isEmpty { remarks.append("the graph has no outputs, so that running it gives nothing") }
        return remarks
    }

    /// The first name that a node shares with an earlier one.
    private var repeatedNodeName: String? {
        var seen: Set<String> = [""]
        return nodes.first { !$0.name.isEmpty && !seen.insert($0.name).inserted }?.name
    }

    /// Initializers that a caller may override: those that a model of IR version 4 or later lists as inputs.
    ///
    /// In earlier versions every initializer is listed, and none can be overridden.
    /// - Throws: `CleaveError` when the encoded parts of the graph are damaged.
    public func overridableInputs() throws -> [OverridableInput] {
        guard try irVersion() >= 4 else { return [] }
        return (encoding?.listedInputs ?? []).compactMap { value(named: $0) }.filter { $0.source == .constant }
            .map { OverridableInput(name: $0.name, useCount: useCount(of: $0.id)) }
    }

    /// Names of the inputs whose default a rewrite has worked into other weights, at least for some of the nodes that read it:
    /// whoever overrides such an input no longer changes the whole model.
    /// - Parameter inputs: what the graph had before the rewrite.
    public func fixedInputs(since inputs: [OverridableInput]) -> [String] {
        inputs.filter { input in
            guard let value = value(named: input.name), value.source == .constant else { return input.useCount > 0 }
            return useCount(of: value.id) < input.useCount
        }.map(\.name)
    }

    private func irVersion() throws -> Int {
        let arena = MessageArena()
        return try encodedModel(in: arena).map { Int($0.ir_version) } ?? IRVersion.newest
    }

    private func encodedModel(in arena: MessageArena) throws -> Onnx__ModelProto? {
        try encoding.map { try arena.unpack($0.model, as: Onnx__ModelProto.self).pointee }
    }
}

/// An input with a default.
public struct OverridableInput: Hashable, Sendable {
    public var name: String
    /// How many operands read it.
    public var useCount: Int
}
