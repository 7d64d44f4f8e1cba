import COnnxSchema
import CProtobufC
import Tensors

extension Tensor {
    /// Writes type, shape and elements into a message that holds none. The message points at the tensor's memory.
    func write(into message: UnsafeMutablePointer<Onnx__TensorProto>, _ arena: MessageArena) {
        writeType(into: message, arena)
        if let strings {
            message.pointee.n_string_data = strings.count
            message.pointee.string_data = arena.array(strings.map { arena.data($0) })
            return
        }
        message.pointee.has_raw_data = 1
        message.pointee.raw_data = withUnsafeBytes {
            ProtobufCBinaryData(len: $0.count, data: UnsafeMutablePointer(mutating: $0.baseAddress?.assumingMemoryBound(to: UInt8.self)))
        }
    }

    /// Writes type and shape only.
    func writeType(into message: UnsafeMutablePointer<Onnx__TensorProto>, _ arena: MessageArena) {
        message.pointee.has_data_type = 1
        message.pointee.data_type = Int32(elementType.rawValue)
        message.pointee.n_dims = rank
        message.pointee.dims = arena.array(shape.map { Int64($0) })
    }
}
