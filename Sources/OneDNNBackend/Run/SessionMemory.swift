import CKernels
import Foundation
import Tensors

/// Where the bytes of a buffer are.
enum BufferPlace: Sendable {
    /// At an offset in the session's arena.
    case arena(offset: Int)
    /// At an offset in the memory that lasts from run to run.
    case held(offset: Int)
    /// In the plan, shared by all sessions.
    case constant(PackedConstant)
    /// In a tensor that the caller gives or gets.
    case caller
}

/// Zeroed memory in large pages.
final class Pages {
    let address: UnsafeMutableRawPointer
    let byteCount: Int

    /// - Throws: `CleaveError` when the memory is not to be had.
    init(byteCount: Int) throws {
        // No bytes still have an address.
        guard let address = ck_map(Int64(max(byteCount, 1))) else {
            throw CleaveError(.unsupported, "the system refuses the \(NumberFormat.bytes(byteCount)) that the network needs")
        }
        self.address = address
        self.byteCount = max(byteCount, 1)
    }

    deinit { ck_unmap(address, Int64(byteCount)) }
}

/// The buffers and tensors of one session.
final class SessionMemory {
    private let arena: Pages
    /// What lasts from run to run.
    let held: Pages
    private var addresses: [UnsafeMutableRawPointer]
    /// Buffers whose address changes from run to run, and the memory objects that follow it.
    private var followers: [BufferID: [(memory: Memory, offset: Int)]] = [:]
    private let places: [BufferPlace]
    /// Tensors of values that do not live in the arena.
    var slots: [Tensor?]

    /// - Throws: `CleaveError` when the memory is not to be had.
    init(places: [BufferPlace], arenaByteCount: Int, heldByteCount: Int, slotCount: Int) throws {
        let arena = try Pages(byteCount: arenaByteCount), held = try Pages(byteCount: heldByteCount)
        (self.arena, self.held) = (arena, held)
        self.places = places
        addresses = places.map { place in
            switch place {
            case .arena(let offset): arena.address + offset
            case .held(let offset): held.address + offset
            case .constant(let constant): constant.address
            case .caller: Self.nowhere
            }
        }
        slots = Array(repeating: nil, count: slotCount)
    }

    /// A place for buffers before their tensor is known.
    private nonisolated(unsafe) static let nowhere = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)

    func address(of id: BufferID) -> UnsafeMutableRawPointer { addresses[id.index] }
    func isMovable(_ id: BufferID) -> Bool {
        if case .caller = places[id.index] { true } else { false }
    }

    func memory(_ id: BufferID, _ layout: Layout, offset: Int) throws -> Memory {
        // Making a memory object clears its padding: a constant that other sessions read is not made twice.
        if case .constant(let constant) = places[id.index], offset == 0, constant.layout == layout { return constant.memory }
        let memory = try Memory(layout, at: addresses[id.index] + offset)
        if isMovable(id) { followers[id, default: []].append((memory, offset)) }
        return memory
    }

    /// Tells everything that uses a buffer where its bytes are now.
    func setAddress(of id: BufferID, to address: UnsafeMutableRawPointer) throws {
        guard addresses[id.index] != address else { return }
        addresses[id.index] = address
        for follower in followers[id] ?? [] { try follower.memory.setAddress(address + follower.offset) }
    }

    /// The row-major tensor in a buffer; unless copied, valid while nobody writes to the buffer.
    func tensor(_ id: BufferID, shape: [Int], elementType: ElementType, copying: Bool) throws -> Tensor {
        let byteCount = try elementType.byteCount(elements: Tensor.elementCount(of: shape)) ?? 0
        let bytes = UnsafeRawBufferPointer(start: addresses[id.index], count: byteCount)
        let storage = copying ? TensorStorage(copying: bytes) : TensorStorage(takingOver: bytes) { _ in }
        return try Tensor(shape: shape, elementType: elementType, storage: storage)
    }

    func copy(_ tensor: Tensor, to id: BufferID) {
        tensor.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress, !bytes.isEmpty else { return }
            addresses[id.index].copyMemory(from: base, byteCount: bytes.count)
        }
    }
}
