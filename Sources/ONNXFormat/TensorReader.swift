import COnnxSchema
import CProtobufC
import Foundation
import Tensors

/// Turns `TensorProto` messages into tensors.
struct TensorReader {
    let external: ExternalData

    /// What becomes of the elements in the message.
    enum Ownership {
        /// The tensor gets the message's memory; the message is left without elements.
        case takeOver
        /// The message stays as it is.
        case copy
    }

    /// The tensor that a message holds.
    /// - Throws: `CleaveError` when type, shape and data do not fit each other, or external data cannot be had.
    func tensor(_ message: UnsafeMutablePointer<Onnx__TensorProto>, _ ownership: Ownership) throws -> Tensor {
        let shape = try Self.shape(message.pointee)
        let type = try Self.elementType(message.pointee)
        let tensor: Tensor
        if message.pointee.data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL {
            tensor = try externalTensor(message.pointee, shape, type)
        } else if type == .string {
            tensor = try Tensor(shape: shape, strings: Self.strings(message.pointee))
        } else {
            tensor = try Self.embeddedTensor(message, shape, type, ownership)
        }
        if ownership == .takeOver { Self.discardElements(of: message) }
        return tensor
    }

    private static func shape(_ message: Onnx__TensorProto) throws -> [Int] {
        guard message.segment == nil else {
            throw CleaveError(.unsupported, "the tensor is stored in segments, which Cleave does not read")
        }
        return UnsafeBufferPointer(start: message.dims, count: message.n_dims).map { Int($0) }
    }

    private static func elementType(_ message: Onnx__TensorProto) throws -> ElementType {
        guard let type = ElementType(rawValue: Int(message.data_type)) else {
            throw CleaveError(
                message.data_type == 0 ? .malformedTensor : .unsupported,
                "the element type has number \(message.data_type), expected 1 to \(ElementType.allCases.count)")
        }
        return type
    }

    private static func strings(_ message: Onnx__TensorProto) -> [[UInt8]] {
        UnsafeBufferPointer(start: message.string_data, count: message.n_string_data).map {
            [UInt8](UnsafeBufferPointer(start: $0.data, count: $0.len))
        }
    }

    // MARK: External data

    private func externalTensor(_ message: Onnx__TensorProto, _ shape: [Int], _ type: ElementType) throws -> Tensor {
        let count = try Tensor.elementCount(of: shape)
        guard let needed = type.byteCount(elements: count) else {
            throw CleaveError(.malformedTensor, "shape \(shape) of \(type) cannot be stored as external data")
        }
        var reference = try ExternalData.Reference(message)
        guard reference.length == nil || reference.length == needed else {
            throw CleaveError(
                .malformedTensor, "shape \(shape) of \(type) needs \(needed) bytes, but the external data has \(reference.length ?? 0)")
        }
        reference.length = needed
        let (storage, range) = try external.bytes(reference)
        return try Self.normalizingBooleans(Tensor(shape: shape, elementType: type, storage: storage, offset: range.lowerBound))
    }

    // MARK: Data in the message

    private static func embeddedTensor(
        _ message: UnsafeMutablePointer<Onnx__TensorProto>, _ shape: [Int], _ type: ElementType, _ ownership: Ownership
    ) throws -> Tensor {
        let count = try Tensor.elementCount(of: shape)
        guard let needed = type.byteCount(elements: count) else {
            throw CleaveError(.malformedTensor, "shape \(shape) of \(type) needs more bytes than memory can address")
        }
        let typed = try TypedElements(message.pointee, type)
        let raw = message.pointee.has_raw_data != 0 ? message.pointee.raw_data.len : 0
        guard raw == 0 || typed.count == 0 else {
            throw CleaveError(.malformedTensor, "the data is given twice, as raw_data and as \(typed.field)")
        }
        if typed.count > 0 {
            guard typed.count == typed.expectedCount(elements: count) else {
                throw CleaveError(
                    .malformedTensor,
                    "shape \(shape) of \(type) needs \(typed.expectedCount(elements: count)) entries in \(typed.field), "
                        + "but \(typed.count) are there")
            }
            return try Tensor(shape: shape, elementType: type, storage: typed.storage(message, byteCount: needed, ownership))
        }
        guard raw == needed else {
            throw CleaveError(
                .malformedTensor,
                raw == 0 ? "shape \(shape) of \(type) needs \(needed) bytes, but there is no data"
                    : "shape \(shape) of \(type) needs \(needed) bytes, but raw_data has \(raw)")
        }
        let storage: TensorStorage
        switch ownership {
        case .copy:
            storage = TensorStorage(copying: UnsafeRawBufferPointer(start: message.pointee.raw_data.data, count: raw))
        case .takeOver:
            let data = cleave_wire_take(&message.pointee.raw_data)
            storage = TensorStorage(takingOver: UnsafeRawBufferPointer(start: data.data, count: raw), release: releaseBlock)
        }
        return try normalizingBooleans(Tensor(shape: shape, elementType: type, storage: storage))
    }

    static let releaseBlock: @Sendable (UnsafeRawBufferPointer) -> Void = { free(UnsafeMutableRawPointer(mutating: $0.baseAddress)) }

    /// A Swift `Bool` in memory is 0 or 1; files can hold other bytes, which all mean true.
    private static func normalizingBooleans(_ tensor: Tensor) throws -> Tensor {
        guard tensor.elementType == .bool else { return tensor }
        return try tensor.withUnsafeBytes { bytes in
            guard bytes.contains(where: { $0 > 1 }) else { return tensor }
            return try Tensor(bytes.map { $0 != 0 }, shape: tensor.shape)
        }
    }

    // MARK: Emptying a message

    /// Frees what a message holds of elements, wherever they are.
    static func discardElements(of message: UnsafeMutablePointer<Onnx__TensorProto>) {
        func clear<Element>(_ array: inout UnsafeMutablePointer<Element>?, _ count: inout Int) {
            free(array)
            array = nil
            count = 0
        }
        for string in UnsafeBufferPointer(start: message.pointee.string_data, count: message.pointee.n_string_data) { free(string.data) }
        for entry in elements(message.pointee.external_data, message.pointee.n_external_data) {
            protobuf_c_message_free_unpacked(
                UnsafeMutableRawPointer(entry).assumingMemoryBound(to: ProtobufCMessage.self), cleave_wire_allocator())
        }
        clear(&message.pointee.string_data, &message.pointee.n_string_data)
        clear(&message.pointee.external_data, &message.pointee.n_external_data)
        clear(&message.pointee.float_data, &message.pointee.n_float_data)
        clear(&message.pointee.int32_data, &message.pointee.n_int32_data)
        clear(&message.pointee.int64_data, &message.pointee.n_int64_data)
        clear(&message.pointee.double_data, &message.pointee.n_double_data)
        clear(&message.pointee.uint64_data, &message.pointee.n_uint64_data)
        free(cleave_wire_take(&message.pointee.raw_data).data)
        message.pointee.has_raw_data = 0
        message.pointee.has_data_location = 0
        message.pointee.data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__DEFAULT
    }
}
