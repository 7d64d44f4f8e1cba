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
            try publishThroughPassage()
        }

        /// A link never replaces a name, so that the file passes through another one. A process that was killed in between left
        /// it behind, and another one that replaces the same file may take it away.
        private func publishThroughPassage() throws {
            let passage = AtomicFile.passage(to: target)
            for attempt in 0..<100 {
                guard link(as: passage) else {
                    guard errno == EEXIST else { throw AtomicFile.failure("cannot write", path) }
                    unlink(passage)
                    continue
                }
                if rename(passage, target) == 0 {
                    // Two names of one file, which another process gave the target meanwhile, both stay.
                    if attempt > 0 { unlink(passage) }
                    return
                }
                guard errno == ENOENT else {
                    let error = AtomicFile.failure("cannot replace", path)
                    unlink(passage)
                    throw error
                }
            }
            throw AtomicFile.failure("cannot replace", path)
        }

        private func link(as name: String) -> Bool {
            linkat(AT_FDCWD, Self.link(to: descriptor), AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0
        }

        private static func link(to descriptor: Int32) -> String { "/proc/self/fd/\(descriptor)" }
    }

    /// The name beside the target through which a file without a name replaces it: always the same one, so that the next writer
    /// finds what a killed one left there.
    static func passage(to target: String) -> String {
        // FNV-1a: the target's own name may be as long as names can be.
        let hash = FilePath.name(of: target).utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        return "\(FilePath.folder(of: target))/.cleave-\(String(hash, radix: 16))"
    }
}
