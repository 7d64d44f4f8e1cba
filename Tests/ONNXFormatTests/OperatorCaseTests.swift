import GraphIR
import OperatorCases
import Tensors
import Testing

@testable import ONNXFormat

@Suite("The table of operators, written and read")
struct OperatorCaseTests {
    /// The case as a graph: its first operand an input, the others constants.
    private func graph(_ item: OperatorCase) throws -> Graph {
        var graph = Graph(name: "case", opset: item.opset)
        try graph.edit { editor in
            let operands = try item.operands.enumerated().map { index, tensor -> ValueID? in
                guard let tensor else { return nil }
                guard index == 0 else { return try editor.addConstant(tensor, name: "operand \(index)") }
                return try editor.addInput("operand 0", type: .tensor(TensorType(tensor.elementType, lengths: tensor.shape)))
            }
            let node = try editor.insert(
                item.operation, inputs: operands, outputs: item.outputs.indices.map { .new(name: "output \($0)") }, name: "node",
                before: nil, origin: nil)
            editor.setOutputs(editor.graph[node].outputs.compactMap { $0 })
        }
        return graph
    }

    @Test("Every case survives export and import", arguments: allOperatorCases)
    func roundTrip(item: OperatorCase) throws {
        let graph = try graph(item)
        let again = try Graph(onnxBytes: graph.onnxBytes())
        #expect(again.nodes.map(\.operator) == [item.operation])
        #expect(again.outputs.map { again[$0].type } == graph.outputs.map { graph[$0].type })
        for index in item.operands.indices.dropFirst() where item.operands[index] != nil {
            #expect(again.value(named: "operand \(index)")?.constant == item.operands[index])
        }
    }

    @Test("Operators of training graphs are refused by name", arguments: gradientOperatorCases)
    func refusal(item: OperatorCase) throws {
        let error = #expect(throws: CleaveError.self) { try graph(item).onnxBytes() }
        #expect(error?.problem.hasPrefix("\(item.operation.name) belongs to a training graph") == true)
    }

    @Test("Operators of running graphs are refused by name", arguments: integerOperatorCases)
    func integerRefusal(item: OperatorCase) throws {
        let error = #expect(throws: CleaveError.self) { try graph(item).onnxBytes() }
        #expect(error?.problem.hasPrefix("\(item.operation.name) is what a backend makes of a graph") == true)
    }

    @Test("libonnx accepts every case that it is new enough for, and infers the same types")
    func libONNX() throws {
        var asked = 0
        for item in allOperatorCases {
            // libonnx 1.12 infers both sides of the spectrum, whatever is asked for.
            if case .stft(let payload) = item.operation, payload.isOneSided { continue }
            let report = try graph(item).checkWithLibONNX()
            if case .tooNew = report.checker { continue }
            asked += 1
            #expect(report.checker == .accepted, "\(item)")
            #expect(report.inference == .accepted, "\(item)")
            #expect(report.disagreements == [], "\(item)")
        }
        #expect(asked > allOperatorCases.count / 2)
    }
}
