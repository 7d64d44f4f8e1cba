import Autodiff
import Datasets
import Execution
import Foundation
import GraphIR
import OneDNNBackend
import Quantization
import ReferenceBackend
import Tensors
import Testing
import TrainingCases

@testable import Training

private let images = QuarterImages(training: 36, test: 9)

private func awareRecipe(_ ranges: QuantizationAwareness.Ranges, epochs: Int = 3) -> TrainingRecipe {
    var recipe = quickRecipe(epochs: epochs)
    recipe.learningRate = 0.002
    recipe.awareness = QuantizationAwareness(ranges: ranges)
    return recipe
}

/// The ranges of a network, from the training images.
private func ranges(_ network: Graph, _ recipe: TrainingRecipe, _ split: DatasetSplit) throws -> [String: ValueRange] {
    let awareness = try #require(recipe.awareness)
    let calibrator = try Calibrator(network, backend: ReferenceBackend(), detail: awareness.options.neededDetail)
    let options = BatchLoader.Options(batchSize: 9, shuffles: false, seed: 0, normalization: recipe.normalization)
    let input = try ImageInput(of: network)
    let loader = try BatchLoader(split, for: input, options: options, epochs: 1)
    while let batch = try loader.next() {
        try calibrator.add(.init(inputs: [input.name: batch.images], sampleNames: batch.indices.map { "\($0)" }))
    }
    return try calibrator.record(equalized: false).ranges(of: network, awareness)
}

/// A trainer for 8 bits of a network without batch norm.
private func awareTrainer(
    _ recipe: TrainingRecipe, on backend: any Backend, ranges known: [String: ValueRange]? = nil,
    network: Graph? = nil, teacher: Graph? = nil
) throws -> Trainer {
    let network = try network ?? TinyClassifier(normalizes: false).graph()
    let (training, test) = try splits(images.archive())
    return try Trainer(
        network, recipe: recipe, training: training, validation: test, teacher: teacher,
        ranges: known ?? ranges(network, recipe, training), backend: backend)
}

struct QuantizationAwareTests {
    @Test(arguments: 0..<2, QuantizationAwareness.Ranges.allCases)
    func itLearnsAndEndsInIntegers(backend: Int, ranges: QuantizationAwareness.Ranges) throws {
        let float = try trainer(TinyClassifier(normalizes: false).graph(), quickRecipe(epochs: 6), images, on: OneDNNBackend(threads: 2))
        try float.run()
        let run = try awareTrainer(awareRecipe(ranges), on: backends[backend], network: float.result())
        try run.run()
        let history = run.state.history
        let before = try #require(float.state.history.last?.validation?.loss)
        #expect(try #require(history.last?.validation).loss < 1.05 * before)
        let result = try run.result()
        #expect(result.nodes.contains { $0.operator.name == "QuantizeLinear" })
        #expect(!result.nodes.contains { $0.operator.name == "FakeQuantize" })
        #expect(result.value(named: "conv.weight_quantized")?.constant?.elementType == .int8)
        // What every epoch was evaluated with is the int8 network.
        let options = EvaluationOptions(batchSize: 9, normalization: .signed)
        let evaluation = try evaluate(result, on: #require(run.validationSplit), options: options, backend: ReferenceBackend())
        let validation = try #require(history.last?.validation)
        #expect(evaluation.top1 == validation.top1)
        #expect(abs(evaluation.loss - validation.loss) <= 1e-3 * validation.loss)
    }

    @Test(arguments: QuantizationAwareness.Ranges.allCases)
    func scalesChangeWithTraining(ranges: QuantizationAwareness.Ranges) throws {
        let run = try awareTrainer(awareRecipe(ranges), on: ReferenceBackend())
        let before = try run.result()
        try run.run()
        let after = try run.result()
        for name in ["relu_scale", "logits_scale", "conv.weight_scale"] {
            let (old, new) = (try #require(before.value(named: name)?.constant), try #require(after.value(named: name)?.constant))
            #expect(!old.isIdentical(to: new), "\(name)")
        }
    }

    @Test(arguments: 0..<2, QuantizationAwareness.Ranges.allCases)
    func resumedRunsEndAtTheSameBits(backend: Int, kind: QuantizationAwareness.Ranges) throws {
        var recipe = awareRecipe(kind)
        recipe.accumulation = 2
        recipe.averageDecay = 0.9
        recipe.patience = 2
        recipe.augmentation = Augmentation(flips: true, rotation: 10, cropPadding: 1, cutout: 2, jitter: 0.1)
        let whole = try awareTrainer(recipe, on: backends[backend])
        try whole.run()
        for updates in [1, 4] {
            try withTemporaryFolder { path in
                let folder = CheckpointFolder(path, files: someFiles, version: "1")
                let first = try awareTrainer(recipe, on: backends[backend])
                #expect(try first.run(checkpoints: folder, observer: stopping(after: updates, of: first)) == .interrupted)
                let saved = try Checkpoint(contentsOf: path)
                #expect(saved.description.ranges == first.ranges)
                let second = try awareTrainer(recipe, on: backends[backend], ranges: saved.description.ranges)
                try second.restore(saved, version: "1")
                try second.run()
                #expect(second.state.history.map(\.loss) == whole.state.history.map(\.loss))
                let (expected, actual) = (try constants(whole.result()), try constants(second.result()))
                #expect(expected.keys == actual.keys)
                #expect(expected.allSatisfy { name, tensor in actual[name].map { tensor.isIdentical(to: $0) } ?? false })
            }
        }
    }

    @Test(arguments: 0..<2)
    func frozenLayersKeepTheirIntegers(backend: Int) throws {
        var recipe = awareRecipe(.learned)
        recipe.frozen = [NamePattern("conv")]
        let run = try awareTrainer(recipe, on: backends[backend])
        let before = try run.result()
        try run.run()
        let after = try run.result()
        for name in ["conv.weight_quantized", "conv.weight_scale"] {
            let (old, new) = (try #require(before.value(named: name)?.constant), try #require(after.value(named: name)?.constant))
            #expect(old.isIdentical(to: new), "\(name)")
        }
        let old = try #require(before.value(named: "dense.weight_scale")?.constant)
        let new = try #require(after.value(named: "dense.weight_scale")?.constant)
        #expect(!old.isIdentical(to: new))
    }

    @Test func freshWeightsAreRefused() throws {
        var recipe = awareRecipe(.learned)
        recipe.initialization = .he
        #expect(failure { try recipe.check() }.contains("train it in float first"))
    }

    @Test func aTeacherTeachesIt() throws {
        var recipe = awareRecipe(.learned, epochs: 2)
        recipe.loss = .distillation(temperature: 2, alpha: 0.5, labelSmoothing: 0)
        let run = try awareTrainer(recipe, on: OneDNNBackend(threads: 2), teacher: TinyClassifier().graph())
        try run.run()
        #expect(try run.result().nodes.contains { $0.operator.name == "QuantizeLinear" })
    }
}

/// The session in layouts of its own against the obvious one, for networks that round.
struct FastRoundingTests {
    /// Convolutions whose weights lie in every layout there is: few channels, blocks, groups, depthwise with a bias, and one filter left
    /// over; then a product.
    private func network() throws -> Graph {
        var graph = Graph(name: "layouts", opset: 17)
        try graph.edit { editor in
            var random = SeededRandom(seed: 3)
            func apply(_ operation: Operator, _ inputs: [ValueID], _ name: String) throws -> ValueID {
                try editor.insertSingle(operation, inputs: inputs, output: .new(name: name), name: name, before: nil, origin: nil)
            }
            func constant(_ name: String, _ shape: [Int]) throws -> ValueID {
                let scale = 1.5 / Double(shape.dropFirst().reduce(1, *)).squareRoot()
                let values = (0..<shape.reduce(1, *)).map { _ in Float(random.uniform(-scale, scale)) }
                return try editor.addConstant(Tensor(values, shape: shape), name: name)
            }
            func conv(_ x: ValueID, _ shape: [Int], _ name: String, groups: Int = 1) throws -> ValueID {
                let pads = shape[2...].map { $0 / 2 }
                let window = Window(kernel: [], strides: [], dilations: [], padding: .explicit(begin: Array(pads), end: Array(pads)))
                let operands = [x, try constant(name + ".weight", shape), try constant(name + ".bias", [shape[0]])]
                return try apply(.convolution(Convolution(window: window, groups: groups)), operands, name)
            }
            func relu(_ x: ValueID, _ name: String) throws -> ValueID {
                try apply(.activation(Activation(function: .relu)), [x], name)
            }
            let x = try editor.addInput("x", type: .tensor(TensorType(.float32, [.named("N"), 3, 12, 12])))
            let stem = try relu(conv(x, [32, 3, 3, 3], "stem"), "stem_relu")
            let depthwise = try relu(conv(stem, [32, 1, 3, 3], "depthwise", groups: 32), "depthwise_relu")
            let pointwise = try conv(depthwise, [32, 32, 1, 1], "pointwise")
            let sum = try relu(apply(.binary(Binary(function: .add, broadcastAxis: .numpy)), [pointwise, stem], "sum"), "sum_relu")
            let grouped = try relu(conv(sum, [32, 16, 3, 3], "grouped", groups: 2), "grouped_relu")
            let odd = try conv(grouped, [10, 32, 3, 3], "odd")
            let average = try apply(.globalPool(GlobalPool(function: .average)), [odd], "average")
            let flat = try apply(.flatten(Flatten(axis: 1)), [average], "flat")
            let product = try apply(.matMul(MatMul()), [flat, constant("dense.weight", [10, 20])], "dense")
            let gemm = Gemm(alpha: 1, beta: 1, transposeA: false, transposeB: true, broadcastsLegacy: false)
            let last = [product, try constant("last.weight", [4, 20]), try constant("last.bias", [4])]
            editor.setOutputs([try apply(.gemm(gemm), last, "scores")])
        }
        return graph
    }

    private func batch(_ count: Int, seed: UInt64) throws -> [String: Tensor] {
        var random = SeededRandom(seed: seed)
        let values = (0..<count * 3 * 144).map { _ in Float(random.uniform(-1, 1)) }
        return [
            "x": try Tensor(values, shape: [count, 3, 12, 12]),
            "target": Tensor(vector: (0..<count).map { Int64($0 % 4) }),
        ]
    }

    private func training(_ awareness: QuantizationAwareness) throws -> TrainingGraph {
        let network = try network()
        let calibrator = try Calibrator(network, backend: ReferenceBackend(), detail: awareness.options.neededDetail)
        let images = try #require(try batch(4, seed: 1)["x"])
        try calibrator.add(.init(inputs: ["x": images], sampleNames: ["0", "1", "2", "3"]))
        let fake = try FakeQuantizedNetwork(
            network, ranges: calibrator.record(equalized: false).ranges(of: network, awareness), awareness: awareness)
        return try TrainingGraph(
            of: fake.graph, output: nil, loss: .softmaxCrossEntropy(labelSmoothing: 0), batchSize: 4, seed: 0,
            movingRanges: fake.movingRanges.map { .init(value: $0.value, low: $0.low, high: $0.high, momentum: $0.momentum) },
            isFrozen: { _ in false })
    }

    /// Rounding makes a step of what is otherwise a difference in the last bit, so that only means are compared: of every tensor of
    /// gradients, the difference is small beside its length.
    @Test(arguments: QuantizationTarget.allCases, QuantizationAwareness.Ranges.allCases)
    func oneStepAgreesWithTheReference(target: QuantizationTarget, ranges: QuantizationAwareness.Ranges) throws {
        let training = try training(QuantizationAwareness(target: target, ranges: ranges))
        let optimizer = Optimizer.sgd(momentum: 0.9, nesterov: false)
        let program = TrainingProgram(training, optimizer: optimizer, keepsAverage: false)
        let sessions: [any TrainingSession] = [
            try OneDNNBackend(threads: 2).prepareTraining(program), try ReferenceBackend().prepareTraining(program),
        ]
        var losses: [Double] = [], tensors: [TrainingTensors] = []
        for session in sessions {
            let results = try session.accumulate(batch(4, seed: 2), scale: 1)
            losses.append(try #require(results[training.graph[training.loss].name]?.doubles()?.first))
            let step = OptimizerStep(optimizer: optimizer, learningRate: 0.01, weightDecay: 0, number: 1)
            _ = try session.update(ParameterUpdate(step: step, maximalGradientNorm: nil, averageDecay: 0))
            tensors.append(try session.tensors())
        }
        #expect(abs(losses[0] - losses[1]) <= 2e-3 * losses[1], "\(losses)")
        #expect(Set(tensors[0].parameters.keys) == Set(tensors[1].parameters.keys))
        #expect(tensors[1].parameters.keys.contains { $0.hasSuffix("depthwise.bias") })
        for (name, moments) in tensors[1].moments.sorted(by: { $0.key < $1.key }) {
            let expected = try #require(moments[0].doubles()), actual = try #require(tensors[0].moments[name]?[0].doubles())
            try #require(expected.count == actual.count)
            let length = expected.reduce(0) { $0 + $1 * $1 }.squareRoot()
            let distance = zip(expected, actual).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
            #expect(distance <= 0.05 * length + 1e-6, "\(name): \(distance) of \(length)")
        }
        for (name, state) in tensors[1].states {
            let (expected, actual) = (try #require(state.doubles()?.first), try #require(tensors[0].states[name]?.doubles()?.first))
            #expect(abs(expected - actual) <= 1e-3 * max(abs(expected), 0.1), "\(name)")
        }
    }

    /// Nothing of a step is left to the obvious kernels.
    @Test(arguments: QuantizationAwareness.Ranges.allCases)
    func everythingHasAFastKernel(ranges: QuantizationAwareness.Ranges) throws {
        let program = TrainingProgram(
            try training(QuantizationAwareness(ranges: ranges)), optimizer: .sgd(momentum: 0, nesterov: false), keepsAverage: false)
        let session = try #require(try OneDNNBackend(threads: 2).prepareTraining(program) as? any ProfilingTrainingSession)
        let profile = try session.profileAccumulation(batch(4, seed: 2), scale: 1).profile
        let slow = profile.steps.filter { $0.isFallback && $0.operatorName.contains("Quant") }
        #expect(slow.map(\.operatorName) == [])
        #expect(profile.steps.contains { $0.operatorName == "FakeQuantizeGradient" || ranges == .movingAverage })
    }
}
