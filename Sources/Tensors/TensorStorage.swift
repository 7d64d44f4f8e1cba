import Foundation

/// Immutable bytes that tensors share: memory of our own, a buffer taken over from elsewhere, or part of a mapped file.
///
/// Whoever makes the storage promises that nobody writes to the bytes afterwards; `release` runs once, when the last
/// tensor lets go.
public final class TensorStorage: @unchecked Sendable {
    /// The alignment of memory that `TensorStorage` allocates itself: a cache line, and an AVX-512 register.
    public static let alignment = 64

    public let bytes: UnsafeRawBufferPointer
    private let release: @Sendable (UnsafeRawBufferPointer) -> Void

    /// Takes `bytes` over and calls `release` with them when no tensor needs them any more.
    public init(takingOver bytes: UnsafeRawBufferPointer, release: @escaping @Sendable (UnsafeRawBufferPointer) -> Void) {
        self.bytes = bytes
        self.release = release
    }

    /// Allocates `byteCount` bytes, 64-byte aligned, and lets `initialize` fill them; they start as zeros.
    public convenience init(byteCount: Int, initialize: (UnsafeMutableRawBufferPointer) throws -> Void) rethrows {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(byteCount, 1), alignment: Self.alignment)
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        let bytes = UnsafeMutableRawBufferPointer(rebasing: memory[0..<byteCount])
        do {
            try initialize(bytes)
        } catch {
            memory.deallocate()
            throw error
        }
        self.init(takingOver: UnsafeRawBufferPointer(bytes)) { $0.baseAddress?.deallocate() }
    }

    /// Copies `source` into 64-byte aligned memory.
    public convenience init(copying source: UnsafeRawBufferPointer) {
        self.init(byteCount: source.count) { $0.copyMemory(from: source) }
    }

    deinit { release(bytes) }
}
