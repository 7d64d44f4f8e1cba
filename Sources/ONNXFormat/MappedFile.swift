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
        let file = try RegularFile(path)
        guard file.size > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let address = mmap(nil, file.size, PROT_READ, MAP_PRIVATE, file.descriptor, 0), address != MAP_FAILED else {
            throw AtomicFile.failure("cannot map", path)
        }
        bytes = UnsafeRawBufferPointer(start: address, count: file.size)
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
