import Foundation
import GraphIR
import ModelZoo
import ONNXFormat
import ReferenceBackend
import Tensors
import Testing

@testable import Autodiff

/// Networks as exporters write them, which are not part of the repository.
private let exports = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "../shared/models/exports").standardizedFileURL

private let exportedModels = ((try? FileManager.default.contentsOfDirectory(atPath: exports.path)) ?? [])
    .filter { $0.hasSuffix(".onnx") }.sorted()

@Suite struct RealModelTests {
    /// The loss changes along its gradient as the length of the gradient says: dL/dt of p + t·∇L is |∇L|².
    @Test(.enabled(if: !exportedModels.isEmpty, "the exported models are not here"), arguments: exportedModels)
    func theLossFollowsItsGradient(_ name: String) throws {
        let network = try Graph(onnx: exports.appending(path: name).path)
        let training = try TrainingGraph(
            of: network, output: nil, loss: .softmaxCrossEntropy(labelSmoothing: 0), batchSize: 3, seed: 0, isFrozen: { _ in false })
        try training.graph.verify()
        let inputs = try samples(for: training)
        let results = try run(training.graph, inputs)
        var gradients: [String: [Double]] = [:]
        for parameter in training.parameters {
            let id = try #require(parameter.gradient)
            gradients[parameter.name] = try #require(results[training.graph[id].name]?.doubles())
        }
        let loss = try #require(results[training.graph[training.loss].name]?.doubles()?.first)
        let squaredLength = gradients.values.joined().reduce(0) { $0 + $1 * $1 }
        let step = 1e-3 * loss / squaredLength
        func movedLoss(at distance: Double) throws -> Double {
            var moved: [String: Tensor] = [:]
            for parameter in training.parameters {
                let tensor = try #require(training.graph.constant(parameter.value))
                let values = zip(try #require(tensor.doubles()), gradients[parameter.name] ?? []).map { $0 + distance * $1 }
                moved[parameter.name] = try Tensor(values, shape: tensor.shape, as: tensor.elementType)
            }
            let graph = try TrainingGraph.updating(training.graph, with: moved)
            return try #require(run(graph, inputs)[graph[training.loss].name]?.doubles()?.first)
        }
        let slope = try (movedLoss(at: step) - movedLoss(at: -step)) / (2 * step)
        #expect((slope / squaredLength - 1).magnitude < 0.01, "\(slope), expected \(squaredLength)")
    }

    @Test func theWholeOfResNetTrains() throws {
        let network = try ZooModel.resnet50v2.graph(classes: 10, input: [3, 32, 32], form: .standard, seed: 0, softmax: true)
        let training = try TrainingGraph(
            of: network, output: nil, loss: .softmaxCrossEntropy(labelSmoothing: 0), batchSize: 32, seed: 0, isFrozen: { _ in false })
        try training.graph.verify()
        let trainable = training.parameters.filter(\.isTrainable).compactMap { training.graph.constant($0.value)?.count }
        #expect(trainable.reduce(0, +) == 23_539_850)
        let names = training.graph.nodes.map(\.operator.name)
        #expect(names.count { $0 == "ConvWeightGradient" } == 53 && names.count { $0 == "ConvInputGradient" } == 52)
        #expect(names.count { $0 == "BatchNormalizationGradient" } == 49 && training.stateUpdates.count == 98)
    }

    /// Backward takes twice the forward work: once for the weights, and once for the inputs but the network's own.
    @Test func workIsThreeTimesForward() throws {
        let network = try ZooModel.resnet14v2.graph(classes: 10, input: [3, 32, 32], form: .depthwise, seed: 0, softmax: true)
        let training = try TrainingGraph(
            of: network, output: nil, loss: .softmaxCrossEntropy(labelSmoothing: 0), batchSize: 1, seed: 0, isFrozen: { _ in false })
        let forward = try network.cost(assuming: [:])
        let all = try #require(forward.multiplyAccumulates)
        let first = try #require(forward.layers.first { ($0.multiplyAccumulates ?? 0) > 0 }?.multiplyAccumulates)
        #expect(try training.graph.cost(assuming: [:]).multiplyAccumulates == 3 * all - first)
        #expect(try training.graph.cost(assuming: [:]).trainableParameters == forward.trainableParameters)
    }

    private func samples(for training: TrainingGraph) throws -> [String: Tensor] {
        var random = SeededRandom(seed: 9)
        var inputs: [String: Tensor] = [:]
        for id in training.graph.inputs {
            let value = training.graph[id]
            let type = try #require(value.tensorType)
            let shape = try #require(type.knownShape)
            let count = shape.reduce(1, *)
            let numbers = (0..<count).map { type.elementType == .int64 ? Double($0 % 3) : random.uniform(-1, 1) }
            inputs[value.name] = try Tensor(numbers, shape: shape, as: type.elementType)
        }
        return inputs
    }

    private func run(_ graph: Graph, _ inputs: [String: Tensor]) throws -> [String: Tensor] {
        try ReferenceBackend().prepare(graph, inputShapes: [:]).makeSession().run(inputs, observing: [])
    }
}
