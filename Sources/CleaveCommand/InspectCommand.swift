import ArgumentParser
import Cleave
import Foundation

struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Show what is in a model, and what each separable form would save.",
        discussion: """
            Counts are exact, for one sample where the model leaves the leading dimension of its inputs open. For every \
            convolution larger than 1×1 the table shows the factors that parameters (P) and multiplications (M) would fall to in \
            each form, beside the formulas of the paper. Of an int8 model it says which layers each runtime computes in integers, and \
            which it does not, why, and what to do. Several models are compared, a line for each.

            EXAMPLES
              cleave inspect model.onnx
              cleave inspect model.onnx --layers
              cleave inspect model.onnx --shape data=1x3x224x224 --json
              cleave inspect model.onnx small.onnx
              cleave inspect int8.onnx --target onnxruntime
            """)

    @Argument(help: "The model, or several.", transform: filePath)
    var models: [String]

    @Flag(help: "Show every node with its output, parameters, work and memory.")
    var layers = false

    @Option(
        help: .init("Shape of an input where the model leaves it open.", valueName: "name=1x3x32x32"),
        transform: InputShape.init(parsing:))
    var shape: [InputShape] = []

    @Option(
        help: .init(
            "The runtime whose objections to an int8 model are listed: onnxruntime, tensorrt, openvino or tflite. (default: the one with "
                + "the fewest)", valueName: "target"))
    var target: QuantizationTarget?

    @OptionGroup
    var output: OutputOptions

    func validate() throws {
        if layers, models.count > 1 { throw ValidationError("--layers is for a single model; several get a line each.") }
    }

    func run() throws {
        let summaries = try output.withProgress { progress in
            try models.map { model in
                progress(WorkProgress(task: "reading \(model)"))
                return try summary(of: model)
            }
        }
        if summaries.count > 1 {
            try output.show(ModelSummary.Comparison(summaries))
        } else if layers {
            try output.show(ModelSummary.Detailed(summaries[0]))
        } else {
            try output.show(summaries[0])
        }
    }

    private func summary(of path: String) throws -> ModelSummary {
        var graph = try Graph(onnx: path)
        return try locating(file: path) {
            let size = fileSize(of: graph, readFrom: path)
            try graph.lower()
            if !shape.isEmpty {
                let shapes = Dictionary(shape.map { ($0.name, $0.lengths) }, uniquingKeysWith: { _, last in last })
                graph = try graph.specialized(inputShapes: shapes)
            }
            var summary = try ModelSummary(graph, file: path, fileSize: size)
            summary.lintTarget = target
            return summary
        }
    }
}

/// Bytes of the model file and of the files beside it that hold its external data.
func fileSize(of graph: Graph, readFrom path: String) -> Int? {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) + (graph.encoding?.externalByteCount ?? 0) : nil
}
