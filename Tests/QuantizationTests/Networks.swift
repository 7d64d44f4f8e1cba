import Foundation
import GraphIR
import ReferenceBackend
import Tensors
import Testing

@testable import Quantization

/// Wires small networks with seeded weights; every node's only output has the node's name.
struct NetworkBuilder {
    var editor: GraphEditor
    private var random = SeededRandom(seed: 11)

    init(_ editor: GraphEditor) { self.editor = editor }

    mutating func input(_ name: String, _ shape: [GraphIR.Dimension]) throws -> ValueID {
        try editor.addInput(name, type: .tensor(TensorType(.float32, shape)))
    }

    mutating func constant(_ name: String, _ values: [Float], _ shape: [Int]) throws -> ValueID {
        try editor.addConstant(Tensor(values, shape: shape), name: name)
    }

    mutating func weights(_ name: String, _ shape: [Int]) throws -> ValueID {
        let count = shape.reduce(1, *)
        return try constant(name, (0..<count).map { _ in Float(random.uniform(-1, 1)) }, shape)
    }

    mutating func node(_ operation: Operator, _ inputs: [ValueID?], _ name: String) throws -> ValueID {
        try editor.insertSingle(operation, inputs: inputs, output: .new(name: name), name: name, before: nil, origin: nil)
    }

    /// A 3×3 convolution with padding, or one of another kernel.
    mutating func conv(_ input: ValueID, _ shape: [Int], _ name: String, groups: Int = 1) throws -> ValueID {
        let operands = [input, try weights(name + ".weight", shape), try weights(name + ".bias", [shape[0]])]
        let pads = shape[2...].map { $0 / 2 }
        let window = Window(kernel: [], strides: [], dilations: [], padding: .explicit(begin: Array(pads), end: Array(pads)))
        return try node(.convolution(Convolution(window: window, groups: groups)), operands, name)
    }

    mutating func relu(_ input: ValueID, _ name: String) throws -> ValueID {
        try node(.activation(Activation(function: .relu)), [input], name)
    }

    mutating func add(_ a: ValueID, _ b: ValueID, _ name: String) throws -> ValueID {
        try node(.binary(Binary(function: .add, broadcastAxis: .numpy)), [a, b], name)
    }
}

func network(opset: Int = 13, _ body: (inout NetworkBuilder) throws -> [ValueID]) throws -> Graph {
    var graph = Graph(name: "test", opset: opset)
    try graph.edit { editor in
        var builder = NetworkBuilder(editor)
        let outputs = try body(&builder)
        builder.editor.setOutputs(outputs)
        editor = builder.editor
    }
    return graph
}

/// Convolution, ReLU, a residual block, pooling, flattening and a classifier.
func residualNetwork() throws -> Graph {
    try network {
        let x = try $0.input("x", [.named("N"), 3, 8, 8])
        let stem = try $0.relu(try $0.conv(x, [8, 3, 3, 3], "stem"), "stem_relu")
        let window = Window(kernel: [2, 2], strides: [2, 2], dilations: [], padding: .explicit(begin: [], end: []))
        let pooled = try $0.node(.maxPool(MaxPool(window: window, ceilMode: false, columnMajorIndices: false)), [stem], "pool")
        let a = try $0.relu(try $0.conv(pooled, [8, 8, 3, 3], "a"), "a_relu")
        let b = try $0.conv(a, [8, 8, 3, 3], "b")
        let sum = try $0.relu(try $0.add(b, pooled, "add"), "add_relu")
        let average = try $0.node(.globalPool(GlobalPool(function: .average)), [sum], "average")
        let flat = try $0.node(.flatten(Flatten(axis: 1)), [average], "flat")
        let weight = try $0.weights("fc.weight", [5, 8])
        let bias = try $0.weights("fc.bias", [5])
        let gemm = Gemm(alpha: 1, beta: 1, transposeA: false, transposeB: true, broadcastsLegacy: false)
        let logits = try $0.node(.gemm(gemm), [flat, weight, bias], "logits")
        return [try $0.node(.softmax(Softmax(function: .softmax, axis: -1, flattens: false)), [logits], "y")]
    }
}

func samples(_ shape: [Int], seed: UInt64 = 5, scale: Double = 1) throws -> Tensor {
    var random = SeededRandom(seed: seed)
    return try Tensor((0..<shape.reduce(1, *)).map { _ in Float(random.uniform(-scale, scale)) }, shape: shape)
}

/// What calibration on one batch of `count` samples says.
func calibrated(_ graph: Graph, count: Int = 16, detail: ValueStatistics.Detail = [.histogram, .channelMeans]) throws -> CalibrationRecord {
    let calibrator = try Calibrator(graph, backend: ReferenceBackend(), detail: detail)
    let input = graph[graph.inputs[0]]
    let shape = [count] + (input.tensorType?.shape ?? []).dropFirst().map { $0.known ?? 1 }
    try calibrator.add(.init(inputs: [input.name: try samples(shape)], sampleNames: (0..<count).map { "sample \($0)" }))
    return try calibrator.record(equalized: false)
}

func run(_ graph: Graph, _ inputs: [String: Tensor], observing: [String] = []) throws -> [String: Tensor] {
    try ReferenceBackend().prepare(graph, inputShapes: inputs.mapValues(\.shape)).makeSession().run(inputs, observing: observing)
}

/// Decibels of signal over the noise that `other` has against it.
func signalToNoise(_ original: Tensor, _ other: Tensor) -> Double {
    let (left, right) = (original.doubles() ?? [], other.doubles() ?? [])
    guard left.count == right.count, !left.isEmpty else { return -.infinity }
    let noise = zip(left, right).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    let signal = left.reduce(0) { $0 + $1 * $1 }
    return noise == 0 ? .infinity : 10 * log10(signal / noise)
}

extension Graph {
    func producer(ofValue name: String) -> Node? { value(named: name).flatMap { producer(of: $0.id) } }

    func nodes(named operatorName: String) -> [Node] { nodes.filter { $0.operator.name == operatorName } }

    var interface: [String] { (inputs + outputs).map { "\(self[$0].name): \(self[$0].type.map(String.init(describing:)) ?? "?")" } }
}
