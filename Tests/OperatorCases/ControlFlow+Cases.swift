import GraphIR
import Tensors

/// A subgraph that `build` makes from its inputs; it returns the outputs.
private func subgraph(
    opset: Int, inputs: [(name: String, type: TensorType)], constants: [(name: String, tensor: Tensor)] = [],
    _ build: (inout GraphEditor, _ inputs: [ValueID], _ constants: [ValueID]) throws -> [ValueID]
) -> Subgraph {
    do {
        var graph = Graph(name: "body", opset: opset)
        try graph.edit { editor in
            let constants = try constants.map { try editor.addConstant($0.tensor, name: $0.name) }
            let inputs = try inputs.map { try editor.addInput($0.name, type: .tensor($0.type)) }
            editor.setOutputs(try build(&editor, inputs, constants))
        }
        return Subgraph(graph)
    } catch {
        preconditionFailure("the table has a malformed subgraph: \(error)")
    }
}

extension GraphEditor {
    fileprivate mutating func node(_ operation: Operator, _ inputs: ValueID..., as name: String) throws -> ValueID {
        try insertSingle(operation, inputs: inputs, output: .new(name: name), name: name, before: nil, origin: nil)
    }
}

private func binary(_ function: Binary.Function) -> Operator { .binary(Binary(function: function, broadcastAxis: .numpy)) }

private func constantBranch(_ elements: [Double]) -> Subgraph {
    subgraph(opset: 13, inputs: []) { editor, _, _ in
        let value = Constant.Value(tensor: tensor(.float32, [elements.count], elements), form: .tensor)
        return [try editor.node(.constant(Constant(value: value)), as: "chosen")]
    }
}

private let loopInputs: [(name: String, type: TensorType)] = [
    ("iteration", TensorType(.int64, [])), ("condition", TensorType(.bool, [])),
]

/// x + x, which is stacked too, while the iteration is below 2.
private let doubling = subgraph(
    opset: 13, inputs: loopInputs + [("x", TensorType(.float32, [1]))], constants: [("two", tensor(.int64, [], [2]))]
) { editor, inputs, constants in
    let goesOn = try editor.node(binary(.less), inputs[0], constants[0], as: "goes on")
    let sum = try editor.node(binary(.add), inputs[2], inputs[2], as: "sum")
    return [goesOn, sum, try editor.node(.identity(Identity()), sum, as: "each sum")]
}

/// x and x again, which makes the state longer, while the iteration is below 1.
private let growing = subgraph(
    opset: 13, inputs: loopInputs + [("x", TensorType(.float32, [.unknown]))], constants: [("one", tensor(.int64, [], [1]))]
) { editor, inputs, constants in
    let goesOn = try editor.node(binary(.less), inputs[0], constants[0], as: "goes on")
    return [goesOn, try editor.node(.concat(Concat(axis: 0)), inputs[2], inputs[2], as: "twice")]
}

private func runningSum(opset: Int) -> Subgraph {
    subgraph(opset: opset, inputs: [("sum", TensorType(.float32, [2])), ("x", TensorType(.float32, [2]))]) { editor, inputs, _ in
        let sum = try editor.node(binary(.add), inputs[0], inputs[1], as: "next")
        return [sum, try editor.node(.identity(Identity()), sum, as: "each")]
    }
}

@CaseList
var controlFlowCases: [OperatorCase] {
    OperatorCase(
        "if: true", .branch(If(thenBranch: constantBranch([1, 2]), elseBranch: constantBranch([3, 4]))), opset: 13,
        operands: [tensor(.bool, [], [1])],
        outputs: [tensor(.float32, [2], [1, 2])], tolerance: 0)
    OperatorCase(
        "if: false, branches of different lengths",
        .branch(If(thenBranch: constantBranch([1, 2]), elseBranch: constantBranch([3, 4, 5]))), opset: 13,
        operands: [tensor(.bool, [1], [0])],
        outputs: [tensor(.float32, [3], [3, 4, 5])], tolerance: 0)
    OperatorCase(
        "loop: state and scan output, stopped by its condition", .loop(Loop(body: doubling)), opset: 13,
        operands: [tensor(.int64, [], [5]), tensor(.bool, [], [1]), tensor(.float32, [1], [1])],
        outputs: [tensor(.float32, [1], [8]), tensor(.float32, [3, 1], [2, 4, 8])], tolerance: 1e-05)
    OperatorCase(
        "loop: no condition to begin with", .loop(Loop(body: doubling)), opset: 13,
        operands: [tensor(.int64, [], [2]), nil, tensor(.float32, [1], [1])],
        outputs: [tensor(.float32, [1], [4]), tensor(.float32, [2, 1], [2, 4])], tolerance: 1e-05)
    OperatorCase(
        "loop: no iteration", .loop(Loop(body: doubling)), opset: 13,
        operands: [tensor(.int64, [], [0]), tensor(.bool, [], [1]), tensor(.float32, [1], [1])],
        outputs: [tensor(.float32, [1], [1]), tensor(.float32, [0, 1], [])], tolerance: 1e-05)
    OperatorCase(
        "loop: a state that grows", .loop(Loop(body: growing)), opset: 13,
        operands: [tensor(.int64, [], [9]), tensor(.bool, [], [1]), tensor(.float32, [1], [3])],
        outputs: [tensor(.float32, [4], [3, 3, 3, 3])], tolerance: 1e-05)
    OperatorCase(
        "scan: axes and directions",
        .scan(
            Scan(
                body: runningSum(opset: 13), scanInputCount: 1, inputAxes: [1], inputsReversed: [true], outputAxes: [1],
                outputsReversed: [true], isBatched: false)), opset: 13,
        operands: [tensor(.float32, [2], [0, 10]), tensor(.float32, [2, 3], [1, 2, 3, 4, 5, 6])],
        outputs: [tensor(.float32, [2], [6, 25]), tensor(.float32, [2, 3], [6, 5, 3, 25, 21, 16])], tolerance: 1e-05)
    OperatorCase(
        "scan: sequences of a batch",
        .scan(
            Scan(
                body: runningSum(opset: 8), scanInputCount: 1, inputAxes: [], inputsReversed: [], outputAxes: [], outputsReversed: [],
                isBatched: true)), opset: 8,
        operands: [
            tensor(.int64, [2], [3, 1]), tensor(.float32, [2, 2], [0, 10, 1, 1]),
            tensor(.float32, [2, 3, 2], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
        ],
        outputs: [
            tensor(.float32, [2, 2], [6, 19, 7, 8]), tensor(.float32, [2, 3, 2], [0, 11, 2, 14, 6, 19, 7, 8, 0, 0, 0, 0]),
        ], tolerance: 1e-05)
}
