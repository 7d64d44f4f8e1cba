import Execution
import GraphIR
import ReferenceBackend
import Tensors
import Testing

/// Running graphs: what is computed, what is returned, what is refused.
struct SessionTests {
    /// x → Relu → a → Neg → y, and b = NoSuchThing(x), which no output needs.
    private func makeGraph() throws -> Graph {
        var graph = Graph(name: "test", opset: 17)
        try graph.edit { editor in
            let x = try editor.addInput("x", type: .tensor(TensorType(.float32, [.named("N")])))
            let a = try editor.insertSingle(
                .activation(Activation(function: .relu)), inputs: [x], output: .new(name: "a"), name: "first", before: nil, origin: nil)
            let y = try editor.insertSingle(
                .unary(Unary(function: .neg)), inputs: [a], output: .new(name: "y"), name: "second", before: nil, origin: nil)
            _ = try editor.insertSingle(
                .opaque(OpaqueOperator(domain: "test", name: "NoSuchThing", overload: "")), inputs: [x], output: .new(name: "b"),
                name: "third", before: nil, origin: nil)
            editor.setOutputs([y])
        }
        return graph
    }

    private func session(_ graph: Graph) throws -> any Session {
        try ReferenceBackend().prepare(graph, inputShapes: [:]).makeSession()
    }

    @Test func returnsOutputsAndObservedValues() throws {
        let session = try session(makeGraph())
        let x = try floats([-1, 2], [2])
        #expect(try session.run(["x": x]) == ["y": floats([-0.0, -2], [2])])
        #expect(try session.run(["x": x], observing: ["a", "x"]) == ["a": floats([0, 2], [2]), "x": x, "y": floats([-0.0, -2], [2])])
    }

    @Test func observingAnUnneededNodeRunsIt() throws {
        let session = try session(makeGraph())
        #expect(throws: CleaveError(
            .unsupported, "the reference backend does not run this operator", at: .init(node: "third", operatorName: "test.NoSuchThing"),
            suggestion: "export the model with operators of ONNX alone, or with the function that the operator stands for")
        ) {
            try session.run(["x": floats([1], [1])], observing: ["b"])
        }
    }

    @Test func preparingRefusesAnOperatorThatAnOutputNeeds() throws {
        var graph = try makeGraph()
        let b = try #require(graph.value(named: "b")).id
        try graph.edit { $0.setOutputs([b]) }
        let error = #expect(throws: CleaveError.self) { try ReferenceBackend().prepare(graph, inputShapes: [:]) }
        #expect(error?.description == "node 'third' (test.NoSuchThing): the reference backend does not run this operator")
    }

    @Test func operatorsThatCannotBeRunSayWhatToTry() {
        func words(_ domain: String, _ name: String) -> [String?] {
            let operation = Operator.opaque(OpaqueOperator(domain: domain, name: name, overload: ""))
            return [operation.reasonAgainstRunning(on: "reference"), operation.suggestionAgainstRunning]
        }
        #expect(
            words("", "Frob") == [
                "'Frob' is not an operator of ONNX up to opset 23",
                "is its name spelled right, and is its domain missing? Export the model again",
            ])
        #expect(
            words("ai.onnx", "DeformConv") == [
                "the reference backend does not run this operator as this opset and these attributes have it",
                "export the model again with opset 23",
            ])
        #expect(
            words("com.microsoft", "FusedConv") == [
                "the reference backend does not run this operator",
                "export the model without the optimizations of ONNX Runtime, and a quantized one in its QDQ format",
            ])
        #expect(words("", "LSTM") == ["the reference backend does not run recurrent cells", nil])
    }

    @Test func inputsAndConstantsCanBeOutputs() throws {
        var graph = try makeGraph()
        let x = try #require(graph.value(named: "x")).id
        let constant = try counting([3])
        try graph.edit { editor in editor.setOutputs([x, try editor.addConstant(constant, name: "c")]) }
        #expect(try session(graph).run(["x": floats([5], [1])]) == ["x": floats([5], [1]), "c": constant])
    }

    @Test func namesTheFailingNode() throws {
        var graph = try makeGraph()
        let a = try #require(graph.value(named: "a")).id
        try graph.edit { editor in
            let y = try editor.insertSingle(
                .binary(Binary(function: .add, broadcastAxis: .numpy)), inputs: [a, try editor.addConstant(counting([2]), name: "c")],
                output: .new(name: "sum"), name: "adder", before: nil, origin: nil)
            editor.setOutputs([y])
        }
        let session = try session(graph)
        let error = #expect(throws: CleaveError.self) { try session.run(["x": floats([1, 2, 3], [3])]) }
        #expect(error?.location == .init(node: "adder", operatorName: "Add"))
        #expect(error?.kind == .shapeMismatch)
    }

    @Test(arguments: [[:], ["x": [Float(1)], "z": [1]], ["z": [1]]] as [[String: [Float]]])
    func refusesMissingAndSurplusInputs(_ inputs: [String: [Float]]) throws {
        let session = try session(makeGraph())
        #expect(throws: CleaveError.self) { try session.run(inputs.mapValues { Tensor(vector: $0) }) }
    }

    @Test func refusesShapesOfUnknownInputs() throws {
        #expect(throws: CleaveError.self) { try ReferenceBackend().prepare(makeGraph(), inputShapes: ["z": [1]]) }
    }

    @Test func refusesToObserveWhatIsNotThere() throws {
        let session = try session(makeGraph())
        let error = #expect(throws: CleaveError.self) { try session.run(["x": floats([1], [1])], observing: ["nothing"]) }
        #expect(error?.location.tensor == "nothing")
    }

    /// Nothing of it depends on an input, so that no tensor of it is an activation.
    @Test func refusesChainsOfConstantsThatTakeAllMemory() throws {
        var graph = Graph(name: "test", opset: 17)
        try graph.edit { editor in
            var value = try editor.addConstant(counting([1024]), name: "c")
            for index in 0..<40 {
                value = try editor.insertSingle(
                    .concat(Concat(axis: 0)), inputs: [value, value], output: .new(name: "c\(index)"), name: "c\(index)", before: nil,
                    origin: nil)
            }
            editor.setOutputs([value])
        }
        let error = #expect(throws: CleaveError.self) { try ReferenceBackend().prepare(graph, inputShapes: [:]) }
        #expect(error?.kind == .invalidRequest)
    }

    @Test func stopsWhenTheTaskIsCancelled() async throws {
        let graph = try makeGraph()
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            _ = try session(graph).run(["x": floats([1], [1])])
        }
        let error = await #expect(throws: CleaveError.self) { try await task.value }
        #expect(error?.kind == .cancelled)
    }
}
