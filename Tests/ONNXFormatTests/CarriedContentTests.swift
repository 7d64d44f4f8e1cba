import COnnxSchema
import CProtobufC
import Foundation
import GraphIR
import Tensors
import Testing

@testable import ONNXFormat

@Suite("What the typed graph has no field for")
struct CarriedContentTests {
    private func expectSurvival(_ model: TestModel, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let difference = try MessageComparison.difference(model.bytes, model.imported().onnxBytes())
        #expect(difference == nil, sourceLocation: sourceLocation)
    }

    @Test("Descriptions, metadata and producers")
    func descriptions() throws {
        let model = TestModel("Relu")
        let arena = model.arena
        model.message.pointee.producer_name = arena.string("somebody")
        model.message.pointee.producer_version = arena.string("1.2")
        model.message.pointee.domain = arena.string("org.example")
        model.message.pointee.has_model_version = 1
        model.message.pointee.model_version = 7
        model.message.pointee.doc_string = arena.string("a model")
        model.append(model.entry("author", "me"), &model.message.pointee.metadata_props, &model.message.pointee.n_metadata_props)
        model.graph.pointee.doc_string = arena.string("a graph")
        model.append(model.entry("g", "1"), &model.graph.pointee.metadata_props, &model.graph.pointee.n_metadata_props)
        let node = model.node("Abs", ["y"], ["z"], name: "last")
        node.pointee.doc_string = arena.string("a node")
        model.append(model.entry("n", "2"), &node.pointee.metadata_props, &node.pointee.n_metadata_props)
        let weight = model.initializer("w", Tensor(scalar: Float(1)))
        weight.pointee.doc_string = arena.string("a weight")
        elements(model.graph.pointee.input, 1)[0].pointee.doc_string = arena.string("an input")
        try expectSurvival(model)
        #expect(try model.imported().metadata == [Graph.MetadataEntry(key: "author", value: "me")])
    }

    @Test("Initializers listed as inputs, and the order of inputs, initializers and declarations")
    func orders() throws {
        let model = TestModel(irVersion: 3)
        model.input("w", [3])
        model.input("x", [2, 3])
        model.initializer("w", Tensor(vector: [Float(1), 2, 3]))
        model.node("Mul", ["x", "w"], ["b"])
        model.node("Relu", ["b"], ["a"])
        model.node("Relu", ["a"], ["y"])
        model.declare("b", [2, 3])
        model.declare("a", [2, 3])
        model.declare("nowhere", [1])
        model.declare("y", [2, 3])
        model.output("y", [2, 3])
        try expectSurvival(model)
        let graph = try model.imported()
        #expect(graph.inputs.map { graph[$0].name } == ["x"])
    }

    @Test("Functions, and the nodes that call them")
    func functions() throws {
        let model = TestModel()
        model.importOpset("local", 1)
        let function = model.arena.make(Onnx__FunctionProto.self)
        function.pointee.name = model.arena.string("Relu")
        function.pointee.domain = model.arena.string("local")
        let body = TestModel("Abs")
        model.keep(body)
        function.pointee.n_node = 1
        function.pointee.node = body.graph.pointee.node
        model.append(function, &model.message.pointee.functions, &model.message.pointee.n_functions)
        model.input("x", [2])
        model.node("Relu", ["x"], ["y"], domain: "local") { $0.float("anything", 1) }
        model.output("y", [2])
        try expectSurvival(model)
        let graph = try model.imported()
        #expect(graph.nodes.map(\.operator) == [.opaque(OpaqueOperator(domain: "local", name: "Relu", overload: ""))])
        #expect(graph.value(named: "y")?.type == TestModel.float([2]))
    }

    @Test("A function that takes the place of an ONNX operator is not taken for it")
    func overriding() throws {
        let model = TestModel("Relu")
        let function = model.arena.make(Onnx__FunctionProto.self)
        function.pointee.name = model.arena.string("Relu")
        model.append(function, &model.message.pointee.functions, &model.message.pointee.n_functions)
        try expectSurvival(model)
        #expect(try model.imported().nodes.map(\.operator) == [.opaque(OpaqueOperator(domain: "", name: "Relu", overload: ""))])
    }

    @Test("Sparse initializers, quantization annotations and training information")
    func rarities() throws {
        let model = TestModel()
        model.input("x", [4])
        let values = model.arena.make(Onnx__TensorProto.self)
        values.pointee.name = model.arena.string("sparse")
        let elements = Tensor(vector: [Float(5)])
        elements.write(into: values, model.arena)
        let positions = Tensor(vector: [Int64(2)])
        let indices = model.arena.make(Onnx__TensorProto.self)
        positions.write(into: indices, model.arena)
        let sparse = model.arena.make(Onnx__SparseTensorProto.self)
        sparse.pointee.values = values
        sparse.pointee.indices = indices
        sparse.pointee.n_dims = 1
        sparse.pointee.dims = model.arena.array([4])
        model.append(sparse, &model.graph.pointee.sparse_initializer, &model.graph.pointee.n_sparse_initializer)
        let annotation = model.arena.make(Onnx__TensorAnnotation.self)
        annotation.pointee.tensor_name = model.arena.string("x")
        model.append(annotation, &model.graph.pointee.quantization_annotation, &model.graph.pointee.n_quantization_annotation)
        let training = model.arena.make(Onnx__TrainingInfoProto.self)
        let algorithm = TestModel("Relu")
        model.keep(algorithm)
        training.pointee.algorithm = algorithm.graph
        model.append(training, &model.message.pointee.training_info, &model.message.pointee.n_training_info)
        model.node("Add", ["x", "sparse"], ["y"])
        model.output("y", [4])
        try withExtendedLifetime((elements, positions)) { try expectSurvival(model) }
        let graph = try model.imported()
        #expect(graph.value(named: "sparse")?.source == .external)
        #expect(graph.value(named: "sparse")?.type == TestModel.float([4]))
        #expect(graph.value(named: "y")?.type == TestModel.float([4]))
    }

    @Test("Fields from the future")
    func unknownFields() throws {
        // Field 900 of the model, a string.
        let model = TestModel("Relu")
        let bytes = model.bytes + [0xA2, 0x38, 3, 97, 98, 99]
        let exported = try Graph(onnxBytes: bytes).onnxBytes()
        #expect(try MessageComparison.difference(bytes, exported) == nil)
        #expect(exported.firstRange(of: [0xA2, 0x38, 3, 97, 98, 99]) != nil)
    }

    @Test("Unknown operators, unknown attributes and the other name of the default domain")
    func unknownOperators() throws {
        let model = TestModel()
        model.importOpset("com.example", 3)
        model.input("x", [2])
        model.node("Strange", ["x", ""], ["", "a"], domain: "com.example") { $0.strings("words", [[1, 2], []]) }
        model.node("Relu", ["a"], ["b"], domain: "ai.onnx")
        model.node("Relu", ["b"], ["c"]) { $0.int("novelty", 1) }
        model.node("Relu", ["c"], ["y"]) { $0.int("__remark", 1) }
        model.output("y", nil)
        try expectSurvival(model)
        let relu = Operator.activation(Activation(function: .relu))
        #expect(
            try model.imported().nodes.map(\.operator) == [
                .opaque(OpaqueOperator(domain: "com.example", name: "Strange", overload: "")), relu,
                .opaque(OpaqueOperator(domain: "", name: "Relu", overload: "")), relu,
            ])
    }

    @Test("A subgraph's own names are told from those around it")
    func captures() throws {
        let graph = try Graph(onnxBytes: Tools.nodeModel("test_loop11"))
        let loop = try #require(graph.nodes.first { $0.operator.name == "Loop" })
        #expect(loop.captures == [])
        let model = TestModel()
        model.input("x", [2])
        model.input("outer", [2])
        model.node("Relu", ["x"], ["hidden"])
        let inner = TestModel()
        inner.node("Add", ["hidden", "own"], ["sum"])
        inner.node("Add", ["sum", "outer"], ["result"])
        inner.initializer("own", Tensor(vector: [Float(1), 2]))
        inner.output("result", nil)
        let middle = TestModel()
        addSubgraph(inner, of: middle, to: middle.node("If", ["outer"], ["chosen"]))
        middle.output("chosen", nil)
        addSubgraph(middle, of: model, to: model.node("If", ["x"], ["y"]))
        model.output("y", nil)
        let imported = try model.imported()
        let node = try #require(imported.nodes.first { $0.operator.name == "If" })
        #expect(node.captures.map { imported[$0].name } == ["outer", "hidden"])
        var copy = imported
        let names = try copy.edit { editor in ["own", "chosen", "hidden", "free"].map { editor.uniqueName($0) } }
        #expect(names == ["own_1", "chosen_1", "hidden_1", "free"])
        try expectSurvival(model)
        inner.node("Relu", ["ghost"], ["unused"])
        let error = #expect(throws: CleaveError.self) { _ = try model.imported() }
        #expect(error?.description == "node 'y' (If): tensor 'ghost': a subgraph reads a value that nothing makes")
    }

    @Test("A name of one branch means nothing in another")
    func branches() throws {
        let model = TestModel()
        model.input("x", [2])
        let first = TestModel()
        first.node("Relu", ["x"], ["shared"])
        first.output("shared", nil)
        let second = TestModel()
        second.node("Abs", ["shared"], ["other"])
        second.output("other", nil)
        let node = model.node("If", ["x"], ["y"])
        addSubgraph(first, of: model, to: node)
        addSubgraph(second, of: model, to: node)
        model.output("y", nil)
        let error = #expect(throws: CleaveError.self) { _ = try model.imported() }
        #expect(error?.location.tensor == "shared")
    }

    private func addSubgraph(_ body: TestModel, of model: TestModel, to node: UnsafeMutablePointer<Onnx__NodeProto>) {
        model.keep(body)
        let attribute = body.arena.make(Onnx__AttributeProto.self)
        attribute.pointee.name = body.arena.string("then_branch")
        attribute.pointee.has_type = 1
        attribute.pointee.type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH
        attribute.pointee.g = body.graph
        body.append(attribute, &node.pointee.attribute, &node.pointee.n_attribute)
    }
}
