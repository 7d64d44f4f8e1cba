import Study
import Tensors

/// The results of a study as a page of its own, without anything from elsewhere: the table, what each row costs and saves, curves,
/// accuracy against size and latency, and layers.
public struct StudyPage: Sendable {
    private let results: StudyResults

    public init(_ results: StudyResults) { self.results = results }

    public var html: String {
        let charts = StudyCharts(results)
        let body = [
            "<h1>\(results.manifest.title.escaped)</h1>", "<p>\(subtitle.escaped)</p>", table, comparison,
            section("Accuracy against size and latency", Self.grid(charts.scatters.map(\.figure))),
            section("Training", Self.grid(charts.curves.map(\.figure))), layers(charts), facts,
        ]
        return PageStyle.page(title: results.manifest.title, style: Self.style, body: body.filter { !$0.isEmpty }.joined(separator: "\n"))
    }

    private static let style = """
        .cards { width: 100%; } .cards th { vertical-align: bottom; } .cards th, .cards td { padding: 0.15rem 0 0.15rem 0.6rem; }
        .cards td { white-space: nowrap; } .cards .name { padding-left: 0; white-space: normal; }
        details { margin: 0.5rem 0; } summary { cursor: pointer; }
        .bar { display: inline-block; height: 0.6rem; background: var(--series-1); vertical-align: baseline; }
        @media print { .cards { font-size: 8pt; } .cards th, .cards td { padding-left: 0.3rem; } }
        @media screen and (max-width: 52rem) {
          .cards thead { display: none; } .cards, .cards tbody { display: block; }
          .cards tr { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: 0 1rem; padding: 0.5rem 0;
            border-bottom: 1px solid var(--grid); font-size: 0.85rem; }
          .cards td { display: flex; justify-content: space-between; gap: 0.25rem; border: 0; padding: 0.1rem 0; }
          .cards td.name { grid-column: 1 / -1; font-size: 1rem; }
          .cards td[data-title]::before { content: attr(data-title); color: var(--faint); }
        }
        """

    private static func grid(_ figures: [String]) -> String {
        figures.isEmpty ? "" : "<div class=\"charts\">\n" + figures.joined(separator: "\n") + "\n</div>"
    }

    private func section(_ title: String, _ content: String) -> String {
        content.isEmpty ? "" : "<h2>\(title.escaped)</h2>\n\(content)"
    }

    /// `CIFAR-10 · 6 of 10 rows measured · AMD EPYC, 2 processors, Debian 12 · Cleave 0.1.0`
    private var subtitle: String {
        let ids = results.rowIDs
        let records = ids.compactMap { results.records[$0] }
        let images = results.manifest.facts.first { $0.name == "images" }?.value ?? ""
        var parts = [images, "\(records.count) of \(NumberFormat.quantity(ids.count, "row")) measured"]
        parts += records.reduce(into: [String]()) { lines, record in
            let machine = record.machine
            let line = "\(machine.processor), \(NumberFormat.quantity(machine.processorCount, "processor")), \(machine.system)"
            if !lines.contains(line) { lines.append(line) }
        }
        let versions = Set(records.map(\.version)).sorted()
        if !versions.isEmpty { parts.append("Cleave " + versions.joined(separator: ", ")) }
        return parts.filter { !$0.isEmpty }.joined(separator: " · ")
    }

    // MARK: Tables

    /// A table that becomes a card per row where there is no room for it.
    private static func cards(_ titles: [String], _ rows: [(name: String, note: String?, texts: [String])]) -> String {
        let head = "<thead><tr><th class=\"name\"></th>" + titles.map { "<th>\($0.escaped)</th>" }.joined() + "</tr></thead>"
        let lines = rows.map { row in
            let note = row.note.map { " title=\"\($0.escaped)\"" } ?? ""
            return "<tr><td class=\"name\"\(note)>\(row.name.escaped)</td>"
                + zip(titles, row.texts).map { "<td data-title=\"\($0.escaped)\">\($1.escaped)</td>" }.joined() + "</tr>"
        }
        return "<table class=\"cards\">\n\(head)\n<tbody>\n" + lines.joined(separator: "\n") + "\n</tbody></table>"
    }

    private var table: String {
        let layout = StudyTable(results)
        let rows = layout.rows.map { (name: $0.row.id, note: Optional($0.run.title), texts: $0.texts.map { $0 ?? "–" }) }
        let remarks: [String] = [layout.footnote].compactMap { $0 } + results.damaged.map { "\($0) is half-written and left out" }
        let notes = remarks.map { "<p class=\"note\">\($0.escaped)</p>" }
        return (["<h2>Results</h2>", Self.cards(layout.columns.map(\.title), rows)] + notes).joined(separator: "\n")
    }

    private var comparison: String {
        let batches = results.batches
        let titles = StudyComparison.titles + batches.map { "latency, \(NumberFormat.quantity($0, "image"))" }
        func cards(_ comparisons: [StudyComparison]) -> String {
            Self.cards(titles, comparisons.map { item in (item.row, "against \(item.base)", item.texts + batches.map(item.text(batch:))) })
        }
        let all = StudyComparison.all(results)
        let networks = all.networks.isEmpty ? "" : cards(all.networks)
        let integers = all.integers.isEmpty ? "" : cards(all.integers)
        return [
            section("Against \(all.networks.first?.base ?? "")", networks),
            section("In integers, against the same network in float", integers),
        ].filter { !$0.isEmpty }.joined(separator: "\n")
    }

    // MARK: Layers

    private func layers(_ charts: StudyCharts) -> String {
        let rows = results.rowIDs.filter { results.records[$0]?.layers?.isEmpty == false }
        let losses = Self.grid(rows.compactMap { charts.losses($0)?.figure })
        let explanation = losses.isEmpty
            ? "" : "<p class=\"note\">Signal to quantization noise of the scores with one layer alone in integers, first layer to last: "
                + "low is bad.</p>"
        let tables = rows.compactMap { id in results.records[id]?.layers.map { details(id, $0) } }
        return section("Layers", ([explanation + losses] + tables).joined(separator: "\n"))
    }

    private func details(_ id: String, _ layers: [RowRecord.Layer]) -> String {
        let most = layers.map(\.parameters).max() ?? 0
        let hasLosses = layers.contains { $0.signalToNoise != nil }
        let titles = ["operator", "parameters", "", "multiply-adds"] + (hasLosses ? ["signal to noise", "same answer"] : [])
        let lines = layers.map { layer in
            let width = most > 0 ? 6 * Double(layer.parameters) / Double(most) : 0
            var cells = [
                layer.operatorName.escaped, NumberFormat.count(layer.parameters).escaped,
                "<span class=\"bar\" style=\"width: \((width * 100).rounded() / 100)rem\"></span>",
                (layer.multiplyAccumulates.map(NumberFormat.count) ?? "–").escaped,
            ]
            if hasLosses {
                cells += [
                    (layer.signalToNoise.map { $0.isFinite ? NumberFormat.decibels($0) : "exact" } ?? "in float").escaped,
                    (layer.agreement.map(NumberFormat.percent) ?? "–").escaped,
                ]
            }
            return "<tr><td class=\"name\">\(layer.name.escaped)</td>" + cells.enumerated().map { index, cell in
                "<td\(index == 2 ? " style=\"text-align: left\"" : "")>\(cell)</td>"
            }.joined() + "</tr>"
        }
        let head = "<tr><th></th>" + titles.map { "<th>\($0)</th>" }.joined() + "</tr>"
        return "<details><summary>\(id.escaped): \(NumberFormat.quantity(layers.count, "layer"))</summary>\n<div class=\"scroll\"><table>\n"
            + ([head] + lines).joined(separator: "\n") + "\n</table></div></details>"
    }

    // MARK: The study itself

    private var facts: String {
        func list(_ facts: [(name: String, value: String)]) -> String {
            "<table class=\"words\">\n" + facts.map { "<tr><th>\($0.name.escaped)</th><td>\($0.value.escaped)</td></tr>" }
                .joined(separator: "\n") + "\n</table>"
        }
        let runs = results.manifest.runs.map { run in
            let rows = run.rows.filter { !$0.facts.isEmpty }.map { row in
                "<p>\(row.id.escaped)</p>\n" + list(row.facts.map { ($0.name, $0.value) })
            }
            var all = run.facts.map { (name: $0.name, value: $0.value) }
            if let seconds = results.floatRecord(run)?.training.seconds, seconds > 0 {
                all.append(("time of training", NumberFormat.seconds(seconds)))
            }
            return "<details><summary>\(run.id.escaped): \(run.title.escaped)</summary>\n"
                + ([list(all)] + rows).joined(separator: "\n") + "\n</details>"
        }
        return section("The study", ([list(results.manifest.facts.map { ($0.name, $0.value) })] + runs).joined(separator: "\n"))
    }
}
