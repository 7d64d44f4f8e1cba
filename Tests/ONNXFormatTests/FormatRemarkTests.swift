import COnnxSchema
import Foundation
import GraphIR
import Tensors
import Testing

@testable import ONNXFormat

@Suite("What is worth saying of a model that can be read")
struct FormatRemarkTests {
    private func faults(_ model: TestModel) throws -> [String] { try model.imported().formatFaults().map(\.description) }

    @Test("Attributes that no operator may have are faults, although import carries them along")
    func attributes() throws {
        #expect(
            try faults(TestModel("Cast") { $0.int("to", 77) })
                == ["node 'y' (Cast): attribute 'to' is 77, expected an element type, 1 to \(ElementType.allCases.count)"])
        let shift = TestModel()
        shift.node("BitShift", [], ["y"], name: "shift") { $0.string("direction", "FOO") }
        shift.output("y", nil)
        #expect(try faults(shift) == ["node 'shift' (BitShift): attribute 'direction' is 'FOO', expected 'LEFT' or 'RIGHT'"])
        #expect(
            try faults(TestModel("AveragePool") { $0.ints("kernel_shape", [2]); $0.string("auto_pad", "HALF") })
                == [
                    "node 'y' (AveragePool): attribute 'auto_pad' is 'HALF', "
                        + "expected 'NOTSET' or 'SAME_UPPER' or 'SAME_LOWER' or 'VALID'"
                ])
        #expect(
            try faults(TestModel("Relu") { $0.int("slope", 3) })
                == ["node 'y' (Relu): attribute 'slope' is none that the operator has in opset 13"])
        #expect(try faults(TestModel("Relu", opset: 6) { $0.ints("consumed_inputs", [0]) }) == [])
        let other = TestModel()
        other.input("x", [2])
        other.node("Relu", ["x"], ["y"], domain: "custom") { $0.int("slope", 3) }
        other.output("y", nil)
        #expect(try faults(other) == [])
    }

    @Test("No model of the ONNX project has such an attribute", arguments: Models.backendGroups)
    func conformanceModels(group: String) throws {
        for url in Models.backend(group) {
            #expect(try Graph(onnx: url.path).formatFaults() == [], "\(Models.label(url))")
        }
    }

    @Test("Versions beyond what Cleave knows, and nothing to compute, are remarked")
    func versions() throws {
        func remarks(irVersion: Int64 = 8, opset: Int64 = 13, hasOutput: Bool = true) throws -> [String] {
            let model = TestModel(irVersion: irVersion, opset: opset)
            model.input("x", [2])
            model.node("Relu", ["x"], ["y"])
            if hasOutput { model.output("y", [2]) }
            return try model.imported().remarks()
        }
        #expect(try remarks() == [])
        #expect(try remarks(irVersion: 14, opset: 7) == [])
        #expect(
            try remarks(irVersion: 15)
                == ["IR version 15 is newer than 14, the newest that Cleave knows: what is new in it is carried along unread"])
        #expect(
            try remarks(opset: 6) == [
                "opset 6 is older than 7, the oldest that Cleave reads in full: "
                    + "operators whose definition changed since are carried along unread"
            ])
        #expect(try remarks(hasOutput: false) == ["the graph has no outputs, so that running it gives nothing"])
        let error = #expect(throws: CleaveError.self) { _ = try remarks(opset: 24) }
        #expect(error?.kind == .unsupported)
        #expect(error?.problem == "opset 24 is newer than what Cleave reads (up to 23)")
    }

    @Test("Defaults of inputs can be overridden from IR version 4 on, and what a rewrite fixes is told", arguments: [3, 4, 8])
    func overriding(irVersion: Int64) throws {
        let model = TestModel(irVersion: irVersion)
        for name in ["x", "w", "v"] { model.input(name, [2]) }
        for name in ["w", "v"] { model.initializer(name, Tensor(vector: [Float(1), 2])) }
        model.node("Add", ["x", "w"], ["a"])
        model.node("Add", ["a", "w"], ["b"])
        model.node("Mul", ["b", "v"], ["y"])
        model.output("y", [2])
        var graph = try model.imported()
        let inputs = try graph.overridableInputs()
        let expected = [OverridableInput(name: "w", useCount: 2), OverridableInput(name: "v", useCount: 1)]
        #expect(inputs == (irVersion < 4 ? [] : expected))
        #expect(graph.fixedInputs(since: inputs) == [])
        #expect(try Graph(onnxBytes: graph.onnxBytes()).overridableInputs() == inputs)
        let node = try #require(graph.nodes.first { $0.operator.name == "Add" })
        try graph.edit { editor in
            let constant = try editor.addConstant(Tensor(vector: [Float(3), 4]), name: "c")
            editor.setInputs(node.id, to: [node.inputs[0], constant])
        }
        #expect(graph.fixedInputs(since: inputs) == (irVersion < 4 ? [] : ["w"]))
    }

    @Test("A declaration that contradicts inference is kept, and called a fault")
    func contradictions() throws {
        let model = TestModel()
        model.input("x", [2, 3])
        model.node("Relu", ["x"], ["hidden"])
        model.node("Relu", ["hidden"], ["y"])
        model.declare("hidden", [2, 5])
        model.output("y", [2, 4])
        var graph = try model.imported()
        #expect(graph.faults.map(\.location.tensor) == ["hidden", "y"])
        #expect(try graph.onnxBytes() == Graph(onnxBytes: graph.onnxBytes()).onnxBytes())
        func declared() throws -> [ValueType?] {
            let again = try Graph(onnxBytes: graph.onnxBytes())
            return ["hidden", "y"].map { again.value(named: $0)?.encoding?.declaredType }
        }
        #expect(try declared() == [TestModel.float([2, 5]), TestModel.float([2, 4])])
        // A type that has moved on since is written.
        let x = try #require(graph.value(named: "x")).id
        try graph.edit { $0.setType(x, to: TestModel.float([7, 3])) }
        #expect(try declared() == [TestModel.float([7, 3]), TestModel.float([7, 3])])
    }

    @Test("A node may have 60,000 attributes")
    func manyAttributes() throws {
        let model = TestModel()
        model.input("x", [2])
        model.node("Foo", ["x"], ["y"], domain: "custom") { writer in for index in 0..<60_000 { writer.int("a\(index)", index) } }
        model.output("y", nil)
        let bytes = model.bytes
        #expect(try Graph(onnxBytes: bytes).onnxBytes().count == bytes.count)
        let relu = TestModel("Relu") { writer in for index in 0..<60_000 { writer.int("a\(index)", index) } }
        #expect(try faults(relu).count == 1)
    }

    @Test("Nodes that come before what they read are a fault of the file, also inside of others")
    func order() throws {
        let model = TestModel()
        model.input("x", [2, 3])
        model.node("Neg", ["a"], ["y"], name: "second")
        model.node("Relu", ["x"], ["a"], name: "first")
        model.output("y", [2, 3])
        let graph = try model.imported()
        #expect(graph.nodes.map(\.name) == ["first", "second"])
        #expect(graph.faults == [])
        let expected = "tensor 'a': the node comes before the one that makes this operand, expected nodes in order"
        #expect(try faults(model) == ["node 'second' (Neg): " + expected])
        #expect(try Graph(onnxBytes: graph.onnxBytes()).formatFaults() == [])

        let outer = TestModel()
        let inner = TestModel(opset: nil)
        inner.node("Neg", ["a"], ["b"], name: "second")
        inner.node("Relu", ["x"], ["a"], name: "first")
        inner.output("b", [2, 3])
        outer.keep(inner)
        outer.input("x", [2, 3])
        outer.initializer("c", Tensor(scalar: true))
        let node = outer.node("If", ["c"], ["y"], name: "if")
        for name in ["then_branch", "else_branch"] {
            let attribute = outer.arena.make(Onnx__AttributeProto.self)
            attribute.pointee.name = outer.arena.string(name)
            attribute.pointee.has_type = 1
            attribute.pointee.type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH
            attribute.pointee.g = inner.graph
            outer.append(attribute, &node.pointee.attribute, &node.pointee.n_attribute)
        }
        outer.output("y", [2, 3])
        #expect(try faults(outer) == [String](repeating: "node 'if/second' (Neg): " + expected, count: 2))
    }

    @Test("Nodes of one name are remarked, as ONNX Runtime refuses them")
    func repeatedNames() throws {
        for (names, expected) in [(["a", "a", "a"], 1), (["", "", "b"], 0)] {
            let model = TestModel()
            model.input("x", [2, 3])
            for (index, name) in names.enumerated() { model.node("Relu", [index == 0 ? "x" : "v\(index)"], ["v\(index + 1)"], name: name) }
            model.output("v3", [2, 3])
            let remarks = try model.imported().remarks()
            #expect(remarks.count == expected)
            #expect(remarks.allSatisfy { $0.hasPrefix("3 nodes are called 'a': ONNX Runtime refuses") })
        }
    }
}
