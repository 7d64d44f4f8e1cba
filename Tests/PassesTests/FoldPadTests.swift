import GraphIR
import Passes
import Tensors
import Testing

@Suite struct FoldPadTests {
    private func graph(
        _ pads: [Int] = [0, 0, 1, 0, 0, 0, 2, 1], mode: Pad.Mode = .constant, value: Double? = nil, relu: Bool = true,
        layer: (inout GraphBuilder, ValueID) throws -> ValueID
    ) throws -> Graph {
        try makeGraph {
            let x = try $0.input("x", [2, 3, 6, 5])
            let before = relu ? try $0.relu(x, name: "a") : try $0.node(.unary(Unary(function: .sin)), [x], name: "a")
            let constant = try value.map { number in try Tensor([number], shape: [], as: .float32) }
            let operand: ValueID? = if let constant { try $0.constant("value", constant) } else { nil }
            $0.output(try layer(&$0, try $0.pad(before, pads, mode: mode, value: operand, name: "pad")))
        }
    }

    private typealias Layer = (inout GraphBuilder, ValueID) throws -> ValueID

    private func averagePool(_ pads: [Int], countIncludePad: Bool, ceilMode: Bool = false) -> Layer {
        return {
            let window = $0.window([2, 2], [], pads, kernel: [3, 3])
            let pool = AveragePool(window: window, ceilMode: ceilMode, countIncludePad: countIncludePad)
            return try $0.node(.averagePool(pool), [$1], name: "pool")
        }
    }

    private func maxPool(_ pads: [Int], ceilMode: Bool = false, dilations: [Int] = []) -> Layer {
        return {
            let window = $0.window([2, 2], dilations, pads, kernel: [3, 3])
            return try $0.node(.maxPool(MaxPool(window: window, ceilMode: ceilMode, columnMajorIndices: false)), [$1], name: "pool")
        }
    }

    private func names(_ graph: Graph) throws -> [String] { Array(try folded(graph, tolerance: 0).graph.operatorNames.dropFirst()) }

    @Test(arguments: [nil, 0.0]) func convolution(value: Double?) throws {
        let original = try graph(value: value) { try $0.conv($1, [4, 3, 3, 3], name: "conv", strides: [2, 1], pads: [1, 2, 0, 0]) }
        let result = try folded(original, tolerance: 0).graph
        #expect(result.operatorNames == ["Relu", "Conv"])
        guard case .convolution(let payload)? = result.producer(ofValue: "conv")?.operator else { return #expect(Bool(false)) }
        #expect(payload.window.padding == .explicit(begin: [2, 2], end: [2, 1]))
        #expect(result.producer(ofValue: "conv")?.origin?.nodes == ["pad", "conv"])
    }

    @Test func convolutionWithoutPads() throws {
        #expect(try names(graph { try $0.conv($1, [4, 3, 3, 3], name: "conv") }) == ["Conv"])
    }

    @Test func otherPadsOfConvolutionStay() throws {
        func stays(_ graph: Graph, _ location: SourceLocation = #_sourceLocation) throws {
            #expect(try names(graph) == ["Pad", "Conv"], sourceLocation: location)
        }
        let convolution: (inout GraphBuilder, ValueID) throws -> ValueID = { try $0.conv($1, [4, 3, 2, 2], name: "conv") }
        try stays(graph(value: 1, layer: convolution))
        try stays(graph([0, 0, 1, 1, 0, 0, 1, 1], mode: .reflect, layer: convolution))
        try stays(graph([0, 0, -1, 0, 0, 0, 0, 1], layer: convolution))
        try stays(graph([1, 0, 0, 0, 0, 0, 0, 0], layer: convolution))
        try stays(
            graph {
                let window = Window(kernel: [], strides: [2, 2], dilations: [], padding: .sameUpper)
                let weight = try $0.weights("w", [4, 3, 3, 3])
                return try $0.node(.convolution(Convolution(window: window, groups: 1)), [$1, weight], name: "conv")
            })
    }

    @Test func channelPadStays() throws {
        #expect(try names(graph([0, 1, 0, 0, 0, 0, 0, 0]) { try $0.conv($1, [4, 4, 2, 2], name: "conv") }) == ["Pad", "Conv"])
    }

    @Test func readPadStays() throws {
        #expect(
            try names(
                graph {
                    let y = try $0.conv($1, [4, 3, 2, 2], name: "conv")
                    $0.output(try $0.node(.unary(Unary(function: .sin)), [$1], name: "z"))
                    return y
                }
            ).contains("Pad"))
    }

    @Test func averagePools() throws {
        #expect(try names(graph(layer: averagePool([1, 0, 0, 1], countIncludePad: true))) == ["AveragePool"])
        #expect(try names(graph(layer: averagePool([], countIncludePad: false))) == ["AveragePool"])
        #expect(try names(graph(layer: averagePool([1, 0, 0, 1], countIncludePad: false))) == ["Pad", "AveragePool"])
        // 3 rows of padding for 3 of kernel.
        #expect(try names(graph(layer: averagePool([1, 0, 1, 1], countIncludePad: true))) == ["Pad", "AveragePool"])
        #expect(try names(graph(layer: averagePool([], countIncludePad: true, ceilMode: true))) == ["Pad", "AveragePool"])
        #expect(try names(graph(value: 1, layer: averagePool([], countIncludePad: true))) == ["Pad", "AveragePool"])
    }

    @Test func maxPools() throws {
        #expect(try names(graph(layer: maxPool([]))) == ["MaxPool"])
        #expect(try names(graph(layer: maxPool([1, 1, 0, 0]))) == ["MaxPool"])
        #expect(try names(graph(value: -1, layer: maxPool([]))) == ["MaxPool"])
        #expect(try names(graph(value: -.infinity, relu: false, layer: maxPool([]))) == ["MaxPool"])
        #expect(try names(graph(relu: false, layer: maxPool([]))) == ["Pad", "MaxPool"])
        #expect(try names(graph(value: 0.1, layer: maxPool([]))) == ["Pad", "MaxPool"])
        #expect(try names(graph([0, 0, 3, 0, 0, 0, 0, 0], layer: maxPool([]))) == ["Pad", "MaxPool"])
        #expect(try names(graph([0, 0, 1, 1, 0, 0, 1, 1], layer: maxPool([], dilations: [2, 2]))) == ["Pad", "MaxPool"])
        #expect(try names(graph(layer: maxPool([], ceilMode: true))) == ["Pad", "MaxPool"])
    }

    @Test func indicesOfMaximaStay() throws {
        let graph = try graph {
            let window = $0.window([1, 1], [], [], kernel: [2, 2])
            let pool = MaxPool(window: window, ceilMode: false, columnMajorIndices: false)
            let outputs = try $0.nodes(.maxPool(pool), [$1], outputs: 2, name: "pool")
            $0.output(outputs[1])
            return outputs[0]
        }
        #expect(try names(graph) == ["Pad", "MaxPool"])
    }

    /// Amounts that no 32-bit field holds, alone or in sum with those of the layer, stay where they are.
    @Test(arguments: [[1 << 31, 0], [Int(Int32.max), 1], [1 << 62, 0], [1 << 62, 1]])
    func amountsBeyond32BitsStay(amounts: [Int]) throws {
        let original = try graph([0, 0, 0, 0, 0, 0, amounts[0], 0]) {
            try $0.conv($1, [4, 3, 2, 2], name: "conv", pads: [0, 0, amounts[1], 0])
        }
        let result = try rewritten(original, by: FoldPad())
        #expect(result.graph.operatorNames == ["Relu", "Pad", "Conv"])
        #expect(result.report.skippedNodes == ["pad: together with the layer after it, it pads by more than 2147483647"])
    }

    @Test func largestAmountIsFolded() throws {
        let original = try graph([0, 0, 0, 0, 0, 0, Int(Int32.max) - 1, 0]) {
            try $0.conv($1, [4, 3, 2, 2], name: "conv", pads: [0, 0, 1, 0])
        }
        #expect(try rewritten(original, by: FoldPad()).graph.operatorNames == ["Relu", "Conv"])
    }

    @Test func reasonIsSaid() throws {
        let result = try folded(graph(relu: false, layer: maxPool([])))
        let reason = "pad: it pads with 0.0, which MaxPool after it could pick: its operand may be negative"
        #expect(result.reports["fold-pad"]?.skippedNodes == [reason])
    }
}
