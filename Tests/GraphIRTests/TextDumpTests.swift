import GraphIR
import OperatorCases
import Tensors
import Testing

@Suite struct TextDumpTests {
    @Test func theWholeFormat() throws {
        var graph = Graph(name: "demo", opsets: [.init(domain: "", version: 17), .init(domain: "com.example", version: 1)])
        graph.setMetadata("author", to: "a \"b\"\n")
        try graph.edit { editor in
            let x = try editor.addInput("x", type: type(.float32, [.named("N"), 2, 8, 8]))
            let w = try editor.addConstant(Tensor(repeating: 0.5, shape: [4, 2, 3, 3], as: .float32), name: "w")
            let bias = try editor.addConstant(Tensor(vector: [0, 1, -2.5, 3] as [Float]), name: "the bias")
            let y = try editor.insertSingle(
                convolution(strides: [2, 2], padding: .explicit(begin: [0, 0], end: [1, 1])), inputs: [x, w, bias], output: .new(name: "y"),
                name: "conv", before: nil, origin: Origin(pass: "fold", nodes: ["a"]))
            let shape = try editor.apply(.shapeOf(ShapeOf(start: 0, end: nil)), y, as: "shape")
            try editor.insert(
                .opaque(OpaqueOperator(domain: "com.example", name: "Fancy", overload: "")), inputs: [y, nil],
                outputs: [.none, .new(name: "f")], name: "", before: nil, origin: nil)
            let limited = try editor.apply(.clip(Clip(minimum: nil, maximum: nil)), y, nil, as: "limited")
            editor.setOutputs([limited, shape])
        }
        #expect(graph.textDump(checksums: false) == """
            graph "demo"
            opset 17
            opset 1 of com.example
            metadata "author": "a \\"b\\"\\n"
            input %x: float32[N, 2, 8, 8]
            constant %w: float32[4, 2, 3, 3]
            constant %"the bias": float32[4] {0.0, 1.0, -2.5, 3.0}
            %y: float32[N, 4, 4, 4] = Conv(%x, %w, %"the bias") {group: 1, strides: [2, 2], pads: [0, 0, 1, 1]}  // "conv", fold of "a"
            %shape: int64[4] {N, 4, 4, 4} = Shape(%y) {start: 0}  // "shape"
            _, %f: unknown = Fancy(%y, _) {domain: com.example}
            %limited: float32[N, 4, 4, 4] = Clip(%y, _)  // "limited"
            output %limited
            output %shape

            """)
    }

    @Test func checksumsFollowTheBytes() throws {
        func dump(_ last: Float) throws -> String {
            var graph = Graph(name: "g", opset: 17)
            try graph.edit { editor in
                _ = try editor.addConstant(Tensor(vector: [Float](repeating: 1, count: 20) + [last]), name: "w")
            }
            return graph.textDump(checksums: true)
        }
        #expect(try dump(1) == dump(1))
        #expect(try dump(1) != dump(2))
        #expect(try dump(1).contains("constant %w: float32[21] #"))
    }

    /// Two operators of the table that differ must not look the same.
    @Test func differentOperatorsHaveDifferentTexts() {
        var seen: [String: Operator] = [:]
        for row in allOperatorCases + gradientOperatorCases + integerOperatorCases {
            let attributes = row.operation.attributeTexts.map { "\($0.name): \($0.value)" }
            let bodies = row.operation.subgraphs.map { $0.body.graph.textDump(checksums: true) }
            let text = "\(row.operation.name) \(attributes) \(bodies)"
            #expect(seen[text] == nil || seen[text] == row.operation, "\(text)")
            seen[text] = row.operation
        }
    }
}
