import GraphIR
import Tensors
import Testing

@testable import Autodiff

/// Networks that were exported as they are in training.
@Suite struct InferenceFormTests {
    /// A batch norm with the outputs that older opsets have in training, and a dropout.
    private func network(opset: Int, outputs: Int = 1, dropout: Dropout, mode: Bool?) throws -> Graph {
        var graph = Graph(name: "net", opset: opset)
        try graph.edit { editor in
            let x = try editor.addInput("x", type: .tensor(TensorType(.float32, [.named("N"), 2])))
            let constants = try [("scale", 1.0), ("bias", 0), ("mean", 0.5), ("variance", 2)].map { name, value in
                try editor.addConstant(Tensor(repeating: value, shape: [2], as: .float32), name: name)
            }
            let names = ["y", "new mean", "new variance", "saved mean", "saved variance"].prefix(outputs)
            let norm = try editor.insert(
                .batchNorm(BatchNorm(epsilon: 1e-5, momentum: 0.9, trainingMode: true)), inputs: [x] + constants,
                outputs: names.map { .new(name: $0) }, name: "norm", before: nil, origin: nil)
            var operands = [editor.graph[norm].outputs[0]]
            if let mode { operands += [nil, try editor.addConstant(Tensor(scalar: mode), name: "mode")] }
            let z = try editor.insertSingle(
                .dropout(dropout), inputs: operands, output: .new(name: "z"), name: "drop", before: nil, origin: nil)
            editor.setOutputs([z])
        }
        return graph
    }

    @Test func normsAndDropoutsBecomeThoseOfInference() throws {
        let plain = Dropout(ratio: nil, seed: nil, isTestLegacy: nil)
        for graph in try [
            network(opset: 17, dropout: plain, mode: true), network(opset: 17, outputs: 3, dropout: plain, mode: false),
            network(opset: 12, outputs: 5, dropout: plain, mode: true),
        ] {
            let result = try graph.forInference()
            try result.verify()
            let nodes = Array(result.nodes)
            #expect(nodes.map(\.name) == ["norm", "drop"])
            #expect(nodes[0].operator == .batchNorm(BatchNorm(epsilon: 1e-5, momentum: 0.9, trainingMode: false)))
            #expect(nodes[0].outputs.count == 1 && nodes[1].inputs.count <= 2)
            #expect(result.outputs.map { result[$0].name } == ["z"])
        }
    }

    @Test func dropoutsOfOpset6AreTests() throws {
        let training = Dropout(ratio: 0.5, seed: nil, isTestLegacy: false)
        let result = try network(opset: 6, dropout: training, mode: nil).forInference()
        #expect(Array(result.nodes)[1].operator == .dropout(Dropout(ratio: 0.5, seed: nil, isTestLegacy: true)))
    }

    @Test func normsWhoseStatisticsAreReadStay() throws {
        var graph = try network(opset: 17, outputs: 3, dropout: Dropout(ratio: nil, seed: nil, isTestLegacy: nil), mode: nil)
        let mean = try #require(graph.value(named: "new mean")).id
        try graph.edit { $0.setOutputs($0.graph.outputs + [mean]) }
        #expect(try graph.forInference().nodes.map(\.operator) == graph.nodes.map(\.operator))
    }
}
