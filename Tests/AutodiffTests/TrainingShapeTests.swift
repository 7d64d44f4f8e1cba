import GraphIR
import ReferenceBackend
import Tensors
import Testing

@testable import Autodiff

/// Networks whose output is not a matrix of scores, or that use a node's constants twice.
@Suite struct TrainingShapeTests {
    @Test func everyPositionOfAnImageIsClassified() throws {
        let training = try train(network { try $0.convolution($1, filters: 3) })
        let target = try #require(training.graph.value(named: "target")?.tensorType)
        #expect(target == TensorType(.int64, lengths: [2, 4, 4]))
        let labels = try Tensor((0..<32).map { Int64($0 % 3) }, shape: [2, 4, 4])
        let results = try run(training, labels)
        let logits = try #require(results[training.graph[training.logits].name])
        let loss = SoftmaxCrossEntropyLoss(reduction: .mean, ignoredClass: nil)
        let expected = try evaluate(.softmaxCrossEntropyLoss(loss), operands: [logits, labels], outputCount: 1, opset: 17)[0]
        let difference = try #require(results["loss"]?.doubles()?[0]) - #require(expected?.doubles()?[0])
        #expect(difference.magnitude < 1e-12)
    }

    @Test func lengthsOfOneBehindTheClassesAreDropped() throws {
        let training = try train(
            network { try $0.apply(.globalPool(GlobalPool(function: .average)), [$0.convolution($1, filters: 3)], "pool") })
        #expect(training.graph[training.logits].tensorType?.knownShape == [2, 3])
        #expect(training.graph.value(named: "target")?.tensorType?.knownShape == [2])
    }

    @Test func scoresNeedABatchAndClasses() throws {
        let error = #expect(throws: CleaveError.self) { try train(network { try $0.convolution($1, filters: 1) }) }
        #expect(error?.problem == "the output has shape [2, 1, 4, 4], expected [2, classes, …] with at least 2 classes")
    }

    @Test func normalizationOfTheImageIsNotTrained() throws {
        let training = try train(
            network { builder, x in
                let mean = try builder.editor.addConstant(Tensor([0.5, 0.25], shape: [1, 2, 1, 1]), name: "image mean")
                let centered = try builder.apply(.binary(Binary(function: .sub, broadcastAxis: .numpy)), [x, mean], "centered")
                let scores = try builder.convolution(centered, filters: 3)
                let bias = try builder.editor.addConstant(Tensor([1.0, 2, 3], shape: [3, 1, 1]), name: "bias")
                return try builder.apply(.binary(Binary(function: .add, broadcastAxis: .numpy)), [scores, bias], "sum")
            })
        #expect(training.parameters.map(\.name) == ["weight", "bias"])
        #expect(!training.graph.nodes.contains { $0.operator.name == "ConvInputGradient" })
    }

    /// Both nodes update the statistics, one after the other; the gradients of scale and bias are sums.
    @Test func sharedBatchNormsUpdateTwice() throws {
        let training = try train(network { try $0.norm($0.norm($1, "first"), "second") })
        #expect(training.stateUpdates.map(\.name) == ["mean", "variance"])
        #expect(training.parameters.map(\.name) == ["scale", "bias"])
        let results = try run(training, Tensor((0..<32).map { Int64($0 % 2) }, shape: [2, 4, 4]))
        let mean = try #require(results[training.graph[training.stateUpdates[0].newValue].name]?.doubles())
        // The second one normalizes what has mean `bias`: (0·½ + m·½)·½ + bias·½.
        let first = try #require(results["mean.updated"]?.doubles())
        #expect((mean[0] - (first[0] / 2 + 0.25 / 2)).magnitude < 1e-12)
    }

    /// Other normalizations are trained as batch norms of another shape; the network's own function, and finite differences of it,
    /// say what has to come out.
    @Test(arguments: normalizations)
    func otherNormalizationsAreBatchNorms(_ normalization: Operator, _ entries: [Int]) throws {
        let network = try network { builder, x in
            let operands = try [("scale", 1.0), ("bias", 0.0)].map { name, center in
                var random = SeededRandom(seed: 8, name: name)
                let values = (0..<entries.reduce(1, *)).map { _ in center + random.uniform(-0.5, 0.5) }
                return try builder.editor.addConstant(Tensor(values, shape: entries), name: name)
            }
            return try builder.convolution(builder.apply(normalization, [x] + operands, "norm"), filters: 3)
        }
        let training = try train(network)
        #expect(!training.graph.nodes.contains { $0.operator.name == normalization.name })
        let labels = try Tensor((0..<32).map { Int64($0 % 3) }, shape: [2, 4, 4])
        let results = try run(training, labels)
        func loss(_ name: String, _ index: Int, _ step: Double) throws -> Double {
            var values = try #require(network.value(named: name)?.constant?.doubles())
            values[index] += step
            let moved = try TrainingGraph.updating(network, with: [name: Tensor(values, shape: entries)])
            let logits = try ReferenceBackend().prepare(moved, inputShapes: [:]).makeSession().run(["x": image()])["scores"]
            let loss = SoftmaxCrossEntropyLoss(reduction: .mean, ignoredClass: nil)
            let value = try evaluate(.softmaxCrossEntropyLoss(loss), operands: [logits, labels], outputCount: 1, opset: 17)[0]
            return try #require(value?.doubles()?[0])
        }
        #expect(try (#require(results["loss"]?.doubles()?[0]) - loss("scale", 0, 0)).magnitude < 1e-12)
        for parameter in training.parameters where ["scale", "bias"].contains(parameter.name) {
            let gradient = try #require(parameter.gradient.flatMap { results[training.graph[$0].name]?.doubles() })
            for index in gradient.indices {
                let expected = try (loss(parameter.name, index, 1e-4) - loss(parameter.name, index, -1e-4)) / 2e-4
                #expect((gradient[index] - expected).magnitude < 1e-7, "\(parameter.name), element \(index)")
            }
        }
    }

    static let normalizations: [(Operator, [Int])] = [
        (.instanceNorm(InstanceNorm(epsilon: 1e-2)), [2]),
        (.groupNorm(GroupNorm(groups: 1, epsilon: 1e-2, stashType: 11, affinePerGroup: false)), [2]),
        (.groupNorm(GroupNorm(groups: 2, epsilon: 1e-2, stashType: 11, affinePerGroup: true)), [2]),
        (.groupNorm(GroupNorm(groups: 1, epsilon: 1e-2, stashType: 11, affinePerGroup: true)), [1]),
        (.layerNorm(LayerNorm(axis: -1, epsilon: 1e-2, stashType: 11)), [4]),
        (.layerNorm(LayerNorm(axis: 1, epsilon: 1e-2, stashType: 11)), [2, 4, 4]),
    ]

    /// As PyTorch writes an `Upsample` of a network with an open batch.
    @Test func scalesMayBePutTogether() throws {
        let training = try train(
            network { builder, x in
                let parts = try [1.0, 2].map { try builder.editor.addConstant(Tensor([$0, $0], shape: [2], as: .float32), name: "scales") }
                let scales = try builder.apply(.concat(Concat(axis: 0)), parts, "both")
                let resize = Resize(
                    mode: .nearest, coordinates: .asymmetric, nearestMode: .floor, cubicCoefficient: -0.75, excludeOutside: false,
                    extrapolationValue: 0, antialias: false, axes: nil, aspectRatioPolicy: .stretch)
                let scores = try builder.convolution(x, filters: 3)
                return try builder.apply(.resize(resize), [scores, nil, scales], "resized")
            })
        #expect(training.graph[training.logits].tensorType?.knownShape == [2, 3, 8, 8])
    }

    @Test func coarseParametersAreRefused() throws {
        let halves = try network { builder, x in
            let weight = try builder.editor.addConstant(Tensor([0.5, 1, 2, 4], shape: [2, 2, 1, 1], as: .float16), name: "half")
            let wide = try builder.apply(.cast(Cast(to: .float64, saturate: true)), [weight], "wide")
            let window = Window(kernel: [], strides: [], dilations: [], padding: .valid)
            let y = try builder.apply(.convolution(Convolution(window: window, groups: 1)), [x, wide], "first")
            return try builder.convolution(y, filters: 3)
        }
        let error = #expect(throws: CleaveError.self) { try train(halves) }
        #expect(
            error?.description
                == "node 'first' (Conv): tensor 'half': the parameter is float16[2, 2, 1, 1], but training changes float32")
        #expect(error?.suggestion?.contains("--freeze 'half'") == true)
        let frozen = try TrainingGraph(
            of: halves, output: nil, loss: .softmaxCrossEntropy(labelSmoothing: 0), batchSize: 2, seed: 0, isFrozen: { $0 == "half" })
        #expect(frozen.parameters.filter(\.isTrainable).map(\.name) == ["weight"])
    }

    // MARK: Helpers

    private struct Builder {
        var editor: GraphEditor

        mutating func apply(_ operation: Operator, _ inputs: [ValueID?], _ name: String) throws -> ValueID {
            try editor.insertSingle(operation, inputs: inputs, output: .new(name: name), name: name, before: nil, origin: nil)
        }

        mutating func convolution(_ x: ValueID, filters: Int) throws -> ValueID {
            var random = SeededRandom(seed: 2)
            let values = (0..<filters * 2).map { _ in random.uniform(-1, 1) }
            let weight = try editor.addConstant(Tensor(values, shape: [filters, 2, 1, 1]), name: "weight")
            let window = Window(kernel: [], strides: [], dilations: [], padding: .valid)
            return try apply(.convolution(Convolution(window: window, groups: 1)), [x, weight], "scores")
        }

        /// Batch norms of the same four constants.
        mutating func norm(_ x: ValueID, _ name: String) throws -> ValueID {
            let numbers = [("scale", 1.5), ("bias", 0.25), ("mean", 0.0), ("variance", 1.0)]
            let constants = try numbers.map { name, value in
                try editor.graph.value(named: name)?.id
                    ?? editor.addConstant(Tensor(repeating: value, shape: [2], as: .float64), name: name)
            }
            return try apply(.batchNorm(BatchNorm(epsilon: 1e-5, momentum: 0.5, trainingMode: false)), [x] + constants, name)
        }
    }

    private func network(_ body: (inout Builder, ValueID) throws -> ValueID) throws -> Graph {
        var graph = Graph(name: "net", opset: 17)
        try graph.edit { editor in
            var builder = Builder(editor: editor)
            let x = try builder.editor.addInput("x", type: .tensor(TensorType(.float64, [.named("N"), 2, 4, 4])))
            let output = try body(&builder, x)
            builder.editor.setOutputs([output])
            editor = builder.editor
        }
        return graph
    }

    private func train(_ network: Graph) throws -> TrainingGraph {
        try TrainingGraph(
            of: network, output: nil, loss: .softmaxCrossEntropy(labelSmoothing: 0), batchSize: 2, seed: 0, isFrozen: { _ in false })
    }

    private func run(_ training: TrainingGraph, _ target: Tensor) throws -> [String: Tensor] {
        let observed = training.graph.values.map(\.name).filter { $0 == "mean.updated" }
        return try ReferenceBackend().prepare(training.graph, inputShapes: [:]).makeSession()
            .run(["x": image(), "target": target], observing: observed)
    }

    private func image() throws -> Tensor {
        var random = SeededRandom(seed: 4)
        return try Tensor((0..<64).map { _ in random.uniform(-1, 1) }, shape: [2, 2, 4, 4])
    }
}
