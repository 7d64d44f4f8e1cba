import ArgumentParser
import Cleave
import Foundation

struct FoldCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fold",
        abstract: "Fold batch norms, constants and no-ops: the same function in fewer nodes.",
        discussion: """
            Batch norms, and the multiplications and additions that exporters leave in their place, go into the convolution or \
            Gemm before them, or after them where padding allows. Constants are computed; identities, dropout, no-op reshapes, \
            transposes, pads and dead code go away. The model that is written may be the one that is read.

            EXAMPLES
              cleave fold model.onnx -o folded.onnx
              cleave fold model.onnx -o model.onnx --layers
            """)

    @Argument(help: "The model.", transform: filePath)
    var model: String

    @OptionGroup
    var file: ModelOutput

    @Flag(help: "Show every node that was rewritten.")
    var layers = false

    @OptionGroup
    var output: OutputOptions

    func run() throws {
        let summary = try output.withProgress { progress in
            try rewrite(model, to: file, task: "folding", showingLayers: layers, progress: progress) {
                (try $0.apply(.fold, progress: progress), nil)
            }
        }
        try output.show(summary)
    }
}
