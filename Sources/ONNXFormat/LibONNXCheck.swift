import CLibONNX
import COnnxSchema
import CProtobufC
import Foundation
import GraphIR
import Tensors

/// What the ONNX project's own library, libonnx, says of a graph.
public struct LibONNXReport: Hashable, Sendable {
    public enum Verdict: Hashable, Sendable {
        /// The library has no objection.
        case accepted
        /// The graph breaks a rule; the words are the library's.
        case rejected(String)
        /// The graph uses what the library is too old for, so that it could not be asked.
        case tooNew(String)
        /// The library crashed, or could not be run.
        case failed(String)
    }

    /// A value that Cleave and libonnx infer different types for.
    public struct Disagreement: Hashable, Sendable {
        public var value: String
        public var ours: ValueType
        public var theirs: ValueType
    }

    /// The release of the library, such as `1.12.0`.
    public var libraryVersion: String
    public var checker: Verdict
    /// Strict shape inference, with the operands' types checked.
    public var inference: Verdict
    /// In the order of the library's answer. Types that one side leaves open do not disagree.
    public var disagreements: [Disagreement]
    /// How many values both sides know the type of.
    public var comparedValues: Int
}

extension Graph {
    /// Has libonnx check the graph and infer its types, and compares the types with Cleave's.
    ///
    /// Large weights become graph inputs of the same type, so that the size of the model does not matter.
    /// - Throws: `CleaveError` when the graph cannot be written as a model at all.
    public func checkWithLibONNX() throws -> LibONNXReport {
        var report = LibONNXReport(
            libraryVersion: String(cString: cleave_libonnx_version()), checker: .accepted, inference: .accepted, disagreements: [],
            comparedValues: 0)
        report.checker = LibONNX.check(try Exporter(self).modelWithoutWeights(declaringValues: true))
        let bare = try Exporter(self).modelWithoutWeights(declaringValues: false)
        let strict = CLEAVE_LIBONNX_STRICT.rawValue | CLEAVE_LIBONNX_CHECK_TYPES.rawValue | CLEAVE_LIBONNX_PROPAGATE_DATA.rawValue
        var (verdict, inferred) = LibONNX.inferTypes(bare, options: strict)
        report.inference = verdict
        if case .rejected = verdict { inferred = LibONNX.inferTypes(bare, options: 0).model }
        guard let inferred else { return report }
        let theirs = try inferred.withUnsafeBytes { try Self.declaredTypes(UnpackedMessage<Onnx__ModelProto>($0)) }
        for (name, theirType) in theirs {
            guard let ourType = value(named: name)?.type else { continue }
            report.comparedValues += 1
            if !ourType.isCompatible(with: theirType) {
                report.disagreements.append(.init(value: name, ours: ourType, theirs: theirType))
            }
        }
        return report
    }

    private static func declaredTypes(_ model: borrowing UnpackedMessage<Onnx__ModelProto>) throws -> [(String, ValueType)] {
        guard let graph = model.pointer.pointee.graph?.pointee else { return [] }
        let infos = elements(graph.value_info, graph.n_value_info) + elements(graph.output, graph.n_output)
        return try infos.compactMap { info in
            guard let type = try ValueType(info.pointee.type) else { return nil }
            return (try text(info.pointee.name), type)
        }
    }
}

/// Calls of CLibONNX.
private enum LibONNX {
    static func check(_ model: [UInt8]) -> LibONNXReport.Verdict {
        var message: UnsafeMutablePointer<CChar>?
        let status = model.withUnsafeBytes { cleave_libonnx_check($0.baseAddress, $0.count, &message) }
        return verdict(status, message)
    }

    static func inferTypes(_ model: [UInt8], options: UInt32) -> (verdict: LibONNXReport.Verdict, model: [UInt8]?) {
        var message: UnsafeMutablePointer<CChar>?
        var inferred: UnsafeMutableRawPointer?
        var size = 0
        let status = model.withUnsafeBytes {
            cleave_libonnx_infer_shapes($0.baseAddress, $0.count, options, &inferred, &size, &message)
        }
        defer { cleave_libonnx_free(inferred) }
        let bytes = inferred.map { [UInt8](UnsafeRawBufferPointer(start: $0, count: size)) }
        return (verdict(status, message), bytes)
    }

    /// The library's words in one line.
    private static func line(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
            .joined(separator: " ")
    }

    private static func verdict(_ status: cleave_libonnx_status, _ message: UnsafeMutablePointer<CChar>?) -> LibONNXReport.Verdict {
        defer { cleave_libonnx_free(message) }
        let text = message.map { Self.line(String(cString: $0)) } ?? "libonnx gave no reason"
        switch status {
        case CLEAVE_LIBONNX_OK: return .accepted
        case CLEAVE_LIBONNX_INVALID, CLEAVE_LIBONNX_UNREADABLE: return .rejected(text)
        case CLEAVE_LIBONNX_TOO_NEW: return .tooNew(text)
        default: return .failed(text)
        }
    }
}

extension Exporter {
    /// Larger tensors of floats are weights; smaller ones, and all integers of some kilobytes, may matter to shapes.
    private static let stubThreshold = (floats: 256, others: 16 << 10)

    private static func isWeight(_ tensor: Tensor) -> Bool {
        tensor.byteCount > (tensor.elementType.isFloatingPoint ? stubThreshold.floats : stubThreshold.others)
    }

    /// The packed model with weights as graph inputs.
    /// - Parameter declaringValues: whether `value_info` stays.
    func modelWithoutWeights(declaringValues: Bool) throws -> [UInt8] {
        let model = try model()
        guard let graph = model.pointee.graph else { return packed(model) }
        var inputs = elements(graph.pointee.input, graph.pointee.n_input)
        let listed = Set(try inputs.map { try text($0.pointee.name) })
        func addInput(_ name: String, _ tensor: Tensor) {
            guard !listed.contains(name) else { return }
            let info = arena.make(Onnx__ValueInfoProto.self)
            info.pointee.name = arena.string(name)
            info.pointee.type = ValueType.tensor(TensorType(tensor.elementType, lengths: tensor.shape)).message(in: arena)
            inputs.append(info)
        }
        let weights = self.graph.values.filter { $0.constant.map(Self.isWeight) ?? false }
        for value in weights { value.constant.map { addInput(value.name, $0) } }
        let weightNames = Set(weights.map(\.name))
        let initializers = try elements(graph.pointee.initializer, graph.pointee.n_initializer)
            .filter { !weightNames.contains(try text($0.pointee.name)) }
        var nodes: [UnsafeMutablePointer<Onnx__NodeProto>] = []
        for (node, message) in zip(self.graph.nodes, elements(graph.pointee.node, graph.pointee.n_node)) {
            if case .constant(let payload) = node.operator, Self.isWeight(payload.value.tensor), let output = node.outputs.first ?? nil,
                !self.graph.isOutput(output)
            {
                addInput(self.graph[output].name, payload.value.tensor)
            } else {
                nodes.append(message)
            }
        }
        graph.pointee.n_initializer = initializers.count
        graph.pointee.initializer = arena.list(initializers)
        graph.pointee.n_node = nodes.count
        graph.pointee.node = arena.list(nodes)
        graph.pointee.n_input = inputs.count
        graph.pointee.input = arena.list(inputs)
        if !declaringValues { graph.pointee.n_value_info = 0 }
        return packed(model)
    }
}
