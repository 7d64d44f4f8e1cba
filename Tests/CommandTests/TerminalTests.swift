import Foundation
import Testing

struct TerminalTests {
    /// What the command writes when its standard output is a terminal, which `script` (in Debian's bsdutils) makes.
    private func terminalOutput(_ arguments: [String], environment: [String: String]) throws -> String {
        let process = Command.process([], in: nil, environment: environment)
        process.executableURL = URL(fileURLWithPath: "/usr/bin/script")
        let command = ([Command.executable.path] + arguments).map { "'\($0)'" }.joined(separator: " ")
        process.arguments = ["--quiet", "--return", "--command", command, "/dev/null"]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func colourIsForTerminals() throws {
        let coloured = try terminalOutput(["check", Command.fixture], environment: ["TERM": "xterm-256color"])
        #expect(coloured.contains("\u{1B}[32mSOUND\u{1B}[0m"))
    }

    @Test(arguments: [["NO_COLOR": "1", "TERM": "xterm-256color"], ["TERM": "dumb"]])
    func colourCanBeRefused(environment: [String: String]) throws {
        let plain = try terminalOutput(["check", Command.fixture], environment: environment)
        #expect(plain.contains("SOUND"))
        #expect(!plain.contains("\u{1B}"))
    }
}
