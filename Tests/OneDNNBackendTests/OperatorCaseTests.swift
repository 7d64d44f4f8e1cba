import Execution
import GraphIR
import OneDNNBackend
import OperatorCases
import Tensors
import Testing

/// Every case of the table, with its operands as inputs and as constants.
struct OperatorCaseTests {
    /// - Parameter isInput: whether the operand at a position is given at every run and not part of the graph.
    private func run(_ operatorCase: OperatorCase, isInput: (Int, Tensor) -> Bool) throws {
        var graph = Graph(name: "case", opset: operatorCase.opset)
        var given: [String: Tensor] = [:]
        try graph.edit { editor in
            let operands = try operatorCase.operands.enumerated().map { index, tensor -> ValueID? in
                guard let tensor else { return nil }
                guard isInput(index, tensor) else { return try editor.addConstant(tensor, name: "operand\(index)") }
                given["operand\(index)"] = tensor
                return try editor.addInput("operand\(index)", type: .tensor(TensorType(tensor.elementType, lengths: tensor.shape)))
            }
            let node = try editor.insert(
                operatorCase.operation, inputs: operands, outputs: operatorCase.outputs.indices.map { .new(name: "output\($0)") },
                name: "node", before: nil, origin: nil)
            editor.setOutputs(editor.graph[node].outputs.compactMap { $0 })
        }
        let session = try OneDNNBackend(threads: 2).prepare(graph, inputShapes: [:]).makeSession()
        for _ in 0..<2 {
            let results = try session.run(given)
            for (index, expected) in operatorCase.outputs.enumerated() {
                try compare(#require(results["output\(index)"]), expected, operatorCase.tolerance)
            }
        }
    }

    private func compare(_ actual: Tensor, _ expected: Tensor, _ tolerance: Double) throws {
        #expect(actual.elementType == expected.elementType)
        try #require(actual.shape == expected.shape)
        guard let left = actual.doubles(), let right = expected.doubles() else {
            #expect(actual.isIdentical(to: expected))
            return
        }
        let limit = expected.elementType.isFloatingPoint ? Swift.max(tolerance, 1e-5) : 0
        for (index, (left, right)) in zip(left, right).enumerated() where left != right && !(left.isNaN && right.isNaN) {
            #expect((left - right).magnitude <= limit * Swift.max(1, right.magnitude), "element \(index): \(left), expected \(right)")
        }
    }

    @Test(arguments: allOperatorCases + gradientOperatorCases + integerOperatorCases)
    func changingOperands(_ operatorCase: OperatorCase) throws {
        try run(operatorCase) { $1.elementType == .float32 || $0 == 0 }
    }

    @Test(arguments: allOperatorCases + gradientOperatorCases + integerOperatorCases)
    func constantParameters(_ operatorCase: OperatorCase) throws {
        try run(operatorCase) { index, _ in index == 0 }
    }

    @Test(arguments: allOperatorCases + gradientOperatorCases + integerOperatorCases)
    func everythingConstant(_ operatorCase: OperatorCase) throws {
        try run(operatorCase) { _, _ in false }
    }
}
