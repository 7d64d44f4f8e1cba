@testable import Benchmarking
import Cleave
import Foundation
import Testing

/// Integers of every layer, computed by the fast backend and by ONNX Runtime's integer kernels.
@Suite(.serialized, .enabled(if: Witness.isInstalled, "scripts/setup-witness.sh installs ONNX Runtime, the witness"))
struct IntegerExecutionWitnessTests {
    struct Setting: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var options: QuantizationOptions

        static let all = [
            Setting(testDescription: "qdq", options: .init()), Setting(testDescription: "qoperator", options: .init(format: .qoperator)),
            Setting(testDescription: "openvino", options: .init(target: .openvino)),
            Setting(testDescription: "tflite", options: .init(target: .tflite)),
        ]
    }

    private func temporaryFolder() throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("cleave-witness-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }

    /// Every tensor of 8-bit integers that a node makes becomes an output.
    private func exposingIntegers(_ graph: Graph) throws -> Graph {
        var graph = graph
        let integers = graph.nodes.flatMap { $0.outputs.compactMap { $0 } }.filter { value in
            let type = graph[value].tensorType?.elementType
            return (type == .int8 || type == .uint8) && !graph.isOutput(value)
        }
        try graph.edit { editor in editor.setOutputs(editor.graph.outputs + integers) }
        return graph
    }

    /// At least 99.9 % of all integers are the same, and none is off by more than one step.
    private func expectAgreement(_ graph: Graph, _ inputs: [String: Tensor], in folder: URL, _ what: String) throws {
        let path = folder.appendingPathComponent("model.onnx").path
        try graph.write(onnx: path)
        let names = graph.outputs.map { graph[$0].name }
        let peer = try ONNXRuntime(python: Witness.python.path, model: path, threads: 2)
        let theirs = try peer.run(graph.inputs.compactMap { id in inputs[graph[id].name].map { (graph[id].name, $0) } }, outputs: names)
        let ours = try OneDNNBackend(threads: 2).prepare(graph, inputShapes: inputs.mapValues(\.shape)).makeSession().run(inputs)
        var (count, different) = (0, 0)
        for (name, expected) in zip(names, theirs) {
            let actual = try #require(ours[name])
            try #require(actual.shape == expected.shape && actual.elementType == expected.elementType, "\(what), \(name)")
            guard let left = actual.int64s(), let right = expected.int64s() else { continue }
            #expect(zip(left, right).allSatisfy { abs($0 - $1) <= 1 }, "\(what), \(name)")
            count += left.count
            different += zip(left, right).count { $0 != $1 }
        }
        #expect(count > 0 && different * 1000 <= count, "\(what): \(different) of \(count) integers differ")
    }

    @Test(arguments: QuantizationWitnessTests.models, Setting.all)
    func layersOfQuantizedModels(_ model: URL, _ setting: Setting) throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let data = folder.appendingPathComponent("data.npz").path
        _ = try Witness.report(["--samples", "1", "--batch", "2", "--save", data, model.path])
        let original = try Graph(onnx: model.path), samples = try TensorFile(reading: data).samples(for: original)
        var graph = original
        try graph.apply(.prepareForQuantization)
        try graph.apply(
            .quantize(ranges: calibrate(graph, on: .samples(samples, name: "data.npz"), samples: 1), options: setting.options))
        let inputs = try #require(samples.first).inputs
        try expectAgreement(exposingIntegers(graph), inputs, in: folder, "\(model.lastPathComponent), \(setting.testDescription)")
    }

    /// A model that TensorFlow's converter has quantized, with integers at its borders.
    @Test func layersOfAForeignModel() throws {
        let model = Witness.sharedModels.appendingPathComponent("mlperf-tiny/resnet8_int8_qdq.onnx")
        guard FileManager.default.fileExists(atPath: model.path) else { return }
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let graph = try Graph(onnx: model.path), input = graph[graph.inputs[0]]
        var generator = SeededRandom(seed: 6)
        let codes = (0..<4 * 32 * 32 * 3).map { _ in Int64(generator.next() % 256) - 128 }
        let inputs = [input.name: try Tensor(codes, shape: [4, 32, 32, 3], as: .int8)]
        try expectAgreement(exposingIntegers(graph.specialized(inputShapes: [input.name: [4, 32, 32, 3]])), inputs, in: folder, "resnet8")
    }
}
