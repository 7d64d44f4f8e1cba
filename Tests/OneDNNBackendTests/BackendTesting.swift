import Execution
import GraphIR
import OneDNNBackend
import ReferenceBackend
import Tensors
import Testing

/// Uniform in −1 ..< 1.
func random(_ shape: [Int], seed: UInt64) throws -> Tensor {
    var generator = SeededRandom(seed: seed)
    return try Tensor(shape: shape, of: Float.self) { elements in
        for index in elements.indices { elements[index] = Float(generator.uniform(-1, 1)) }
    }
}

/// A tensor for every input of a graph whose shapes are known.
func randomInputs(_ graph: Graph, seed: UInt64) throws -> [String: Tensor] {
    var inputs: [String: Tensor] = [:]
    for (index, id) in graph.inputs.enumerated() {
        inputs[graph[id].name] = try random(#require(graph[id].tensorType?.knownShape), seed: seed + UInt64(index))
    }
    return inputs
}

/// A graph of one input chain, built node by node.
struct GraphBuilder {
    var graph = Graph(name: "test", opset: 17)
    private var seed: UInt64 = 1

    init() {}

    mutating func input(_ name: String, _ shape: [Int]) throws -> ValueID {
        try graph.edit { try $0.addInput(name, type: .tensor(TensorType(.float32, lengths: shape))) }
    }

    mutating func constant(_ tensor: Tensor) throws -> ValueID {
        try graph.edit { try $0.addConstant(tensor, name: "constant") }
    }

    mutating func weight(_ shape: [Int], scale: Float = 1) throws -> ValueID {
        seed += 1
        let tensor = try random(shape, seed: seed)
        return try constant(Tensor(tensor.elements(as: Float.self).map { $0 * scale }, shape: shape))
    }

    mutating func add(_ operation: Operator, _ inputs: ValueID?...) throws -> ValueID {
        try graph.edit {
            try $0.insertSingle(operation, inputs: inputs, output: .new(name: "value"), name: "", before: nil, origin: nil)
        }
    }

    mutating func convolution(
        _ input: ValueID, _ weights: [Int], strides: [Int] = [], dilations: [Int] = [], begin: [Int] = [], end: [Int] = [], groups: Int = 1,
        bias: Bool = false
    ) throws -> ValueID {
        let window = Window(kernel: [], strides: strides, dilations: dilations, padding: .explicit(begin: begin, end: end))
        let scale = 1 / Float(weights.dropFirst().reduce(1, *)).squareRoot()
        return try add(
            .convolution(.init(window: window, groups: groups)), input, weight(weights, scale: scale),
            bias ? weight([weights[0]]) : nil)
    }

    mutating func batchNorm(_ input: ValueID, channels: Int) throws -> ValueID {
        let variance = try constant(Tensor((0..<channels).map { 0.5 + Float($0 % 5) / 4 }, shape: [channels]))
        return try add(
            .batchNorm(.init(epsilon: 1e-5, momentum: 0.9, trainingMode: false)), input, weight([channels]), weight([channels]),
            weight([channels]), variance)
    }

    mutating func relu(_ input: ValueID) throws -> ValueID { try add(.activation(.init(function: .relu)), input) }

    mutating func sum(_ a: ValueID, _ b: ValueID) throws -> ValueID {
        try add(.binary(.init(function: .add, broadcastAxis: .numpy)), a, b)
    }

    mutating func finish(_ outputs: ValueID...) throws -> Graph {
        try graph.edit { $0.setOutputs(outputs) }
        return graph
    }
}

/// Expects every output to have the reference's type and shape, and numbers within 10⁻⁴ of the largest one.
func expectAgreement(
    _ graph: Graph, _ inputs: [String: Tensor], backend: OneDNNBackend = OneDNNBackend(threads: 2),
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let shapes = inputs.mapValues(\.shape)
    let actual = try backend.prepare(graph, inputShapes: shapes).makeSession().run(inputs)
    let expected = try ReferenceBackend().prepare(graph, inputShapes: shapes).makeSession().run(inputs)
    #expect(Set(actual.keys) == Set(expected.keys), sourceLocation: sourceLocation)
    for (name, expected) in expected {
        try expectClose(#require(actual[name], sourceLocation: sourceLocation), expected, sourceLocation: sourceLocation)
    }
}

/// The same, with no step on a reference kernel.
func expectFast(_ graph: Graph, _ inputs: [String: Tensor], sourceLocation: SourceLocation = #_sourceLocation) throws {
    try expectAgreement(graph, inputs, sourceLocation: sourceLocation)
    let session = try OneDNNBackend(threads: 2).prepare(graph, inputShapes: inputs.mapValues(\.shape)).makeSession()
    let profile = try #require(session as? any ProfilingSession, sourceLocation: sourceLocation).profile(inputs).profile
    let slow = profile.steps.filter(\.isFallback).map(\.operatorName)
    #expect(slow.isEmpty, "\(slow)", sourceLocation: sourceLocation)
}

/// Expects equal types and shapes, NaN where the other has NaN, and numbers within `tolerance` of the largest finite one.
func expectClose(
    _ actual: Tensor, _ expected: Tensor, tolerance: Double = 1e-4, sourceLocation: SourceLocation = #_sourceLocation
) throws {
    #expect(actual.elementType == expected.elementType, sourceLocation: sourceLocation)
    try #require(actual.shape == expected.shape, sourceLocation: sourceLocation)
    let left = try #require(actual.doubles(), sourceLocation: sourceLocation)
    let right = try #require(expected.doubles(), sourceLocation: sourceLocation)
    let scale = right.filter(\.isFinite).map(\.magnitude).max() ?? 1
    let limit = tolerance * Swift.max(scale, 1e-30)
    let different = zip(left, right).first { $0 != $1 && !($0.isNaN && $1.isNaN) && !(($0 - $1).magnitude <= limit) }
    #expect(different == nil, "\(actual) differs", sourceLocation: sourceLocation)
}
