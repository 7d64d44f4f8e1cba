import Foundation
import Testing

/// A command that is stopped while it writes 240 MB.
@Suite(.serialized)
struct InterruptionTests {
    private static let old = Data("precious".utf8)

    /// Starts a long write over an old file, stops the process while its temporary file is there, and sends `signal`.
    private func interrupt(
        with signal: Int32
    ) throws -> (status: Int32, reason: Process.TerminationReason, folder: [String], target: Data) {
        try withTemporaryFolder { folder in
            let target = folder.appendingPathComponent("big.onnx")
            try Self.old.write(to: target)
            let process = Command.process(["build", "resnet152v2", "-o", "big.onnx", "--quiet"], in: folder, environment: [:])
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            while process.isRunning, try names(in: folder).count == 1 { usleep(500) }
            kill(process.processIdentifier, SIGSTOP)
            try #require(try names(in: folder).count == 2, "the command was done before it could be stopped")
            kill(process.processIdentifier, signal)
            kill(process.processIdentifier, SIGCONT)
            process.waitUntilExit()
            return (process.terminationStatus, process.terminationReason, try names(in: folder), try Data(contentsOf: target))
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
        #expect(result.target == Self.old)
    }
}
