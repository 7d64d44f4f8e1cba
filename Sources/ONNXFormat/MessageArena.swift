import COnnxSchema
import CProtobufC
import Tensors

/// Memory for messages that are built, packed, and thrown away together.
///
/// Messages may also point at memory that is not the arena's, such as tensors' elements: that memory must outlive the arena's use.
final class MessageArena {
    private var blocks: [UnsafeMutableRawPointer] = []
    private var next = UnsafeMutableRawBufferPointer(start: nil, count: 0)

    private static let blockSize = 64 << 10
    private static let alignment = 16

    deinit { for block in blocks { block.deallocate() } }

    /// Uninitialized memory, 16-byte aligned.
    func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer {
        let size = (max(byteCount, 1) + Self.alignment - 1) & ~(Self.alignment - 1)
        if size > next.count {
            let block = UnsafeMutableRawBufferPointer.allocate(byteCount: max(size, Self.blockSize), alignment: Self.alignment)
            guard let address = block.baseAddress else { preconditionFailure("an allocation has no address") }
            blocks.append(address)
            if size > Self.blockSize / 4 { return address }
            next = block
        }
        guard let address = next.baseAddress else { preconditionFailure("a block has no address") }
        next = UnsafeMutableRawBufferPointer(rebasing: next[size...])
        return address
    }

    /// An empty message.
    func make<Message: WireMessage>(_ type: Message.Type = Message.self) -> UnsafeMutablePointer<Message> {
        let message = allocate(MemoryLayout<Message>.size).bindMemory(to: Message.self, capacity: 1)
        Message.initialize(message)
        return message
    }

    /// A C string. ONNX's strings end at a zero byte, if they have one.
    func string(_ text: String) -> UnsafeMutablePointer<CChar> {
        var text = text
        return text.withUTF8 { source in
            let copy = UnsafeMutableRawBufferPointer(start: allocate(source.count + 1), count: source.count + 1)
            copy.copyBytes(from: source)
            copy[source.count] = 0
            return copy.assumingMemoryBound(to: CChar.self).baseAddress.unsafelyUnwrapped
        }
    }

    /// A copy of bytes.
    func data(_ bytes: some Collection<UInt8>) -> ProtobufCBinaryData {
        let copy = allocate(bytes.count).bindMemory(to: UInt8.self, capacity: bytes.count)
        let buffer = UnsafeMutableBufferPointer(start: copy, count: bytes.count)
        _ = buffer.initialize(from: bytes)
        return ProtobufCBinaryData(len: bytes.count, data: copy)
    }

    /// A repeated field's array; `nil` when it is empty.
    func array<Element>(_ elements: [Element]) -> UnsafeMutablePointer<Element>? {
        guard !elements.isEmpty else { return nil }
        let copy = allocate(elements.count * MemoryLayout<Element>.stride).bindMemory(to: Element.self, capacity: elements.count)
        copy.initialize(from: elements, count: elements.count)
        return copy
    }

    /// A repeated message field's array; `nil` when it is empty.
    func list<Message>(_ messages: [UnsafeMutablePointer<Message>]) -> UnsafeMutablePointer<UnsafeMutablePointer<Message>?>? {
        array(messages.map { Optional($0) })
    }

    /// The message that `packed` encoded before.
    /// - Throws: `CleaveError` when the bytes come from elsewhere and are no such message.
    func unpack<Message: WireMessage>(_ bytes: [UInt8], as type: Message.Type = Message.self) throws -> UnsafeMutablePointer<Message> {
        if bytes.isEmpty { return make(type) }
        var allocator = ProtobufCAllocator(
            alloc: { context, size in
                context.map { Unmanaged<MessageArena>.fromOpaque($0).takeUnretainedValue().allocate(size) }
            },
            free: { _, _ in }, allocator_data: Unmanaged.passUnretained(self).toOpaque())
        guard let message = bytes.withUnsafeBytes({ unpackWire($0, Message.descriptor, &allocator) }) else {
            throw CleaveError(.malformedFile, "the encoded form that the graph carries is damaged")
        }
        return UnsafeMutableRawPointer(message).assumingMemoryBound(to: Message.self)
    }
}
