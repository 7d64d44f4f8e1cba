import ArgumentParser
import Cleave

extension EvaluationOptions.Measure: ExpressibleByArgument {}

struct EvaluateCommand: NetworkCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Tell how well a classifier does on labelled images.",
        discussion: """
            Loss, top-1 and top-5 accuracy, recall and precision of every class, and which classes are mistaken for which. How pixels \
            become inputs is what the model records from its training, unless --normalize says otherwise.

            EXAMPLES
              cleave evaluate trained.onnx --data cifar10:DIR
              cleave evaluate resnet50.onnx --data folder:DIR --normalize imagenet
              cleave evaluate int8.onnx --data idx:DIR --json
            """)

    @Argument(help: "The model.", transform: filePath)
    var model: String

    @Option(
        help: .init("The data set: cifar10:DIR, cifar100:DIR, idx:DIR, folder:DIR or npz:FILE.", valueName: "format:path"),
        transform: { text in try asArgument { try DatasetSpecification(parsing: text) } })
    var data: DatasetSpecification

    @Option(help: .init("The split. (default: test, else val, else all of a data set that is not split)", valueName: "name"))
    var split: String?

    @Option(
        help: .init(
            "raw, unit, signed, imagenet, cifar10 or MEAN/STD. (default: what the model records; raw for floats)", valueName: "pixels"),
        transform: { text in try asArgument { try Normalization(parsing: text) } })
    var normalize: Normalization?

    @Option(parsing: .unconditional, help: .init("Images per step, where the model leaves it open.", valueName: "count"))
    var batchSize = 100

    @Option(help: "What loss is told.")
    var loss: EvaluationOptions.Measure = .crossEntropy

    @Flag(help: "Go on without images that cannot be read.")
    var skipBad = false

    @OptionGroup
    var backend: BackendOptions

    @OptionGroup
    var output: OutputOptions

    func validate() throws {
        guard (1...1_000_000).contains(batchSize) else { throw ValidationError("--batch-size is \(batchSize), expected 1 to 1000000.") }
    }

    func run() throws {
        let summary = try output.withProgress { progress in
            progress(WorkProgress(task: "reading \(model)"))
            var graph = try Graph(executable: model)
            // Images are floats until the model's own scale makes integers of them.
            try graph.apply(.pass(OpenFloatInterface()), progress: progress)
            let dataset = try Dataset(data)
            let images = try split.map { try dataset.load($0) } ?? dataset.loadEvaluation()
            let normalization = try normalize ?? locating(file: model) { try Normalization(recordedIn: graph, for: images) }
            let options = EvaluationOptions(
                batchSize: batchSize, normalization: normalization, measure: loss, skipsUnreadable: skipBad)
            let evaluation = try locatingModel(model) {
                try evaluate(graph, on: images, options: options, backend: backend.backend, progress: progress)
            }
            return EvaluationSummary(model: model, data: data.description, normalization: normalization, evaluation: evaluation)
        }
        try output.show(summary)
    }
}

/// Runs `body`; an error that is about a node or a tensor gets the model's name.
func locatingModel<Result>(_ model: String, _ body: () throws -> Result) throws -> Result {
    do {
        return try body()
    } catch let error as CleaveError where error.location.tensor != nil || error.location.node != nil {
        throw error.at(file: model)
    }
}
