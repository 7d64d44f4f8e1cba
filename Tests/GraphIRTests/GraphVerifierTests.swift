@testable import GraphIR
import Tensors
import Testing

@Suite struct GraphVerifierTests {
    private func network() throws -> Graph {
        var graph = Graph(name: "network", opset: 17)
        try graph.edit { editor in
            let x = try editor.addInput("x", type: type(.float32, [.named("N"), 2, 4, 4]))
            let w = try editor.addConstant(Tensor(repeating: 1, shape: [3, 2, 3, 3], as: .float32), name: "w")
            let y = try editor.apply(convolution(), x, w, as: "y")
            let z = try editor.apply(relu, y, as: "z")
            editor.setOutputs([z])
        }
        return graph
    }

    private func faults(_ damage: (inout Graph) throws -> Void) throws -> [String] {
        var graph = try network()
        #expect(graph.faults == [])
        try damage(&graph)
        #expect(throws: CleaveError.self) { try graph.verify() }
        return graph.faults.map(\.description)
    }

    private func index(_ name: String, _ graph: Graph) throws -> Int { try #require(graph.value(named: name)).id.index }

    @Test func opsets() throws {
        #expect(try faults { $0.opsets = [.init(domain: "", version: 99)] }
            == ["the model uses version 99 of ONNX's operator set, expected 1 to 23"])
        #expect(try faults { $0.opsets.append(.init(domain: "ai.onnx", version: 17)) }
            == ["the operator set of domain '' is imported twice, expected once"])
        #expect(try faults { $0.opsets = [] } == ["node 'y' (Conv): no version of ONNX's operator set is imported"])
    }

    @Test func names() throws {
        #expect(try faults { $0.valueTable[try index("y", $0)]?.name = "x" } == [
            "tensor 'x': two values have this name, expected unique names", "tensor 'x': the value cannot be found by its name",
        ])
        #expect(try faults { $0.valueTable[try index("y", $0)]?.name = "" }.first == "value 2 has an empty name")
    }

    @Test func storedTypes() throws {
        #expect(try faults { $0.valueTable[try index("y", $0)]?.type = type(.float32, [1]) }.first
            == "node 'y' (Conv): tensor 'y': the stored type is float32[1], but inference says float32[N, 3, 2, 2]")
        #expect(try faults { $0.valueTable[try index("w", $0)]?.type = type(.float64, [3, 2, 3, 3]) }
            == ["tensor 'w': the constant is float32[3, 2, 3, 3], but its type is float64[3, 2, 3, 3]"])
        #expect(try faults { $0.valueTable[try index("x", $0)]?.type = type(.float32, [1, 5, 4, 4]) }.first
            == "node 'y' (Conv): input has 5 channels, weight expects 2 (groups 1)")
    }

    /// Open lengths do not hide a tensor that cannot exist, and an empty one can.
    @Test func sizes() throws {
        func faults(_ lengths: [Dimension], _ elementType: ElementType) throws -> [String] {
            var graph = Graph(name: "large", opset: 17)
            try graph.edit { editor in
                let x = try editor.addInput("x", type: type(elementType, lengths))
                editor.setOutputs([try editor.apply(relu, x, as: "y")])
            }
            return graph.faults.map(\.description)
        }
        let side = Dimension.known(1 << 31)
        #expect(try faults([.known(1 << 28), .known(1 << 28)], .float32) == [])
        #expect(try faults([0, side, side, side], .float32) == [])
        let text = "the tensor is float32[N, 2147483648, 2147483648], more than memory can address"
        #expect(try faults([.named("N"), side, side], .float32) == ["tensor 'x': " + text, "tensor 'y': " + text])
    }

    @Test func declarations() throws {
        let encoding = ValueEncoding(declaration: nil, declaredType: type(.float32, [1, 3, 5, 5]), initializer: nil)
        let faults = try faults { graph in
            let z = try #require(graph.value(named: "z")).id
            try graph.edit { $0.setEncoding(z, to: encoding) }
        }
        #expect(faults == ["tensor 'z': the tensor is declared as float32[1, 3, 5, 5], but it is float32[N, 3, 2, 2]"])
    }

    @Test func structure() throws {
        #expect(try faults { $0.order.reverse() } == ["node 'z' (Relu): tensor 'y': the node runs before the tensor that it reads is made"])
        #expect(try faults { $0.order.removeLast() } == ["node 'z' (Relu): the node is not in the order"])
        #expect(try faults { $0.order.append($0.order[0]) } == ["node 'y' (Conv): the node is in the order twice, expected once"])
        #expect(try faults { $0.readers[try index("w", $0)] = ReaderList() }
            == ["tensor 'w': the list of nodes that read the value is wrong"])
        #expect(try faults { $0.nodeTable[0]?.outputs = [nil] } == ["tensor 'y': the node that should make the value does not"])
        #expect(try faults { $0.nodeTable[1]?.inputs = [] }.first == "node 'z' (Relu): has 0 operands, expected 1")
        #expect(try faults { $0.inputs = [] } == ["tensor 'x': the value is an input, but is not listed once as one"])
        #expect(try faults { $0.outputs += $0.outputs } == ["tensor 'z': the output is listed twice, expected once"])
        #expect(try faults { $0.valueTable[try index("w", $0)]?.constant = nil } == ["tensor 'w': the constant holds no tensor"])
        #expect(try faults { $0.outputs = [ValueID(77)] }.first == "an output is not in the graph")
    }

    @Test func allFaultsAreReported() throws {
        let faults = try faults {
            $0.opsets = [.init(domain: "", version: 99)]
            $0.valueTable[try index("z", $0)]?.type = nil
            $0.valueTable[try index("y", $0)]?.contents = [1]
        }
        #expect(faults.count == 3)
    }
}
