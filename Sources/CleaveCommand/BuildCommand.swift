import ArgumentParser
import Cleave
import Foundation

extension ZooModel: ExpressibleByArgument {}

struct BuildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "build",
        abstract: "Write a network of the model zoo, with fresh weights.",
        discussion: """
            Layers, names and parameter counts of the ResNetV2 networks are those of Keras. The weights are Glorot-uniform; the \
            same seed gives the same file.

            EXAMPLES
              cleave build resnet50v2 -o resnet50v2.onnx
              cleave build resnet50v2 --classes 10 --input 3x32x32 -o small.onnx
              cleave build resnet20 --seed 7 -o resnet20.onnx
            """)

    /// Channels, height and width on the command line.
    struct ImageShape {
        var lengths: [Int]

        /// - Throws: `ValidationError` for anything but three lengths.
        @Sendable
        init(parsing argument: String) throws {
            guard let lengths = parseShape(argument), lengths.count == 3 else {
                throw ValidationError("expected three lengths with x in between, as in 3x32x32")
            }
            self.lengths = lengths
        }
    }

    @Argument(help: "The network.")
    var network: ZooModel

    @Option(parsing: .unconditional, help: .init("Number of classes. (default: the published network's)", valueName: "count"))
    var classes: Int?

    @Option(
        help: .init("Channels, height and width of the image. (default: the published network's)", valueName: "3x32x32"),
        transform: ImageShape.init(parsing:))
    var input: ImageShape?

    @Option(help: "A separable form for the larger convolutions of the residual blocks. (default: none)")
    var form: SeparableForm?

    @Option(parsing: .unconditional, help: .init("Seed of the weights.", valueName: "seed"))
    var seed: UInt64 = 1

    @Flag(help: "End with the logits, without the softmax.")
    var logits = false

    @OptionGroup
    var file: ModelOutput

    @OptionGroup
    var output: OutputOptions

    private var imageLengths: [Int] { input?.lengths ?? network.defaultInput }
    private var classCount: Int { classes ?? network.defaultClasses }

    func validate() throws {
        try asArgument { try ZooModel.check(classes: classCount, input: imageLengths) }
    }

    func run() throws {
        let start = ContinuousClock.now
        try file.check()
        let summary = try output.withProgress { progress in
            progress(WorkProgress(task: "building \(network.rawValue)"))
            let graph = try graph()
            progress(WorkProgress(task: "writing \(file.path)"))
            return try ModelSummary(graph, file: file.path, fileSize: try file.write(graph))
        }
        try output.show(ModelSummary.Written(summary, seconds: (ContinuousClock.now - start) / .seconds(1)))
    }

    /// - Throws: `ValidationError` when there is no such network: everything that it depends on is on the command line.
    private func graph() throws -> Graph {
        let networkForm: NetworkForm =
            switch form {
            case nil: .standard
            case .spatial: .spatial
            case .depthwise: .depthwise
            }
        do {
            return try network.graph(
                classes: classCount, input: imageLengths, form: networkForm, seed: seed, softmax: !logits)
        } catch let error as CleaveError {
            throw ValidationError(([error.description] + [error.suggestion].compactMap { $0 }).joined(separator: "\n       "))
        }
    }
}
