import Cleave
import Foundation
import Testing

/// Int8 models in the eyes of ONNX Runtime: it takes them, computes what the reference backend computes, and fuses them into the
/// integer kernels that they are written for.
@Suite(.serialized, .enabled(if: Witness.isInstalled, "scripts/setup-witness.sh installs ONNX Runtime, the witness"))
struct QuantizationWitnessTests {
    struct Setting: Sendable, CustomStringConvertible {
        var description: String
        var options: QuantizationOptions
        var equalizes = false

        static let all = [
            Setting(description: "qdq", options: .init()),
            Setting(description: "qoperator", options: .init(format: .qoperator)),
            Setting(description: "narrow-mse", options: .init(method: .meanSquaredError, reducesRange: true)),
            Setting(description: "percentile", options: .init(method: .percentile(99.99))),
            Setting(description: "corrected", options: .init(correctsBias: true), equalizes: true),
            Setting(description: "tensorrt", options: .init(target: .tensorrt)),
            Setting(description: "openvino", options: .init(target: .openvino)),
            Setting(description: "tflite", options: .init(target: .tflite)),
        ]
    }

    static let models: [URL] = {
        let fixture = Witness.repository.appendingPathComponent("fixtures/models/resnet14v2.onnx")
        let shared = [
            "exports/basic_resnet_bn.onnx", "exports/bottleneck_v2_bn.onnx", "exports/odd_shapes_bn.onnx", "mlperf-tiny/resnet8.onnx",
        ]
            .map { Witness.sharedModels.appendingPathComponent($0) }
        return [fixture] + shared.filter { FileManager.default.fileExists(atPath: $0.path) }
    }()

    @Test(arguments: models) func everySettingIsWitnessed(model: URL) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("cleave-witness-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let data = folder.appendingPathComponent("data.npz").path
        _ = try Witness.report(["--samples", "1", "--batch", "2", "--save", data, model.path])

        let original = try Graph(onnx: model.path)
        let samples = try TensorFile(reading: data).samples(for: original)
        let graphs = try Setting.all.map { try quantized(original, $0, on: samples) }
        let paths = Setting.all.map { folder.appendingPathComponent($0.description + ".onnx").path }
        for (graph, path) in zip(graphs, paths) { try graph.write(onnx: path) }
        let report = try Witness.report(["--inputs", data, "--fused", model.path] + paths)
        try #require(report.rewritten.count == paths.count)
        for (setting, (graph, theirs)) in zip(Setting.all, zip(graphs, report.rewritten)) {
            #expect(theirs.objection == nil, "\(setting)")
            #expect(theirs.failure == nil, "\(setting)")
            try expectSameResults(graph, original, samples, theirs, setting)
            if setting.options.target == .onnxruntime { try expectIntegers(graph, theirs, setting) }
        }
    }

    private func quantized(_ original: Graph, _ setting: Setting, on samples: [Sample]) throws -> Graph {
        var graph = original
        try graph.apply(.prepareForQuantization)
        if setting.equalizes { try graph.apply(.equalize) }
        let record = try calibrate(graph, on: .samples(samples, name: "data.npz"), backend: ReferenceBackend())
        try graph.apply(.quantize(ranges: record, options: setting.options))
        #expect(graph.faults.isEmpty, "\(setting)")
        return graph
    }

    /// Both measure the same noise against the float model, and it is small, as written and fused.
    private func expectSameResults(
        _ graph: Graph, _ original: Graph, _ samples: [Sample], _ theirs: Witness.Report.Model, _ setting: Setting
    ) throws {
        let ours = try verify(graph, against: original, inputs: .samples(samples), backend: ReferenceBackend())
        let written = try #require(theirs.samples?.first, "\(setting)")
        let fused = try #require(theirs.fused?.outputs, "\(setting)")
        #expect(!written.isEmpty && written.count == fused.count)
        for (output, after) in zip(written, fused) {
            #expect(output.mismatch == nil && output.finite == true, "\(setting), \(output.name)")
            let noise = try #require(output.sqnr_db, "\(setting), \(output.name)")
            #expect(noise > 15, "\(setting), \(output.name)")
            #expect((after.sqnr_db ?? 0) > 15, "\(setting), \(output.name)")
            let mine = try #require(ours.outputs.first { $0.name == output.name })
            // A number on the edge between two steps may fall to either side.
            #expect(abs(mine.comparison.signalToNoise - noise) < 2, "\(setting), \(output.name)")
        }
    }

    /// What Cleave says runs in integers does.
    private func expectIntegers(_ graph: Graph, _ theirs: Witness.Report.Model, _ setting: Setting) throws {
        let lint = try #require(IntegerLint(graph, target: .onnxruntime))
        let operators = try #require(theirs.fused?.operators)
        func count(_ names: String...) -> Int { names.reduce(0) { $0 + (operators[$1] ?? 0) } }
        let left = lint.findings.map(\.operatorName)
        #expect(count("Conv", "FusedConv", "NhwcFusedConv") == left.count { $0 == "Conv" }, "\(setting): \(operators)")
        #expect(count("QLinearConv", "QLinearAdd", "QLinearMul", "QGemm", "QLinearMatMul") == lint.integerCount, "\(setting): \(operators)")
    }
}
