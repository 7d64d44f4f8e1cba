import Foundation
import Study
import Tensors

/// The results of a study in Markdown, with its drawings as SVG files beside it.
public struct StudyMarkdown: Sendable {
    private let results: StudyResults
    private let name: String

    /// - Parameter name: of the file; the drawings are called after it.
    public init(_ results: StudyResults, name: String) {
        self.results = results
        self.name = name
    }

    /// The files, the document first.
    public var files: [(name: String, text: String)] {
        [(name, document)] + drawings.map { ($0.name, $0.text) }
    }

    private var stem: String { name.hasSuffix(".md") ? String(name.dropLast(3)) : name }

    private var drawings: [(name: String, title: String, text: String)] {
        let charts = StudyCharts(results)
        func fileName(_ title: String) -> String {
            stem + "-" + title.lowercased().split { !$0.isLetter && !$0.isNumber }.joined(separator: "-") + ".svg"
        }
        return charts.scatters.map { (fileName($0.title), $0.title, PageStyle.file($0.drawing, names: [])) }
            + charts.curves.map { (fileName($0.title), $0.title, PageStyle.file($0.drawing, names: $0.names)) }
    }

    private var document: String {
        var parts = ["# \(results.manifest.title.inMarkdown)", table]
        let comparisons = StudyComparison.all(results)
        if let base = comparisons.networks.first?.base {
            parts += ["## Against \(base.inMarkdown)", comparison(comparisons.networks)]
        }
        if !comparisons.integers.isEmpty {
            parts += ["## In integers, against the same network in float", comparison(comparisons.integers)]
        }
        if !drawings.isEmpty {
            parts += ["## Curves", drawings.map { "![\($0.title.inMarkdown)](\($0.name))" }.joined(separator: "\n")]
        }
        return (parts + ["## How it was measured", circumstances]).joined(separator: "\n\n") + "\n"
    }

    /// - Parameter names: how many of the columns, the first ones, hold words.
    private static func table(_ titles: [String], _ rows: [[String]], names: Int = 1) -> String {
        let rule = "|" + titles.indices.map { $0 < names ? "---|" : "---:|" }.joined()
        let head = ["| \(titles.joined(separator: " | ")) |", rule]
        return (head + rows.map { "| \($0.joined(separator: " | ")) |" }).joined(separator: "\n")
    }

    private var table: String {
        let layout = StudyTable(results)
        let rows = layout.rows.map { row, run, texts in
            [row.id.inMarkdown, ([run.title] + [row.quantization].compactMap { $0 }).joined(separator: ", ").inMarkdown]
                + texts.map { ($0 ?? "–").inMarkdown }
        }
        let note = layout.footnote.map { "\n\n" + $0.inMarkdown } ?? ""
        return Self.table(["row", "network"] + layout.columns.map(\.title), rows, names: 2) + note
    }

    private func comparison(_ comparisons: [StudyComparison]) -> String {
        let batches = results.batches
        let titles = ["row"] + StudyComparison.titles + batches.map { "latency, \(NumberFormat.quantity($0, "image"))" }
        return Self.table(titles, comparisons.map { [$0.row.inMarkdown] + $0.texts + batches.map($0.text(batch:)) })
    }

    private var circumstances: String {
        var lines: [String] = results.manifest.facts.map { "- \($0.name): \($0.value)".inMarkdown }
        for run in results.manifest.runs {
            let facts = run.facts.map { "\($0.name) \($0.value)" }.joined(separator: "; ")
            let seconds = results.floatRecord(run)?.training.seconds ?? 0
            let time = seconds > 0 ? "; trained in \(NumberFormat.seconds(seconds))" : ""
            lines.append("- \(run.id), \(run.title): \(facts)\(time)".inMarkdown)
            for row in run.rows where !row.facts.isEmpty {
                lines.append("- \(row.id): \(row.facts.map { "\($0.name) \($0.value)" }.joined(separator: "; "))".inMarkdown)
            }
        }
        var machines: [String] = []
        for record in results.rowIDs.compactMap({ results.records[$0] }) {
            let machine = record.machine
            let memory = NumberFormat.bytes(machine.byteCount)
            let threads = Set(record.latencies.map(\.threads)).sorted().map { "\($0)" }.joined(separator: ", ")
            let line = "- Cleave \(record.version) on \(machine.processor), \(NumberFormat.quantity(machine.processorCount, "processor")), "
                + "\(memory), \(machine.system)\(threads.isEmpty ? "" : "; latency with threads: \(threads)")"
            if !machines.contains(line) { machines.append(line) }
        }
        return (lines + machines.map(\.inMarkdown)).joined(separator: "\n")
    }
}

extension String {
    /// With what Markdown would take for markup escaped, on one line.
    fileprivate var inMarkdown: String {
        printable(limit: 2000).map { "\\`*_[]<>|#".contains($0) ? "\\\($0)" : String($0) }.joined()
    }
}
