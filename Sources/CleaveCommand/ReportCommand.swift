import ArgumentParser
import Cleave

struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Show the results of a study as a page, or as a table in Markdown.",
        discussion: """
            The page is one file that needs nothing from elsewhere: the table, training curves, accuracy against size and latency, and \
            what every layer costs. It is made of the small files of a results folder; the models may be gone.

            EXAMPLES
              cleave report results -o report.html
              cleave report results --markdown results.md
              cleave report results --json
            """)

    @Argument(help: "The folder that `cleave study` keeps results in.", transform: filePath)
    var results: String

    @Option(
        name: [.customShort("o"), .customLong("output")], help: .init("The page to write.", valueName: "file"), transform: filePath)
    var outputPath: String?

    @Option(help: .init("The table to write in Markdown, with curves as SVG files beside it.", valueName: "file"), transform: filePath)
    var markdown: String?

    @OptionGroup
    var output: OutputOptions

    func run() throws {
        for path in [outputPath, markdown].compactMap({ $0 }) { try AtomicFile.checkWritable(path) }
        let study = try StudyResults(contentsOf: results)
        if let outputPath { try AtomicFile.write(Array(StudyPage(study).html.utf8), to: outputPath) }
        if let markdown {
            let document = StudyMarkdown(study, name: FilePath.name(of: markdown))
            for (name, text) in document.files {
                try AtomicFile.write(Array(text.utf8), to: FilePath.folder(of: markdown) + "/" + name)
            }
        }
        let written = [outputPath, markdown].compactMap { $0 }
        let remark = written.isEmpty ? nil : written.map { "\($0) written" }.joined(separator: "\n")
        try output.show(StudySummary(study, folder: results, remark: remark))
    }
}
