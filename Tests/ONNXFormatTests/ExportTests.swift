import COnnxSchema
import Foundation
import Tensors
import Testing

@testable import GraphIR
@testable import ONNXFormat

@Suite("Export")
struct ExportTests {
    private func header(_ graph: Graph) throws -> (irVersion: Int64, producer: String) {
        try graph.onnxBytes().withUnsafeBytes {
            let model = try UnpackedMessage<Onnx__ModelProto>($0)
            return (model.pointer.pointee.ir_version, try text(model.pointer.pointee.producer_name))
        }
    }

    private func activation(_ function: Activation.Function, opset: Int) throws -> Graph {
        var graph = Graph(name: "own", opset: opset)
        try graph.edit { editor in
            let x = try editor.addInput("x", type: TestModel.float([2]))
            let y = try editor.insertSingle(
                .activation(Activation(function: function)), inputs: [x], output: .new(name: "y"), name: "act", before: nil, origin: nil)
            editor.setOutputs([y])
        }
        return graph
    }

    @Test(
        "A graph of our own names its producer and the IR version of its opset",
        arguments: [(13, 8), (17, 8), (19, 9), (21, 10), (23, 11)])
    func own(opset: Int, irVersion: Int64) throws {
        let graph = try activation(.relu, opset: opset)
        let header = try header(graph)
        #expect(header.irVersion == irVersion)
        #expect(header.producer == "cleave")
        let again = try Graph(onnxBytes: graph.onnxBytes())
        #expect(again.opset == opset)
        #expect(again.nodes.map(\.operator) == graph.nodes.map(\.operator))
        #expect(again.value(named: "y")?.type == TestModel.float([2]))
    }

    @Test("An operator that the opset does not have is refused, and the node named")
    func tooOld() throws {
        let graph = try activation(.gelu(tanhApproximation: true), opset: 17)
        let error = #expect(throws: CleaveError.self) { try graph.onnxBytes() }
        #expect(error?.description == "node 'act' (Gelu): Gelu exists since opset 20, but the graph's is 17")
        #expect(error?.suggestion == "raise the graph's opset to 20")
    }

    @Test("An attribute that the opset does not have is refused")
    func attributeTooOld() throws {
        var graph = Graph(name: "own", opset: 9)
        try graph.edit { editor in
            let x = try editor.addInput("x", type: TestModel.float([1, 1, 4]))
            let window = Window(kernel: [2], strides: [2], dilations: [], padding: .valid)
            let y = try editor.insertSingle(
                .averagePool(AveragePool(window: window, ceilMode: true, countIncludePad: false)), inputs: [x],
                output: .new(name: "y"), name: "pool", before: nil, origin: nil)
            editor.setOutputs([y])
        }
        let error = #expect(throws: CleaveError.self) { try graph.onnxBytes() }
        #expect(error?.location.node == "pool")
        #expect(error?.problem == "attribute 'ceil_mode' is 1, which is possible since opset 10, but the graph's is 9")
    }

    @Test("A file keeps its IR version, unless the graph now needs a later one")
    func irVersions() throws {
        let listed = TestModel(irVersion: 3, opset: 8)
        listed.input("x", [2])
        listed.input("w", [2])
        listed.initializer("w", Tensor(vector: [Float(1), 2]))
        listed.node("Add", ["x", "w"], ["y"])
        listed.output("y", [2])
        var graph = try listed.imported()
        #expect(try header(graph).irVersion == 3)
        try graph.edit { editor in
            let w = try editor.addConstant(Tensor(vector: [Float(3), 4]), name: "new")
            let node = try #require(Array(editor.graph.nodes).first)
            editor.setInputs(node.id, to: [node.inputs[0], w])
        }
        #expect(try header(graph).irVersion == 4)
        try graph.edit { _ = try $0.addConstant(Tensor([0, 1], shape: [2], as: .float8e5m2), name: "eight bits") }
        #expect(try header(graph).irVersion == 9)
    }

    @Test("The same graph gives the same bytes, however often it is read and written")
    func determinism() throws {
        for name in ["test_if", "test_loop11", "test_conv_with_strides_padding", "test_sequence_map_identity_1_sequence"] {
            let first = try Graph(onnxBytes: Tools.nodeModel(name)).onnxBytes()
            #expect(try Graph(onnxBytes: first).onnxBytes() == first)
            #expect(try Graph(onnxBytes: Tools.nodeModel(name)).onnxBytes() == first)
        }
    }

    @Test("Origins are written into the node's metadata and read back once")
    func origins() throws {
        let origin = Origin(pass: "fold-batch-norm", nodes: ["stage1/conv, first", "100%\nnorm", ""])
        #expect(origin.text == "fold-batch-norm: stage1/conv%2C first, 100%25%0Anorm, ")
        var graph = try activation(.relu, opset: 13)
        try graph.edit { editor in
            let node = try #require(Array(editor.graph.nodes).first)
            editor.setOrigin(node.id, to: origin)
        }
        let once = try graph.onnxBytes()
        let again = try Graph(onnxBytes: once)
        #expect(again.nodes.map(\.origin) == [origin])
        #expect(try Graph(onnxBytes: again.onnxBytes()).nodes.map(\.origin) == [origin])
        #expect(try Graph(onnxBytes: again.onnxBytes()).onnxBytes().count == once.count)
        #expect(Origin(text: Origin(pass: "p", nodes: []).text) == Origin(pass: "p", nodes: []))
    }

    /// Conv, then Relu, with everything declared.
    private func twoNodes() -> TestModel {
        let model = TestModel()
        model.input("x", [2])
        model.input("gone", [2])
        model.initializer("gone", Tensor(vector: [Float(1), 2]))
        model.node("Add", ["x", "gone"], ["hidden"], name: "add")
        model.node("Relu", ["hidden"], ["y"], name: "relu")
        model.declare("hidden", [2])
        let annotation = model.arena.make(Onnx__TensorAnnotation.self)
        annotation.pointee.tensor_name = model.arena.string("hidden")
        model.append(annotation, &model.graph.pointee.quantization_annotation, &model.graph.pointee.n_quantization_annotation)
        model.output("y", [2])
        return model
    }

    @Test("What an edit removed is nowhere in the file")
    func edited() throws {
        var graph = try twoNodes().imported()
        let add = try #require(graph.nodes.first { $0.name == "add" })
        let x = try #require(add.inputs[0])
        try graph.edit { editor in
            editor.replaceUses(of: try #require(add.outputs[0]), with: x)
            editor.remove(add.id)
            editor.removeValue(try #require(add.inputs[1]))
        }
        let bytes = try graph.onnxBytes()
        #expect(bytes.firstRange(of: Array("gone".utf8)) == nil)
        #expect(bytes.firstRange(of: Array("hidden".utf8)) == nil)
        #expect(try Graph(onnxBytes: bytes).nodes.map(\.name) == ["relu"])
    }

    @Test("A type that an edit changed is written anew; one that inference only refines is left as it was")
    func changedTypes() throws {
        let model = TestModel()
        model.append(
            model.valueInfo("x", .tensor(TensorType(.float32, [.named("N"), .known(4)]))), &model.graph.pointee.input,
            &model.graph.pointee.n_input)
        model.node("Relu", ["x"], ["y"])
        model.output("y", nil)
        var graph = try model.imported()
        #expect(try MessageComparison.difference(model.bytes, graph.onnxBytes()) == nil)
        try graph.edit { $0.setType($0.graph.inputs[0], to: TestModel.float([3, 4])) }
        let again = try Graph(onnxBytes: graph.onnxBytes())
        #expect(again[again.inputs[0]].type == TestModel.float([3, 4]))
        #expect(again[again.outputs[0]].type == TestModel.float([3, 4]))
    }

    @Test("Metadata and opsets of the graph replace the file's")
    func metadata() throws {
        var graph = try TestModel("Relu").imported()
        graph.setMetadata("cleave.note", to: "hello")
        try graph.edit { $0.setOpset(domain: "", version: 21) }
        let again = try Graph(onnxBytes: graph.onnxBytes())
        #expect(again.metadata == [Graph.MetadataEntry(key: "cleave.note", value: "hello")])
        #expect(again.opset == 21)
        #expect(try header(graph).irVersion == 10)
    }

    @Test("An interrupted write leaves the old file")
    func atomic() throws {
        try Tools.withTemporaryFolder { folder in
            let path = folder.appending(path: "m.onnx").path
            try activation(.relu, opset: 13).write(onnx: path)
            let before = try Data(contentsOf: URL(filePath: path))
            #expect(throws: CleaveError.self) { try activation(.gelu(tanhApproximation: false), opset: 13).write(onnx: path) }
            #expect(try Data(contentsOf: URL(filePath: path)) == before)
            let nowhere = folder.appending(path: "no/such/folder/m.onnx").path
            let error = #expect(throws: CleaveError.self) { try activation(.relu, opset: 13).write(onnx: nowhere) }
            #expect(error?.location.file == nowhere)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["m.onnx"])
        }
    }
}
