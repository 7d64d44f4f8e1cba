import COnnxSchema
import Foundation
import GraphIR
import Tensors
import Testing

@testable import ONNXFormat

@Suite("Models that break a rule")
struct ImportErrorTests {
    /// What the import of a model says; `nil` when it has no objection.
    private func problem(_ model: TestModel) -> CleaveError? {
        do {
            _ = try model.imported()
            return nil
        } catch { return error as? CleaveError }
    }

    @Test("An operand that nothing makes is named, with its node")
    func missingTensor() throws {
        let model = TestModel()
        model.input("x", [2])
        model.node("Add", ["x", "ghost"], ["y"], name: "sum")
        model.output("y", nil)
        let error = try #require(problem(model))
        #expect(error.kind == .invalidGraph)
        #expect(
            error.description
                == "node 'sum' (Add): tensor 'ghost': nothing makes operand 1, expected an input, an initializer or a node")
    }

    @Test("An output that nothing makes is named")
    func missingOutput() throws {
        let model = TestModel("Relu")
        model.output("z", nil)
        #expect(try #require(problem(model)).description == "tensor 'z': nothing makes this output of the graph, expected a node")
    }

    @Test("Two values of one name are refused, wherever they come from")
    func duplicates() throws {
        let twoNodes = TestModel("Relu")
        twoNodes.node("Abs", ["x"], ["y"], name: "again")
        #expect(try #require(problem(twoNodes)).description.contains("node 'again' (Abs): tensor 'y'"))

        let nodeAndInput = TestModel("Relu")
        nodeAndInput.input("y", [2])
        #expect(problem(nodeAndInput)?.location.tensor == "y")

        let twoInputs = TestModel("Relu")
        twoInputs.input("x", [2])
        #expect(problem(twoInputs)?.location.tensor == "x")

        let twoInitializers = TestModel("Relu")
        twoInitializers.initializer("w", Tensor(scalar: Float(1)))
        twoInitializers.initializer("w", Tensor(scalar: Float(2)))
        #expect(problem(twoInitializers)?.location.tensor == "w")
    }

    @Test("A cycle is refused, and a node on it named")
    func cycle() throws {
        let model = TestModel()
        model.input("x", [2])
        model.node("Add", ["x", "b"], ["a"], name: "first")
        model.node("Relu", ["a"], ["b"], name: "second")
        model.output("b", nil)
        let error = try #require(problem(model))
        #expect(error.problem.contains("cycle"))
        #expect(["first", "second"].contains(error.location.node))
    }

    @Test("Nodes in another order than they run are sorted")
    func unsorted() throws {
        let model = TestModel()
        model.input("x", [2])
        model.node("Relu", ["hidden"], ["y"], name: "second")
        model.node("Abs", ["x"], ["hidden"], name: "first")
        model.output("y", nil)
        let graph = try model.imported()
        #expect(graph.nodes.map(\.name) == ["first", "second"])
        #expect(try #require(graph.value(named: "y")?.type) == TestModel.float([2]))
    }

    @Test("An attribute of the wrong kind is named")
    func wrongAttribute() throws {
        let error = try #require(problem(TestModel("Transpose") { $0.float("perm", 1) }))
        #expect(error.kind == .invalidAttribute)
        #expect(error.description == "node 'y' (Transpose): attribute 'perm' is a float, expected a list of integers")
        let missing = try #require(problem(TestModel("Concat")))
        #expect(missing.problem == "attribute 'axis' is missing, and it is required")
        let twice = TestModel("Softmax") {
            $0.int("axis", 0)
            $0.int("axis", 1)
        }
        #expect(problem(twice)?.problem == "attribute 'axis' is given twice")
        let odd = TestModel("MaxPool") {
            $0.ints("kernel_shape", [2])
            $0.ints("pads", [1])
        }
        #expect(problem(odd)?.problem == "attribute 'pads' has 1 entries, expected two per spatial dimension")
    }

    @Test("Versions that cannot be read are named, with what to do")
    func versions() throws {
        let tooNew = try #require(problem(TestModel("Relu", opset: 25)))
        #expect(tooNew.kind == .unsupported)
        #expect(tooNew.problem == "opset 25 is newer than what Cleave reads (up to 23)")
        #expect(tooNew.suggestion == "export the model again with opset 23 or older")
        #expect(problem(TestModel("Relu", opset: 0))?.problem == "the opset is 0, expected 1 or more")

        let none = TestModel(opset: nil)
        none.input("x", [2])
        none.node("Relu", ["x"], ["y"])
        #expect(problem(none)?.location.operatorName == "Relu")

        let two = TestModel("Relu")
        two.importOpset("ai.onnx", 14)
        #expect(problem(two)?.problem == "the default operator set is imported in versions [13, 14], expected one")

        let noVersion = TestModel("Relu")
        noVersion.message.pointee.ir_version = 0
        #expect(problem(noVersion)?.suggestion == "is it an ONNX model?")

        let noGraph = TestModel("Relu")
        noGraph.message.pointee.graph = nil
        #expect(problem(noGraph)?.problem == "the model has no graph")
    }

    @Test("Models of the first IR versions mean opset 1")
    func oldModels() throws {
        let model = TestModel(irVersion: 2, opset: nil)
        model.input("x", [2])
        model.node("Relu", ["x"], ["y"]) { $0.ints("consumed_inputs", [0]) }
        model.output("y", nil)
        let graph = try model.imported()
        #expect(graph.nodes.map(\.operator) == [.opaque(OpaqueOperator(domain: "", name: "Relu", overload: ""))])
        #expect(try MessageComparison.difference(model.bytes, graph.onnxBytes()) == nil)
    }

    @Test("A default or an output of another element type than declared is refused")
    func declaredTypes() throws {
        let wrongDefault = TestModel("Relu")
        wrongDefault.initializer("x", try Tensor([Int64](repeating: 1, count: 6), shape: [2, 3]))
        #expect(problem(wrongDefault)?.description == "tensor 'x': the input's default has elements of int64, expected float32")
        let wrongOutput = TestModel("Shape")
        #expect(problem(wrongOutput)?.kind == .typeMismatch)
        #expect(problem(wrongOutput)?.location.tensor == "y")
    }

    @Test("Text that is not UTF-8 is refused")
    func notUTF8() throws {
        let model = TestModel("Relu")
        model.graph.pointee.name.map { $0[0] = CChar(bitPattern: 0xFF) }
        #expect(problem(model)?.problem.hasSuffix("is not valid UTF-8") == true)
        #expect(problem(model)?.problem.hasPrefix("byte 0 of the text '") == true)
    }

    @Test("Files that cannot be read are named")
    func files() throws {
        try Tools.withTemporaryFolder { folder in
            let missing = folder.appending(path: "missing.onnx").path
            let error = try #require(throws: CleaveError.self) { _ = try Graph(onnx: missing) }
            #expect(error.kind == .file)
            #expect(error.location.file == missing)
            #expect(throws: CleaveError.self) { _ = try Graph(onnx: folder.path) }
            let empty = folder.appending(path: "empty.onnx")
            try Data().write(to: empty)
            #expect(try #require(throws: CleaveError.self) { _ = try Graph(onnx: empty.path) }.problem == "the file is empty")
            let words = folder.appending(path: "words.onnx")
            try Data("no model at all".utf8).write(to: words)
            #expect(try #require(throws: CleaveError.self) { _ = try Graph(onnx: words.path) }.kind == .malformedFile)
        }
    }
}
