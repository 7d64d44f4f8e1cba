import Autodiff
import Execution
import Foundation
import GraphIR
import OneDNNBackend
import ReferenceBackend
import Tensors
import Testing
import Training

/// The session that keeps everything in layouts of its own against the obvious one.
@Suite struct FastSessionTests {
    private static let archive = Result {
        try NumpyArchive(contentsOf: repository.appending(path: "fixtures/training/steps.npz").path)
    }

    private let training: TrainingGraph

    init() throws {
        let network = try SmallNetwork.graph(weights: Self.archive.get(), prefix: "initial", elementType: .float32)
        training = try TrainingGraph(
            of: network, output: nil, loss: .softmaxCrossEntropy(labelSmoothing: 0.1), batchSize: 4, seed: 0, isFrozen: { _ in false })
    }

    private func session(_ backend: some Backend, _ optimizer: Optimizer, keepsAverage: Bool = false) throws -> any TrainingSession {
        try backend.prepareTraining(TrainingProgram(training, optimizer: optimizer, keepsAverage: keepsAverage))
    }

    private var fast: OneDNNBackend { OneDNNBackend(threads: 2) }

    private func batch(_ step: Int) throws -> [String: Tensor] {
        var result: [String: Tensor] = [:]
        for (input, name) in [(training.inputs.data[0], "images"), (training.inputs.target, "labels")] {
            let all = try #require(try Self.archive.get()[name])
            let shape = Array(all.shape.dropFirst()), count = shape.reduce(1, *)
            let values = try #require(all.doubles())[(step % 2) * count..<(step % 2 + 1) * count]
            result[input] = try Tensor(Array(values), shape: shape, as: name == "images" ? .float32 : .int64)
        }
        return result
    }

    private func update(_ optimizer: Optimizer, _ number: Int, rate: Double = 0.05, limit: Double? = nil) -> ParameterUpdate {
        let step = OptimizerStep(optimizer: optimizer, learningRate: rate, weightDecay: 0.01, number: number)
        return ParameterUpdate(step: step, maximalGradientNorm: limit, averageDecay: 0.9)
    }

    @discardableResult
    private func step(_ session: any TrainingSession, _ index: Int, _ update: ParameterUpdate) throws -> Double {
        let results = try session.accumulate(batch(index), scale: 1)
        _ = try session.update(update)
        return try #require(results[training.graph[training.loss].name]?.doubles()?.first)
    }

    /// All tensors within `tolerance` of the largest element of each.
    private func expectClose(_ actual: TrainingTensors, _ expected: TrainingTensors, tolerance: Double) throws {
        func compare(_ actual: [String: Tensor], _ expected: [String: Tensor]) throws {
            #expect(Set(actual.keys) == Set(expected.keys))
            for (name, expected) in expected {
                let (left, right) = (try #require(actual[name]?.doubles()), try #require(expected.doubles()))
                let largest = right.map(\.magnitude).max() ?? 0
                let difference = zip(left, right).map { ($0 - $1).magnitude }.max() ?? .infinity
                #expect(left.count == right.count && difference <= tolerance * max(largest, 1e-3), "\(name): \(difference) of \(largest)")
            }
        }
        try compare(actual.parameters, expected.parameters)
        try compare(actual.states, expected.states)
        try compare(actual.averages, expected.averages)
        for index in 0..<(expected.moments.values.map(\.count).max() ?? 0) {
            try compare(actual.moments.mapValues { $0[index] }, expected.moments.mapValues { $0[index] })
        }
    }

    private func isIdentical(_ left: TrainingTensors, _ right: TrainingTensors) -> Bool {
        func same(_ left: [String: Tensor], _ right: [String: Tensor]) -> Bool {
            left.keys == right.keys && left.allSatisfy { name, tensor in right[name].map { tensor.isIdentical(to: $0) } ?? false }
        }
        let moments = left.moments.allSatisfy { name, tensors in
            right.moments[name].map { zip(tensors, $0).allSatisfy { $0.isIdentical(to: $1) } } ?? false
        }
        return same(left.parameters, right.parameters) && same(left.states, right.states) && same(left.averages, right.averages) && moments
    }

    @Test(arguments: GoldenStepTests.recipes)
    func oneStepAgreesWithTheReference(_ recipe: GoldenStepTests.Recipe) throws {
        let sessions = (try session(fast, recipe.optimizer), try session(ReferenceBackend(), recipe.optimizer))
        let losses = (
            try step(sessions.0, 0, update(recipe.optimizer, 1, rate: recipe.learningRate)),
            try step(sessions.1, 0, update(recipe.optimizer, 1, rate: recipe.learningRate))
        )
        #expect((losses.0 - losses.1).magnitude <= 1e-5 * losses.1)
        // Adam's first step is the rate in the direction of the slope's sign, whatever its size.
        let tolerance = recipe.optimizer.stateCount == 1 ? 1e-5 : 1e-3
        try expectClose(sessions.0.tensors(), sessions.1.tensors(), tolerance: tolerance)
    }

    @Test func aHundredStepsFollowTheReferencesCurve() throws {
        let optimizer = Optimizer.sgd(momentum: 0.9, nesterov: true)
        let sessions = (try session(fast, optimizer), try session(ReferenceBackend(), optimizer))
        for number in 1...100 {
            let losses = (
                try step(sessions.0, number, update(optimizer, number, rate: 0.01)),
                try step(sessions.1, number, update(optimizer, number, rate: 0.01))
            )
            #expect((losses.0 - losses.1).magnitude <= 0.01 * losses.1, "step \(number): \(losses.0), expected \(losses.1)")
        }
    }

    @Test func gradientsOfSeveralBatchesAddUp() throws {
        let optimizer = Optimizer.sgd(momentum: 0, nesterov: false)
        let sessions: [any TrainingSession] = [try session(fast, optimizer), try session(ReferenceBackend(), optimizer)]
        for session in sessions {
            for index in 0..<3 { _ = try session.accumulate(batch(index), scale: 0.25) }
            _ = try session.update(update(optimizer, 1))
            try step(session, 1, update(optimizer, 2))
        }
        try expectClose(sessions[0].tensors(), sessions[1].tensors(), tolerance: 1e-5)
    }

    @Test func longGradientsAreScaledDown() throws {
        let optimizer = Optimizer.sgd(momentum: 0.9, nesterov: false)
        let sessions: [any TrainingSession] = [try session(fast, optimizer), try session(ReferenceBackend(), optimizer)]
        let norms = try sessions.map { session in
            _ = try session.accumulate(batch(0), scale: 0.5)
            _ = try session.accumulate(batch(1), scale: 0.5)
            return try #require(try session.update(update(optimizer, 1, limit: 0.1)))
        }
        #expect(norms[1] > 0.1 && (norms[0] - norms[1]).magnitude <= 1e-5 * norms[1])
        try expectClose(sessions[0].tensors(), sessions[1].tensors(), tolerance: 1e-5)
    }

    @Test func theMovingAverageFollows() throws {
        let optimizer = Optimizer.sgd(momentum: 0.9, nesterov: true)
        let sessions: [any TrainingSession] = [
            try session(fast, optimizer, keepsAverage: true), try session(ReferenceBackend(), optimizer, keepsAverage: true),
        ]
        for session in sessions { for number in 1...3 { try step(session, number, update(optimizer, number, rate: 0.01)) } }
        try expectClose(sessions[0].tensors(), sessions[1].tensors(), tolerance: 1e-4)
    }

    @Test(arguments: [Optimizer.sgd(momentum: 0.9, nesterov: true), .adam(.init(beta1: 0.9, beta2: 0.999, epsilon: 1e-7))])
    func aRestoredSessionGoesOnToTheBit(_ optimizer: Optimizer) throws {
        let first = try session(fast, optimizer, keepsAverage: true)
        for number in 1...3 { try step(first, number, update(optimizer, number)) }
        let saved = try first.tensors()
        let second = try session(fast, optimizer, keepsAverage: true)
        _ = try second.accumulate(batch(0), scale: 1)
        try second.restore(saved)
        #expect(isIdentical(try second.tensors(), saved))
        for number in 4...6 {
            let losses = (try step(first, number, update(optimizer, number)), try step(second, number, update(optimizer, number)))
            #expect(losses.0 == losses.1)
        }
        #expect(isIdentical(try first.tensors(), try second.tensors()))
    }

    @Test func updatesNeedGradientsAndTheirOptimizer() throws {
        let optimizer = Optimizer.sgd(momentum: 0.9, nesterov: false)
        let session = try session(fast, optimizer)
        #expect(throws: CleaveError.self) { try session.update(update(optimizer, 1)) }
        _ = try session.accumulate(batch(0), scale: 1)
        #expect(throws: CleaveError.self) { try session.update(update(.sgd(momentum: 0, nesterov: false), 1)) }
        #expect(throws: CleaveError.self) { try session.accumulate([:], scale: 1) }
        var tensors = try session.tensors()
        tensors.moments["conv1.weight"] = []
        #expect(throws: CleaveError.self) { try session.restore(tensors) }
    }

    @Test func aProfileNamesForwardAndBackwardSteps() throws {
        let session = try #require(try session(fast, .sgd(momentum: 0, nesterov: false)) as? any ProfilingTrainingSession)
        let (results, profile) = try session.profileAccumulation(batch(0), scale: 1)
        #expect(results.keys.contains(training.graph[training.loss].name))
        let forward = profile.steps.filter { !$0.isBackward }.map(\.operatorName)
        let backward = profile.steps.filter(\.isBackward).map(\.operatorName)
        #expect(forward.count { $0 == "Conv" } == 4 && !forward.contains { $0.hasSuffix("Gradient") })
        #expect(backward.count { $0 == "ConvWeightGradient" } == 4 && !backward.contains("Conv"))
        // The first layer's input needs no gradient.
        #expect(backward.count { $0 == "ConvInputGradient" } == 3)
    }
}
