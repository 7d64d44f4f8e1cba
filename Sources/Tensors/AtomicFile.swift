import Foundation
import Synchronization

/// Writes files so that a name always holds either the old contents or all of the new.
///
/// The bytes go to a file without a name, are synced, and then get the target's name. When `write` throws, or the process
/// dies, the target is untouched and nothing is left over; only a process that is killed in the microseconds in which the file
/// changes names leaves a hidden one, which the next write to the target takes away. File systems that have no nameless files get
/// a hidden file beside the target instead, which stays when the process is killed; a program that handles signals ends with
/// `removeUnfinishedAndExit`, which takes it away.
public enum AtomicFile {
    /// Named temporary files that are being written. The lock is held while one of them is made and while names change.
    private static let unfinished = Mutex<[String]>([])

    /// Ends the process with `status` and removes the temporary files of all writes in progress; none of them can reach its
    /// target any more.
    ///
    /// For a process that is told to end by a signal.
    public static func removeUnfinishedAndExit(_ status: Int32) -> Never {
        unfinished.withLock { names -> Never in
            for name in names { unlink(name) }
            _exit(status)
        }
    }

    /// Calls `write` with the descriptor of a new file, which then replaces the one at `path`.
    /// - Throws: what `write` throws, or `CleaveError` when the file system refuses.
    public static func replace(_ path: String, write: (Int32) throws -> Void) throws {
        try withoutActuallyEscaping(write) { try replace([(path, $0)]) }
    }

    /// Replaces several files. All are complete and synced before the first name changes; names change in the given order.
    ///
    /// When that comes to an error in between, files that are new are removed again.
    /// - Throws: what a `write` throws, or `CleaveError` when the file system refuses.
    public static func replace(_ files: [(path: String, write: (Int32) throws -> Void)]) throws {
        try replace(files, namelessly: true) {}
    }

    /// - Parameters:
    ///   - namelessly: whether files without a name are tried.
    ///   - observe: called after every change of a name.
    package static func replace(
        _ files: [(path: String, write: (Int32) throws -> Void)], namelessly: Bool, observe: () throws -> Void
    ) throws {
        var drafts: [Draft] = []
        defer { for draft in drafts { close(draft.descriptor) } }
        do {
            for (path, write) in files {
                let draft = try makeDraft(of: path, namelessly: namelessly)
                drafts.append(draft)
                try write(draft.descriptor)
                guard fchmod(draft.descriptor, permissions(of: draft.target)) == 0, fsync(draft.descriptor) == 0 else {
                    throw failure("cannot write", path)
                }
            }
            try unfinished.withLock { try publish(drafts, unfinished: &$0, observe: observe) }
        } catch {
            unfinished.withLock { names in
                for name in drafts.compactMap(\.name) where names.contains(name) {
                    unlink(name)
                    names.removeAll { $0 == name }
                }
            }
            throw error
        }
    }

    private static func publish(_ drafts: [Draft], unfinished names: inout [String], observe: () throws -> Void) throws {
        var made: [String] = []
        do {
            for draft in drafts {
                let isNew = access(draft.target, F_OK) != 0
                try draft.publish()
                names.removeAll { $0 == draft.name }
                if isNew { made.append(draft.target) }
                syncDirectory(FilePath.folder(of: draft.target))
                try observe()
            }
        } catch {
            for path in made { unlink(path) }
            throw error
        }
    }

    private static func makeDraft(of path: String, namelessly: Bool) throws -> Draft {
        let target = try resolvingLinks(path)
        if namelessly, let draft = Draft(namelessFor: target, path) { return draft }
        return try unfinished.withLock { names in
            guard let draft = Draft(namedFor: target, path) else { throw failure("cannot write", path) }
            names += [draft.name].compactMap { $0 }
            return draft
        }
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
            case EFBIG: "raise the limit on the size of files: ulimit -f"
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
