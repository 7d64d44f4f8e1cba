import COnnxSchema
import CProtobufC
import Foundation
import Tensors

/// A message struct that protoc-c generated.
protocol WireMessage {
    /// Makes `message` an empty message of this kind.
    static func initialize(_ message: UnsafeMutablePointer<Self>)
    var base: ProtobufCMessage { get }
}

extension WireMessage {
    static var empty: Self {
        withUnsafeTemporaryAllocation(of: Self.self, capacity: 1) { buffer in
            let message = buffer.baseAddress.unsafelyUnwrapped
            initialize(message)
            return message.move()
        }
    }

    static var descriptor: UnsafePointer<ProtobufCMessageDescriptor> { empty.base.descriptor }
}

extension Onnx__ModelProto: WireMessage {
    static func initialize(_ message: UnsafeMutablePointer<Self>) { onnx__model_proto__init(message) }
}
extension Onnx__GraphProto: WireMessage {
    static func initialize(_ message: UnsafeMutablePointer<Self>) { onnx__graph_proto__init(message) }
}
extension Onnx__NodeProto: WireMessage {
    static func initialize(_ message: UnsafeMutablePointer<Self>) { onnx__node_proto__init(message) }
}
extension Onnx__AttributeProto: WireMessage {
    static func initialize(_ message: UnsafeMutablePointer<Self>) { onnx__attribute_proto__init(message) }
}
extension Onnx__TensorProto: WireMessage {
    static func initialize(_ message: UnsafeMutablePointer<Self>) { onnx__tensor_proto__init(message) }
}
extension Onnx__ValueInfoProto: WireMessage {
    static func initialize(_ message: UnsafeMutablePointer<Self>) { onnx__value_info_proto__init(message) }
}
extension Onnx__OperatorSetIdProto: WireMessage {
    static func initialize(_ message: UnsafeMutablePointer<Self>) { onnx__operator_set_id_proto__init(message) }
}
extension Onnx__StringStringEntryProto: WireMessage {
    static func initialize(_ message: UnsafeMutablePointer<Self>) { onnx__string_string_entry_proto__init(message) }
}
extension Onnx__FunctionProto: WireMessage {
    static func initialize(_ message: UnsafeMutablePointer<Self>) { onnx__function_proto__init(message) }
}
extension Onnx__TrainingInfoProto: WireMessage {
    static func initialize(_ message: UnsafeMutablePointer<Self>) { onnx__training_info_proto__init(message) }
}
extension Onnx__SparseTensorProto: WireMessage {
    static func initialize(_ message: UnsafeMutablePointer<Self>) { onnx__sparse_tensor_proto__init(message) }
}
extension Onnx__TensorAnnotation: WireMessage {
    static func initialize(_ message: UnsafeMutablePointer<Self>) { onnx__tensor_annotation__init(message) }
}
extension Onnx__TypeProto: WireMessage {
    static func initialize(_ message: UnsafeMutablePointer<Self>) { onnx__type_proto__init(message) }
}
extension Onnx__TypeProto__Tensor: WireMessage {
    static func initialize(_ message: UnsafeMutablePointer<Self>) { onnx__type_proto__tensor__init(message) }
}
extension Onnx__TypeProto__SparseTensor: WireMessage {
    static func initialize(_ message: UnsafeMutablePointer<Self>) { onnx__type_proto__sparse_tensor__init(message) }
}
extension Onnx__TypeProto__Sequence: WireMessage {
    static func initialize(_ message: UnsafeMutablePointer<Self>) { onnx__type_proto__sequence__init(message) }
}
extension Onnx__TypeProto__Optional: WireMessage {
    static func initialize(_ message: UnsafeMutablePointer<Self>) { onnx__type_proto__optional__init(message) }
}
extension Onnx__TypeProto__Map: WireMessage {
    static func initialize(_ message: UnsafeMutablePointer<Self>) { onnx__type_proto__map__init(message) }
}
extension Onnx__TypeProto__Opaque: WireMessage {
    static func initialize(_ message: UnsafeMutablePointer<Self>) { onnx__type_proto__opaque__init(message) }
}
extension Onnx__TensorShapeProto: WireMessage {
    static func initialize(_ message: UnsafeMutablePointer<Self>) { onnx__tensor_shape_proto__init(message) }
}
extension Onnx__TensorShapeProto__Dimension: WireMessage {
    static func initialize(_ message: UnsafeMutablePointer<Self>) { onnx__tensor_shape_proto__dimension__init(message) }
}

/// A message that protobuf-c unpacked, released with it.
struct UnpackedMessage<Message: WireMessage>: ~Copyable {
    let pointer: UnsafeMutablePointer<Message>

    /// Checks `bytes`, then unpacks them. The message does not refer to `bytes` afterwards.
    /// - Throws: `CleaveError` saying what is wrong with the bytes and where.
    init(_ bytes: UnsafeRawBufferPointer) throws {
        try checkWire(bytes, Message.descriptor)
        try self.init(unpackWire(bytes, Message.descriptor, cleave_wire_allocator()))
    }

    /// Checks and unpacks a file. What was read of it is forgotten every few megabytes, so that file and message are never
    /// both in memory as a whole.
    /// - Throws: `CleaveError` saying what is wrong with the bytes and where.
    init(_ file: MappedFile) throws {
        file.expectSequentialReading()
        try checkWire(file.bytes, Message.descriptor)
        let source = UnpackedFile(file)
        try self.init(
            withExtendedLifetime(source) {
                var allocator = ProtobufCAllocator(
                    alloc: { context, size in
                        context.flatMap { Unmanaged<UnpackedFile>.fromOpaque($0).takeUnretainedValue().allocate(size) }
                    },
                    free: { _, block in free(block) }, allocator_data: Unmanaged.passUnretained(source).toOpaque())
                return unpackWire(file.bytes, Message.descriptor, &allocator)
            })
    }

    private init(_ message: UnsafeMutablePointer<ProtobufCMessage>?) throws {
        guard let message else {
            throw CleaveError(.malformedFile, "the file is damaged, or memory ran out", suggestion: "fetch or export the file again")
        }
        pointer = UnsafeMutableRawPointer(message).assumingMemoryBound(to: Message.self)
    }

    deinit {
        protobuf_c_message_free_unpacked(
            UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: ProtobufCMessage.self), cleave_wire_allocator())
    }
}

/// A file that is being unpacked, whose pages go as the message grows.
private final class UnpackedFile {
    private let file: MappedFile
    private var allocated = 0

    private static let interval = 8 << 20

    init(_ file: MappedFile) { self.file = file }

    /// Memory that `free` releases.
    func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
        allocated += size
        if allocated > Self.interval {
            allocated = 0
            file.dropPages()
        }
        guard let allocator = cleave_wire_allocator() else { return nil }
        return allocator.pointee.alloc(allocator.pointee.allocator_data, size)
    }
}

/// Unpacks bytes that are known to be well-formed; an empty message has no bytes at all.
func unpackWire(
    _ bytes: UnsafeRawBufferPointer, _ descriptor: UnsafePointer<ProtobufCMessageDescriptor>,
    _ allocator: UnsafeMutablePointer<ProtobufCAllocator>
) -> UnsafeMutablePointer<ProtobufCMessage>? {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 1) { nothing in
        let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) ?? UnsafePointer(nothing.baseAddress.unsafelyUnwrapped)
        return protobuf_c_message_unpack(descriptor, allocator, bytes.count, start)
    }
}

/// - Throws: `CleaveError` when protobuf-c must not see the bytes.
private func checkWire(_ bytes: UnsafeRawBufferPointer, _ descriptor: UnsafePointer<ProtobufCMessageDescriptor>) throws {
    guard !bytes.isEmpty else {
        throw CleaveError(.malformedFile, "the file is empty", suggestion: "fetch or export the file again")
    }
    var report = cleave_wire_report()
    let reason = cleave_wire_check(descriptor, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count, nil, &report)
    guard reason != CLEAVE_WIRE_OK else { return }
    var place = "at byte \(report.offset) of \(bytes.count)"
    if let message = report.message?.pointee.short_name {
        place += ", in \(String(cString: message))"
        if let field = report.field?.pointee.name { place += ".\(String(cString: field))" }
    }
    throw CleaveError(
        .malformedFile, "the file is damaged, or it is no ONNX file: \(String(cString: cleave_wire_reason_text(reason))) (\(place))",
        suggestion: reason == CLEAVE_WIRE_TOO_LARGE
            ? "store the weights outside of the model, as external data" : "fetch or export the file again")
}

/// The message's encoded form.
func packed<Message: WireMessage>(_ message: UnsafePointer<Message>) -> [UInt8] {
    let base = UnsafeRawPointer(message).assumingMemoryBound(to: ProtobufCMessage.self)
    let size = protobuf_c_message_get_packed_size(base)
    guard size > 0 else { return [] }
    return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
        count = protobuf_c_message_pack(base, buffer.baseAddress)
    }
}

/// The encoded form of a shallow copy of `message` that `strip` took fields out of.
func packed<Message: WireMessage>(_ message: UnsafePointer<Message>, strip: (inout Message) -> Void) -> [UInt8] {
    var copy = message.pointee
    strip(&copy)
    return withUnsafePointer(to: copy) { packed($0) }
}

/// A name out of a message; empty when it is absent.
/// - Throws: `CleaveError` when it is not UTF-8, as ONNX demands.
func text(_ string: UnsafePointer<CChar>?) throws -> String {
    guard let string else { return "" }
    guard let text = String(validatingCString: string) else {
        let bytes = UnsafeBufferPointer(start: string, count: strlen(string)).map { UInt8(bitPattern: $0) }
        let valid = zip(String(decoding: bytes, as: UTF8.self).utf8, bytes).prefix { $0 == $1 }.count
        throw CleaveError(
            .malformedFile, "byte \(valid) of the text '\(String(cString: string))' is not valid UTF-8",
            suggestion: "fetch or export the file again")
    }
    return text
}

/// The elements of a repeated message field.
func elements<Message>(
    _ list: UnsafeMutablePointer<UnsafeMutablePointer<Message>?>?, _ count: Int
) -> [UnsafeMutablePointer<Message>] {
    UnsafeBufferPointer(start: list, count: list == nil ? 0 : count).compactMap { $0 }
}
