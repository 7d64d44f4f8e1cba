@testable import GraphIR
import Tensors
import Testing

@Suite struct GraphEditorTests {
    private struct Chain {
        var graph: Graph
        var x, a, b, c: ValueID
    }

    /// x → a → b → c, all Relu.
    private func chain() throws -> Chain {
        var graph = Graph(name: "chain", opset: 17)
        let ids = try graph.edit { editor in
            let x = try editor.addInput("x", type: type(.float32, [.named("N"), 3]))
            let a = try editor.apply(relu, x, as: "a")
            let b = try editor.apply(relu, a, as: "b")
            let c = try editor.apply(relu, b, as: "c")
            editor.setOutputs([c])
            return (x, a, b, c)
        }
        return Chain(graph: graph, x: ids.0, a: ids.1, b: ids.2, c: ids.3)
    }

    private func names(_ graph: Graph) -> [String] { graph.nodes.map(\.name) }

    @Test func insertionGoesBeforeItsAnchorInOrder() throws {
        var test = try chain()
        let anchor = try #require(test.graph.producer(of: test.b)?.id)
        try test.graph.edit { editor in
            for name in ["p", "q"] {
                try editor.insert(relu, inputs: [test.a], outputs: [.new(name: name)], name: name, before: anchor, origin: nil)
            }
        }
        #expect(names(test.graph) == ["a", "p", "q", "b", "c"])
        #expect(test.graph.faults == [])
    }

    @Test func newNamesAreNoneOfASubgraph() throws {
        var test = try chain()
        try test.graph.edit { $0.reserve(["inner", "inner_1"]) }
        let name = try test.graph.edit { $0.uniqueName("inner") }
        #expect(name == "inner_2")
    }

    @Test func existingOutputTakesTheValueOver() throws {
        var test = try chain()
        let old = try #require(test.graph.producer(of: test.b)?.id)
        try test.graph.edit { editor in
            try editor.insert(
                .activation(Activation(function: .sigmoid)), inputs: [test.a], outputs: [.existing(test.b)], name: "new", before: old,
                origin: Origin(pass: "test", nodes: ["b"]))
            editor.remove(old)
        }
        #expect(names(test.graph) == ["a", "new", "c"])
        #expect(test.graph[test.b].name == "b")
        #expect(test.graph.producer(of: test.b)?.name == "new")
        #expect(test.graph.faults == [])
    }

    @Test func replacingUsesLeavesTheOldValueUnread() throws {
        var test = try chain()
        let middle = try #require(test.graph.producer(of: test.b)?.id)
        try test.graph.edit { editor in
            editor.replaceUses(of: test.b, with: test.x)
            editor.remove(middle)
        }
        #expect(names(test.graph) == ["a", "c"])
        #expect(!test.graph.contains(test.b))
        #expect(test.graph.value(named: "b") == nil)
        #expect(test.graph.consumers(of: test.x).map(\.name) == ["a", "c"])
        #expect(test.graph.faults == [])
    }

    @Test func aLaterProducerIsOrderedBeforeItsReader() throws {
        var test = try chain()
        let last = try #require(test.graph.producer(of: test.c)?.id)
        try test.graph.edit { editor in
            let late = try editor.apply(relu, test.x, as: "late")
            editor.setInputs(last, to: [late])
        }
        #expect(names(test.graph) == ["a", "b", "late", "c"])
        #expect(test.graph.faults == [])
    }

    @Test func aCycleIsRefusedAndNothingChanges() throws {
        var test = try chain()
        let first = try #require(test.graph.producer(of: test.a)?.id)
        let before = test.graph.textDump(checksums: true)
        let error = #expect(throws: CleaveError.self) {
            try test.graph.edit { $0.setInputs(first, to: [test.c]) }
        }
        #expect(
            error?.problem
                == "the node needs its own output, by way of 'b', 'c': the graph has a cycle, expected an acyclic one")
        #expect(error?.location.operatorName == "Relu")
        #expect(test.graph.textDump(checksums: true) == before)
    }

    @Test func anErrorRollsTheTransactionBack() throws {
        var test = try chain()
        let before = test.graph.textDump(checksums: true)
        struct Stop: Error {}
        #expect(throws: Stop.self) {
            try test.graph.edit { editor in
                _ = try editor.apply(relu, test.c, as: "d")
                editor.setType(test.x, to: type(.float32, [1]))
                throw Stop()
            }
        }
        #expect(test.graph.textDump(checksums: true) == before)
        let error = #expect(throws: CleaveError.self) {
            try test.graph.edit { _ = try $0.apply(convolution(), test.c, test.c, as: "conv") }
        }
        #expect(error?.description == "node 'conv' (Conv): input has 2 dimensions, expected at least 3 (batch, channels, spatial …)")
        #expect(test.graph.textDump(checksums: true) == before)
    }

    @Test func aChangedTypeIsInferredDownstream() throws {
        var test = try chain()
        try test.graph.edit { $0.setType(test.x, to: type(.float16, [7])) }
        #expect(test.graph[test.c].type == type(.float16, [7]))
    }

    @Test func aChangedConstantIsInferredDownstream() throws {
        var graph = Graph(name: "reshape", opset: 17)
        let (shape, y) = try graph.edit { editor in
            let x = try editor.addInput("x", type: type(.float32, [.named("N"), 12]))
            let shape = try editor.addConstant(ints(0, 3, 4), name: "shape")
            let y = try editor.apply(.reshape(Reshape(shape: nil, allowZero: false)), x, shape, as: "y")
            let z = try editor.apply(relu, y, as: "z")
            editor.setOutputs([z])
            return (shape, y)
        }
        #expect(graph[y].type == type(.float32, [.named("N"), 3, 4]))
        try graph.edit { editor in editor.setConstant(shape, to: try ints(-1, 6)) }
        #expect(graph[graph.outputs[0]].type == type(.float32, [.named("N") * 2, 6]))
    }

    @Test func namesAreUnique() throws {
        var test = try chain()
        try test.graph.edit { editor in
            #expect(editor.uniqueName("a") == "a_1")
            #expect(editor.uniqueName("a") == "a_2")
            #expect(editor.uniqueName("free") == "free")
            let error = #expect(throws: CleaveError.self) { _ = try editor.addInput("a", type: nil) }
            #expect(error?.description == "tensor 'a': two values are called 'a', expected unique names")
            #expect(error?.suggestion == "rename one of them, or export the model again")
            #expect(throws: CleaveError.self) { _ = try editor.addInput("", type: nil) }
        }
    }

    @Test func operandCountsAreChecked() throws {
        #expect(problem(convolution(), [type(.float32, nil)]) == "has 1 operand, expected 2 to 3")
        #expect(problem(relu, [type(.float32, nil), type(.float32, nil)]) == "has 2 operands, expected 1")
        #expect(problem(convolution(), [nil, type(.float32, nil)]) == "operand 0 is left out, but it is required")
        #expect(problem(relu, [type(.float32, nil)], outputs: 2) == "has 2 outputs, expected 1")
    }

    @Test func sharedConstantsCountTheirReaders() throws {
        var graph = Graph(name: "shared", opset: 17)
        let shared = try graph.edit { editor in
            let x = try editor.addInput("x", type: type(.float32, [4]))
            let shared = try editor.addConstant(Tensor(vector: [1, 2, 3, 4] as [Float]), name: "shared")
            var last = x
            for index in 0..<40 { last = try editor.apply(add, last, index == 0 ? last : shared, as: "s\(index)") }
            last = try editor.apply(add, shared, shared, as: "twice")
            editor.setOutputs([last])
            return shared
        }
        #expect(graph.useCount(of: shared) == 41)
        #expect(graph.consumers(of: shared).count == 40)
        #expect(graph.faults == [])
        let readers = graph.consumers(of: shared).map(\.id)
        let x = try #require(graph.value(named: "x")).id
        try graph.edit { editor in
            for id in readers.dropLast(2) { editor.setInputs(id, to: editor.graph[id].inputs.map { $0 == shared ? x : $0 }) }
        }
        #expect(graph.useCount(of: shared) == 3)
        #expect(graph.consumers(of: shared).map(\.name) == ["s39", "twice"])
        #expect(graph.faults == [])
        let twice = try #require(graph.consumers(of: shared).last).id
        try graph.edit { $0.setInputs(twice, to: [x, shared]) }
        #expect(graph.useCount(of: shared) == 2)
        #expect(graph.faults == [])
    }

    @Test func theOpsetMarksEncodingsAsOutdated() throws {
        var graph = Graph(name: "encoded", opset: 17)
        try graph.edit { editor in
            let x = try editor.addInput("x", type: type(.float32, [1]))
            try editor.insert(
                relu, inputs: [x], outputs: [.new(name: "y")], name: "r", before: nil, origin: nil,
                encoding: NodeEncoding(bytes: [1], attributesAreCurrent: true))
        }
        try graph.edit { $0.setOpset(domain: "", version: 17) }
        #expect(graph.nodes.allSatisfy { $0.encoding?.attributesAreCurrent == true })
        try graph.edit { $0.setOpset(domain: "", version: 18) }
        #expect(graph.nodes.allSatisfy { $0.encoding?.attributesAreCurrent == false })
        #expect(graph.opset == 18)
        // Within an edit that has taken the node away, and made another one.
        try graph.edit { editor in
            let node = try #require(Array(editor.graph.nodes).first)
            editor.remove(node.id)
            try editor.insert(
                relu, inputs: node.inputs, outputs: [.new(name: "z")], name: "s", before: nil, origin: nil,
                encoding: NodeEncoding(bytes: [1], attributesAreCurrent: true))
            editor.setOpset(domain: "", version: 19)
        }
        #expect(graph.nodes.map(\.name) == ["s"] && graph.nodes.allSatisfy { $0.encoding?.attributesAreCurrent == false })
    }

    /// A chain that is built from its end, so that ordering has to follow it all the way, and types only come at commit.
    @Test func aLongChainInReverseIsOrderedAndInferred() throws {
        let length = 5000
        var graph = Graph(name: "reverse", opset: 17)
        try graph.edit { editor in
            let x = try editor.addInput("x", type: type(.float32, [.named("N")]))
            let values = try (0..<length).map { try editor.addValue(named: "v\($0)", source: .external, type: nil) }
            for index in (0..<length).reversed() {
                try editor.insert(
                    relu, inputs: [index == 0 ? x : values[index - 1]], outputs: [.existing(values[index])], name: "r\(index)", before: nil,
                    origin: nil)
            }
            editor.setOutputs([values[length - 1]])
        }
        #expect(names(graph) == (0..<length).map { "r\($0)" })
        #expect(graph[graph.outputs[0]].type == type(.float32, [.named("N")]))
        #expect(graph.faults == [])
    }
}
