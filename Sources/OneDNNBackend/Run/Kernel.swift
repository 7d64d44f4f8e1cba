import COneDNN
import GraphIR
import Tensors

/// Identifies a buffer of a plan: bytes in the arena, or a tensor that the caller gives or gets.
struct BufferID: Hashable, Sendable {
    let index: Int
}

/// A compiled step without its buffers' addresses.
protocol Kernel: Sendable {
    /// What runs, for the profile.
    var name: String { get }
    /// Bytes that the kernel needs besides its operands while it runs.
    var scratchpadByteCount: Int { get }
    /// The kernel with the addresses of a session filled in.
    func bind(to memory: SessionMemory, scratchpad: BufferID?) throws -> BoundKernel
}

/// A kernel with addresses. A structure, because closures that are elements of an array are wrapped anew at each access.
struct BoundKernel {
    let run: () throws -> Void
}

/// A primitive of oneDNN and where its operands are.
struct PrimitiveKernel: Kernel {
    struct Argument: Sendable {
        var role: Int32
        var buffer: BufferID
        /// How the primitive sees the buffer, from `offset` bytes on.
        var layout: Layout
        var offset = 0

        init(_ role: onednn_role, _ buffer: BufferID, _ layout: Layout, index: Int = 0, offset: Int = 0) {
            self.role = Int32(bitPattern: role.rawValue) + Int32(index)
            self.buffer = buffer
            self.layout = layout
            self.offset = offset
        }
    }

    let primitive: Primitive
    let arguments: [Argument]

    var name: String { primitive.implementation }
    var scratchpadByteCount: Int { primitive.scratchpadByteCount }

    func bind(to memory: SessionMemory, scratchpad: BufferID?) throws -> BoundKernel {
        var memories: [(role: Int32, memory: Memory)] = try arguments.map {
            ($0.role, try memory.memory($0.buffer, $0.layout, offset: $0.offset))
        }
        if let scratchpad {
            let layout = try primitive.layout(ONEDNN_SCRATCHPAD)
            memories.append((Int32(bitPattern: ONEDNN_SCRATCHPAD.rawValue), try memory.memory(scratchpad, layout, offset: 0)))
        }
        let list = memories.map { onednn_argument(role: $0.role, memory: $0.memory.handle) }
        let primitive = primitive
        return BoundKernel {
            try withExtendedLifetime(memories) {
                try check(onednn_execute(primitive.handle, list, Int32(list.count)), primitive.implementation)
            }
        }
    }
}

/// One of our own kernels: a C function called with the addresses of buffers.
struct NativeKernel: Kernel {
    let name: String
    let buffers: [BufferID]
    let scratchpadByteCount: Int
    /// Receives the addresses of `buffers` in order, and of the scratchpad.
    let call: @Sendable (_ addresses: [UnsafeMutableRawPointer], _ scratchpad: UnsafeMutableRawPointer?) -> Void

    init(
        _ name: String, buffers: [BufferID], scratchpadByteCount: Int = 0,
        call: @escaping @Sendable ([UnsafeMutableRawPointer], UnsafeMutableRawPointer?) -> Void
    ) {
        self.name = name
        self.buffers = buffers
        self.scratchpadByteCount = scratchpadByteCount
        self.call = call
    }

    func bind(to memory: SessionMemory, scratchpad: BufferID?) -> BoundKernel {
        let (buffers, call) = (buffers, call)
        guard buffers.contains(where: { memory.isMovable($0) }) else {
            let addresses = buffers.map { memory.address(of: $0) }, scratch = scratchpad.map { memory.address(of: $0) }
            return BoundKernel { call(addresses, scratch) }
        }
        // One array for all runs, whose addresses are renewed in place.
        var addresses = buffers.map { memory.address(of: $0) }
        let movable = buffers.indices.filter { memory.isMovable(buffers[$0]) }, scratch = scratchpad.map { memory.address(of: $0) }
        return BoundKernel {
            for index in movable { addresses[index] = memory.address(of: buffers[index]) }
            call(addresses, scratch)
        }
    }
}

/// One of our own kernels that also reads a tensor outside the buffers, one of another element type.
struct TensorKernel: Kernel {
    enum Source: Sendable {
        case constant(Tensor)
        case slot(Int)
    }

    let name: String
    let tensor: Source
    /// What the tensor has to be when the kernel runs.
    let type: ElementType
    let shape: [Int]
    let buffers: [BufferID]
    /// Receives the tensor's elements and the addresses of `buffers` in order.
    let call: @Sendable (_ elements: UnsafeRawPointer, _ addresses: [UnsafeMutableRawPointer]) throws -> Void

    var scratchpadByteCount: Int { 0 }

    func bind(to memory: SessionMemory, scratchpad: BufferID?) -> BoundKernel {
        let (tensor, type, shape, buffers, call) = (tensor, type, shape, buffers, call)
        var addresses = buffers.map { memory.address(of: $0) }
        let movable = buffers.indices.filter { memory.isMovable(buffers[$0]) }
        return BoundKernel {
            for index in movable { addresses[index] = memory.address(of: buffers[index]) }
            let operand: Tensor? =
                switch tensor {
                case .constant(let tensor): tensor
                case .slot(let index): memory.slots[index]
                }
            guard let operand, operand.elementType == type, operand.shape == shape else {
                let actual = operand.map { "\($0)" } ?? "not there"
                throw CleaveError(.shapeMismatch, "an operand is \(actual), expected \(type)\(shape)")
            }
            try operand.withUnsafeBytes { bytes in
                if let base = bytes.baseAddress { try call(base, addresses) }
            }
        }
    }
}
