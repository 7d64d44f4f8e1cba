import GraphIR
import Tensors

/// Shorthand for building graphs in tests.
func type(_ elementType: ElementType, _ shape: [Dimension]?) -> ValueType { .tensor(TensorType(elementType, shape)) }

let unpadded = Window.Padding.explicit(begin: [], end: [])

func convolution(strides: [Int] = [], padding: Window.Padding = unpadded, groups: Int = 1) -> Operator {
    .convolution(Convolution(window: Window(kernel: [], strides: strides, dilations: [], padding: padding), groups: groups))
}

let relu = Operator.activation(Activation(function: .relu))
let add = binary(.add)

func binary(_ function: Binary.Function) -> Operator { .binary(Binary(function: function, broadcastAxis: .numpy)) }

func ints(_ values: Int...) throws -> Tensor { try Tensor(values.map { Int64($0) }, shape: [values.count]) }

extension GraphEditor {
    /// Adds a node with one new output at the end.
    mutating func apply(_ operation: Operator, _ inputs: ValueID?..., as name: String) throws -> ValueID {
        try insertSingle(operation, inputs: inputs, output: .new(name: name), name: name, before: nil, origin: nil)
    }
}

/// What inference says of a single node with operands of the given types; integer tensors in `constants` replace operands.
func infer(
    _ operation: Operator, _ types: [ValueType?], constants: [Int: Tensor] = [:], outputs: Int = 1, opset: Int = 17
) throws -> [InferredValue] {
    var graph = Graph(name: "one node", opset: opset)
    try graph.edit { editor in
        let operands = try types.enumerated().map { index, type -> ValueID? in
            if let tensor = constants[index] { return try editor.addConstant(tensor, name: "c\(index)") }
            return try type.map { try editor.addInput("x\(index)", type: $0) }
        }
        let node = try editor.insert(
            operation, inputs: operands, outputs: (0..<outputs).map { .new(name: "y\($0)") }, name: "n", before: nil, origin: nil)
        editor.setOutputs(editor.graph[node].outputs.compactMap { $0 })
    }
    return graph.outputs.map { InferredValue(type: graph[$0].type, contents: graph[$0].contents) }
}

/// The problem that inference has with a node.
func problem(_ operation: Operator, _ types: [ValueType?], constants: [Int: Tensor] = [:], outputs: Int = 1, opset: Int = 17) -> String? {
    do {
        _ = try infer(operation, types, constants: constants, outputs: outputs, opset: opset)
        return nil
    } catch let error as CleaveError {
        return error.problem
    } catch {
        return "\(error)"
    }
}

/// The shape of the first output as text.
func shape(_ operation: Operator, _ types: [ValueType?], constants: [Int: Tensor] = [:], opset: Int = 17) throws -> String {
    try infer(operation, types, constants: constants, opset: opset)[0].type?.description ?? "unknown"
}
