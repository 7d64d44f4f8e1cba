import Foundation

/// A regular file that is open for reading, closed when the value goes.
public struct RegularFile: ~Copyable {
    public let descriptor: Int32
    /// In bytes, as of opening.
    public let size: Int

    /// - Throws: `CleaveError` when the file cannot be opened, or is no regular file.
    public init(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw AtomicFile.failure("cannot open", path) }
        do {
            size = try Self.size(of: descriptor, path)
        } catch {
            close(descriptor)
            throw error
        }
        self.descriptor = descriptor
    }

    private static func size(of descriptor: Int32, _ path: String) throws -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw AtomicFile.failure("cannot read", path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw CleaveError(.file, "not a regular file", at: .init(file: path), suggestion: "name a file")
        }
        return Int(status.st_size)
    }

    deinit { close(descriptor) }
}
