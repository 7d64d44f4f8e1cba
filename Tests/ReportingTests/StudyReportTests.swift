import Foundation
import Tensors
import Testing

#if canImport(FoundationXML)
import FoundationXML
#endif

@testable import Reporting
@testable import Study

struct StudyReportTests {
    @Test func theTableHasARowForEachRow() throws {
        try StudySample.with(measured: 3) { _, results in
            let summary = StudySummary(results, folder: "results", remark: "not trained to the end: depthwise")
            let lines = summary.text(style: .plain).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            #expect(lines[0] == "A <small> study & more · results")
            let cells = lines.map { $0.split(separator: /\s{2,}/).map(String.init) }
            let measures = ["loss", "accuracy", "size", "parameters", "multiply-adds", "latency, 1 image", "latency, 32 images"]
            #expect(cells[2] == ["row", "epochs"] + measures)
            #expect(cells[3] == ["full", "30", "0.5", "83.57 %", "94.4 MB", "23.6 M", "83.9 M", "12.3 ms", "394 ms"])
            #expect(cells[5][..<4] == ["depthwise-converted-with-a-long-name", "12.3 of 30", "0.7", "81.57 %"])
            #expect(cells[6].dropFirst().allSatisfy { $0 == "–" })
            #expect(lines.last == "not trained to the end: depthwise")
        }
    }

    @Test func measurementsOfABusyMachineAreMarked() throws {
        try StudySample.with { _, results in
            let text = StudySummary(results, folder: "results").text(style: .plain)
            #expect(text.contains("3.08 ms *") && !text.contains("12.3 ms *"))
            #expect(text.contains("* measured on a machine that was busy"))
        }
    }

    @Test func comparisonsAreFactorsAndPoints() throws {
        try StudySample.with { _, results in
            let all = StudyComparison.all(results)
            #expect(all.networks.map(\.row) == ["depthwise-converted-with-a-long-name"] && all.networks[0].base == "full")
            #expect(all.networks[0].texts == ["−2.00 points", "0.333", "0.333", "1.00"] && all.networks[0].text(batch: 32) == "0.333")
            #expect(all.integers.map(\.row) == ["full-int8", "depthwise-converted-with-a-long-name-int8"])
            #expect(all.integers.map(\.base) == ["full", "depthwise-converted-with-a-long-name"])
            #expect(all.integers[0].texts[0] == "−1.00 points" && all.integers[1].texts[1] == "0.750")
        }
    }

    @Test func damagedRecordsAreNamedAndLeftOut() throws {
        try StudySample.with { folder, _ in
            let path = folder.path + "/results/rows/full.json"
            try Data(contentsOf: URL(fileURLWithPath: path)).prefix(100).write(to: URL(fileURLWithPath: path))
            let results = try StudyResults(contentsOf: folder.path + "/results")
            #expect(results.damaged == [path] && results.records.count == 3)
            #expect(StudySummary(results, folder: "r").text(style: .plain).contains("warning: \(path) is half-written"))
        }
    }

    @Test func markdownHoldsTheTableAndItsDrawings() throws {
        try StudySample.with { _, results in
            let files = StudyMarkdown(results, name: "results.md").files
            let document = files[0].text
            #expect(files[0].name == "results.md" && document.hasPrefix("# A \\<small\\> study & more\n"))
            #expect(document.contains("| full | Full \\| network | 30 | 0.5 | 83.57 % | 94.4 MB | 23.6 M | 83.9 M | 12.3 ms | 394 ms |"))
            for text in ["Full \\| network", "Abacus 9000, 2 processors", "1 h 02 min"] { #expect(document.contains(text)) }
            #expect(files.count == 8)
            for file in files.dropFirst() {
                #expect(document.contains("](\(file.name))") && file.name.hasPrefix("results-") && file.name.hasSuffix(".svg"))
                // Well-formed, with everything that it needs inside.
                let parser = XMLParser(data: Data(file.text.utf8))
                #expect(parser.parse(), "\(file.name): \(parser.parserError.map { "\($0)" } ?? "")")
                #expect(!file.text.contains("href") && !file.text.contains("url("))
            }
        }
    }

    @Test func theSameResultsAreTheSamePage() throws {
        try StudySample.with { folder, results in
            let again = try StudyResults(contentsOf: folder.path + "/results")
            #expect(StudyPage(results).html == StudyPage(again).html)
            #expect(StudyMarkdown(results, name: "a.md").files.map(\.text) == StudyMarkdown(again, name: "a.md").files.map(\.text))
        }
    }

    /// Names of points do not cover each other, however close the points are.
    @Test func labelsKeepApart() {
        let points = (0..<8).map { (x: 200.0 + Double($0), y: 100.0 + Double($0 % 2)) }
        let labels = ScatterPlot.labels(points.indices.map { "row-\($0)-int8" }, beside: points)
        let heights = labels.map(\.y).sorted()
        #expect(zip(heights, heights.dropFirst()).allSatisfy { $1 - $0 >= 14 })
        let edge = ScatterPlot.labels(["a name that is long"], beside: [(x: 400, y: 50)])[0]
        #expect(edge.anchor == "end" && edge.x < 400)
    }
}
