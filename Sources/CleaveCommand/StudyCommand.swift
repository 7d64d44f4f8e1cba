import ArgumentParser
import Cleave
import Foundation

struct StudyCommand: NetworkCommand {
    static let configuration = CommandConfiguration(
        commandName: "study",
        abstract: "Train, compress and measure networks as a file says, and fill in a table.",
        discussion: """
            The study names networks, recipes, quantizations and measures. All results are kept in one folder; whenever the command \
            is interrupted, or killed, the same command goes on from there. A training run that `cleave train --checkpoint` began \
            with the same recipe, network and data goes on as well, from NETWORK/run in the results.

            EXAMPLES
              cleave study studies/quick.yaml -o results
              cleave study study.yaml --data folder:DIR -o results --hours 2
              cleave study study.yaml -o results --dry-run
              cleave study study.yaml --data folder:DIR -o results --report-now

            Exit code: 130 when Ctrl-C stopped it.
            """)

    @Argument(help: "The study, in YAML.", transform: filePath)
    var study: String

    @Option(
        help: .init(
            "The images: cifar10:DIR, cifar100:DIR, idx:DIR, folder:DIR or npz:FILE. (default: where the study says they usually are)",
            valueName: "format:path"),
        transform: { text in try asArgument { try DatasetSpecification(parsing: text) } })
    var data: DatasetSpecification?

    @Option(
        name: [.customShort("o"), .customLong("output")], help: .init("The folder to keep results in.", valueName: "folder"),
        transform: filePath)
    var outputPath: String

    @Option(help: .init("Only this row of the table, and what it needs. May be repeated.", valueName: "row"))
    var only: [String] = []

    @Option(parsing: .unconditional, help: .init("Stop after so many hours, at a checkpoint.", valueName: "hours"))
    var hours: Double?

    @Option(
        parsing: .unconditional,
        help: .init("Train every network no further than to this epoch for now.", valueName: "epoch"))
    var untilEpoch: Int?

    @Flag(help: "Train nothing: measure every network as far as it is trained.")
    var reportNow = false

    @Flag(help: "Only list the steps, and which of them are done.")
    var dryRun = false

    @Option(
        parsing: .unconditional,
        help: .init("Updates of the weights between two checkpoints. (default: one after every epoch)", valueName: "count"))
    var checkpointEvery: Int?

    @OptionGroup
    var backend: BackendOptions

    @OptionGroup
    var output: OutputOptions

    func validate() throws {
        if let hours, !(hours > 0 && hours <= 100_000) { throw ValidationError("--hours is \(hours), expected above 0.") }
        if let untilEpoch, untilEpoch < 1 { throw ValidationError("--until-epoch is \(untilEpoch), expected at least 1.") }
        if let checkpointEvery, checkpointEvery < 1 {
            throw ValidationError("--checkpoint-every is \(checkpointEvery), expected at least 1.")
        }
        for (name, isGiven) in [("--report-now", reportNow), ("--dry-run", dryRun)] where isGiven {
            let surplus = [
                untilEpoch.map { _ in "--until-epoch" }, checkpointEvery.map { _ in "--checkpoint-every" },
                reportNow && dryRun ? "--dry-run" : nil,
            ].compactMap { $0 }.first
            if let surplus { throw ValidationError("\(name) trains nothing; leave out \(surplus).") }
        }
    }

    func run() throws {
        let description = try StudyDescription(contentsOf: study)
        let folder = StudyFolder(outputPath)
        if dryRun { return try output.show(StudyPlan(description, folder: folder, rows: only)) }
        let line = ProgressLine(isEnabled: !output.quiet)
        defer { line.finish() }
        let interruption = Interruption()
        interruption.install()
        let outcome = try runner(description, folder, line, interruption).run()
        line.finish()
        try output.show(StudySummary(StudyResults(contentsOf: outputPath), folder: outputPath, remark: remark(on: outcome)))
        if outcome == .interrupted { throw ExitCode(128 + (interruption.signal ?? SIGINT)) }
    }

    private func runner(
        _ description: StudyDescription, _ folder: StudyFolder, _ line: ProgressLine, _ interruption: Interruption
    ) throws -> StudyRunner {
        var options = StudyOptions()
        options.rows = only
        options.lastEpoch = untilEpoch
        options.deadline = hours.map { .now + .seconds($0 * 3600) }
        options.reportsNow = reportNow
        options.checkpointInterval = checkpointEvery
        let specification = try specification(description)
        let observer = StudyObserver(
            work: { line.update($0) }, training: { run, progress in line.update(line: "\(run.id)   \(progress.line)") },
            note: { line.note($0) },
            epoch: { run, path, state in
                guard let recipe = run.recipe, let record = state.history.last else { return }
                line.note("\(run.id)   \(record.line(of: recipe.epochs))")
                let page = TrainingPage(model: run.title, data: specification.description, recipe: recipe, state: state)
                try AtomicFile.write(Array(page.html.utf8), to: path + "/" + TrainingPage.fileName)
            },
            isStopping: { interruption.signal != nil })
        let means = StudyMeans(
            backend: backend.backend, backendName: backend.name.rawValue, threads: backend.threadCount, version: cleaveVersion)
        return StudyRunner(description, folder: folder, data: specification, means: means, options: options, observer: observer)
    }

    /// What was given, or what the study says, from the root.
    private func specification(_ description: StudyDescription) throws -> DatasetSpecification {
        guard let specification = try data ?? description.data.usual.map({ try DatasetSpecification(parsing: $0) }) else {
            throw CleaveError(
                .invalidRequest, "the study does not say where its images are, expected --data with a data set as in folder:DIR",
                at: .init(file: study), suggestion: description.data.advice)
        }
        let path = URL(fileURLWithPath: specification.path).standardizedFileURL.path
        return DatasetSpecification(specification.format, path)
    }

    private func remark(on outcome: StudyRunner.Outcome) -> String? {
        switch outcome {
        case .complete: nil
        case .interrupted: "interrupted; the same command goes on from here"
        case .outOfTime: "stopped after \(hours ?? 0) h; the same command goes on from here"
        case .unfinished(let runs): "not trained to the end: \(runs.joined(separator: ", "))"
        }
    }
}
