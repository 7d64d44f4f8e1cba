import Autodiff
import Execution
import GraphIR
import ModelZoo
import OneDNNBackend
import ReferenceBackend
import Tensors
import Testing
import Training

/// Gradients of small networks with all that the fast backend has kernels for, in shapes that fill blocks of channels and that do not.
@Suite struct TrainedNetworkTests {
    struct Sample: Sendable, CustomStringConvertible {
        let description: String
        let shape: [Int]
        let build: @Sendable (inout Layers, ValueID) throws -> ValueID

        init(_ description: String, _ shape: [Int], _ build: @escaping @Sendable (inout Layers, ValueID) throws -> ValueID) {
            (self.description, self.shape, self.build) = (description, shape, build)
        }
    }

    static let samples: [Sample] = [
        Sample("pre-activation blocks", [3, 16, 6, 6]) { net, x in
            let p = try net.relu(net.norm(x))
            let main = try net.convolution(net.relu(net.norm(net.convolution(p, 32, 1))), 48, 3, stride: 2, padding: 1, bias: true)
            let sum = try net.add(main, net.convolution(p, 48, 1, stride: 2, bias: true))
            let q = try net.relu(net.norm(sum))
            return try net.add(sum, net.convolution(q, 48, 1, bias: true))
        },
        Sample("one pixel", [5, 32, 2, 2]) { net, x in
            let y = try net.relu(net.norm(net.convolution(x, 64, 3, stride: 2, padding: 1)))
            let z = try net.relu(net.convolution(net.convolution(y, 32, 3, padding: 1), 32, 3, stride: 2, padding: 1))
            return try net.convolution(net.relu(net.norm(z)), 48, 1, bias: true)
        },
        Sample("channels that fill no block", [2, 3, 9, 7]) { net, x in
            let y = try net.relu(net.norm(net.convolution(x, 20, 3, padding: 1)))
            let z = try net.relu(net.norm(net.convolution(y, 7, 3, stride: 2, padding: 1, bias: true)))
            return try net.add(net.convolution(z, 20, 1), net.convolution(y, 20, 1, stride: 2))
        },
        Sample("depthwise", [3, 3, 16, 16]) { net, x in
            let y = try net.relu(net.norm(net.convolution(x, 32, 3, stride: 2, padding: 1)))
            let z = try net.relu(net.norm(net.convolution(y, 32, 3, stride: 2, padding: 1, groups: 32)))
            let w = try net.convolution(net.convolution(z, 48, 1), 48, 3, stride: 2, padding: 1, groups: 48, bias: true)
            return try net.convolution(net.relu(net.norm(w)), 48, 3, padding: 1, groups: 48)
        },
        Sample("depthwise of odd channels", [2, 20, 5, 5]) { net, x in
            try net.convolution(net.relu(net.convolution(x, 20, 3, padding: 1, groups: 20)), 20, 5, stride: 2, padding: 2, groups: 20)
        },
        Sample("four channels per group", [2, 64, 5, 5]) { net, x in
            try net.convolution(net.relu(net.norm(net.convolution(x, 64, 3, padding: 1, groups: 16))), 64, 3, padding: 1, groups: 16)
        },
        Sample("groups and dilation", [2, 32, 7, 7]) { net, x in
            let y = try net.relu(net.convolution(x, 64, 3, padding: 1, groups: 2, bias: true))
            return try net.convolution(net.convolution(y, 24, 3, padding: 2, dilation: 2), 12, 3, padding: 1, groups: 4)
        },
        Sample("pools", [2, 16, 9, 9]) { net, x in
            let y = try net.maxPool(net.convolution(x, 32, 3, padding: 1), 3, stride: 2, padding: 1)
            let z = try net.averagePool(net.relu(net.norm(y)), 3, stride: 1, padding: 1)
            return try net.add(net.maxPool(z, 1, stride: 2), net.maxPool(net.averagePool(y, 2, stride: 1), 2, stride: 2, padding: 1))
        },
        Sample("activations", [2, 5, 4, 4]) { net, x in
            var y = try net.convolution(x, 18, 3, padding: 1, bias: true)
            for function in [Activation.Function.sigmoid, .tanh, .leakyRelu(alpha: 0.1), .hardSwish, .softplus, .elu(alpha: 0.5)] {
                y = try net.add(net.activation(y, function), net.convolution(y, 18, 1, bias: true))
            }
            let others: [Activation.Function] = [
                .hardSigmoid(alpha: 0.3, beta: 0.4), .celu(alpha: 0.7), .gelu(tanhApproximation: false), .mish,
            ]
            for function in others {
                y = try net.add(net.activation(y, function), net.convolution(y, 18, 1, bias: true))
            }
            return y
        },
        Sample("clips", [2, 5, 4, 4]) { net, x in
            try net.convolution(net.clip(net.norm(net.convolution(x, 20, 3, padding: 1)), to: 0.4), 16, 1)
        },
        Sample("channels last", [2, 6, 6, 8]) { net, x in
            let y = try net.transpose(x, [0, 3, 1, 2])
            let z = try net.relu(net.norm(net.convolution(y, 32, 3, padding: 1)))
            let w = try net.transpose(net.convolution(z, 16, 3, stride: 2, padding: 1, bias: true), [0, 2, 3, 1])
            return try net.transpose(w, [0, 3, 1, 2])
        },
        Sample("weights that two convolutions share", [2, 16, 5, 5]) { net, x in
            let weight = try net.weight([16, 16, 3, 3])
            let y = try net.relu(net.convolution(x, weight: weight, padding: 1))
            return try net.add(net.convolution(y, weight: weight, padding: 1), y)
        },
        Sample("transposed convolution", [2, 16, 4, 4]) { net, x in
            try net.norm(net.transposed(net.relu(net.norm(x)), 12, 3, stride: 2))
        },
        Sample("layer norms", [3, 5, 6, 7]) { net, x in
            let y = try net.transpose(net.convolution(x, 20, 3, padding: 1), [0, 2, 3, 1])
            let z = try net.transpose(net.layerNorm(y, axis: -1, bias: true), [0, 3, 1, 2])
            return try net.layerNorm(net.convolution(net.relu(z), 16, 3, padding: 1), axis: 1, bias: false)
        },
        Sample("group norms", [3, 5, 6, 7]) { net, x in
            let y = try net.relu(net.groupNorm(net.convolution(x, 32, 3, padding: 1), 4, perGroup: false))
            return try net.relu(net.groupNorm(net.convolution(y, 18, 3, padding: 1), 3, perGroup: true))
        },
        Sample("instance norms", [3, 5, 6, 7]) { net, x in
            let y = try net.relu(net.instanceNorm(net.convolution(x, 16, 3, padding: 1)))
            return try net.convolution(net.instanceNorm(net.convolution(y, 7, 3, stride: 2)), 12, 1)
        },
        Sample("resized images", [2, 5, 6, 7]) { net, x in
            let y = try net.resize(net.convolution(x, 16, 3, padding: 1), .linear, .halfPixel, [1, 1, 2, 1.5])
            let z = try net.resize(net.relu(y), .nearest, .asymmetric, [1, 1, 0.4, 2])
            return try net.resize(net.convolution(z, 7, 3, padding: 1), .cubic, .alignCorners, [1, 1, 1.7, 0.6])
        },
        Sample("images in one dimension", [3, 16, 11]) { net, x in
            try net.relu(net.norm(net.convolution(x, 32, 3, stride: 2, padding: 1, bias: true)))
        },
        Sample("volumes", [2, 4, 4, 5, 4]) { net, x in
            try net.convolution(net.relu(net.norm(net.convolution(x, 16, 3, padding: 1))), 16, 1, bias: true)
        },
    ]

    @Test(arguments: samples)
    func gradientsAgreeWithTheReference(_ sample: Sample) throws {
        try compare(sample, isFrozen: { _ in false })
    }

    @Test(arguments: samples.prefix(4))
    func soTheyDoWithFrozenNormalizations(_ sample: Sample) throws {
        try compare(sample) { $0.hasPrefix("norm") }
    }

    /// One step of plain descent with rate 1 from the same parameters: what is left are the gradients.
    private func compare(_ sample: Sample, isFrozen: (String) -> Bool) throws {
        let network = try Layers.classifier(sample)
        let training = try TrainingGraph(
            of: network, output: nil, loss: .softmaxCrossEntropy(labelSmoothing: 0), batchSize: sample.shape[0], seed: 0,
            isFrozen: isFrozen)
        let optimizer = Optimizer.sgd(momentum: 0, nesterov: false)
        let program = TrainingProgram(training, optimizer: optimizer, keepsAverage: false)
        var random = SeededRandom(seed: 5)
        let images = try Tensor(
            (0..<sample.shape.reduce(1, *)).map { _ in random.uniform(-1, 1) }, shape: sample.shape, as: .float32)
        let labels = try Tensor((0..<sample.shape[0]).map { Int64($0 % 3) }, shape: [sample.shape[0]])
        let inputs = [training.inputs.data[0]: images, training.inputs.target: labels]
        func train(_ backend: some Backend) throws -> (loss: Double, tensors: TrainingTensors) {
            let session = try backend.prepareTraining(program)
            let results = try session.accumulate(inputs, scale: 1)
            let step = OptimizerStep(optimizer: optimizer, learningRate: 1, weightDecay: 0, number: 1)
            _ = try session.update(ParameterUpdate(step: step, maximalGradientNorm: nil, averageDecay: 0))
            return (try #require(results[training.graph[training.loss].name]?.doubles()?.first), try session.tensors())
        }
        let expected = try train(ReferenceBackend())
        for threads in [1, 2] {
            let actual = try train(OneDNNBackend(threads: threads))
            #expect((actual.loss - expected.loss).magnitude <= 1e-5 * expected.loss)
            for (name, tensor) in expected.tensors.parameters {
                let initial = try #require(training.graph.value(named: name).flatMap { training.graph.constant($0.id)?.doubles() })
                let slopes = zip(initial, tensor.doubles() ?? []).map { $0 - $1 }
                let others = zip(initial, actual.tensors.parameters[name]?.doubles() ?? []).map { $0 - $1 }
                try #require(slopes.count == initial.count && others.count == initial.count)
                let largest = slopes.map(\.magnitude).max() ?? 0
                let difference = zip(slopes, others).map { ($0 - $1).magnitude }.max() ?? 0
                #expect(difference <= 2e-4 * max(largest, 5e-3), "\(name): \(difference) of \(largest), \(threads) threads")
            }
            for (name, state) in expected.tensors.states {
                let pairs = zip(state.doubles() ?? [], actual.tensors.states[name]?.doubles() ?? [])
                #expect(pairs.allSatisfy { ($0 - $1).magnitude <= 1e-5 * max(1, $0.magnitude) }, "\(name)")
            }
        }
    }

    @Test func parametersOfAResNetAreNeverReordered() throws {
        let network = try ZooModel.resnet20.graph(classes: 10, input: [3, 32, 32], form: .standard, seed: 3, softmax: false)
        let training = try TrainingGraph(
            of: network, output: nil, loss: .softmaxCrossEntropy(labelSmoothing: 0), batchSize: 2, seed: 0, isFrozen: { _ in false })
        let program = TrainingProgram(training, optimizer: .sgd(momentum: 0.9, nesterov: true), keepsAverage: false)
        let session = try #require(try OneDNNBackend(threads: 2).prepareTraining(program) as? any ProfilingTrainingSession)
        let images = try Tensor((0..<2 * 3 * 32 * 32).map { Float($0 % 17) / 17 }, shape: [2, 3, 32, 32])
        let labels = try Tensor([Int64(1), 7], shape: [2])
        let steps = try session.profileAccumulation(
            [training.inputs.data[0]: images, training.inputs.target: labels], scale: 1
        ).profile.steps
        #expect(!steps.contains { $0.isReorder && !$0.isBackward })
        // The only kernel that is not fast makes one-hot vectors of the labels.
        #expect(steps.filter(\.isFallback).map(\.operatorName) == ["OneHot"])
    }
}

/// Builds networks of random weights.
struct Layers {
    private var editor: GraphEditor
    private var random = SeededRandom(seed: 21)
    private var count = 0

    /// The sample's layers, pooled to three logits.
    static func classifier(_ sample: TrainedNetworkTests.Sample) throws -> Graph {
        var graph = Graph(name: sample.description, opset: 17)
        try graph.edit { editor in
            var layers = Layers(editor: editor)
            let images = try layers.editor.addInput("images", type: .tensor(TensorType(.float32, lengths: sample.shape)))
            let features = try sample.build(&layers, images)
            let pooled = try layers.node(.globalPool(GlobalPool(function: .average)), [features])
            let flat = try layers.node(.flatten(Flatten(axis: 1)), [pooled])
            let dense = Gemm(alpha: 1, beta: 1, transposeA: false, transposeB: true, broadcastsLegacy: false)
            let channels = try layers.shape(flat)[1]
            let logits = try layers.node(.gemm(dense), [flat, layers.weight([3, channels]), layers.vector(3, 0)])
            layers.editor.setOutputs([logits])
            editor = layers.editor
        }
        return graph
    }

    private init(editor: GraphEditor) { self.editor = editor }

    private func shape(_ id: ValueID) throws -> [Int] { try #require(editor.graph[id].tensorType?.knownShape) }

    private mutating func node(_ operation: Operator, _ inputs: [ValueID?], _ name: String = "node") throws -> ValueID {
        count += 1
        return try editor.insertSingle(
            operation, inputs: inputs, output: .new(name: "\(name)\(count)"), name: "\(name)\(count)", before: nil, origin: nil)
    }

    mutating func weight(_ shape: [Int]) throws -> ValueID {
        let bound = (3 / Double(shape.dropFirst().reduce(1, *))).squareRoot()
        let elements = (0..<shape.reduce(1, *)).map { _ in random.uniform(-bound, bound) }
        return try editor.addConstant(Tensor(elements, shape: shape, as: .float32), name: "weight")
    }

    private mutating func vector(_ count: Int, _ center: Double) throws -> ValueID {
        try editor.addConstant(
            Tensor((0..<count).map { _ in center + random.uniform(-0.5, 0.5) }, shape: [count], as: .float32), name: "vector")
    }

    mutating func convolution(
        _ x: ValueID, _ filters: Int, _ kernel: Int, stride: Int = 1, padding: Int = 0, dilation: Int = 1, groups: Int = 1,
        bias: Bool = false
    ) throws -> ValueID {
        let lengths = try shape(x), rank = lengths.count - 2
        let weight = try weight([filters, lengths[1] / groups] + [Int](repeating: kernel, count: rank))
        return try convolution(
            x, weight: weight, stride: stride, padding: padding, dilation: dilation, groups: groups, bias: bias ? vector(filters, 0) : nil)
    }

    mutating func convolution(
        _ x: ValueID, weight: ValueID, stride: Int = 1, padding: Int = 0, dilation: Int = 1, groups: Int = 1, bias: ValueID? = nil
    ) throws -> ValueID {
        let rank = try shape(x).count - 2
        func all(_ value: Int) -> [Int] { [Int](repeating: value, count: rank) }
        let window = Window(
            kernel: [], strides: all(stride), dilations: all(dilation), padding: .explicit(begin: all(padding), end: all(padding)))
        return try node(.convolution(Convolution(window: window, groups: groups)), [x, weight, bias], "conv")
    }

    mutating func transposed(_ x: ValueID, _ filters: Int, _ kernel: Int, stride: Int) throws -> ValueID {
        let weight = try weight([shape(x)[1], filters, kernel, kernel])
        let window = Window(
            kernel: [], strides: [stride, stride], dilations: [], padding: .explicit(begin: [1, 1], end: [1, 1]))
        let operation = ConvolutionTranspose(window: window, groups: 1, outputPadding: [], outputShape: nil)
        return try node(.convolutionTranspose(operation), [x, weight, vector(filters, 0)])
    }

    mutating func norm(_ x: ValueID) throws -> ValueID {
        let channels = try shape(x)[1]
        let operands = [x, try vector(channels, 1), try vector(channels, 0), try vector(channels, 0), try vector(channels, 1)]
        return try node(.batchNorm(BatchNorm(epsilon: 1e-4, momentum: 0.9, trainingMode: false)), operands, "norm")
    }

    /// Over the dimensions from `axis` on.
    mutating func layerNorm(_ x: ValueID, axis: Int, bias: Bool) throws -> ValueID {
        let lengths = try shape(x), first = axis < 0 ? axis + lengths.count : axis
        func affine(_ center: Double) throws -> ValueID {
            let count = lengths[first...].reduce(1, *)
            let values = (0..<count).map { _ in center + random.uniform(-0.5, 0.5) }
            return try editor.addConstant(Tensor(values, shape: Array(lengths[first...]), as: .float32), name: "vector")
        }
        return try node(
            .layerNorm(LayerNorm(axis: axis, epsilon: 1e-4, stashType: 1)), [x, affine(1)] + (bias ? [affine(0)] : []), "norm")
    }

    mutating func groupNorm(_ x: ValueID, _ groups: Int, perGroup: Bool) throws -> ValueID {
        let count = perGroup ? groups : try shape(x)[1]
        return try node(
            .groupNorm(GroupNorm(groups: groups, epsilon: 1e-4, stashType: 1, affinePerGroup: perGroup)),
            [x, vector(count, 1), vector(count, 0)], "norm")
    }

    mutating func instanceNorm(_ x: ValueID) throws -> ValueID {
        let count = try shape(x)[1]
        return try node(.instanceNorm(InstanceNorm(epsilon: 1e-4)), [x, vector(count, 1), vector(count, 0)], "norm")
    }

    mutating func resize(
        _ x: ValueID, _ mode: Resize.Mode, _ coordinates: Resize.Coordinates, _ scales: [Float]
    ) throws -> ValueID {
        let resize = Resize(
            mode: mode, coordinates: coordinates, nearestMode: .floor, cubicCoefficient: -0.75, excludeOutside: false,
            extrapolationValue: 0, antialias: false, axes: nil, aspectRatioPolicy: .stretch)
        return try node(.resize(resize), [x, nil, editor.addConstant(Tensor(vector: scales), name: "scales")])
    }

    mutating func activation(_ x: ValueID, _ function: Activation.Function) throws -> ValueID {
        try node(.activation(Activation(function: function)), [x])
    }

    /// Between 0 and a limit.
    mutating func clip(_ x: ValueID, to limit: Float) throws -> ValueID {
        try node(.clip(Clip(minimum: 0, maximum: limit)), [x])
    }

    mutating func relu(_ x: ValueID) throws -> ValueID { try activation(x, .relu) }

    mutating func add(_ a: ValueID, _ b: ValueID) throws -> ValueID {
        try node(.binary(Binary(function: .add, broadcastAxis: .numpy)), [a, b])
    }

    mutating func transpose(_ x: ValueID, _ permutation: [Int]) throws -> ValueID {
        try node(.transpose(Transpose(permutation: permutation)), [x])
    }

    private func window(_ kernel: Int, _ stride: Int, _ padding: Int) -> Window {
        Window(
            kernel: [kernel, kernel], strides: [stride, stride], dilations: [],
            padding: .explicit(begin: [padding, padding], end: [padding, padding]))
    }

    mutating func maxPool(_ x: ValueID, _ kernel: Int, stride: Int, padding: Int = 0) throws -> ValueID {
        try node(.maxPool(MaxPool(window: window(kernel, stride, padding), ceilMode: false, columnMajorIndices: false)), [x])
    }

    mutating func averagePool(_ x: ValueID, _ kernel: Int, stride: Int, padding: Int = 0) throws -> ValueID {
        try node(.averagePool(AveragePool(window: window(kernel, stride, padding), ceilMode: false, countIncludePad: false)), [x])
    }
}
