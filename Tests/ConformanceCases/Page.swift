import Foundation
import GraphIR

/// `docs/conformance.md`: what the cases say of the backends, written by `scripts/update-conformance.sh`.
public struct ConformancePage {
    private let results: [ConformanceResults]

    public init(_ results: [ConformanceResults]) { self.results = results }

    /// Where the page is in the repository.
    public static let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(components: "docs", "conformance.md")

    /// Whether the page is to be written and not compared.
    public static var isUpdating: Bool { ProcessInfo.processInfo.environment["CLEAVE_UPDATE_CONFORMANCE"] == "1" }

    public var text: String {
        """
        # Conformance

        The ONNX project ships models with inputs and the outputs that they must give. `make test` runs all of those that Debian packages
        (`libonnx-testdata`, ONNX 1.12: opsets up to 17) on both backends, with the tolerance of ONNX's own test runner, and prints the
        counts. This page is written by `scripts/update-conformance.sh`; a test fails when it is out of date.

        \(table)

        A plain case has tensors of numbers only. Sequences, optional values, operators on text, recurrent cells and operators for training
        are carried from import to export, but not run: a compiler for convolutional networks has no use for them. A model that needs
        one of them is refused before anything is computed, in an error that says so by name:

        \(notRun)

        Of the plain cases, these do not pass:

        \(gaps)

        """
    }

    private static let groups: [(title: String, group: ConformanceCase.Group)] = [
        ("plain", .plain), ("If, Loop and Scan", .controlFlow), ("casts of text", .text),
    ]

    private var table: String {
        var lines = ["| suite | cases | \(results.map(\.backend).joined(separator: " | ")) |"]
        lines.append("|---|---:|" + results.map { _ in "---:|" }.joined())
        for suite in ConformanceCase.Suite.allCases {
            for (title, group) in Self.groups {
                let tallies = results.map { $0[suite, group] }
                guard let total = tallies.first?.total, total > 0 else { continue }
                lines.append("| \(suite.rawValue), \(title) | \(total) | \(tallies.map { "\($0.passed)" }.joined(separator: " | ")) |")
            }
        }
        return lines.joined(separator: "\n")
    }

    private var notRun: String {
        var lines = ["| not run | cases |", "|---|---:|"]
        for reason in NotRun.allCases {
            let counts = ConformanceCase.Suite.allCases.map { results.first?[$0, .notRun(reason)].total ?? 0 }
            let total = counts.reduce(0, +)
            if total > 0 { lines.append("| \(reason.rawValue) | \(total) |") }
        }
        return lines.joined(separator: "\n")
    }

    private var gaps: String {
        KnownGap.allCases.map { gap in "- \(gap.reason):\n  \(Self.wrapped(gap.cases.map { "`\($0)`" }))" }.joined(separator: "\n")
    }

    /// A list of words in lines of at most 130 characters, indented as a list item is.
    private static func wrapped(_ words: [String]) -> String {
        var lines = [""]
        for (index, word) in words.enumerated() {
            let word = word + (index == words.count - 1 ? "" : ",")
            if lines[lines.count - 1].isEmpty {
                lines[lines.count - 1] = word
            } else if lines[lines.count - 1].count + word.count < 128 {
                lines[lines.count - 1] += " " + word
            } else {
                lines.append(word)
            }
        }
        return lines.joined(separator: "\n  ")
    }
}
