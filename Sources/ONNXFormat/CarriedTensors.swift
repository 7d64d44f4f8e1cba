import COnnxSchema
import CProtobufC
import Tensors

/// Moves external data into messages that are carried along encoded: subgraphs, functions, sparse tensors, training information.
///
/// The graph may be written to another folder, where a relative location would mean nothing.
struct CarriedTensors {
    let external: ExternalData
    /// Bytes that may still be moved; what exceeds the format's limit could not be written anyway.
    private var allowance = Int(Int32.max)

    init(external: ExternalData) { self.external = external }

    /// - Throws: `CleaveError` when external data cannot be had, or is more than a message can hold.
    mutating func embed<Message: WireMessage>(_ message: UnsafeMutablePointer<Message>) throws {
        try visit(UnsafeMutableRawPointer(message))
    }

    private mutating func visit(_ message: UnsafeMutableRawPointer) throws {
        guard let descriptor = message.assumingMemoryBound(to: ProtobufCMessage.self).pointee.descriptor else { return }
        if descriptor == cleave_tensor_descriptor() { return try embedTensor(message.assumingMemoryBound(to: Onnx__TensorProto.self)) }
        for field in UnsafeBufferPointer(start: descriptor.pointee.fields, count: Int(descriptor.pointee.n_fields))
        where field.type == PROTOBUF_C_TYPE_MESSAGE {
            let quantifier = message + Int(field.quantifier_offset)
            let member = message + Int(field.offset)
            if field.label == PROTOBUF_C_LABEL_REPEATED {
                let count = quantifier.load(as: Int.self)
                let list = member.load(as: UnsafeMutablePointer<UnsafeMutableRawPointer?>?.self)
                for child in UnsafeBufferPointer(start: list, count: list == nil ? 0 : count) {
                    if let child { try visit(child) }
                }
            } else {
                let isOneof = field.flags & UInt32(PROTOBUF_C_FIELD_FLAG_ONEOF.rawValue) != 0
                if isOneof, quantifier.load(as: UInt32.self) != field.id { continue }
                if let child = member.load(as: UnsafeMutableRawPointer?.self) { try visit(child) }
            }
        }
    }

    private mutating func embedTensor(_ tensor: UnsafeMutablePointer<Onnx__TensorProto>) throws {
        guard tensor.pointee.data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL else { return }
        try locating(tensor: text(tensor.pointee.name)) {
            let (storage, range) = try external.bytes(ExternalData.Reference(tensor.pointee))
            guard range.count <= allowance else {
                throw CleaveError(.unsupported, "subgraphs and functions have more external data than a model file can hold")
            }
            allowance -= range.count
            TensorReader.discardElements(of: tensor)
            guard let allocator = cleave_wire_allocator(),
                let copy = allocator.pointee.alloc(allocator.pointee.allocator_data, max(range.count, 1))
            else { throw CleaveError(.file, "there is not enough memory for \(range.count) bytes of external data") }
            UnsafeMutableRawBufferPointer(start: copy, count: range.count)
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: storage.bytes[range]))
            tensor.pointee.has_raw_data = 1
            tensor.pointee.raw_data = ProtobufCBinaryData(len: range.count, data: copy.assumingMemoryBound(to: UInt8.self))
        }
    }
}
