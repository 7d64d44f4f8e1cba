import GraphIR
import Passes
import Tensors
import Testing

@Suite struct FoldIntoNextLayerTests {
    private func normThenConvolution(
        _ weight: [Int], pads: [Int] = [], groups: Int = 1, shift: Bool = true, bias: Bool = true
    ) throws -> Graph {
        try makeGraph {
            let x = try $0.relu(try $0.input("x", [2, 4, 6, 5]), name: "first")
            let normed: ValueID
            if shift {
                normed = try $0.batchNorm(x, 4, name: "norm")
            } else {
                let zeros = [Double](repeating: 0, count: 4)
                let operands = [
                    try $0.weights("s", [4]), try $0.floats("b", zeros), try $0.floats("m", zeros), try $0.weights("v", [4], in: 1...2),
                ]
                let norm = BatchNorm(epsilon: 1e-5, momentum: 0.9, trainingMode: false)
                normed = try $0.node(.batchNorm(norm), [x] + operands, name: "norm")
            }
            $0.output(try $0.conv(normed, weight, name: "conv", strides: [2, 1], pads: pads, groups: groups, bias: bias))
        }
    }

    @Test(arguments: [true, false]) func unpaddedConvolution(bias: Bool) throws {
        let result = try folded(normThenConvolution([3, 4, 3, 3], bias: bias)).graph
        #expect(result.operatorNames == ["Relu", "Conv"])
        #expect(result.producer(ofValue: "conv")?.origin == Origin(pass: "fold-into-next-layer", nodes: ["norm", "conv"]))
    }

    @Test func groupedConvolution() throws {
        #expect(try folded(normThenConvolution([6, 2, 3, 3], groups: 2)).graph.operatorNames == ["Relu", "Conv"])
    }

    @Test func shiftStaysBesidePadding() throws {
        let result = try folded(normThenConvolution([3, 4, 3, 3], pads: [0, 1, 0, 0]))
        #expect(result.graph.operatorNames == ["Relu", "BatchNormalization", "Conv"])
        let reason = "norm: Conv after it pads with zeros, which its shift would have to leave alone"
        #expect(result.reports["fold-into-next-layer"]?.skippedNodes == [reason])
    }

    @Test func scaleGoesBesidePadding() throws {
        #expect(try folded(normThenConvolution([3, 4, 3, 3], pads: [1, 1, 1, 0], shift: false)).graph.operatorNames == ["Relu", "Conv"])
    }

    @Test(arguments: [1, 2]) func transposedConvolution(groups: Int) throws {
        let graph = try makeGraph {
            let x = try $0.relu(try $0.input("x", [1, 4, 3, 3]), name: "first")
            let scaled = try $0.binary(.mul, x, try $0.weights("s", [4, 1, 1]), name: "scaled")
            $0.output(try $0.convTranspose(scaled, [4, 3, 3, 3], name: "conv", strides: [2, 2], pads: [1, 1, 0, 0], groups: groups))
        }
        #expect(try folded(graph).graph.operatorNames == ["Relu", "ConvTranspose"])
    }

    @Test func shiftDoesNotGoIntoTransposedConvolution() throws {
        let graph = try makeGraph {
            let x = try $0.relu(try $0.input("x", [1, 4, 3, 3]), name: "first")
            $0.output(try $0.convTranspose(try $0.batchNorm(x, 4, name: "norm"), [4, 3, 3, 3], name: "conv"))
        }
        #expect(try folded(graph).graph.operatorNames == ["Relu", "BatchNormalization", "ConvTranspose"])
    }

    @Test(arguments: [true, false]) func gemmAfterFlattening(transposeB: Bool) throws {
        let graph = try makeGraph {
            let x = try $0.relu(try $0.input("x", [.named("N"), 3, 2, 2]), name: "first")
            let flat = try $0.flatten(try $0.batchNorm(x, 3, name: "norm"), name: "flat")
            let gemm = Gemm(alpha: 0.5, beta: 2, transposeA: false, transposeB: transposeB, broadcastsLegacy: false)
            let weight = try $0.weights("w", transposeB ? [5, 12] : [12, 5])
            $0.output(try $0.node(.gemm(gemm), [flat, weight, try $0.weights("c", [5])], name: "gemm"))
        }
        let result = try folded(graph).graph
        #expect(result.operatorNames == ["Relu", "Flatten", "Gemm"])
        #expect(result.producer(ofValue: "gemm")?.origin?.nodes == ["norm", "flat", "gemm"])
        #expect(result.value(named: "flat") == nil, "a value with another meaning must not keep its name")
    }

    @Test func gemmAfterGlobalPooling() throws {
        let graph = try makeGraph {
            let x = try $0.relu(try $0.input("x", [.named("N"), 3, .named("H"), 4]), name: "first")
            let pooled = try $0.node(.globalPool(GlobalPool(function: .average)), [try $0.batchNorm(x, 3, name: "norm")], name: "pool")
            let flat = try $0.flatten(pooled, name: "flat")
            $0.output(try $0.node(.matMul(MatMul()), [flat, try $0.weights("w", [3, 5])], name: "product"))
        }
        #expect(try folded(graph).graph.operatorNames == ["Relu", "GlobalAveragePool", "Flatten", "Gemm"])
    }

    @Test func maximaDoNotCommute() throws {
        let graph = try makeGraph {
            let x = try $0.relu(try $0.input("x", [1, 3, 4, 4]), name: "first")
            let pooled = try $0.node(.globalPool(GlobalPool(function: .max)), [try $0.batchNorm(x, 3, name: "norm")], name: "pool")
            $0.output(try $0.conv(pooled, [2, 3, 1, 1], name: "conv"))
        }
        let result = try folded(graph)
        #expect(result.graph.operatorNames == graph.operatorNames)
        let reason = "norm: GlobalMaxPool comes after it, which it cannot be folded through"
        #expect(result.reports["fold-into-next-layer"]?.skippedNodes == [reason])
    }

    @Test func severalReadersKeepIt() throws {
        let graph = try makeGraph {
            let x = try $0.relu(try $0.input("x", [1, 3, 4, 4]), name: "first")
            let normed = try $0.batchNorm(x, 3, name: "norm")
            $0.output(try $0.conv(normed, [2, 3, 1, 1], name: "a"), try $0.conv(normed, [2, 3, 1, 1], name: "b"))
        }
        #expect(try folded(graph).graph.operatorNames == graph.operatorNames)
    }

    /// Input normalization that exporters put into the graph.
    @Test func inputNormalization() throws {
        let graph = try makeGraph {
            let x = try $0.input("x", [1, 3, 6, 6])
            let centred = try $0.binary(.sub, x, try $0.weights("mean", [1, 3, 1, 1]), name: "centred")
            let scaled = try $0.binary(.div, centred, try $0.weights("std", [3, 1, 1], in: 0.2...0.5), name: "scaled")
            $0.output(try $0.conv(scaled, [4, 3, 3, 3], name: "conv"))
        }
        #expect(try folded(graph).graph.operatorNames == ["Conv"])
    }

    /// The constant gives the tensor its channels: without it the convolution would read another shape.
    @Test func broadcastingConstantStays() throws {
        let graph = try makeGraph {
            let x = try $0.input("x", [1, 1, 6, 6])
            let wide = try $0.binary(.mul, x, try $0.weights("c", [1, 3, 1, 1]), name: "wide")
            $0.output(try $0.conv(wide, [4, 3, 3, 3], name: "conv"))
        }
        #expect(try folded(graph).graph.operatorNames == ["Mul", "Conv"])
    }
}
