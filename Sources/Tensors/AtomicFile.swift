import Foundation
import Synchronization

/// Writes a file so that its name always holds either the old contents or all of the new.
///
/// The bytes go to a temporary name beside the target, are synced, and are renamed. When `write` throws, or the process
/// dies, the target is untouched; the temporary file is removed unless the process was killed. A program that handles
/// signals calls `removeUnfinished` before it exits.
public enum AtomicFile {
    /// Temporary files that are being written. The lock is held while one of them is renamed.
    private static let unfinished = Mutex<[String]>([])

    /// Removes the temporary files of all writes in progress; none of them can reach its target afterwards.
    ///
    /// For a process that is about to exit because of a signal.
    public static func removeUnfinished() {
        unfinished.withLock { names in
            for name in names { unlink(name) }
        }
    }

    /// Calls `write` with the descriptor of the temporary file.
    /// - Throws: what `write` throws, or `CleaveError` when the file system refuses.
    public static func replace(_ path: String, write: (Int32) throws -> Void) throws {
        let target = try resolvingLinks(path)
        let directory = FilePath.folder(of: target)
        let template = directory + "/." + FilePath.name(of: target) + ".XXXXXX"
        var name = Array(template.utf8CString)
        let descriptor = mkstemp(&name)
        let temporary = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard descriptor >= 0 else { throw failure("cannot write", path) }
        unfinished.withLock { $0.append(temporary) }
        var isOpen = true
        do {
            try write(descriptor)
            guard fsync(descriptor) == 0 else { throw failure("cannot write", path) }
            guard fchmod(descriptor, permissions(of: target)) == 0 else { throw failure("cannot write", path) }
            isOpen = false
            guard close(descriptor) == 0 else { throw failure("cannot write", path) }
            try unfinished.withLock { names in
                guard rename(temporary, target) == 0 else { throw failure("cannot replace", path) }
                names.removeAll { $0 == temporary }
            }
        } catch {
            if isOpen { close(descriptor) }
            unfinished.withLock { names in
                unlink(temporary)
                names.removeAll { $0 == temporary }
            }
            throw error
        }
        syncDirectory(directory)
    }

    /// Writes all of `bytes`.
    public static func write(_ bytes: some ContiguousBytes, to path: String) throws {
        try replace(path) { descriptor in
            try bytes.withUnsafeBytes { try append($0, to: descriptor, path: path) }
        }
    }

    /// Finds out before long work whether `replace` would be refused: the folder is missing or not writable, or `path` is
    /// not a regular file.
    /// - Throws: `CleaveError` as `replace` would.
    public static func checkWritable(_ path: String) throws {
        let target = try resolvingLinks(path)
        guard !FilePath.name(of: target).isEmpty else {
            throw CleaveError(.file, "cannot write: the path does not name a file", at: .init(file: path), suggestion: "name a file")
        }
        guard access(FilePath.folder(of: target), W_OK | X_OK) == 0 else { throw failure("cannot write", path) }
    }

    /// Appends `bytes` to an open file, whatever the number of system calls that takes.
    public static func append(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, path: String) throws {
        var offset = 0
        while offset < bytes.count {
            let written = Foundation.write(descriptor, bytes.baseAddress! + offset, bytes.count - offset)
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { throw failure("cannot write", path) }
            offset += written
        }
    }

    /// The error that `errno` stands for, with the file's name.
    public static func failure(_ action: String, _ path: String) -> CleaveError {
        let code = errno
        let reason = String(cString: strerror(code))
        let suggestion: String? =
            switch code {
            case ENOENT: "check the path: the file or its folder does not exist"
            case EACCES, EPERM, EROFS: "check the permissions of the file and its folder"
            case ENOSPC, EDQUOT: "free some space, or write to another disk"
            case EISDIR: "name a file inside the folder"
            default: nil
            }
        return CleaveError(.file, "\(action): \(reason.lowercased())", at: .init(file: path), suggestion: suggestion)
    }

    /// A symbolic link is written through, not replaced; anything that is not a regular file is refused.
    private static func resolvingLinks(_ path: String) throws -> String {
        var status = stat()
        guard stat(path, &status) == 0 else { return path }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw CleaveError(.file, "cannot write: not a regular file", at: .init(file: path), suggestion: "name a file")
        }
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    private static func permissions(of path: String) -> mode_t {
        var status = stat()
        if stat(path, &status) == 0 { return status.st_mode & 0o777 }
        let mask = umask(0)
        umask(mask)
        return 0o666 & ~mask
    }

    private static func syncDirectory(_ path: String) {
        let descriptor = open(path, O_RDONLY)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }
}
