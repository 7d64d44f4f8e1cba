import Foundation
import Tensors

/// A regular file, mapped for reading until the last reference to it goes.
///
/// The mapping belongs to the file as it was opened: replacing the file by renaming another one onto its name, as
/// `AtomicFile` does, leaves the bytes as they are.
final class MappedFile: @unchecked Sendable {
    let bytes: UnsafeRawBufferPointer

    /// - Throws: `CleaveError` when the file cannot be opened or mapped, or is no regular file.
    init(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw AtomicFile.failure("cannot open", path) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw AtomicFile.failure("cannot read", path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw CleaveError(.file, "not a regular file", at: .init(file: path), suggestion: "name a file")
        }
        guard status.st_size > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        let size = Int(status.st_size)
        guard let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), address != MAP_FAILED else {
            throw AtomicFile.failure("cannot map", path)
        }
        bytes = UnsafeRawBufferPointer(start: address, count: size)
    }

    /// Tells the system that all bytes are about to be read in order.
    func expectSequentialReading() {
        guard let address = bytes.baseAddress else { return }
        madvise(UnsafeMutableRawPointer(mutating: address), bytes.count, MADV_SEQUENTIAL)
        madvise(UnsafeMutableRawPointer(mutating: address), bytes.count, MADV_WILLNEED)
    }

    /// Takes the file's pages out of the process's memory; reading them again fetches them from the system's cache.
    func dropPages() {
        guard let address = bytes.baseAddress else { return }
        madvise(UnsafeMutableRawPointer(mutating: address), bytes.count, MADV_DONTNEED)
    }

    deinit {
        guard let address = bytes.baseAddress else { return }
        munmap(UnsafeMutableRawPointer(mutating: address), bytes.count)
    }
}
