import COnnxSchema
import CProtobufC
import Tensors

@testable import GraphIR
@testable import ONNXFormat

/// A small model built message by message, so that it can be wrong in every way.
final class TestModel {
    let arena = MessageArena()
    let message: UnsafeMutablePointer<Onnx__ModelProto>
    var graph: UnsafeMutablePointer<Onnx__GraphProto>

    /// - Parameter opset: of the default domain; `nil` imports none.
    init(irVersion: Int64 = 8, opset: Int64? = 13) {
        message = arena.make()
        graph = arena.make()
        message.pointee.has_ir_version = 1
        message.pointee.ir_version = irVersion
        message.pointee.graph = graph
        graph.pointee.name = arena.string("test")
        if let opset { importOpset("", opset) }
    }

    /// A model of one node from `x` to `y`.
    convenience init(
        _ operatorName: String, opset: Int64 = 13, attributes: (inout AttributeWriter) -> Void = { _ in }
    ) {
        self.init(opset: opset)
        input("x", [2, 3])
        node(operatorName, ["x"], ["y"], attributes: attributes)
        output("y", nil)
    }

    /// Keeps what messages of this model point at in another one.
    func keep(_ other: TestModel) { kept.append(other) }
    private var kept: [TestModel] = []

    /// The model's encoded form.
    var bytes: [UInt8] { withExtendedLifetime(self) { packed(message) } }

    func imported() throws -> Graph { try Graph(onnxBytes: bytes) }

    func importOpset(_ domain: String, _ version: Int64) {
        let entry = arena.make(Onnx__OperatorSetIdProto.self)
        entry.pointee.domain = arena.string(domain)
        entry.pointee.has_version = 1
        entry.pointee.version = version
        append(entry, &message.pointee.opset_import, &message.pointee.n_opset_import)
    }

    func append<Message>(
        _ entry: UnsafeMutablePointer<Message>, _ list: inout UnsafeMutablePointer<UnsafeMutablePointer<Message>?>?, _ count: inout Int
    ) {
        let all = elements(list, count) + [entry]
        list = arena.list(all)
        count = all.count
    }

    func valueInfo(_ name: String, _ type: ValueType?) -> UnsafeMutablePointer<Onnx__ValueInfoProto> {
        let info = arena.make(Onnx__ValueInfoProto.self)
        info.pointee.name = arena.string(name)
        info.pointee.type = type?.message(in: arena)
        return info
    }

    static func float(_ shape: [Int]) -> ValueType { .tensor(TensorType(.float32, lengths: shape)) }

    func input(_ name: String, _ shape: [Int]) {
        append(valueInfo(name, Self.float(shape)), &graph.pointee.input, &graph.pointee.n_input)
    }

    func output(_ name: String, _ shape: [Int]?) {
        append(
            valueInfo(name, shape.map(Self.float) ?? .tensor(TensorType(.float32, nil))), &graph.pointee.output, &graph.pointee.n_output)
    }

    func declare(_ name: String, _ shape: [Int]) {
        append(valueInfo(name, Self.float(shape)), &graph.pointee.value_info, &graph.pointee.n_value_info)
    }

    @discardableResult
    func initializer(_ name: String, _ tensor: Tensor) -> UnsafeMutablePointer<Onnx__TensorProto> {
        let message = arena.make(Onnx__TensorProto.self)
        message.pointee.name = arena.string(name)
        tensor.write(into: message, arena)
        retained.append(tensor)
        append(message, &graph.pointee.initializer, &graph.pointee.n_initializer)
        return message
    }
    private var retained: [Tensor] = []

    @discardableResult
    func node(
        _ operatorName: String, _ inputs: [String], _ outputs: [String], name: String = "", domain: String = "",
        attributes: (inout AttributeWriter) -> Void = { _ in }
    ) -> UnsafeMutablePointer<Onnx__NodeProto> {
        let message = arena.make(Onnx__NodeProto.self)
        message.pointee.op_type = arena.string(operatorName)
        if !name.isEmpty { message.pointee.name = arena.string(name) }
        if !domain.isEmpty { message.pointee.domain = arena.string(domain) }
        message.pointee.n_input = inputs.count
        message.pointee.input = arena.array(inputs.map { Optional(arena.string($0)) })
        message.pointee.n_output = outputs.count
        message.pointee.output = arena.array(outputs.map { Optional(arena.string($0)) })
        var writer = AttributeWriter(opset: 23, operandCount: inputs.count, outputCount: outputs.count, arena: arena)
        attributes(&writer)
        message.pointee.n_attribute = writer.attributes.count
        message.pointee.attribute = arena.list(writer.attributes)
        append(message, &graph.pointee.node, &graph.pointee.n_node)
        return message
    }

    func entry(_ key: String, _ value: String) -> UnsafeMutablePointer<Onnx__StringStringEntryProto> {
        let entry = arena.make(Onnx__StringStringEntryProto.self)
        entry.pointee.key = arena.string(key)
        entry.pointee.value = arena.string(value)
        return entry
    }
}
