import ArgumentParser
import Cleave
import Foundation

struct RunCommand: NetworkCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run a model and write its outputs.",
        discussion: """
            The inputs are matched by name; a single array may have any name when the model has a single input. Arrays that are \
            named after outputs are what the outputs should be: they are compared with what comes out.

            EXAMPLES
              cleave run model.onnx --inputs image.npz -o result.npz
              cleave run model.onnx --inputs images.npz --batch 1 -o results.npz
              cleave run model.onnx --inputs test_data_set_0
              cleave run model.onnx --batch 8 --profile

            Exit code: 1 when the outputs are not what the file says they should be.
            """)

    @Argument(help: "The model.", transform: filePath)
    var model: String

    @OptionGroup(title: "Inputs")
    var samples: SampleOptions

    @Option(name: [.customShort("o"), .customLong("output")], help: .init("The npz archive to write the outputs to.", valueName: "file"),
        transform: filePath)
    var outputPath: String?

    @OptionGroup(title: "Tolerance")
    var tolerance: ToleranceOptions

    @OptionGroup
    var backend: BackendOptions

    @Flag(help: "Run the first sample some more times and show what each step takes, instead of the outputs.")
    var profile = false

    @OptionGroup
    var output: OutputOptions

    func validate() throws {
        if profile, outputPath != nil { throw ValidationError("--profile writes no outputs; leave out --output.") }
    }

    func run() throws {
        if profile {
            let graph = try Graph(executable: model)
            let profile = try locating(file: model) {
                try Cleave.profile(graph, on: samples.source(for: graph), backend: backend.backend)
            }
            return try output.show(ProfileSummary(model: model, profile: profile))
        }
        if let outputPath { try AtomicFile.checkWritable(outputPath) }
        let result = try output.withProgress { progress in
            progress(WorkProgress(task: "reading \(model)"))
            let graph = try Graph(executable: model)
            return try locating(file: model) {
                let source = try samples.source(for: graph)
                return try Cleave.run(graph, on: source, backend: backend.backend, tolerance: tolerance.tolerance, progress: progress)
            }
        }
        if let outputPath { try NumpyArchive(result.outputs.map { .init(name: $0.name, tensor: $0.tensor) }).write(to: outputPath) }
        try output.show(RunSummary(model: model, output: outputPath, result: result))
        if !result.isExpected { throw ExitCode(ExitStatus.no) }
    }
}
