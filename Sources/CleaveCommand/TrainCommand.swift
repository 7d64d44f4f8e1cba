import ArgumentParser
import Cleave
import Foundation

struct TrainCommand: NetworkCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Train a classifier on labelled images.",
        discussion: """
            Any classifier in ONNX that takes images trains; the result is ONNX again, with its batch norms. With --checkpoint, a run \
            that is interrupted, or killed, goes on with --resume and ends at the same weights to the bit. With --quantize-aware, a \
            trained model is trained further while it rounds as the int8 model does that is written at the end.

            EXAMPLES
              cleave train model.onnx --data cifar10:DIR --checkpoint run -o trained.onnx
              cleave train --resume run
              cleave train a.onnx --data idx:DIR --augment flip,crop=4 -o b.onnx
              cleave train small.onnx --data folder:DIR --teacher big.onnx -o b.onnx
              cleave train trained.onnx --data idx:DIR --quantize-aware -o int8.onnx
              cleave train model.onnx --data cifar10:DIR --profile

            Exit code: 130 when Ctrl-C stopped it.
            """)

    @Argument(help: "The model. (with --resume: where it lies now)", transform: filePath)
    var model: String?

    @Option(
        help: .init("The data set: cifar10:DIR, cifar100:DIR, idx:DIR, folder:DIR or npz:FILE.", valueName: "format:path"),
        transform: { text in try asArgument { try DatasetSpecification(parsing: text) } })
    var data: DatasetSpecification?

    @Option(
        name: [.customShort("o"), .customLong("output")], help: .init("The trained model to write.", valueName: "file"),
        transform: filePath)
    var outputPath: String?

    @OptionGroup(title: "Recipe")
    var recipe: RecipeOptions

    @OptionGroup(title: "Training for 8 bits")
    var awareness: AwarenessOptions

    @Option(help: .init("Learn the scores of this trained model, too.", valueName: "file"), transform: filePath)
    var teacher: String?

    @Option(help: .init("The folder to keep checkpoints, history.csv and report.html in.", valueName: "folder"), transform: filePath)
    var checkpoint: String?

    @Option(
        parsing: .unconditional,
        help: .init("Updates of the weights between two checkpoints. (default: one after every epoch)", valueName: "count"))
    var checkpointEvery: Int?

    @Option(help: .init("Go on with the run in this folder, as it was begun.", valueName: "folder"), transform: filePath)
    var resume: String?

    @Flag(help: "Train a few steps, write nothing, and show where their time goes.")
    var profile = false

    @Option(name: .customLong("backend"), help: "What trains the model: the fast kernels, or the obvious ones. (default: onednn)")
    var backendName: BackendOptions.Name?

    @Option(parsing: .unconditional, help: .init("Threads that compute. (default: one per processor)", valueName: "count"))
    var threads: Int?

    @OptionGroup
    var output: OutputOptions

    func validate() throws {
        if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads is \(threads), expected 1 to 1024.") }
        if threads != nil, backendName == .reference {
            throw ValidationError("--threads is for --backend onednn; the reference has one thread.")
        }
        if let checkpointEvery, checkpointEvery < 1 {
            throw ValidationError("--checkpoint-every is \(checkpointEvery), expected at least 1.")
        }
        if resume != nil {
            let surplus = [
                recipe.given, awareness.given, checkpoint.map { _ in "--checkpoint" }, teacher.map { _ in "--teacher" },
                profile ? "--profile" : nil,
            ].compactMap { $0 }.first
            if let surplus { throw ValidationError("\(surplus) is not for --resume, which goes on with the recipe of the run.") }
            return
        }
        guard model != nil else { throw ValidationError("the model is missing, expected a file, or --resume with the folder of a run.") }
        guard data != nil else { throw ValidationError("--data is missing, expected a data set as in cifar10:DIR.") }
        guard outputPath != nil || profile else { throw ValidationError("-o is missing, expected the file to write the trained model to.") }
        if checkpointEvery != nil, checkpoint == nil {
            throw ValidationError("--checkpoint-every is for --checkpoint, which names the folder.")
        }
        if profile, outputPath != nil || checkpoint != nil {
            throw ValidationError("--profile writes nothing; leave out --output and --checkpoint.")
        }
        if let outputPath, checkpoint != nil, [model, teacher].contains(where: { $0.map(absolute) == absolute(outputPath) }) {
            throw ValidationError("-o would replace a model that the run needs to go on; name another file.")
        }
        try awareness.check()
        try recipe.check(isDistilled: teacher != nil, awareness: awareness.awareness)
    }

    func run() throws {
        let line = ProgressLine(isEnabled: !output.quiet)
        defer { line.finish() }
        let job = try resume.map { try resumed($0, line) } ?? begun(line)
        if profile {
            let profile = try job.trainer.profile(updates: 20)
            line.finish()
            return try output.show(TrainingProfileSummary(model: job.files.model, profile: profile))
        }
        let summary = try job.run(line)
        line.finish()
        try output.show(summary)
    }

    /// A run from the beginning.
    private func begun(_ line: ProgressLine) throws -> TrainingJob {
        guard let model, let data else { throw ValidationError("the model and the data are missing.") }
        if let outputPath { try AtomicFile.checkWritable(outputPath) }
        let options = backend(named: backendName ?? .onednn, threads: threads)
        let files = RunFiles(
            model: absolute(model), teacher: teacher.map(absolute),
            data: DatasetSpecification(data.format, absolute(data.path)).description, output: outputPath.map(absolute) ?? "",
            backend: options.name.rawValue, threads: options.threadCount, checkpointInterval: checkpointEvery)
        line.update(line: "reading \(model)")
        var material = try TrainingJob.Material(files)
        let recipe = recipe.recipe(
            normalization: try material.usualNormalization, isDistilled: teacher != nil, awareness: awareness.awareness)
        if recipe.awareness != nil {
            try material.calibrate(recipe, samples: awareness.samples ?? 1000, backend: options.backend) { line.update($0) }
        }
        let trainer = try material.trainer(recipe, backend: options.backend)
        let folder = try checkpoint.map { try CheckpointFolder(creating: absolute($0), files: files, version: cleaveVersion) }
        return TrainingJob(files: files, trainer: trainer, folder: folder)
    }

    /// A run that goes on.
    private func resumed(_ path: String, _ line: ProgressLine) throws -> TrainingJob {
        line.update(line: "reading \(path)")
        let saved = try Checkpoint(contentsOf: path)
        var files = saved.description.files
        if let model { files.model = absolute(model) }
        if let data { files.data = DatasetSpecification(data.format, absolute(data.path)).description }
        if let outputPath { files.output = absolute(outputPath) }
        if let checkpointEvery { files.checkpointInterval = checkpointEvery }
        try AtomicFile.checkWritable(files.output)
        let name = backendName ?? BackendOptions.Name(rawValue: files.backend) ?? .onednn
        let options = backend(named: name, threads: name == .reference ? nil : threads ?? files.threads)
        (files.backend, files.threads) = (name.rawValue, options.threadCount)
        var material = try TrainingJob.Material(files)
        try material.take(saved.description.ranges)
        let trainer = try material.trainer(saved.description.recipe, backend: options.backend)
        try locating(file: path) { try trainer.restore(saved, version: cleaveVersion) }
        return TrainingJob(
            files: files, trainer: trainer, folder: CheckpointFolder(absolute(path), files: files, version: cleaveVersion))
    }

    private func backend(named name: BackendOptions.Name, threads: Int?) -> BackendOptions {
        var options = BackendOptions()
        options.name = name
        options.threads = threads
        options.semantics = nil
        return options
    }
}

/// The path from the root, which holds wherever a run goes on.
private func absolute(_ path: String) -> String { URL(fileURLWithPath: path).standardizedFileURL.path }
