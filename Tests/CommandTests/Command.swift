import Foundation
import Testing

/// What a finished command left behind.
struct CommandResult {
    var status: Int32
    var output: String
    /// Standard error without lines of progress, which appear when the machine is busy: `verifying   1 of 4 samples   2.0 s left`.
    var errors: String

    /// Standard output as JSON.
    func json(sourceLocation: SourceLocation = #_sourceLocation) throws -> [String: Any] {
        try #require(
            try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any], "not a JSON object: \(output)",
            sourceLocation: sourceLocation)
    }
}

/// The built `cleave`, as users have it: a process with arguments, streams and an exit code.
enum Command {
    /// The folder that SwiftPM puts executables and test bundles into.
    static let executable = Bundle.main.bundleURL.pathExtension == "xctest"
        ? Bundle.main.bundleURL.deletingLastPathComponent().appendingPathComponent("cleave")
        : URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appendingPathComponent("cleave")

    static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// A small residual network: 54,602 parameters, five convolutions of 3×3, four of them in residual blocks.
    static let fixture = repository.appendingPathComponent("fixtures/models/resnet14v2.onnx").path

    static func process(_ arguments: [String], in folder: URL?, environment: [String: String]) -> Process {
        let process = Process()
        process.executableURL = executable
        process.arguments = arguments
        process.currentDirectoryURL = folder
        process.environment = ProcessInfo.processInfo.environment.filter { $0.key != "NO_COLOR" }.merging(environment) { _, new in new }
        process.standardInput = FileHandle.nullDevice
        return process
    }

    /// Runs the command to its end.
    static func run(_ arguments: String..., in folder: URL? = nil, environment: [String: String] = [:]) throws -> CommandResult {
        try run(arguments, in: folder, environment: environment)
    }

    /// Runs the command to its end.
    static func run(_ arguments: [String], in folder: URL? = nil, environment: [String: String] = [:]) throws -> CommandResult {
        try withTemporaryFolder { streams in
            let output = streams.appendingPathComponent("out"), errors = streams.appendingPathComponent("err")
            for url in [output, errors] { try Data().write(to: url) }
            let process = process(arguments, in: folder, environment: environment)
            process.standardOutput = try FileHandle(forWritingTo: output)
            process.standardError = try FileHandle(forWritingTo: errors)
            try process.run()
            process.waitUntilExit()
            return CommandResult(
                status: process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus,
                output: try String(contentsOf: output, encoding: .utf8),
                errors: try String(contentsOf: errors, encoding: .utf8).replacing(/(?m)^\w+ing .* s( left)?\n/, with: ""))
        }
    }
}

/// Calls `body` with a new folder that is removed afterwards.
func withTemporaryFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("cleave-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder)
}

/// Names in a folder, hidden ones too, sorted.
func names(in folder: URL) throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() }
