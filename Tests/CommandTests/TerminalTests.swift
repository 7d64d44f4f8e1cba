import Foundation
import Testing

struct TerminalTests {
    /// What the command writes when its standard output is a terminal, which `script` (in Debian's bsdutils) makes.
    private func terminalOutput(_ arguments: [String], columns: Int? = nil, environment: [String: String]) throws -> String {
        let process = Command.process([], in: nil, environment: environment)
        process.executableURL = URL(fileURLWithPath: "/usr/bin/script")
        let command = ([Command.executable.path] + arguments).map { "'\($0)'" }.joined(separator: " ")
        let resize = columns.map { "stty cols \($0) && " } ?? ""
        process.arguments = ["--quiet", "--return", "--command", resize + command, "/dev/null"]
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

    @Test(arguments: [50, 80, 120])
    func tablesFitTheTerminal(columns: Int) throws {
        for arguments in [["inspect", Command.fixture, "--layers"], ["verify", Command.fixture, Command.fixture, "--layers"]] {
            let text = try terminalOutput(arguments, columns: columns, environment: ["NO_COLOR": "1"])
            // The lines of tables, which are indented; sentences wrap.
            let sentences = ["what each form would leave", "the network with its residual blocks"]
            let lines = text.split(whereSeparator: \.isNewline).filter { line in
                line.hasPrefix("  ") && !line.allSatisfy { $0 == " " } && !sentences.contains { line.contains($0) }
            }
            #expect(lines.count > 20)
            for line in lines { #expect(line.count <= columns, "\(line)") }
        }
    }

    @Test(arguments: [["NO_COLOR": "1", "TERM": "xterm-256color"], ["TERM": "dumb"]])
    func colourCanBeRefused(environment: [String: String]) throws {
        let plain = try terminalOutput(["check", Command.fixture], environment: environment)
        #expect(plain.contains("SOUND"))
        #expect(!plain.contains("\u{1B}"))
    }
}
