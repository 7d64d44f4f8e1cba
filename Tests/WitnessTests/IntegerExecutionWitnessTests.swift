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

    /// Every tensor of 8-bit integers that a node makes becomes an output, but those behind a transposed convolution: ONNX Runtime rounds
    /// the weights of one that is between integers to 8 bits of its own accord, and so computes another function than the model's.
    private func exposingIntegers(_ graph: Graph) throws -> Graph {
        var graph = graph
        var changed: Set<ValueID> = []
        for node in graph.nodes {
            let isBehind = node.inputs.contains { $0.map(changed.contains) ?? false }
            guard isBehind || node.operator.name == "ConvTranspose" else { continue }
            changed.formUnion(node.outputs.compactMap { $0 })
        }
        let integers = graph.nodes.flatMap { $0.outputs.compactMap { $0 } }.filter { value in
            let type = graph[value].tensorType?.elementType
            return (type == .int8 || type == .uint8) && !graph.isOutput(value) && !changed.contains(value)
        }
        try graph.edit { editor in editor.setOutputs(editor.graph.outputs + integers) }
        return graph
    }

    /// At least 99.9 % of all integers are the same, and none is off by more than one step.
    private func expectAgreement(_ graph: Graph, _ inputs: [String: Tensor], in folder: URL, _ what: String) throws {
        let model = folder.appendingPathComponent("model.onnx").path
        let data = folder.appendingPathComponent("inputs.npz").path, results = folder.appendingPathComponent("integers.npz").path
        try graph.write(onnx: model)
        let ours = try OneDNNBackend(threads: 2).prepare(graph, inputShapes: inputs.mapValues(\.shape)).makeSession().run(inputs)
        func archive(_ tensors: [String: Tensor]) throws -> NumpyArchive {
            try NumpyArchive(tensors.sorted { $0.key < $1.key }.map { .init(name: $0.key, tensor: $0.value) })
        }
        try archive(inputs).write(to: data)
        try archive(ours).write(to: results)
        let report = try Witness.report(["--inputs", data, "--integers", results, model, model])
        let layers = try #require(report.rewritten.first?.integers, "\(report.rewritten.first?.failure ?? "")")
        #expect(!layers.isEmpty && layers.allSatisfy { $0.largest_step <= 1 }, "\(what)")
        let count = layers.reduce(0) { $0 + $1.count }, different = layers.reduce(0) { $0 + $1.different }
        #expect(different * 1000 <= count, "\(what): \(different) of \(count) integers differ")
    }

    @Test(arguments: QuantizationWitnessTests.models.map(\.url), Setting.all)
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

    /// Networks that were trained for 8 bits: ONNX Runtime loads them, runs every layer in integers, and computes the same.
    @Test(arguments: [QuantizationAwareness.Ranges.learned, .movingAverage], [QuantizationFormat.qdq, .qoperator])
    func layersOfTrainedModels(_ ranges: QuantizationAwareness.Ranges, _ format: QuantizationFormat) throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        var generator = SeededRandom(seed: 8)
        let pixels = (0..<48 * 3 * 32 * 32).map { _ in UInt8(generator.next() % 256) }
        let images = folder.appendingPathComponent("images.npz").path
        try NumpyArchive([
            .init(name: "x_train", tensor: Tensor(pixels, shape: [48, 3, 32, 32])),
            .init(name: "y_train", tensor: Tensor((0..<48).map { Int64($0 % 10) }, shape: [48])),
        ]).write(to: images)
        let split = try Dataset(DatasetSpecification(parsing: "npz:" + images)).loadTraining()
        let awareness = QuantizationAwareness(target: .onnxruntime, format: format, ranges: ranges)
        let recipe = TrainingRecipe(
            epochs: 1, batchSize: 16, optimizer: .adam(.init(beta1: 0.9, beta2: 0.999, epsilon: 1e-7)), learningRate: 0.0005, seed: 3,
            normalization: .signed, awareness: awareness)
        let model = Witness.repository.appendingPathComponent("fixtures/models/resnet14v2-depthwise.onnx")
        let prepared = try Graph(onnx: model.path).preparedForAwareness()
        let trainer = try Trainer(
            prepared, recipe: recipe, training: split, validation: nil, teacher: nil,
            ranges: initialRanges(of: prepared, awareness, on: split, normalization: .signed, seed: 3), backend: OneDNNBackend(threads: 2))
        try trainer.run()
        var graph = try trainer.result()
        #expect(IntegerLint(graph, target: .onnxruntime)?.findings.map(\.reason) == [])
        let inputs = ["input": try Tensor((0..<2 * 3072).map { _ in Float(generator.uniform(-1, 1)) }, shape: [2, 3, 32, 32])]
        graph = try exposingIntegers(graph)
        try expectAgreement(graph, inputs, in: folder, "\(ranges), \(format)")
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
