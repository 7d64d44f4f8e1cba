import Foundation
import Tensors

/// A program that answers requests over a socket on its standard input and output.
///
/// Requests and answers are lines of JSON; one that speaks of bytes is followed by them. The program ends when this
/// process does, however that comes: the socket is closed then.
final class PeerProcess {
    private let process = Process()
    private let title: String
    private let socket: Int32
    /// What the program writes to standard error, in a file without a name.
    private let errors: Int32
    private var received: [UInt8] = []
    private var isConnected = true
    private var hasAnswered = false

    /// An answer longer than this is none.
    private static let lineLimit = 16 << 20
    private static let suggestion = "name a Python 3: --python /usr/bin/python3"
    /// How long the program has to end by itself when nothing more is asked of it.
    private static let patience = Duration.seconds(2)
    /// How long a program that has closed the connection may take to end, on a busy machine, and to tell why.
    private static let patienceForReason = Duration.seconds(10)

    /// - Parameter title: what errors call the program.
    /// - Throws: `CleaveError` when it cannot be started.
    init(_ executable: String, arguments: [String], title: String) throws {
        self.title = title
        guard access(executable, X_OK) == 0 else {
            var error = AtomicFile.failure("cannot start", executable)
            error.suggestion = Self.suggestion
            throw error
        }
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Self.streamType, 0, &ends) == 0 else { throw AtomicFile.failure("cannot connect to", executable) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        socket = ends[0]
        defer { close(ends[1]) }
        guard let errors = Self.namelessFile() else {
            close(socket)
            throw AtomicFile.failure("cannot make a temporary file for", executable)
        }
        self.errors = errors
        #if !os(Linux)
        var on: Int32 = 1
        setsockopt(socket, SOL_SOCKET, SO_NOSIGPIPE, &on, socklen_t(MemoryLayout<Int32>.size))
        #endif
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        process.standardInput = FileHandle(fileDescriptor: ends[1], closeOnDealloc: false)
        process.standardOutput = FileHandle(fileDescriptor: ends[1], closeOnDealloc: false)
        process.standardError = FileHandle(fileDescriptor: errors, closeOnDealloc: false)
        do {
            try process.run()
        } catch {
            throw CleaveError(
                .file, "cannot start: \(error.localizedDescription)", at: .init(file: executable), suggestion: Self.suggestion)
        }
    }

    deinit {
        close(socket)
        _ = hasEnded(within: Self.patience)
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        close(errors)
    }

    private static var streamType: Int32 {
        #if os(Linux)
        Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        #else
        SOCK_STREAM
        #endif
    }

    /// A program that has ended must not end this one by SIGPIPE.
    private static var sendFlags: Int32 {
        #if os(Linux)
        Int32(MSG_NOSIGNAL)
        #else
        0
        #endif
    }

    private static func namelessFile() -> Int32? {
        var path = Array((NSTemporaryDirectory() + "/cleave-peer.XXXXXX").utf8CString)
        let descriptor = mkstemp(&path)
        guard descriptor >= 0 else { return nil }
        unlink(path)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        return descriptor
    }

    private func hasEnded(within patience: Duration) -> Bool {
        let end = ContinuousClock.now + patience
        while process.isRunning, ContinuousClock.now < end { usleep(5000) }
        return !process.isRunning
    }

    // MARK: Messages

    /// Sends a request, and reads the answer.
    /// - Throws: `CleaveError` when the program has ended, or says something that is no answer.
    func ask<Request: Encodable, Answer: Decodable>(
        _ request: Request, followedBy bytes: [Tensor] = [], as type: Answer.Type
    ) throws -> Answer {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        let message = Array(try encoder.encode(request)) + [UInt8(ascii: "\n")]
        // A program that ends while it is spoken to may have said why.
        _ = send(message) && bytes.allSatisfy { tensor in tensor.withUnsafeBytes { send($0) } }
        let line = try readLine()
        hasAnswered = true
        guard let answer = try? JSONDecoder().decode(type, from: Data(line)) else {
            let text = String(decoding: line.prefix(200), as: UTF8.self)
            throw CleaveError(.unsupported, "\(title) says '\(text)', which is no answer", suggestion: Self.suggestion)
        }
        return answer
    }

    /// - Returns: false when the program no longer listens.
    private func send(_ bytes: some ContiguousBytes) -> Bool {
        bytes.withUnsafeBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = Foundation.send(socket, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count, Self.sendFlags)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                rest = rest.dropFirst(count)
            }
            return true
        }
    }

    /// Exactly `count` bytes that follow an answer.
    func readBytes(into memory: UnsafeMutableRawBufferPointer) throws {
        let known = min(received.count, memory.count)
        memory.copyBytes(from: received.prefix(known))
        received.removeFirst(known)
        var rest = memory[known...]
        while !rest.isEmpty { rest = rest.dropFirst(try receive(UnsafeMutableRawBufferPointer(rebasing: rest))) }
    }

    private func readLine() throws -> [UInt8] {
        var searched = 0
        while true {
            if let end = received[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                let line = Array(received[..<end])
                received.removeFirst(end + 1)
                return line
            }
            searched = received.count
            guard searched < Self.lineLimit else {
                throw CleaveError(.unsupported, "\(title) says more than \(Self.lineLimit) bytes in one line")
            }
            received += try [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
                count = try receive(UnsafeMutableRawBufferPointer(buffer))
            }
        }
    }

    /// At least one byte.
    private func receive(_ memory: UnsafeMutableRawBufferPointer) throws -> Int {
        while true {
            let count = read(socket, memory.baseAddress, memory.count)
            if count > 0 { return count }
            guard count < 0, errno == EINTR else { throw ending() }
        }
    }

    /// Why there is no answer any more.
    private func ending() -> CleaveError {
        guard hasEnded(within: Self.patienceForReason) else { return CleaveError(.unsupported, "\(title) has closed the connection") }
        let how = process.terminationReason == .exit ? "exit code" : "signal"
        let problem = "\(title) ended with \(how) \(process.terminationStatus)"
        // One that has never answered may be no Python at all.
        return CleaveError(
            .unsupported, lastWords.map { problem + ": " + $0 } ?? problem, suggestion: hasAnswered ? nil : Self.suggestion)
    }

    /// The last line that the program wrote to standard error.
    private var lastWords: String? {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let size = lseek(errors, 0, SEEK_END)
        let count = pread(errors, &buffer, buffer.count, max(0, size - off_t(buffer.count)))
        guard count > 0 else { return nil }
        return String(decoding: buffer[..<count], as: UTF8.self).split(whereSeparator: \.isNewline).last.map {
            $0.trimmingCharacters(in: .whitespaces)
        }
    }
}
