import Cleave

/// Wires a graph tersely; weights are seeded random numbers.
struct GraphSketch {
    private var editor: GraphEditor
    private var generator = SeededRandom(seed: 1)
    private var count = 0

    /// A graph whose outputs are what `body` returns.
    static func graph(_ body: (inout GraphSketch) throws -> [ValueID]) throws -> Graph {
        var graph = Graph(name: "benchmark", opset: 17)
        try graph.edit { editor in
            var sketch = GraphSketch(editor: editor)
            let outputs = try body(&sketch)
            sketch.editor.setOutputs(outputs)
            editor = sketch.editor
        }
        return graph
    }

    private init(editor: GraphEditor) { self.editor = editor }

    private mutating func name(_ base: String) -> String {
        count += 1
        return "\(base)\(count)"
    }

    mutating func input(_ shape: [Int]) throws -> ValueID {
        try editor.addInput(name("input"), type: .tensor(TensorType(.float32, lengths: shape)))
    }

    mutating func constant(_ tensor: Tensor) throws -> ValueID { try editor.addConstant(tensor, name: name("constant")) }

    /// Uniform numbers.
    mutating func weight(_ shape: [Int], in range: ClosedRange<Double> = -1...1) throws -> ValueID {
        let values = (0..<shape.reduce(1, *)).map { _ in Float(generator.uniform(range.lowerBound, range.upperBound)) }
        return try constant(Tensor(values, shape: shape))
    }

    mutating func node(_ operation: Operator, _ inputs: ValueID?...) throws -> ValueID {
        try editor.insertSingle(
            operation, inputs: inputs, output: .new(name: name("value")), name: name("node"), before: nil, origin: nil)
    }

    /// A convolution with weight [filters, channels / groups, kernel …] and "same" padding for odd kernels.
    mutating func convolution(
        _ input: ValueID, _ weight: [Int], stride: Int = 1, dilation: Int = 1, groups: Int = 1
    ) throws -> ValueID {
        let kernel = Array(weight.dropFirst(2))
        let pads = kernel.map { dilation * ($0 - 1) / 2 }
        let window = Window(
            kernel: kernel, strides: kernel.map { _ in stride }, dilations: kernel.map { _ in dilation },
            padding: .explicit(begin: pads, end: pads))
        let limit = 1 / Double(weight.dropFirst().reduce(1, *)).squareRoot()
        return try node(.convolution(.init(window: window, groups: groups)), input, self.weight(weight, in: -limit...limit))
    }

    mutating func batchNorm(_ input: ValueID, channels: Int) throws -> ValueID {
        try node(
            .batchNorm(.init(epsilon: 1e-5, momentum: 0.9, trainingMode: false)), input, weight([channels], in: 0.5...1.5),
            weight([channels]), weight([channels]), weight([channels], in: 0.5...1.5))
    }

    mutating func relu(_ input: ValueID) throws -> ValueID { try node(.activation(.init(function: .relu)), input) }
}
