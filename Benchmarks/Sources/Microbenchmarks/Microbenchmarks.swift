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

            Exit code: 1 when something became slower.
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

    func run() throws {
        let old = try compare.map { try JSONDecoder().decode([RecordedTime].self, from: Data(contentsOf: URL(fileURLWithPath: $0))) }
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
            FileHandle.standardError.write(Data("\(change.verdict.rawValue): \(change.name), \(factor) times as long as before\n".utf8))
        }
        let slower = changes.count { $0.verdict == .slower }, known = changes.count { $0.verdict != .new }
        FileHandle.standardError.write(
            Data("\(slower) of \(NumberFormat.quantity(known, "time")) slower by more than \(threshold) % and the spread\n".utf8))
        if slower > 0 { throw ExitCode(1) }
    }
}
