import Autodiff
import Execution
import Foundation
import GraphIR
import ReferenceBackend
import Tensors
import Testing
import Training

/// Whole training steps against PyTorch in float64.
@Suite struct GoldenStepTests {
    struct Recipe: Sendable, CustomStringConvertible {
        let description: String
        let optimizer: Optimizer
        let learningRate: Double
    }

    static let recipes = [
        Recipe(description: "sgd", optimizer: .sgd(momentum: 0.9, nesterov: false), learningRate: 0.1),
        Recipe(description: "nesterov", optimizer: .sgd(momentum: 0.9, nesterov: true), learningRate: 0.1),
        Recipe(description: "adam", optimizer: .adam(.init(beta1: 0.9, beta2: 0.999, epsilon: 1e-7)), learningRate: 0.01),
        Recipe(description: "adamw", optimizer: .adamW(.init(beta1: 0.8, beta2: 0.99, epsilon: 1e-8)), learningRate: 0.01),
    ]

    @Test(arguments: recipes)
    func tenStepsAgree(_ recipe: Recipe) throws {
        let archive = try NumpyArchive(contentsOf: repository.appending(path: "fixtures/training/steps.npz").path)
        let network = try SmallNetwork.graph(weights: archive, prefix: "initial")
        let training = try TrainingGraph(
            of: network, output: nil, loss: .softmaxCrossEntropy(labelSmoothing: 0.1), batchSize: 4, seed: 0, isFrozen: { _ in false })
        var trainer = try ReferenceTrainer(training, recipe)
        let losses = try #require(archive["\(recipe)/losses"]).elements(as: Double.self)
        for (step, expected) in losses.enumerated() {
            let loss = try trainer.step(images: batch("images", step, archive), labels: batch("labels", step, archive))
            #expect((loss - expected).magnitude <= 1e-8 * expected, "step \(step + 1): loss \(loss), expected \(expected)")
            if step == 0 || step == 9 { try compare(trainer.tensors(), with: archive, prefix: "\(recipe)/\(step + 1)/") }
        }
    }

    /// Weights and running statistics agree within 10⁻⁸ of the largest element of each.
    private func compare(_ tensors: [String: Tensor], with archive: NumpyArchive, prefix: String) throws {
        let names = archive.entries.map(\.name).filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
        #expect(Set(names) == Set(tensors.keys) && names.count == 22)
        for name in names {
            let expected = try #require(archive[prefix + name]).elements(as: Double.self)
            let actual = try #require(tensors[name]).elements(as: Double.self)
            let largest = expected.map(\.magnitude).max() ?? 0
            let difference = zip(actual, expected).map { ($0 - $1).magnitude }.max() ?? .infinity
            #expect(actual.count == expected.count && difference <= 1e-8 * largest, "\(prefix)\(name): \(difference) of \(largest)")
        }
    }

    private func batch(_ name: String, _ step: Int, _ archive: NumpyArchive) throws -> Tensor {
        let all = try #require(archive[name])
        let shape = Array(all.shape.dropFirst())
        let count = shape.reduce(1, *)
        let values = try #require(all.doubles())[(step % 2) * count..<(step % 2 + 1) * count]
        return try Tensor(Array(values), shape: shape, as: all.elementType)
    }
}

/// Steps on the reference backend, which trains as every backend can.
private struct ReferenceTrainer {
    private let training: TrainingGraph
    private let recipe: GoldenStepTests.Recipe
    private let session: any TrainingSession
    private var number = 0

    init(_ training: TrainingGraph, _ recipe: GoldenStepTests.Recipe) throws {
        self.training = training
        self.recipe = recipe
        session = try ReferenceBackend().prepareTraining(TrainingProgram(training, optimizer: recipe.optimizer, keepsAverage: false))
    }

    /// Everything that the steps so far have changed.
    func tensors() throws -> [String: Tensor] {
        let tensors = try session.tensors()
        return tensors.parameters.merging(tensors.states) { first, _ in first }
    }

    mutating func step(images: Tensor, labels: Tensor) throws -> Double {
        number += 1
        let results = try session.accumulate([training.inputs.data[0]: images, training.inputs.target: labels], scale: 1)
        let step = OptimizerStep(
            optimizer: recipe.optimizer, learningRate: recipe.learningRate, weightDecay: 0.01, number: number)
        _ = try session.update(ParameterUpdate(step: step, maximalGradientNorm: nil, averageDecay: 0))
        return try #require(results[training.graph[training.loss].name]).elements(as: Double.self)[0]
    }
}
