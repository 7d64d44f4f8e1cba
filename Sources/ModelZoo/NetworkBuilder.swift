import GraphIR
import Tensors

/// Strings layers together, NCHW, with new weights: Glorot-uniform kernels, zero biases, batch norms that change nothing yet.
struct NetworkBuilder {
    var editor: GraphEditor
    let seed: UInt64
    let form: NetworkForm
    /// Channels, or features, of the values made so far.
    private var channelCounts: [ValueID: Int] = [:]

    init(_ editor: GraphEditor, seed: UInt64, form: NetworkForm) {
        self.editor = editor
        self.seed = seed
        self.form = form
    }

    private func channels(of value: ValueID) -> Int { channelCounts[value] ?? 0 }

    /// The network's input [N, C, H, W], with a symbolic batch.
    mutating func input(_ name: String, shape: [Int]) throws -> ValueID {
        let type = TensorType(.float32, [.named("N")] + shape.map { .known($0) })
        let value = try editor.addInput(name, type: .tensor(type))
        channelCounts[value] = shape[0]
        return value
    }

    private mutating func node(_ operation: Operator, _ inputs: [ValueID?], name: String, channels: Int) throws -> ValueID {
        let value = try editor.insertSingle(operation, inputs: inputs, output: .new(name: name), name: name, before: nil, origin: nil)
        channelCounts[value] = channels
        return value
    }

    // MARK: Convolutions

    /// A square convolution.
    struct Layer {
        var filters: Int
        var kernel: Int
        var stride = 1
        var padding = 0
        var hasBias = false
    }

    mutating func convolution(_ input: ValueID, _ layer: Layer, name: String) throws -> ValueID {
        let window = Self.window([layer.kernel, layer.kernel], strides: [layer.stride, layer.stride], pads: [layer.padding, layer.padding])
        return try convolution(
            input, shape: [layer.filters, channels(of: input), layer.kernel, layer.kernel], window: window, groups: 1,
            hasBias: layer.hasBias, name: name)
    }

    /// A square convolution of a residual block, in the form that the network is built in.
    mutating func separable(_ input: ValueID, _ layer: Layer, name: String) throws -> ValueID {
        let (n, s, p) = (layer.kernel, layer.stride, layer.padding)
        let channels = channels(of: input)
        switch form {
        case .standard: return try convolution(input, layer, name: name)
        case .spatial:
            let between = try convolution(
                input, shape: [layer.filters, channels, n, 1], window: Self.window([n, 1], strides: [s, 1], pads: [p, 0]), groups: 1,
                hasBias: false, name: name + "/vertical")
            return try convolution(
                between, shape: [layer.filters, layer.filters, 1, n], window: Self.window([1, n], strides: [1, s], pads: [0, p]), groups: 1,
                hasBias: layer.hasBias, name: name + "/horizontal")
        case .depthwise:
            let between = try convolution(
                input, shape: [channels, 1, n, n], window: Self.window([n, n], strides: [s, s], pads: [p, p]), groups: channels,
                hasBias: false, name: name + "/depthwise")
            return try convolution(
                between, shape: [layer.filters, channels, 1, 1], window: Self.window([1, 1], strides: [1, 1], pads: [0, 0]), groups: 1,
                hasBias: layer.hasBias, name: name + "/pointwise")
        }
    }

    private mutating func convolution(
        _ input: ValueID, shape: [Int], window: Window, groups: Int, hasBias: Bool, name: String
    ) throws -> ValueID {
        var generator = SeededRandom(seed: seed, name: name + "/weight")
        let weight = try Tensor.glorotUniform(convolution: shape, groups: groups, as: .float32, using: &generator)
        var operands: [ValueID?] = [input, try editor.addConstant(weight, name: name + "/weight")]
        if hasBias { operands.append(try constant(0, count: shape[0], name: name + "/bias")) }
        return try node(.convolution(Convolution(window: window, groups: groups)), operands, name: name, channels: shape[0])
    }

    static func window(_ kernel: [Int], strides: [Int], pads: [Int]) -> Window {
        Window(kernel: kernel, strides: strides, dilations: [1, 1], padding: .explicit(begin: pads, end: pads))
    }

    private mutating func constant(_ value: Double, count: Int, name: String) throws -> ValueID {
        try editor.addConstant(Tensor(repeating: value, shape: [count], as: .float32), name: name)
    }

    // MARK: The rest

    mutating func batchNorm(_ input: ValueID, _ settings: BatchNormSettings, name: String) throws -> ValueID {
        let channels = channels(of: input)
        let operands = [
            input,
            try constant(1, count: channels, name: name + "/gamma"),
            try constant(0, count: channels, name: name + "/beta"),
            try constant(0, count: channels, name: name + "/moving_mean"),
            try constant(1, count: channels, name: name + "/moving_variance"),
        ]
        let operation = BatchNorm(epsilon: settings.epsilon, momentum: settings.momentum, trainingMode: false)
        return try node(.batchNorm(operation), operands, name: name, channels: channels)
    }

    mutating func relu(_ input: ValueID, name: String) throws -> ValueID {
        try node(.activation(Activation(function: .relu)), [input], name: name, channels: channels(of: input))
    }

    mutating func maxPool(_ input: ValueID, kernel: Int, stride: Int, name: String) throws -> ValueID {
        let window = Self.window([kernel, kernel], strides: [stride, stride], pads: [0, 0])
        return try node(
            .maxPool(MaxPool(window: window, ceilMode: false, columnMajorIndices: false)), [input], name: name,
            channels: channels(of: input))
    }

    /// Zeros around the image, and after the last channel.
    mutating func zeroPad(_ input: ValueID, border: Int, channels added: Int = 0, name: String) throws -> ValueID {
        let pads = [0, 0, border, border, 0, added, border, border].map { Int64($0) }
        let operand = try editor.addConstant(Tensor(vector: pads), name: name + "/pads")
        return try node(
            .pad(Pad(mode: .constant, pads: nil, value: 0)), [input, operand], name: name, channels: channels(of: input) + added)
    }

    mutating func add(_ left: ValueID, _ right: ValueID, name: String) throws -> ValueID {
        try node(.binary(Binary(function: .add, broadcastAxis: .numpy)), [left, right], name: name, channels: channels(of: left))
    }

    /// Global average pooling, a dense layer, and on request a softmax, whose result is the network's output.
    mutating func classifier(_ input: ValueID, classes: Int, softmax: Bool) throws {
        let features = channels(of: input)
        let pooled = try node(.globalPool(GlobalPool(function: .average)), [input], name: "avg_pool", channels: features)
        let flat = try node(.flatten(Flatten(axis: 1)), [pooled], name: "flatten", channels: features)
        var generator = SeededRandom(seed: seed, name: "predictions/weight")
        let weight = try Tensor.glorotUniform(
            shape: [features, classes], fanIn: Double(features), fanOut: Double(classes), as: .float32, using: &generator)
        let dense = Gemm(alpha: 1, beta: 1, transposeA: false, transposeB: false, broadcastsLegacy: false)
        let operands = [
            flat, try editor.addConstant(weight, name: "predictions/weight"), try constant(0, count: classes, name: "predictions/bias"),
        ]
        let logits = try node(.gemm(dense), operands, name: softmax ? "logits" : "predictions", channels: classes)
        guard softmax else { return editor.setOutputs([logits]) }
        let probabilities = try node(
            .softmax(Softmax(function: .softmax, axis: -1, flattens: false)), [logits], name: "predictions", channels: classes)
        editor.setOutputs([probabilities])
    }
}

/// ε that is added to the variance, and the weight of the old running statistics in training.
struct BatchNormSettings {
    var epsilon: Float
    var momentum: Float

    static let keras = BatchNormSettings(epsilon: 1.001e-5, momentum: 0.99)
}
