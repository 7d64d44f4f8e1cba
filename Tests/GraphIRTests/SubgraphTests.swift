import Tensors
import Testing

@testable import GraphIR

/// What inference, verifier, edits and text dumps make of graphs inside of nodes.
@Suite struct SubgraphTests {
    /// A branch that gives a convolution of the captured value `x`.
    private func branch(channels: Int) throws -> Subgraph {
        var graph = Graph(name: "branch", opset: 17)
        try graph.edit { editor in
            let x = try editor.addValue(named: "x", source: .external, type: nil)
            let weight = try editor.addConstant(Tensor(repeating: 1, shape: [channels, 3, 1, 1], as: .float32), name: "w")
            editor.setOutputs([try editor.apply(convolution(), x, weight, as: "conv")])
        }
        return Subgraph(graph)
    }

    private func model(_ first: Subgraph, _ second: Subgraph, x: ValueType?) throws -> Graph {
        var graph = Graph(name: "model", opset: 17)
        try graph.edit { editor in
            let condition = try editor.addInput("c", type: type(.bool, []))
            let x = try editor.addInput("x", type: x)
            let node = try editor.insert(
                .branch(If(thenBranch: first, elseBranch: second)), inputs: [condition], outputs: [.new(name: "y")], name: "choice",
                before: nil, origin: nil, captures: [x])
            editor.setOutputs(editor.graph[node].outputs.compactMap { $0 })
        }
        return graph
    }

    private func outputType(_ graph: Graph) -> String? { graph.outputs.first.flatMap { graph[$0].type }?.description }

    @Test func typesFollowFromCapturedValues() throws {
        let x = type(.float32, [.named("N"), 3, 8, 8])
        #expect(outputType(try model(branch(channels: 5), branch(channels: 5), x: x)) == "float32[N, 5, 8, 8]")
        #expect(outputType(try model(branch(channels: 5), branch(channels: 4), x: x)) == "float32[N, ?, 8, 8]")
        let graph = try model(branch(channels: 5), branch(channels: 5), x: type(.float32, [.named("N"), 3, .named("H"), .named("W")]))
        #expect(graph.faults == [])
        #expect(outputType(try graph.specialized(inputShapes: ["x": [2, 3, 4, 6]])) == "float32[2, 5, 4, 6]")
    }

    @Test func aBranchThatCannotFitIsNeverTaken() throws {
        var wrong = Graph(name: "branch", opset: 17)
        try wrong.edit { editor in
            let x = try editor.addValue(named: "x", source: .external, type: nil)
            editor.setOutputs([try editor.apply(.squeeze(Squeeze(axes: [0])), x, as: "squeezed")])
        }
        let x = type(.float32, [2, 3, 8, 8])
        // Up to opset 12, the axes are an attribute.
        #expect(outputType(try model(Subgraph(wrong), branch(channels: 5), x: x)) == "float32[2, 5, 8, 8]")
        let error = #expect(throws: CleaveError.self) { _ = try model(Subgraph(wrong), Subgraph(wrong), x: x) }
        #expect(error?.location.node == "choice/squeezed")
    }

    @Test func loopStatesWidenUntilTheyHold() throws {
        var body = Graph(name: "body", opset: 17)
        try body.edit { editor in
            _ = try editor.addInput("i", type: type(.int64, []))
            let condition = try editor.addInput("c", type: type(.bool, []))
            let x = try editor.addInput("x", type: type(.float32, nil))
            let twice = try editor.apply(.concat(Concat(axis: 0)), x, x, as: "twice")
            editor.setOutputs([condition, twice, try editor.apply(relu, x, as: "each")])
        }
        let loop = Operator.loop(Loop(body: Subgraph(body)))
        let count = try Tensor([Int64(4)], shape: [])
        let types = [type(.int64, []), nil, type(.float32, [1, 7])]
        let results = try infer(loop, types, constants: [0: count], outputs: 2)
        #expect(results.map { $0.type?.description } == ["float32[?, 7]", "float32[4, ?, 7]"])
        #expect(problem(loop, [type(.int64, []), nil], outputs: 1)?.hasPrefix("the subgraph 'body' has 3 inputs") == true)
    }

    @Test func theVerifierLooksInside() throws {
        var graph = try model(branch(channels: 5), branch(channels: 5), x: type(.float32, [1, 3, 8, 8]))
        var broken = try branch(channels: 5).graph
        let conv = try #require(broken.order.first)
        broken.order = []
        let id = try #require(graph.order.first)
        let replacement = try If(thenBranch: Subgraph(broken), elseBranch: branch(channels: 5))
        graph.nodeTable[id.index]?.operator = .branch(replacement)
        #expect(graph.faults.first?.description == "node 'choice/conv' (Conv): the node is not in the order")
        broken.order = [conv]
        graph.nodeTable[id.index]?.operator = .branch(try If(thenBranch: Subgraph(broken), elseBranch: branch(channels: 5)))
        #expect(graph.faults == [])
        let x = try #require(graph.value(named: "x")).id
        graph.nodeTable[id.index]?.captures = []
        graph.readers[x.index] = ReaderList()
        #expect(graph.faults.contains { $0.problem == "then_branch reads 'x', which the node does not capture" })
    }

    @Test func subgraphsAreEqualByContent() throws {
        #expect(try branch(channels: 5) == branch(channels: 5))
        #expect(try branch(channels: 5) != branch(channels: 4))
        #expect(try branch(channels: 5).hashValue == branch(channels: 5).hashValue)
    }

    @Test func aNewOpsetReachesSubgraphs() throws {
        var graph = try model(branch(channels: 5), branch(channels: 5), x: nil)
        try graph.edit { $0.setOpset(domain: "", version: 18) }
        #expect(graph.nodes.flatMap { $0.operator.subgraphs.map(\.body.graph.opset) } == [18, 18])
    }

    @Test func textDumpsShowSubgraphs() throws {
        let dump = try model(branch(channels: 5), branch(channels: 5), x: nil).textDump(checksums: false)
        #expect(dump.contains("  else_branch:\n    constant %w: float32[5, 3, 1, 1]\n    external %x: unknown\n"))
        #expect(dump.contains("captures %x"))
    }
}
