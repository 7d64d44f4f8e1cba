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

        /// Every method, target and format, and everything that changes the network.
        static let all = [
            Setting(description: "qdq", options: .init()),
            Setting(description: "qoperator", options: .init(format: .qoperator)),
            Setting(description: "moving-average", options: .init(method: .movingAverage)),
            Setting(description: "percentile", options: .init(method: .percentile(99.99))),
            Setting(description: "entropy", options: .init(method: .entropy)),
            Setting(description: "narrow-mse", options: .init(method: .meanSquaredError, reducesRange: true)),
            Setting(description: "equalized", options: .init(), equalizes: true),
            Setting(description: "corrected", options: .init(format: .qoperator, correctsBias: true), equalizes: true),
            Setting(description: "integers", options: .init(hasIntegerInterface: true)),
            Setting(description: "integer-operators", options: .init(format: .qoperator, hasIntegerInterface: true)),
            Setting(description: "tensorrt", options: .init(target: .tensorrt)),
            Setting(description: "openvino", options: .init(target: .openvino, hasIntegerInterface: true)),
            Setting(description: "tflite", options: .init(target: .tflite)),
        ]

        /// Those that differ most.
        static let few = all.filter { ["qdq", "corrected", "tensorrt", "tflite"].contains($0.description) }
    }

    struct Model: Sendable, CustomStringConvertible {
        var url: URL
        var settings: [Setting]
        var description: String { url.deletingPathExtension().lastPathComponent }
    }

    /// A network of the zoo in its three forms, and networks of every exporter.
    static let models: [Model] = {
        let fixtures = Witness.repository.appendingPathComponent("fixtures/models")
        let forms = ["resnet14v2", "resnet14v2-spatial", "resnet14v2-depthwise"].map { name in
            Model(
                url: fixtures.appendingPathComponent(name + ".onnx"), settings: name == "resnet14v2-depthwise" ? Setting.all : Setting.few)
        }
        let exports = ["basic_resnet", "bottleneck_v2", "odd_shapes"].flatMap { name in
            ["bn", "folded", "dynamo"].map { "exports/\(name)_\($0).onnx" }
        }
        let shared = (exports + ["mlperf-tiny/resnet8.onnx"]).map { path in
            let isVaried = path.hasSuffix("odd_shapes_bn.onnx") || path.hasSuffix("resnet8.onnx")
            return Model(url: Witness.sharedModels.appendingPathComponent(path), settings: isVaried ? Setting.all : Setting.few)
        }
        return forms + shared.filter { FileManager.default.fileExists(atPath: $0.url.path) }
    }()

    @Test(arguments: models) func everySettingIsWitnessed(model: Model) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("cleave-witness-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let data = folder.appendingPathComponent("data.npz").path
        _ = try Witness.report(["--samples", "1", "--batch", "2", "--save", data, model.url.path])

        let original = try Graph(onnx: model.url.path)
        let samples = try TensorFile(reading: data).samples(for: original)
        var calibrated: [Bool: (graph: Graph, record: CalibrationRecord)] = [:]
        let graphs = try model.settings.map { setting in
            let known = try calibrated[setting.equalizes] ?? calibrate(original, equalizes: setting.equalizes, on: samples)
            calibrated[setting.equalizes] = known
            var graph = known.graph
            try graph.apply(.quantize(ranges: known.record, options: setting.options))
            #expect(graph.faults.isEmpty, "\(setting)")
            return graph
        }
        let paths = model.settings.map { folder.appendingPathComponent($0.description + ".onnx").path }
        for (graph, path) in zip(graphs, paths) { try graph.write(onnx: path) }
        let report = try Witness.report(["--inputs", data, "--fused", model.url.path] + paths)
        try #require(report.rewritten.count == paths.count)
        for (setting, (graph, theirs)) in zip(model.settings, zip(graphs, report.rewritten)) {
            #expect(theirs.objection == nil, "\(setting)")
            #expect(theirs.failure == nil, "\(setting)")
            try expectSameResults(graph, original, samples, theirs, setting)
            if setting.options.target == .onnxruntime { try expectIntegers(graph, theirs, setting) }
        }
    }

    private func calibrate(
        _ original: Graph, equalizes: Bool, on samples: [Sample]
    ) throws -> (graph: Graph, record: CalibrationRecord) {
        var graph = original
        try graph.apply(.prepareForQuantization)
        if equalizes { try graph.apply(.equalize) }
        return (graph, try Cleave.calibrate(graph, on: .samples(samples, name: "data.npz"), backend: ReferenceBackend()))
    }

    /// Both measure the same noise against the float model, and it is small, as written and fused.
    private func expectSameResults(
        _ graph: Graph, _ original: Graph, _ samples: [Sample], _ theirs: Witness.Report.Model, _ setting: Setting
    ) throws {
        let ours = try verify(graph, against: original, inputs: .samples(samples), backend: ReferenceBackend(), explains: false)
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
