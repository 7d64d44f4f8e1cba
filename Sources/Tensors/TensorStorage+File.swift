import Foundation

extension TensorStorage {
    /// Reads a regular file into memory.
    /// - Throws: `CleaveError` when it cannot be read, is no regular file, or is larger than memory.
    public convenience init(contentsOf path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw AtomicFile.failure("cannot open", path) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw AtomicFile.failure("cannot read", path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw CleaveError(.file, "not a regular file", at: .init(file: path), suggestion: "name a file")
        }
        let size = Int(status.st_size)
        _ = try locating(file: path) { try Tensor.allocatableCount(of: [size], .uint8) }
        try self.init(byteCount: size) { buffer in
            var offset = 0
            while offset < size, let address = buffer.baseAddress {
                let count = read(descriptor, address + offset, size - offset)
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
