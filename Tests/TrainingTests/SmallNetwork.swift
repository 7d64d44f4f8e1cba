import Foundation
import GraphIR
import Tensors

/// The residual network of fixtures/training/make.py: a convolution, one block with a shortcut, and a classifier.
struct SmallNetwork {
    private var editor: GraphEditor
    private let weights: NumpyArchive
    private let elementType: ElementType

    /// The network with the weights `prefix/…` of the archive, for images of 7×7.
    static func graph(weights: NumpyArchive, prefix: String, elementType: ElementType = .float64) throws -> Graph {
        var graph = Graph(name: "small", opset: 17)
        try graph.edit { editor in
            var builder = SmallNetwork(editor: editor, weights: weights, elementType: elementType)
            try builder.build(prefix)
            editor = builder.editor
        }
        return graph
    }

    private mutating func build(_ prefix: String) throws {
        let images = try editor.addInput("images", type: .tensor(TensorType(elementType, [.named("N"), 3, 7, 7])))
        let stem = try relu(normalized(images, "conv1", prefix, stride: 1, padding: 1))
        let inner = try relu(normalized(stem, "conv2", prefix, stride: 2, padding: 1))
        let block = try normalized(inner, "conv3", prefix, stride: 1, padding: 1)
        let shortcut = try normalized(stem, "shortcut", prefix, stride: 2, padding: 0)
        let sum = try apply(.binary(Binary(function: .add, broadcastAxis: .numpy)), [block, shortcut], "sum")
        let pooled = try apply(.globalPool(GlobalPool(function: .average)), [relu(sum)], "pool")
        let flat = try apply(.flatten(Flatten(axis: 1)), [pooled], "flat")
        let dense = Gemm(alpha: 1, beta: 1, transposeA: false, transposeB: true, broadcastsLegacy: false)
        let logits = try apply(
            .gemm(dense), [flat, constant("dense.weight", prefix), constant("dense.bias", prefix)], "logits")
        editor.setOutputs([try apply(.softmax(Softmax(function: .softmax, axis: -1, flattens: false)), [logits], "probabilities")])
    }

    private mutating func normalized(_ x: ValueID, _ name: String, _ prefix: String, stride: Int, padding: Int) throws -> ValueID {
        let pads = [padding, padding]
        let window = Window(kernel: [], strides: [stride, stride], dilations: [], padding: .explicit(begin: pads, end: pads))
        let sum = try apply(
            .convolution(Convolution(window: window, groups: 1)), [x, constant("\(name).weight", prefix)], name)
        let statistics = try ["scale", "bias", "mean", "variance"].map { try constant("\(name).\($0)", prefix) }
        return try apply(
            .batchNorm(BatchNorm(epsilon: 1e-5, momentum: 0.9, trainingMode: false)), [sum] + statistics, "\(name).norm")
    }

    private mutating func relu(_ x: ValueID) throws -> ValueID {
        try apply(.activation(Activation(function: .relu)), [x], "relu")
    }

    private mutating func constant(_ name: String, _ prefix: String) throws -> ValueID {
        guard let tensor = weights["\(prefix)/\(name)"] else {
            throw CleaveError(.malformedFile, "the archive has no such array", at: .init(tensor: "\(prefix)/\(name)"))
        }
        return try editor.addConstant(Tensor(tensor.doubles() ?? [], shape: tensor.shape, as: elementType), name: name)
    }

    private mutating func apply(_ operation: Operator, _ inputs: [ValueID], _ name: String) throws -> ValueID {
        try editor.insertSingle(operation, inputs: inputs, output: .new(name: name), name: name, before: nil, origin: nil)
    }
}

/// The root of the repository.
let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
