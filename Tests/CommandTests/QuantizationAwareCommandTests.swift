import Cleave
import Foundation
import Testing
import TrainingCases

/// `cleave train --quantize-aware`.
struct QuantizationAwareCommandTests {
    private let usual = ["train", "model.onnx", "--data", "npz:images.npz", "--batch-size", "8", "--seed", "7", "--quiet"]

    private func prepare(_ folder: URL) throws {
        try TinyClassifier().graph().write(onnx: folder.appendingPathComponent("model.onnx").path)
        try QuarterImages(training: 36, test: 9).archive().write(to: folder.appendingPathComponent("images.npz").path)
    }

    @Test(arguments: ["learned", "moving-average"], ["qdq", "qoperator"])
    func itEndsInTheIntegerModel(ranges: String, format: String) throws {
        try withTemporaryFolder { folder in
            try prepare(folder)
            let run = usual + [
                "--quantize-aware", "--ranges", ranges, "--format", format, "--epochs", "2", "--learning-rate", "0.002", "--checkpoint",
                "run", "-o", "int8.onnx",
            ]
            let result = try Command.run(run, in: folder)
            #expect(result.status == 0, "\(result.errors)")
            let graph = try Graph(onnx: folder.appendingPathComponent("int8.onnx").path)
            // The batch norm is folded, and the activation absorbed.
            let names = Set(graph.nodes.map(\.operator.name))
            #expect(names.isDisjoint(with: ["BatchNormalization", "Relu", "FakeQuantize"]))
            #expect(names.contains(format == "qdq" ? "QuantizeLinear" : "QLinearConv"))
            let page = try String(contentsOf: folder.appendingPathComponent("run/report.html"), encoding: .utf8)
            #expect(page.contains("\(ranges) ranges"))
            // The normalization is recorded, and what every epoch was evaluated with is this model.
            let json = try Command.run("evaluate", "int8.onnx", "--data", "npz:images.npz", "--json", in: folder).json()
            let history = try String(contentsOf: folder.appendingPathComponent("run/history.csv"), encoding: .utf8)
            let last = try #require(history.split(separator: "\n").last).split(separator: ",")
            let (top1, evaluated) = (try #require(Double(last[4])), try #require(json["top1"] as? Double))
            #expect(format == "qoperator" || top1 == evaluated)

            let again = try Command.run(run.dropLast(3) + ["again", "-o", "again.onnx"], in: folder)
            #expect(again.status == 0)
            let bytes = try ["int8.onnx", "again.onnx"].map { try Data(contentsOf: folder.appendingPathComponent($0)) }
            #expect(bytes[0] == bytes[1])
        }
    }

    @Test func quantizedModelsAreRefused() throws {
        try withTemporaryFolder { folder in
            try prepare(folder)
            let first = try Command.run(usual + ["--quantize-aware", "--epochs", "1", "-o", "int8.onnx"], in: folder)
            #expect(first.status == 0, "\(first.errors)")
            var second = usual
            second[1] = "int8.onnx"
            let result = try Command.run(second + ["--quantize-aware", "--epochs", "1", "-o", "twice.onnx"], in: folder)
            #expect(result.status == 3)
            #expect(result.errors.contains("the model is quantized already"))
        }
    }

    @Test(arguments: [
        (["--ranges", "learned"], "--ranges is for --quantize-aware."),
        (["--quantize-aware", "--samples", "0"], "--samples is 0, expected at least 1."),
        (["--quantize-aware", "--format", "qoperator", "--target", "tflite"], "--format qoperator is for --target onnxruntime"),
        (["--quantize-aware", "--initialize", "he"], "train it in float first"),
    ])
    func contradictionsAreRefused(options: [String], words: String) throws {
        try withTemporaryFolder { folder in
            try prepare(folder)
            let result = try Command.run(usual + options + ["-o", "int8.onnx"], in: folder)
            #expect(result.status != 0 && result.errors.contains(words), "\(result.errors)")
        }
    }
}
