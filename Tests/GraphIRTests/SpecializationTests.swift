import GraphIR
import Tensors
import Testing

@Suite struct SpecializationTests {
    private func network() throws -> Graph {
        var graph = Graph(name: "network", opset: 17)
        try graph.edit { editor in
            let x = try editor.addInput("x", type: type(.float32, [.named("N"), 2, .named("H"), .unknown]))
            let mask = try editor.addInput("mask", type: type(.float32, [.named("N"), 1]))
            let w = try editor.addConstant(Tensor(repeating: 1, shape: [3, 2, 3, 3], as: .float32), name: "w")
            let y = try editor.apply(convolution(strides: [2, 2]), x, w, as: "y")
            let flat = try editor.apply(.flatten(Flatten(axis: 1)), y, as: "flat")
            editor.setOutputs([try editor.apply(binary(.mul), flat, mask, as: "z")])
        }
        return graph
    }

    @Test func everythingIsInferredAgain() throws {
        let graph = try network()
        let special = try graph.specialized(inputShapes: ["x": [4, 2, 9, 7]])
        #expect(special.faults == [])
        #expect(special.value(named: "mask")?.type == type(.float32, [4, 1]))
        #expect(special.value(named: "y")?.type == type(.float32, [4, 3, 4, 3]))
        #expect(special.value(named: "z")?.type == type(.float32, [4, 36]))
        #expect(graph.value(named: "z")?.type == type(.float32, [.named("N"), .unknown]))
        #expect(try graph.specialized(inputShapes: [:]).textDump(checksums: true) == graph.textDump(checksums: true))
    }

    @Test func declarationsOfTheFileAreSubstituted() throws {
        var graph = try network()
        let y = try #require(graph.value(named: "y")).id
        try graph.edit { editor in
            let declared = type(.float32, [.named("N"), 3, .unknown, .named("H")])
            editor.setEncoding(y, to: ValueEncoding(declaration: nil, declaredType: declared, initializer: nil))
        }
        #expect(graph[y].tensorType?.shape?[3] == .named("H"))
        let special = try graph.specialized(inputShapes: ["mask": [5, 1]])
        #expect(special[y].tensorType?.shape?[0] == 5)
        #expect(special[y].tensorType?.shape?[3] == .named("H"))
    }

    @Test func shapesThatDoNotFitAreErrors() throws {
        let graph = try network()
        func problem(_ shapes: [String: [Int]]) -> String? {
            do {
                _ = try graph.specialized(inputShapes: shapes)
                return nil
            } catch {
                return "\(error)"
            }
        }
        #expect(problem(["q": [1]]) == "tensor 'q': there is no such input, expected 'x', 'mask'")
        #expect(problem(["x": [1, 3, 8, 8]]) == "tensor 'x': the input has shape [1, 3, 8, 8], expected [N, 2, H, ?]")
        #expect(problem(["x": [1, 2]]) == "tensor 'x': the input has shape [1, 2], expected [N, 2, H, ?]")
        #expect(problem(["x": [1, 2, 8, 8], "mask": [2, 1]])
            == "tensor 'mask': N is 2 in shape [2, 1], but 1 in that of another input or dimension")
        #expect(problem(["x": [1, 2, 2, 8]]) == "node 'y' (Conv): the window covers 3 elements of spatial dimension 0, which has 2")
        #expect(problem(["x": [-1, 2, 8, 8]]) == "tensor 'x': shape [-1, 2, 8, 8] has a negative dimension")
    }
}
