import Cleave
import Foundation
import Testing

/// What Cleave exports, in the eyes of a real client. `make test` sets the witness up.
@Suite(.serialized, .enabled(if: Witness.isInstalled, "scripts/setup-witness.sh installs ONNX Runtime, the witness"))
struct WitnessTests {
    static let fixtures = Witness.repository.appendingPathComponent("fixtures/models")

    static let models: [URL] = ["resnet14v2", "resnet14v2-spatial", "resnet14v2-depthwise"].map {
        fixtures.appendingPathComponent($0 + ".onnx")
    }

    /// Exports of PyTorch and tf2onnx, small enough for the reference backend.
    static let exports: [URL] = ["exports", "mlperf-tiny"].flatMap { folder -> [URL] in
        let url = Witness.sharedModels.appendingPathComponent(folder)
        let names = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
        return names.filter { $0.hasSuffix(".onnx") }.sorted().map { url.appendingPathComponent($0) }
    }

    /// Classic networks of up to 20 billion multiply-accumulates, which take the reference backend too long.
    static let lightModels: [URL] = {
        let url = Witness.sharedModels.appendingPathComponent("light")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
        return names.filter { $0.hasSuffix(".onnx") }.sorted().map { url.appendingPathComponent($0) }
    }()

    @Test(arguments: models)
    func fixturesAreWitnessed(model: URL) throws { try examine(model, variants: Variant.all, backend: ReferenceBackend()) }

    @Test(.enabled(if: !exports.isEmpty, "real models are not there"), arguments: exports)
    func exportsAreWitnessed(model: URL) throws { try examine(model, variants: Variant.all, backend: ReferenceBackend()) }

    @Test(.enabled(if: !lightModels.isEmpty, "real models are not there"), arguments: lightModels)
    func lightModelsAreWitnessed(model: URL) throws {
        try examine(
            model, variants: Variant.all.filter { ["unchanged", "fold", "depthwise-exact"].contains($0.name) }, backend: OneDNNBackend())
    }

    /// Exports every variant of a model, has the witness check and run all of them, does the same in Cleave, and compares what
    /// both measure.
    private func examine(_ url: URL, variants: [Variant], backend: any Backend) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("cleave-witness-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }

        let original = try Graph(onnx: url.path)
        let graphs = try variants.map { variant in
            var graph = original
            for transformation in variant.transformations { try graph.apply(transformation) }
            try graph.write(onnx: folder.appendingPathComponent(variant.name + ".onnx").path)
            return graph
        }
        let data = folder.appendingPathComponent("data.npz").path
        let report = try Witness.report(
            ["--samples", "1", "--save", data, url.path] + variants.map { folder.appendingPathComponent($0.name + ".onnx").path })
        #expect(report.original.objection == nil)
        try #require(report.rewritten.count == variants.count)
        for (variant, model) in zip(variants, report.rewritten) { expectGood(model, variant: variant) }

        let samples = try TensorFile(reading: data).samples(for: original)
        let agreement = try run(original, on: .samples(samples), backend: backend)
        #expect(agreement.againstExpected.count == original.outputs.count)
        #expect(agreement.isExpected, "Cleave and ONNX Runtime compute other outputs of \(url.lastPathComponent)")
        for (variant, (graph, model)) in zip(variants, zip(graphs, report.rewritten)) {
            let ours = try verify(graph, against: original, inputs: .samples(samples), backend: backend)
            if variant.isExact { #expect(ours.isEqual, "\(variant)") }
            try expectSameMeasures(ours, model, variant: variant)
        }
    }

    private func expectGood(_ model: Witness.Report.Model, variant: Variant) {
        #expect(model.objection == nil, "\(variant)")
        #expect(model.failure == nil, "\(variant)")
        let outputs = (model.samples ?? []).flatMap { $0 }
        #expect(!outputs.isEmpty, "\(variant)")
        for output in outputs {
            #expect(output.mismatch == nil, "\(variant), \(output.name)")
            #expect(output.finite == true, "\(variant), \(output.name)")
            if variant.isExact { #expect(output.relativeError ?? 1 <= 1e-4, "\(variant), \(output.name)") }
        }
    }

    /// Both measured the same distance between original and rewrite, where it is large enough not to be rounding.
    private func expectSameMeasures(_ ours: VerificationReport, _ theirs: Witness.Report.Model, variant: Variant) throws {
        for output in theirs.samples?.first ?? [] {
            let mine = try #require(ours.outputs.first { $0.name == output.name }, "\(variant)")
            guard let noise = output.sqnr_db, noise < 80 else { continue }
            #expect(abs(mine.comparison.signalToNoise - noise) < 0.5, "\(variant), \(output.name)")
        }
    }
}
