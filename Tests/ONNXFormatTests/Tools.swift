import Foundation

/// What the tests of this target use from outside: files of the repository, the ONNX project's models, command line tools.
enum Tools {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// The folder that `Package.swift` is in.
    static let repository = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The model of one of the ONNX project's node test cases.
    static func nodeModel(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(filePath: "/usr/share/libonnx-testdata/data/node/\(name)/model.onnx")))
    }

    /// Runs a command to its end and returns what it printed to standard output.
    @discardableResult
    static func run(_ command: String...) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = command
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Failure(description: "\(command.joined(separator: " ")) ended with \(process.terminationStatus)")
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Calls `body` with a new folder that is deleted afterwards.
    static func withTemporaryFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: "cleave-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        return try body(folder)
    }
}
