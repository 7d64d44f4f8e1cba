import COneDNN

/// A layout with an address, as primitives take it. The bytes must outlive it.
final class Memory: @unchecked Sendable {
    let handle: OpaquePointer

    init(_ layout: Layout, at address: UnsafeMutableRawPointer) throws {
        handle = try makeHandle("a memory object") { onednn_memory_create($0, layout.handle, address) }
    }

    deinit { onednn_memory_destroy(handle) }

    func setAddress(_ address: UnsafeMutableRawPointer) throws {
        try check(onednn_memory_set_address(handle, address), "moving a memory object")
    }
}
