import Foundation

extension AtomicFile {
    /// A file that is being written beside its target, open until whoever made it closes the descriptor.
    struct Draft {
        let descriptor: Int32
        /// `nil` for a file that is in no folder, and goes when it is closed.
        let name: String?
        let target: String
        /// What the caller called the target, for errors.
        private let path: String

        private init(descriptor: Int32, name: String?, target: String, path: String) {
            self.descriptor = descriptor
            self.name = name
            self.target = target
            self.path = path
        }

        /// `nil` where the file system has no files without a name, or cannot give them one later.
        init?(namelessFor target: String, _ path: String) {
            #if os(Linux)
            // open(2): O_TMPFILE includes O_DIRECTORY, so that systems that do not know it refuse.
            let nameless = 0o20_000_000 | O_DIRECTORY
            let descriptor = open(FilePath.folder(of: target), nameless | O_RDWR | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { return nil }
            guard access(Self.link(to: descriptor), F_OK) == 0 else {
                close(descriptor)
                return nil
            }
            self.init(descriptor: descriptor, name: nil, target: target, path: path)
            #else
            return nil
            #endif
        }

        /// `nil` when the folder takes no file; `errno` says why.
        init?(namedFor target: String, _ path: String) {
            var template = Array((FilePath.folder(of: target) + "/.cleave-XXXXXX").utf8CString)
            let descriptor = mkstemp(&template)
            guard descriptor >= 0 else { return nil }
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            let name = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
            self.init(descriptor: descriptor, name: name, target: target, path: path)
        }

        /// Gives the file the target's name. Whoever opens that name gets the old file or this one.
        /// - Throws: `CleaveError` when the file system refuses.
        func publish() throws {
            if let name {
                guard rename(name, target) == 0 else { throw AtomicFile.failure("cannot replace", path) }
                return
            }
            if link(as: target) { return }
            guard errno == EEXIST else { throw AtomicFile.failure("cannot write", path) }
            // A link never replaces a name, so that the file passes through another one.
            var attempt = 0
            func passage() -> String { "\(FilePath.folder(of: target))/.cleave-\(getpid())-\(attempt)" }
            while !link(as: passage()) {
                guard errno == EEXIST else { throw AtomicFile.failure("cannot write", path) }
                attempt += 1
            }
            guard rename(passage(), target) == 0 else {
                let error = AtomicFile.failure("cannot replace", path)
                unlink(passage())
                throw error
            }
        }

        private func link(as name: String) -> Bool {
            linkat(AT_FDCWD, Self.link(to: descriptor), AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0
        }

        private static func link(to descriptor: Int32) -> String { "/proc/self/fd/\(descriptor)" }
    }
}
