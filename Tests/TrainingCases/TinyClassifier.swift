import GraphIR
import Tensors

/// A convolutional network that trains in milliseconds: images of 3×8×8, three classes.
public struct TinyClassifier: Sendable {
    public var batch: Dimension
    /// Whether a batch norm follows the convolution.
    public var normalizes: Bool
    /// Whether channels come last, as TensorFlow exports it.
    public var channelsLast: Bool
    /// `nil` for no dropout.
    public var dropout: Float?
    public var softmax: Bool
    /// Whether batch norm and dropout are as in training, as exporters write a network that is to be trained further.
    public var trains: Bool
    public var classes: Int
    public var seed: UInt64

    public init(
        batch: Dimension = .named("N"), normalizes: Bool = true, channelsLast: Bool = false, dropout: Float? = nil, softmax: Bool = true,
        trains: Bool = false, classes: Int = 3, seed: UInt64 = 5
    ) {
        self.batch = batch
        self.normalizes = normalizes
        self.channelsLast = channelsLast
        self.dropout = dropout
        self.softmax = softmax
        self.trains = trains
        self.classes = classes
        self.seed = seed
    }

    public func graph() throws -> Graph {
        var graph = Graph(name: "tiny", opset: 17)
        try graph.edit { editor in
            func apply(_ operation: Operator, _ inputs: [ValueID?], _ name: String) throws -> ValueID {
                try editor.insertSingle(operation, inputs: inputs, output: .new(name: name), name: name, before: nil, origin: nil)
            }
            func constant(_ name: String, _ shape: [Int], _ value: Double?) throws -> ValueID {
                var random = SeededRandom(seed: seed, name: name)
                let values = (0..<shape.reduce(1, *)).map { _ in value ?? 0.3 * random.normal() }
                return try editor.addConstant(Tensor(values, shape: shape, as: .float32), name: name)
            }
            let lengths: [Dimension] = channelsLast ? [batch, 8, 8, 3] : [batch, 3, 8, 8]
            var x = try editor.addInput("images", type: .tensor(TensorType(.float32, lengths)))
            if channelsLast { x = try apply(.transpose(Transpose(permutation: [0, 3, 1, 2])), [x], "channels_first") }
            let window = Window(kernel: [], strides: [1, 1], dilations: [1, 1], padding: .explicit(begin: [1, 1], end: [1, 1]))
            x = try apply(
                .convolution(Convolution(window: window, groups: 1)),
                [x, constant("conv.weight", [4, 3, 3, 3], nil), constant("conv.bias", [4], 0)], "conv")
            if normalizes {
                x = try apply(
                    .batchNorm(BatchNorm(epsilon: 1e-5, momentum: 0.8, trainingMode: trains)),
                    [
                        x, constant("norm.scale", [4], 1), constant("norm.bias", [4], 0), constant("norm.mean", [4], 0),
                        constant("norm.variance", [4], 1),
                    ], "norm")
            }
            x = try apply(.activation(Activation(function: .relu)), [x], "relu")
            let pool = Window(kernel: [4, 4], strides: [4, 4], dilations: [1, 1], padding: .explicit(begin: [0, 0], end: [0, 0]))
            x = try apply(.averagePool(AveragePool(window: pool, ceilMode: false, countIncludePad: false)), [x], "pool")
            x = try apply(.flatten(Flatten(axis: 1)), [x], "flat")
            if let dropout {
                let ratio = try editor.addConstant(Tensor(scalar: dropout), name: "ratio")
                let mode = trains ? try editor.addConstant(Tensor(scalar: true), name: "training mode") : nil
                x = try apply(.dropout(Dropout(ratio: nil, seed: nil, isTestLegacy: nil)), [x, ratio, mode], "dropout")
            }
            x = try apply(
                .gemm(Gemm(alpha: 1, beta: 1, transposeA: false, transposeB: true, broadcastsLegacy: false)),
                [x, constant("dense.weight", [classes, 16], nil), constant("dense.bias", [classes], 0)], "logits")
            if softmax { x = try apply(.softmax(Softmax(function: .softmax, axis: -1, flattens: false)), [x], "probabilities") }
            editor.setOutputs([x])
        }
        return graph
    }
}

/// Images of 8×8 with noise in which one quarter is bright: which one is the class.
public struct QuarterImages: Sendable {
    public var training: Int
    public var test: Int
    public var seed: UInt64
    /// Whether the classes of the test images are wrong.
    public var contradicts: Bool

    public init(training: Int, test: Int, seed: UInt64 = 3, contradicts: Bool = false) {
        self.training = training
        self.test = test
        self.seed = seed
        self.contradicts = contradicts
    }

    /// As an npz archive with `x_train`, `y_train`, and, where there are test images, `x_test`, `y_test`; else `x` and `y`.
    public func archive() throws -> NumpyArchive {
        var random = SeededRandom(seed: seed)
        var archive = NumpyArchive()
        let splits = test > 0 ? [("_train", training, 0), ("_test", test, contradicts ? 1 : 0)] : [("", training, 0)]
        for (suffix, count, shift) in splits {
            let labels = (0..<count).map { $0 % 3 }
            var pixels: [UInt8] = []
            for label in labels {
                for row in 0..<8 {
                    for column in 0..<8 {
                        let isBright = row / 4 == label / 2 && column / 4 == label % 2
                        for _ in 0..<3 { pixels.append(UInt8(random.next() % 80) + (isBright ? 120 : 0)) }
                    }
                }
            }
            try archive.append("x\(suffix)", Tensor(pixels, shape: [count, 8, 8, 3]))
            try archive.append("y\(suffix)", Tensor(labels.map { Int64(($0 + shift) % 3) }, shape: [count]))
        }
        return archive
    }
}
