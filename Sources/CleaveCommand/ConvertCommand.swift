import ArgumentParser
import Cleave
import Foundation

extension SeparableForm: ExpressibleByArgument {}
extension SeparateConvolutions.Scope: ExpressibleByArgument {}

struct ConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert",
        abstract: "Replace convolutions by a separable form.",
        discussion: """
            The spatial form is n×1, then 1×n; the depthwise form is n×n on every channel alone, then 1×1. A convolution is \
            replaced only where its parameters fall and its multiplications do not rise, unless --exact is given.

            The new weights are decomposed from the old ones by singular values. --rank sets the channels between the spatial \
            factors (the paper's shape: as many as filters) or the number of depthwise terms (the paper's: 1), --energy the share \
            of the squared singular values to keep, and --exact keeps all of them: the same function, at a higher cost.

            The model that is written may be the one that is read.

            EXAMPLES
              cleave convert model.onnx --form depthwise -o small.onnx
              cleave convert model.onnx --form spatial --energy 0.95 --scope all -o b.onnx
              cleave convert model.onnx --form depthwise --exact -o same.onnx
              cleave convert model.onnx --form spatial --initialize random -o b.onnx
            """)

    enum Source: String, ExpressibleByArgument, CaseIterable {
        case decompose, random
    }

    @Argument(help: "The model.", transform: filePath)
    var model: String

    @Option(help: "The separable form.")
    var form: SeparableForm

    @Option(help: "Where the new weights come from: the old ones, or random numbers to train from.")
    var initialize: Source = .decompose

    @Option(parsing: .unconditional, help: .init("Rank of the spatial form, or number of depthwise terms.", valueName: "count"))
    var rank: Int?

    @Option(
        parsing: .unconditional,
        help: .init("Keep the smallest rank with this share of the energy, above 0 and at most 1.", valueName: "share"))
    var energy: Double?

    @Flag(help: "Keep the full rank, whatever it costs: the same function.")
    var exact = false

    @Option(help: "Convolutions inside residual blocks, or all of them.")
    var scope: SeparateConvolutions.Scope = .residualBlocks

    @Option(parsing: .unconditional, help: .init("Seed of random weights. (default: 1)", valueName: "seed"))
    var seed: UInt64?

    @OptionGroup
    var file: ModelOutput

    @Flag(help: "Show every convolution and what became of it.")
    var layers = false

    @OptionGroup
    var output: OutputOptions

    func validate() throws {
        let choices = [rank != nil, energy != nil, exact].count { $0 }
        if choices > 1 { throw ValidationError("--rank, --energy and --exact exclude each other.") }
        if initialize == .random && choices > 0 {
            throw ValidationError("--rank, --energy and --exact are for decomposed weights, not for random ones.")
        }
        if initialize == .decompose && seed != nil { throw ValidationError("--seed is for --initialize random.") }
        if let rank, rank < 1 { throw ValidationError("--rank is \(rank), expected at least 1.") }
        if let energy, !(energy > 0 && energy <= 1) { throw ValidationError("--energy is \(energy), expected above 0 and at most 1.") }
    }

    private var initialization: SeparateConvolutions.Initialization {
        switch initialize {
        case .random: return .random(seed: seed ?? 1)
        case .decompose:
            if let rank { return .decompose(.count(rank)) }
            if let energy { return .decompose(.energy(energy)) }
            return .decompose(exact ? .exact : .paper)
        }
    }

    func run() throws {
        let pass = SeparateConvolutions(form, scope: scope, initialize: initialization)
        let summary = try output.withProgress { progress in
            try rewrite(model, to: file, task: "converting", showingLayers: layers, progress: progress) { graph in
                let separation = try graph.separate(with: pass, progress: progress)
                return ([separation.passReport(pass.name)], separation)
            }
        }
        try output.show(summary)
    }
}
