import ArgumentParser
import Cleave
import Foundation

@main
struct Microbenchmarks: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "Microbenchmarks",
        abstract: "Measures import, export, passes, operators and networks, each by itself.",
        discussion: """
            Keep the times of one version, and compare those of the next:

              Microbenchmarks --json > old.json
              Microbenchmarks --compare old.json

            Exit code: 0 for success, 1 when something became slower, 2 for a wrong command line, 3 for bad input.
            """)

    @Option(help: .init("Measure only work whose name contains this text; may be given several times.", valueName: "text"))
    var filter: [String] = []

    @Flag(help: "Print the names, and measure nothing.")
    var list = false

    @Flag(help: "Print the times as JSON.")
    var json = false

    @Option(help: .init("Compare with the times in a file that --json wrote.", valueName: "file"))
    var compare: String?

    @Option(help: .init("Growth of the median that counts as slower, in per cent.", valueName: "percent"))
    var threshold = 10.0

    @Option(help: .init("How long to measure each; three runs at least.", valueName: "seconds"))
    var seconds = 0.5

    @Option(help: .init("Threads that compute. (default: one per processor)", valueName: "count"))
    var threads: Int?

    func validate() throws {
        guard seconds >= 0, seconds <= 3600 else { throw ValidationError("--seconds is \(seconds), expected 0 to 3600.") }
        guard threshold >= 0, threshold.isFinite else { throw ValidationError("--threshold is \(threshold), expected a number from 0.") }
        if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads is \(threads), expected 1 to 1024.") }
    }

    static func main() {
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch {
            Foundation.exit(report(error))
        }
    }

    /// Says what went wrong on standard error, or on standard output what `--help` asked for.
    /// - Returns: the exit code.
    private static func report(_ error: any Error) -> Int32 {
        if let code = error as? ExitCode { return code.rawValue }
        if let error = error as? CleaveError {
            writeToStandardError("error: \(error)\n" + (error.suggestion.map { "       \($0)\n" } ?? ""))
            return 3
        }
        let message = fullMessage(for: error)
        switch exitCode(for: error) {
        case .success:
            print(message)
            return 0
        case .validationFailure:
            writeToStandardError("error: \(message.hasPrefix("Error: ") ? String(message.dropFirst("Error: ".count)) : message)\n")
            return 2
        default:
            writeToStandardError("error: \(error.localizedDescription)\n")
            return 3
        }
    }

    private static func writeToStandardError(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }

    private static func recordedTimes(in file: String) throws -> [RecordedTime] {
        guard access(file, R_OK) == 0 else { throw AtomicFile.failure("cannot open", file) }
        let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
        guard let times = try? JSONDecoder().decode([RecordedTime].self, from: bytes) else {
            throw CleaveError(
                .malformedFile, "the file has no times, expected what --json prints", at: .init(file: file),
                suggestion: "Microbenchmarks --json > \(file)")
        }
        return times
    }

    func run() throws {
        let old = try compare.map(Self.recordedTimes)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("cleave-benchmark-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let all = fileBenchmarks(folder: folder.path) + passBenchmarks() + operatorBenchmarks(threads: threads)
            + networkBenchmarks(threads: threads)
        let chosen = all.filter { benchmark in filter.isEmpty || filter.contains { benchmark.name.contains($0) } }
        guard !chosen.isEmpty else { throw ValidationError("No name contains \(filter.joined(separator: " or ")); see --list.") }
        if list { return print(chosen.map(\.name).joined(separator: "\n")) }
        let times = try measure(chosen)
        if json { try show(times) }
        guard let old else { return }
        try show(TimeChange.changes(from: old, to: times, threshold: threshold / 100))
    }

    /// Measures one after the other, with a line for each where no JSON is wanted.
    private func measure(_ benchmarks: [Microbenchmark]) throws -> [RecordedTime] {
        let width = benchmarks.map(\.name.count).max() ?? 0
        func show(_ columns: [String]) {
            let texts = columns.enumerated().map { index, text in
                let padding = String(repeating: " ", count: max(0, (index == 0 ? width : 9) - text.count))
                return index == 0 ? text + padding : padding + text
            }
            if !json { print(texts.joined(separator: "  ")) }
        }
        show(["", "median", "p10", "p90", "spread", "runs"])
        return try benchmarks.map { benchmark in
            let time = try benchmark.run(seconds: seconds)
            let spread = time.median > 0 ? NumberFormat.percent((time.p90 - time.p10) / time.median) : "–"
            show([time.name] + [time.median, time.p10, time.p90].map(NumberFormat.duration) + [spread, "\(time.runs)"])
            return time
        }
    }

    private func show(_ times: [RecordedTime]) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        print(String(decoding: try encoder.encode(times), as: UTF8.self))
    }

    /// Says on standard error what changed, so that JSON stays JSON.
    private func show(_ changes: [TimeChange]) throws {
        for change in changes where change.verdict == .slower || change.verdict == .faster {
            let factor = change.factor.map(NumberFormat.ratio) ?? "–"
            Self.writeToStandardError("\(change.verdict.rawValue): \(change.name), \(factor) times as long as before\n")
        }
        let slower = changes.count { $0.verdict == .slower }, known = changes.count { $0.verdict != .new }
        Self.writeToStandardError(
            "\(slower) of \(NumberFormat.quantity(known, "time")) slower by more than \(threshold) % and the spread\n")
        if slower > 0 { throw ExitCode(1) }
    }
}
