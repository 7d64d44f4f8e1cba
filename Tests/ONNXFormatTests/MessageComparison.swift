import COnnxSchema
import CProtobufC

@testable import ONNXFormat

/// Compares two messages field by field along protobuf-c's descriptors.
///
/// Tensors are equal when name, type, shape and elements are, wherever the elements are stored. An absent string equals an
/// empty one. Everything else, presence and order included, must be the same.
struct MessageComparison {
    /// The first difference, as a path and what is there; `nil` when there is none.
    static func difference(_ left: [UInt8], _ right: [UInt8]) throws -> String? {
        let left = try left.withUnsafeBytes { try Holder($0) }
        let right = try right.withUnsafeBytes { try Holder($0) }
        return withExtendedLifetime((left, right)) {
            difference(UnsafeRawPointer(left.message.pointer), UnsafeRawPointer(right.message.pointer), "model")
        }
    }

    private final class Holder {
        let message: UnpackedMessage<Onnx__ModelProto>
        init(_ bytes: UnsafeRawBufferPointer) throws { message = try UnpackedMessage(bytes) }
    }

    static func difference(_ left: UnsafeRawPointer, _ right: UnsafeRawPointer, _ path: String) -> String? {
        let base = left.assumingMemoryBound(to: ProtobufCMessage.self).pointee
        let other = right.assumingMemoryBound(to: ProtobufCMessage.self).pointee
        if base.descriptor == cleave_tensor_descriptor(),
            let found = dataDifference(
                left.assumingMemoryBound(to: Onnx__TensorProto.self).pointee,
                right.assumingMemoryBound(to: Onnx__TensorProto.self).pointee)
        {
            return "\(path): \(found)"
        }
        let unknown = (unknownFields(base), unknownFields(other))
        if unknown.0 != unknown.1 { return "\(path): unknown fields \(unknown.0) and \(unknown.1)" }
        for field in UnsafeBufferPointer(start: base.descriptor.pointee.fields, count: Int(base.descriptor.pointee.n_fields)) {
            let name = String(cString: field.name)
            if base.descriptor == cleave_tensor_descriptor(), tensorData.contains(name) { continue }
            if let found = difference(field, left, right, "\(path).\(name)") { return found }
        }
        return nil
    }

    private static func unknownFields(_ message: ProtobufCMessage) -> [String] {
        UnsafeBufferPointer(start: message.unknown_fields, count: Int(message.n_unknown_fields)).map {
            "\($0.tag): \(Array(UnsafeBufferPointer(start: $0.data, count: $0.len)))"
        }
    }

    private static func difference(
        _ field: ProtobufCFieldDescriptor, _ left: UnsafeRawPointer, _ right: UnsafeRawPointer, _ path: String
    ) -> String? {
        let quantifier = Int(field.quantifier_offset)
        let offset = Int(field.offset)
        if field.label == PROTOBUF_C_LABEL_REPEATED {
            let counts = ((left + quantifier).load(as: Int.self), (right + quantifier).load(as: Int.self))
            if counts.0 != counts.1 { return "\(path): \(counts.0) and \(counts.1) entries" }
            guard counts.0 > 0 else { return nil }
            let arrays = ((left + offset).load(as: UnsafeRawPointer.self), (right + offset).load(as: UnsafeRawPointer.self))
            for index in 0..<counts.0 {
                let step = index * stride(field.type)
                if let found = difference(field.type, arrays.0 + step, arrays.1 + step, "\(path)[\(index)]") { return found }
            }
            return nil
        }
        if field.flags & UInt32(PROTOBUF_C_FIELD_FLAG_ONEOF.rawValue) != 0 {
            let cases = ((left + quantifier).load(as: UInt32.self), (right + quantifier).load(as: UInt32.self))
            if cases.0 != cases.1 { return "\(path): alternatives \(cases.0) and \(cases.1)" }
            if cases.0 != field.id { return nil }
        } else if field.type != PROTOBUF_C_TYPE_STRING, field.type != PROTOBUF_C_TYPE_MESSAGE {
            let present = ((left + quantifier).load(as: Int32.self), (right + quantifier).load(as: Int32.self))
            if present.0 != present.1 { return "\(path): presence \(present.0) and \(present.1)" }
        }
        return difference(field.type, left + offset, right + offset, path)
    }

    private static func stride(_ type: ProtobufCType) -> Int {
        switch type {
        case PROTOBUF_C_TYPE_BYTES: MemoryLayout<ProtobufCBinaryData>.stride
        case PROTOBUF_C_TYPE_FLOAT, PROTOBUF_C_TYPE_INT32, PROTOBUF_C_TYPE_ENUM: 4
        default: 8
        }
    }

    private static func difference(
        _ type: ProtobufCType, _ left: UnsafeRawPointer, _ right: UnsafeRawPointer, _ path: String
    ) -> String? {
        func text(_ pointer: UnsafeRawPointer) -> String { pointer.load(as: UnsafePointer<CChar>?.self).map { String(cString: $0) } ?? "" }
        func bytes(_ pointer: UnsafeRawPointer) -> [UInt8] {
            let data = pointer.load(as: ProtobufCBinaryData.self)
            return Array(UnsafeBufferPointer(start: data.data, count: data.len))
        }
        switch type {
        case PROTOBUF_C_TYPE_STRING: return text(left) == text(right) ? nil : "\(path): '\(text(left))' and '\(text(right))'"
        case PROTOBUF_C_TYPE_BYTES: return bytes(left) == bytes(right) ? nil : "\(path): \(bytes(left)) and \(bytes(right))"
        case PROTOBUF_C_TYPE_MESSAGE:
            switch (left.load(as: UnsafeRawPointer?.self), right.load(as: UnsafeRawPointer?.self)) {
            case (nil, nil): return nil
            case (let left?, let right?): return difference(left, right, path)
            case (.some, nil): return "\(path): missing on the right"
            case (nil, .some): return "\(path): missing on the left"
            }
        default:
            let size = stride(type)
            let words = (UnsafeRawBufferPointer(start: left, count: size), UnsafeRawBufferPointer(start: right, count: size))
            return words.0.elementsEqual(words.1) ? nil : "\(path): bits \(Array(words.0)) and \(Array(words.1))"
        }
    }

    // MARK: Tensors

    private static let tensorData: Set<String> = [
        "raw_data", "float_data", "int32_data", "int64_data", "double_data", "uint64_data", "external_data", "data_location",
    ]

    private static func dataDifference(_ left: Onnx__TensorProto, _ right: Onnx__TensorProto) -> String? {
        let elements = (canonical(left), canonical(right))
        return elements.0 == elements.1 ? nil : "elements \(elements.0.prefix(16)) and \(elements.1.prefix(16))"
    }

    /// The elements' bytes as `raw_data` would have them.
    private static func canonical(_ tensor: Onnx__TensorProto) -> [UInt8] {
        func bytes<Entry>(_ entries: UnsafeMutablePointer<Entry>?, _ count: Int, width: Int = MemoryLayout<Entry>.size) -> [UInt8] {
            UnsafeBufferPointer(start: entries, count: count).flatMap { entry in
                withUnsafeBytes(of: entry) { Array($0.prefix(width)) }
            }
        }
        if tensor.has_raw_data != 0, tensor.raw_data.len > 0 {
            return Array(UnsafeBufferPointer(start: tensor.raw_data.data, count: tensor.raw_data.len))
        }
        let widths: [Int32: Int] = [6: 4, 4: 2, 5: 2, 10: 2, 16: 2]
        return bytes(tensor.float_data, tensor.n_float_data) + bytes(tensor.double_data, tensor.n_double_data)
            + bytes(tensor.int64_data, tensor.n_int64_data)
            + bytes(tensor.uint64_data, tensor.n_uint64_data, width: tensor.data_type == 12 ? 4 : 8)
            + bytes(tensor.int32_data, tensor.n_int32_data, width: widths[tensor.data_type] ?? 1)
    }
}
