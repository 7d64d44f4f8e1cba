import GraphIR
import Tensors

/// Builds a small graph: `try makeGraph { let x = try $0.input("x", [1, 3, 8, 8]) … }`.
func makeGraph(opset: Int = 17, _ body: (inout GraphBuilder) throws -> Void) throws -> Graph {
    var graph = Graph(name: "test", opset: opset)
    try graph.edit { editor in
        var builder = GraphBuilder(editor: editor, opset: opset)
        try body(&builder)
        builder.editor.setOutputs(builder.outputs)
        editor = builder.editor
    }
    return graph
}

/// Wires operators tersely. Every node's only output has the node's name; constants are filled with seeded random numbers.
struct GraphBuilder {
    var editor: GraphEditor
    let opset: Int
    var outputs: [ValueID] = []
    private var random = SeededRandom(seed: 7)

    init(editor: GraphEditor, opset: Int) {
        self.editor = editor
        self.opset = opset
    }

    // MARK: Values

    mutating func input(_ name: String, _ shape: [Dimension]?, _ type: ElementType = .float32) throws -> ValueID {
        try editor.addInput(name, type: .tensor(TensorType(type, shape)))
    }

    mutating func output(_ values: ValueID...) { outputs += values }

    mutating func constant(_ name: String, _ tensor: Tensor) throws -> ValueID { try editor.addConstant(tensor, name: name) }

    mutating func floats(_ name: String, _ values: [Double], shape: [Int]? = nil, _ type: ElementType = .float32) throws -> ValueID {
        try constant(name, Tensor(values, shape: shape ?? [values.count], as: type))
    }

    mutating func integers(_ name: String, _ values: [Int], shape: [Int]? = nil) throws -> ValueID {
        try constant(name, Tensor(values.map { Int64($0) }, shape: shape ?? [values.count]))
    }

    /// Random numbers, uniform in `range`.
    mutating func weights(
        _ name: String, _ shape: [Int], in range: ClosedRange<Double> = -1...1, _ type: ElementType = .float32
    ) throws -> ValueID {
        let count = try Tensor.elementCount(of: shape)
        let values = (0..<count).map { _ in random.uniform(range.lowerBound, range.upperBound) }
        return try constant(name, Tensor(values, shape: shape, as: type))
    }

    // MARK: Nodes

    mutating func node(_ operation: Operator, _ inputs: [ValueID?], name: String) throws -> ValueID {
        try editor.insertSingle(operation, inputs: inputs, output: .new(name: name), name: name, before: nil, origin: nil)
    }

    /// A node with several outputs, called `name` and `name` with a number.
    mutating func nodes(_ operation: Operator, _ inputs: [ValueID?], outputs count: Int, name: String) throws -> [ValueID] {
        let outputs = (0..<count).map { GraphEditor.Output.new(name: $0 == 0 ? name : "\(name)_\($0)") }
        let id = try editor.insert(operation, inputs: inputs, outputs: outputs, name: name, before: nil, origin: nil)
        return editor.graph[id].outputs.compactMap { $0 }
    }

    /// `Conv` with random weights called `name.weight` and `name.bias`; `shape` is that of the weight.
    mutating func conv(
        _ input: ValueID, _ shape: [Int], name: String, strides: [Int] = [], dilations: [Int] = [], pads: [Int] = [],
        groups: Int = 1, bias: Bool = true, _ type: ElementType = .float32
    ) throws -> ValueID {
        let weight = try weights("\(name).weight", shape, type)
        let bias = bias ? try weights("\(name).bias", [shape[0]], type) : nil
        return try node(
            .convolution(Convolution(window: window(strides, dilations, pads), groups: groups)), [input, weight, bias].trimmed,
            name: name)
    }

    mutating func convTranspose(
        _ input: ValueID, _ shape: [Int], name: String, strides: [Int] = [], pads: [Int] = [], groups: Int = 1, bias: Bool = true
    ) throws -> ValueID {
        let weight = try weights("\(name).weight", shape)
        let bias = bias ? try weights("\(name).bias", [shape[1] * groups]) : nil
        let payload = ConvolutionTranspose(window: window(strides, [], pads), groups: groups, outputPadding: [], outputShape: nil)
        return try node(.convolutionTranspose(payload), [input, weight, bias].trimmed, name: name)
    }

    /// `BatchNormalization` with random statistics called `name.scale`, `.bias`, `.mean` and `.variance`.
    mutating func batchNorm(_ input: ValueID, _ channels: Int, name: String, _ type: ElementType = .float32) throws -> ValueID {
        let operands = [
            try weights("\(name).scale", [channels], in: 0.5...2, type), try weights("\(name).bias", [channels], type),
            try weights("\(name).mean", [channels], type), try weights("\(name).variance", [channels], in: 0.2...2, type),
        ]
        return try node(.batchNorm(BatchNorm(epsilon: 1e-5, momentum: 0.9, trainingMode: false)), [input] + operands, name: name)
    }

    mutating func relu(_ input: ValueID, name: String) throws -> ValueID {
        try node(.activation(Activation(function: .relu)), [input], name: name)
    }

    mutating func identity(_ input: ValueID, name: String) throws -> ValueID {
        try node(.identity(Identity()), [input], name: name)
    }

    mutating func binary(_ function: Binary.Function, _ a: ValueID, _ b: ValueID, name: String) throws -> ValueID {
        try node(.binary(Binary(function: function, broadcastAxis: .numpy)), [a, b], name: name)
    }

    mutating func transpose(_ input: ValueID, _ permutation: [Int]?, name: String) throws -> ValueID {
        try node(.transpose(Transpose(permutation: permutation)), [input], name: name)
    }

    mutating func reshape(_ input: ValueID, _ shape: [Int], name: String) throws -> ValueID {
        let shape = try integers("\(name).shape", shape)
        return try node(.reshape(Reshape(shape: nil, allowZero: false)), [input, shape], name: name)
    }

    mutating func flatten(_ input: ValueID, name: String) throws -> ValueID {
        try node(.flatten(Flatten(axis: 1)), [input], name: name)
    }

    /// `Pad`; `pads` has the begins of all dimensions, then the ends.
    mutating func pad(_ input: ValueID, _ pads: [Int], mode: Pad.Mode = .constant, value: ValueID? = nil, name: String) throws -> ValueID {
        let pads = try integers("\(name).pads", pads)
        return try node(.pad(Pad(mode: mode, pads: nil, value: 0)), [input, pads, value].trimmed, name: name)
    }

    func window(_ strides: [Int], _ dilations: [Int], _ pads: [Int], kernel: [Int] = []) -> Window {
        let half = pads.count / 2
        return Window(
            kernel: kernel, strides: strides, dilations: dilations,
            padding: .explicit(begin: Array(pads.prefix(half)), end: Array(pads.suffix(half))))
    }
}

extension [ValueID?] {
    /// Without the operands that are left out at the end.
    fileprivate var trimmed: [ValueID?] {
        var result = self
        while let last = result.last, last == nil { result.removeLast() }
        return result
    }
}

extension Graph {
    /// ONNX's names of the operators, in execution order.
    var operatorNames: [String] { nodes.map(\.operator.name) }

    /// The node that makes the value called `name`.
    func producer(ofValue name: String) -> Node? { value(named: name).flatMap { producer(of: $0.id) } }

    /// The constant called `name`.
    func tensor(_ name: String) -> Tensor? { value(named: name).flatMap { constant($0.id) } }

    /// Names, types and order of inputs and outputs: what no rewrite may change.
    var interface: [String] { (inputs + outputs).map { "\(self[$0].name): \(self[$0].type.map(String.init(describing:)) ?? "?")" } }
}
