import Cleave
import Foundation
import Testing

/// A command that is stopped while it writes 240 MB.
@Suite(.serialized)
struct InterruptionTests {
    private static let old = Data("precious".utf8)

    /// Whether the process has a file open for writing that has no name in a folder.
    private func isWriting(_ process: Process, in folder: URL) -> Bool {
        let links = "/proc/\(process.processIdentifier)/fd"
        return ((try? FileManager.default.contentsOfDirectory(atPath: links)) ?? []).contains { descriptor in
            guard let file = try? FileManager.default.destinationOfSymbolicLink(atPath: links + "/" + descriptor) else { return false }
            return file.hasPrefix(folder.resolvingSymlinksInPath().path) && file.hasSuffix("(deleted)")
        }
    }

    private struct Interrupted {
        var status: Int32
        var reason: Process.TerminationReason
        var folder: [String]
        var target: Data
    }

    /// Starts a long write over an old file, stops the process while it writes, and sends `signal`. On a busy machine this process may
    /// look too late: then another write is started.
    private func interrupt(with signal: Int32) throws -> Interrupted {
        for _ in 0..<50 {
            if let interrupted = try interruptOnce(with: signal) { return interrupted }
        }
        throw CleaveError(.invalidRequest, "fifty commands were done before they could be stopped")
    }

    /// `nil` when the command was done before it could be stopped.
    private func interruptOnce(with signal: Int32) throws -> Interrupted? {
        try withTemporaryFolder { folder in
            let target = folder.appendingPathComponent("big.onnx")
            try Self.old.write(to: target)
            let process = Command.process(["build", "resnet152v2", "-o", "big.onnx", "--quiet"], in: folder, environment: [:])
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            while process.isRunning, !isWriting(process, in: folder) { usleep(500) }
            kill(process.processIdentifier, SIGSTOP)
            guard isWriting(process, in: folder) else {
                kill(process.processIdentifier, SIGCONT)
                process.waitUntilExit()
                return nil
            }
            kill(process.processIdentifier, signal)
            kill(process.processIdentifier, SIGCONT)
            process.waitUntilExit()
            return Interrupted(
                status: process.terminationStatus, reason: process.terminationReason, folder: try names(in: folder),
                target: try Data(contentsOf: target))
        }
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
    func signalsLeaveTheOldFileAndNothingElse(signal: Int32) throws {
        let result = try interrupt(with: signal)
        #expect(result.reason == .exit)
        #expect(result.status == 128 + signal)
        #expect(result.folder == ["big.onnx"])
        #expect(result.target == Self.old)
    }

    @Test func aKilledCommandLeavesTheOldFile() throws {
        let result = try interrupt(with: SIGKILL)
        #expect(result.reason == .uncaughtSignal)
        #expect(result.folder == ["big.onnx"])
        #expect(result.target == Self.old)
    }

    /// `nohup` starts a command with SIGHUP ignored, and a shell one in the background with SIGINT.
    @Test func ignoredSignalsStayIgnored() throws {
        try withTemporaryFolder { folder in
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            process.arguments = ["-c", "trap '' HUP; exec \"$0\" build resnet152v2 -o big.onnx --quiet", Command.executable.path]
            process.currentDirectoryURL = folder
            try process.run()
            while process.isRunning, !isWriting(process, in: folder) { usleep(500) }
            kill(process.processIdentifier, SIGHUP)
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
            #expect(try names(in: folder) == ["big.onnx"])
        }
    }
}
