import CKernels
import Foundation
import Tensors

/// Bytes of constants in large pages, laid out in the order in which a run reads them.
final class ConstantPool {
    /// Bytes that constants and tables may take.
    private let limit: Int
    private var chunk: Chunk?
    private var used = 0
    private(set) var byteCount = 0

    /// Memory that its constants keep alive.
    final class Chunk: @unchecked Sendable {
        let address: UnsafeMutableRawPointer
        let byteCount: Int

        init(byteCount: Int) throws {
            guard let address = ck_map(Int64(byteCount)) else {
                throw CleaveError(.unsupported, "the system refuses \(NumberFormat.bytes(byteCount)) for weights")
            }
            self.address = address
            self.byteCount = byteCount
        }

        deinit { ck_unmap(address, Int64(byteCount)) }
    }

    private static let chunkByteCount = 32 << 20

    init(limit: Int) { self.limit = limit }

    /// Counts bytes that lie elsewhere.
    /// - Throws: `CleaveError` when constants take more than the limit; nothing is allocated then.
    func charge(byteCount size: Int) throws {
        let (sum, overflow) = byteCount.addingReportingOverflow(size)
        guard !overflow, sum <= limit else {
            throw CleaveError(
                .unsupported,
                "running the network takes more than \(NumberFormat.bytes(overflow ? .max : sum)) for weights and tables, but the limit is "
                    + NumberFormat.bytes(limit),
                suggestion: "run it on a smaller batch or image")
        }
        byteCount = sum
    }

    func allocate(byteCount: Int) throws -> (address: UnsafeMutableRawPointer, owner: Chunk) {
        let size = (max(byteCount, 1) + 63) / 64 * 64
        try charge(byteCount: size)
        if let chunk, used + size <= chunk.byteCount {
            defer { used += size }
            return (chunk.address + used, chunk)
        }
        let fresh = try Chunk(byteCount: max(size, Self.chunkByteCount))
        if chunk.map({ $0.byteCount - used < fresh.byteCount - size }) ?? true {
            chunk = fresh
            used = size
        }
        return (fresh.address, fresh)
    }
}

/// A constant in the layout that its kernel wants.
final class PackedConstant: @unchecked Sendable {
    let address: UnsafeMutableRawPointer
    let layout: Layout
    let memory: Memory
    private let owner: ConstantPool.Chunk

    /// Room for a constant; the caller fills it before anybody else sees it.
    init(_ layout: Layout, pool: ConstantPool) throws {
        (address, owner) = try pool.allocate(byteCount: layout.byteCount)
        self.layout = layout
        memory = try Memory(layout, at: address)
    }

    /// Elements that lie as `source` says, in the layout `target`.
    static func pack(_ elements: [Float], as source: Layout, in target: Layout, pool: ConstantPool) throws -> PackedConstant {
        let packed = try PackedConstant(target, pool: pool)
        try elements.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            if source == target {
                packed.address.copyMemory(from: base, byteCount: min(bytes.count, target.byteCount))
            } else {
                let reorder = try Primitive.reorder(source, target)
                let input = try Memory(source, at: UnsafeMutableRawPointer(mutating: base))
                let scratchpad = UnsafeMutableRawPointer.allocate(byteCount: max(reorder.scratchpadByteCount, 64), alignment: 64)
                defer { scratchpad.deallocate() }
                try reorder.run(from: input, to: packed.memory, scratchpad: scratchpad)
            }
        }
        return packed
    }

    static func vector(_ elements: [Float], pool: ConstantPool) throws -> PackedConstant {
        let layout = try Layout.plain([elements.count])
        return try pack(elements, as: layout, in: layout, pool: pool)
    }
}
