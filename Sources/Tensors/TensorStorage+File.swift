import Foundation

extension TensorStorage {
    /// Reads a regular file into memory.
    /// - Throws: `CleaveError` when it cannot be read, is no regular file, or is larger than memory.
    public convenience init(contentsOf path: String) throws {
        let file = try RegularFile(path)
        let size = file.size
        _ = try locating(file: path) { try Tensor.allocatableCount(of: [size], .uint8) }
        try self.init(byteCount: size) { buffer in
            var offset = 0
            while offset < size, let address = buffer.baseAddress {
                let count = read(file.descriptor, address + offset, size - offset)
                if count < 0 && errno == EINTR { continue }
                guard count >= 0 else { throw AtomicFile.failure("cannot read", path) }
                guard count > 0 else {
                    throw CleaveError(.file, "the file became shorter while it was read", at: .init(file: path))
                }
                offset += count
            }
        }
    }
}
