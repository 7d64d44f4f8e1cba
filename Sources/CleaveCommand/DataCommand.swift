import ArgumentParser
import Cleave

struct DataCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data", abstract: "Look at the images that a network is trained on and tested with.",
        subcommands: [SummaryCommand.self])

    struct SummaryCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "summary",
            abstract: "Count, measure and show the images of a data set.",
            discussion: """
                Every image is read once. Mean and deviation are those of all pixels of a channel, in 0…255 units: what \
                --normalize MEAN/STD takes.

                EXAMPLES
                  cleave data summary cifar10:cifar-10-batches-bin
                  cleave data summary folder:photos --contact-sheet photos.png
                  cleave data summary idx:/usr/share/datasets/fashion-mnist --split test --json

                Exit code: 1 when an image cannot be read.
                """)

        @Argument(
            help: .init(
                "The data set: cifar10:DIR, cifar100:DIR, idx:DIR, folder:DIR or npz:FILE.", valueName: "format:path"),
            transform: { text in try asArgument { try DatasetSpecification(parsing: text) } })
        var data: DatasetSpecification

        @Option(
            help: .init(
                "The split to look at: train, test, val, or all of a data set that is not split. (default: every one)",
                valueName: "name"))
        var split: String?

        @Option(help: .init("Draw the first images of each class, a row per class, into this PNG file.", valueName: "file.png"))
        var contactSheet: String?

        @OptionGroup
        var output: OutputOptions

        func run() throws {
            if let contactSheet { try AtomicFile.checkWritable(contactSheet) }
            let summary = try output.withProgress { progress in
                progress(WorkProgress(task: "opening \(data)"))
                let dataset = try Dataset(data)
                var statistics: [DatasetStatistics] = []
                for (number, name) in (split.map { [$0] } ?? dataset.splitNames).enumerated() {
                    let images = try dataset.load(name)
                    statistics.append(try DatasetStatistics(of: images, progress: progress))
                    guard number == 0, let contactSheet else { continue }
                    progress(WorkProgress(task: "drawing \(contactSheet)"))
                    try locating(file: data.path) { try ContactSheet(of: images) }.write(png: contactSheet)
                }
                return DataSummary(dataset, splits: statistics, contactSheet: contactSheet)
            }
            try output.show(summary)
            if !summary.isReadable { throw ExitCode(ExitStatus.no) }
        }
    }
}

/// Turns what is wrong with an argument into a fault of the command line.
func asArgument<Value>(_ parse: () throws -> Value) throws -> Value {
    do {
        return try parse()
    } catch let error as CleaveError {
        throw ValidationError(error.description + (error.suggestion.map { "; \($0)" } ?? "") + ".")
    }
}
