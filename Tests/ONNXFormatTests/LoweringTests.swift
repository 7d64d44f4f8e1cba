import COnnxSchema
import GraphIR
import Tensors
import Testing

@testable import ONNXFormat

@Suite("Calls, known branches and sequences become plain operators")
struct LoweringTests {
    /// Adds a function of domain `local` to the model.
    private func function(
        _ model: TestModel, _ name: String, _ inputs: [String], _ outputs: [String], opset: Int64 = 13,
        defaults: (inout AttributeWriter) -> Void = { _ in }, body: (TestModel) -> Void
    ) {
        let contents = TestModel(opset: nil)
        body(contents)
        model.keep(contents)
        let arena = model.arena
        let function = arena.make(Onnx__FunctionProto.self)
        function.pointee.name = arena.string(name)
        function.pointee.domain = arena.string("local")
        function.pointee.n_input = inputs.count
        function.pointee.input = arena.array(inputs.map { Optional(arena.string($0)) })
        function.pointee.n_output = outputs.count
        function.pointee.output = arena.array(outputs.map { Optional(arena.string($0)) })
        function.pointee.n_node = contents.graph.pointee.n_node
        function.pointee.node = contents.graph.pointee.node
        var writer = AttributeWriter(opset: 23, operandCount: 0, outputCount: 0, arena: arena)
        defaults(&writer)
        function.pointee.n_attribute_proto = writer.attributes.count
        function.pointee.attribute_proto = arena.list(writer.attributes)
        for (domain, version) in [("", opset), ("local", 1)] {
            let entry = arena.make(Onnx__OperatorSetIdProto.self)
            entry.pointee.domain = arena.string(domain)
            entry.pointee.has_version = 1
            entry.pointee.version = version
            model.append(entry, &function.pointee.opset_import, &function.pointee.n_opset_import)
        }
        model.append(function, &model.message.pointee.functions, &model.message.pointee.n_functions)
    }

    /// Makes the only attribute of the node that was added last refer to one of the function.
    private func refer(_ model: TestModel, to name: String) {
        let node = elements(model.graph.pointee.node, model.graph.pointee.n_node).last
        node?.pointee.attribute[0]?.pointee.ref_attr_name = model.arena.string(name)
    }

    /// Two calls of a function of two nodes, whose attribute one call gives and one leaves at its default.
    private func calls(opset: Int64 = 13) -> TestModel {
        let model = TestModel()
        model.importOpset("local", 1)
        function(model, "Leak", ["a"], ["b"], opset: opset, defaults: { $0.float("slope", Float(0.5)) }) {
            $0.node("Neg", ["a"], ["t"], name: "n")
            $0.node("LeakyRelu", ["t"], ["b"], name: "l") { $0.float("alpha", Float(9)) }
            refer($0, to: "slope")
        }
        model.input("x", [2, 3])
        model.node("Leak", ["x"], ["y"], name: "one", domain: "local") { $0.float("slope", Float(0.25)) }
        model.node("Leak", ["y"], ["z"], name: "two", domain: "local")
        model.output("z", [2, 3])
        return model
    }

    @Test("Calls become the function's nodes, with the call's attributes or their defaults")
    func callsAreReplaced() throws {
        let graph = try calls().imported().lowered()
        #expect(graph.nodes.map(\.operator.name) == ["Neg", "LeakyRelu", "Neg", "LeakyRelu"])
        #expect(graph.nodes.map(\.name) == ["one/n", "one/l", "two/n", "two/l"])
        let slopes = graph.nodes.compactMap { node in
            if case .activation(let payload) = node.operator { payload } else { nil }
        }
        #expect(slopes == [0.25, 0.5].map { Activation(function: .leakyRelu(alpha: $0)) })
        #expect(graph.value(named: "z")?.tensorType?.knownShape == [2, 3])
        // Nothing calls the function any more, and it is not written.
        let functionCount = try graph.onnxBytes().withUnsafeBytes { bytes in
            let written = try UnpackedMessage<Onnx__ModelProto>(bytes)
            return written.pointer.pointee.n_functions
        }
        #expect(functionCount == 0)
    }

    /// ONNX Runtime refuses a graph in which two nodes have one name, but takes any number without.
    @Test("Nodes of functions keep names of their own, or none")
    func nodeNames() throws {
        let model = TestModel()
        model.importOpset("local", 1)
        function(model, "F", ["a"], ["b"]) {
            $0.node("Neg", ["a"], ["t"])
            $0.node("Neg", ["t"], ["u"])
            $0.node("Relu", ["u"], ["b"], name: "r")
        }
        model.input("x", [2, 3])
        model.node("F", ["x"], ["y"], name: "call", domain: "local")
        model.node("F", ["y"], ["z"], name: "call", domain: "local")
        model.node("Abs", ["z"], ["w"], name: "call/r")
        model.output("w", [2, 3])
        #expect(try model.imported().lowered().nodes.map(\.name) == ["", "", "call/r_1", "", "", "call/r_2", "call/r"])
    }

    @Test("A graph without calls is left as it is")
    func nothingToDo() throws {
        var graph = try TestModel("Relu").imported()
        #expect(try !graph.lower())
    }

    @Test("Functions call functions, hand operands on, and are called without optional operands")
    func nesting() throws {
        let model = TestModel()
        model.importOpset("local", 1)
        function(model, "Inner", ["a", "low", "high"], ["b", "same"]) {
            $0.node("Clip", ["a", "low", "high"], ["b"])
            $0.node("Identity", ["a"], ["unused"])
        }
        // `same` is made by nothing in `Inner`: that is a fault, which the name of the function tells.
        model.input("x", [2])
        model.node("Inner", ["x"], ["y"], name: "call", domain: "local")
        model.output("y", [2])
        let error = #expect(throws: CleaveError.self) { try model.imported().lowered() }
        #expect(error?.problem == "nothing in the function makes its output 'same'")

        let sound = TestModel()
        sound.importOpset("local", 1)
        function(sound, "Inner", ["a", "low", "high"], ["b", "a"]) { $0.node("Clip", ["a", "low", "high"], ["b"]) }
        function(sound, "Outer", ["x"], ["y", "z"]) { $0.node("Inner", ["x", "", "x"], ["y", "z"], name: "i", domain: "local") }
        sound.input("x", [])
        sound.node("Outer", ["x"], ["y", "z"], name: "o", domain: "local")
        sound.output("y", [])
        sound.output("z", [])
        let graph = try sound.imported().lowered()
        #expect(graph.nodes.map(\.operator.name) == ["Clip", "Identity"])
        #expect(graph.nodes.first { _ in true }?.inputs.map { $0.map { graph[$0].name } } == ["x", nil, "x"])
    }

    @Test("A function that calls itself is refused")
    func recursion() throws {
        let model = TestModel()
        model.importOpset("local", 1)
        function(model, "A", ["a"], ["b"]) { $0.node("B", ["a"], ["b"], domain: "local") }
        function(model, "B", ["a"], ["b"]) { $0.node("A", ["a"], ["b"], domain: "local") }
        model.input("x", [2])
        model.node("A", ["x"], ["y"], domain: "local")
        model.output("y", [2])
        let error = #expect(throws: CleaveError.self) { try model.imported().lowered() }
        #expect(error?.problem == "the function 'A' calls itself")
    }

    @Test("Exponentially many nodes are refused")
    func explosion() throws {
        let model = TestModel()
        model.importOpset("local", 1)
        function(model, "f0", ["a"], ["b"]) { $0.node("Neg", ["a"], ["b"]) }
        for level in 1...40 {
            function(model, "f\(level)", ["a"], ["b"]) {
                $0.node("f\(level - 1)", ["a"], ["t"], domain: "local")
                $0.node("f\(level - 1)", ["t"], ["b"], domain: "local")
            }
        }
        model.input("x", [2])
        model.node("f40", ["x"], ["y"], domain: "local")
        model.output("y", [2])
        let error = #expect(throws: CleaveError.self) { try model.imported().lowered() }
        #expect(error?.problem.hasPrefix("the model's functions stand for more than") == true)
    }

    @Test("Functions written for another version of the operators stay calls")
    func otherOpset() throws {
        let graph = try calls(opset: 12).imported().lowered()
        #expect(graph.nodes.map(\.operator.name) == ["Leak", "Leak"])
    }

    @Test("An If whose condition is known becomes its branch", arguments: [true, false])
    func branches(condition: Bool) throws {
        let model = TestModel()
        model.input("x", [2])
        model.initializer("c", try Tensor([Int64(condition ? 1 : 0)], shape: [], as: .bool))
        let node = model.node("If", ["c"], ["y"], name: "if")
        var branches: [UnsafeMutablePointer<Onnx__AttributeProto>] = []
        for name in ["then_branch", "else_branch"] {
            let branch = TestModel(opset: nil)
            if name == "then_branch" {
                branch.initializer("w", Tensor(vector: [Float(1), 2]))
                branch.node("Add", ["x", "w"], ["r"], name: "a")
                branch.output("r", [2])
            } else {
                branch.output("x", [2])
            }
            model.keep(branch)
            let attribute = model.arena.make(Onnx__AttributeProto.self)
            attribute.pointee.name = model.arena.string(name)
            attribute.pointee.has_type = 1
            attribute.pointee.type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH
            attribute.pointee.g = branch.graph
            branches.append(attribute)
        }
        node.pointee.n_attribute = branches.count
        node.pointee.attribute = model.arena.list(branches)
        model.output("y", [2])
        let graph = try model.imported().lowered()
        #expect(graph.nodes.map(\.operator.name) == (condition ? ["Add"] : ["Identity"]))
        #expect((graph.value(named: "if/w")?.constant == Tensor(vector: [Float(1), 2])) == condition)
        #expect(graph.value(named: "y")?.tensorType?.knownShape == [2])
    }

    @Test("Pieces of a sequence that are read by constant positions become outputs of a Split", arguments: [11, 13] as [Int64])
    func sequences(opset: Int64) throws {
        let model = TestModel(opset: opset)
        model.input("x", [2, 5])
        model.initializer("size", try Tensor([Int64(2)], shape: []))
        for (name, position) in [("first", 0), ("last", -1), ("second", -2)] {
            model.initializer(name, try Tensor([Int64(position)], shape: []))
        }
        model.node("SplitToSequence", ["x", "size"], ["s"], name: "split") { $0.int("axis", -1) }
        model.node("SequenceAt", ["s", "last"], ["a"])
        model.node("SequenceAt", ["s", "second"], ["b"])
        model.node("SequenceAt", ["s", "last"], ["c"])
        for (name, shape) in [("a", [2, 1]), ("b", [2, 2]), ("c", [2, 1])] { model.output(name, shape) }
        let graph = try model.imported().lowered()
        #expect(graph.nodes.map(\.operator.name) == ["Split", "Identity"])
        #expect(graph.nodes.first { _ in true }?.outputs.map { $0.map { graph[$0].name } } == ["split_0", "b", "a"])
        #expect(["a", "b", "c"].map { graph.value(named: $0)?.tensorType?.knownShape } == [[2, 1], [2, 2], [2, 1]])
    }
}
