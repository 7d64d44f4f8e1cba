import GraphIR
import Passes
import Tensors
import Testing

@Suite struct FoldScaleShiftTests {
    private static let shapes: [[Int]] = [[], [1], [4, 1, 1], [1, 4, 1, 1], [1, 1, 1]]

    private func convolution(
        _ function: Binary.Function, constantFirst: Bool, shape: [Int], groups: Int = 1
    ) throws -> Graph {
        try makeGraph {
            let x = try $0.input("x", [2, 2, 5, 5])
            let y = try $0.conv(x, [4, 2 / groups, 3, 3], name: "conv", pads: [1, 1, 1, 1], groups: groups)
            let c = try $0.weights("c", shape, in: 0.5...2)
            $0.output(try constantFirst ? $0.binary(function, c, y, name: "step") : $0.binary(function, y, c, name: "step"))
        }
    }

    @Test(arguments: [Binary.Function.mul, .add, .sub], shapes) func bothOperandOrders(_ function: Binary.Function, _ shape: [Int]) throws {
        for constantFirst in [false, true] {
            let result = try folded(convolution(function, constantFirst: constantFirst, shape: shape)).graph
            #expect(result.operatorNames == ["Conv"])
            #expect(result.producer(ofValue: "step")?.origin?.nodes == ["conv", "step"])
        }
    }

    @Test(arguments: shapes) func division(_ shape: [Int]) throws {
        #expect(try folded(convolution(.div, constantFirst: false, shape: shape)).graph.operatorNames == ["Conv"])
        #expect(try folded(convolution(.div, constantFirst: true, shape: shape)).graph.operatorNames == ["Conv", "Div"])
    }

    @Test func grouped() throws {
        #expect(try folded(convolution(.mul, constantFirst: true, shape: [4, 1, 1], groups: 2)).graph.operatorNames == ["Conv"])
    }

    /// Shapes that vary along another dimension than the channels, or widen the result.
    @Test(arguments: [[5], [5, 1], [1, 5], [2, 1, 1, 1], [1, 1, 1, 1, 1], [3, 1, 4, 1, 1]]) func otherShapes(_ shape: [Int]) throws {
        for function in [Binary.Function.mul, .add] {
            let graph = try convolution(function, constantFirst: false, shape: shape)
            let result = try rewritten(graph, by: FoldScaleShift())
            #expect(result.graph.operatorNames == graph.operatorNames)
            #expect(result.report.skippedNodes == ["step: its constant of shape \(shape) is not one number per channel"])
        }
    }

    /// What exporters of channels-last networks leave: the constants are per channel of the transposed output.
    @Test func foldsThroughATranspose() throws {
        let graph = try makeGraph {
            let y = try $0.conv(try $0.input("x", [2, 2, 5, 6]), [4, 2, 3, 3], name: "conv", pads: [1, 1, 1, 1], bias: false)
            let last = try $0.transpose(y, [0, 2, 3, 1], name: "last")
            let scaled = try $0.binary(.mul, last, try $0.weights("m", [4]), name: "scaled")
            $0.output(try $0.binary(.add, scaled, try $0.weights("a", [4]), name: "shifted"))
        }
        let result = try folded(graph).graph
        #expect(result.operatorNames == ["Conv", "Transpose"])
        #expect(result.producer(ofValue: "shifted")?.origin?.nodes == ["conv", "last", "scaled", "shifted"])
        // What the layer makes now is nothing that the original has.
        #expect(result.nodes.first { _ in true }?.origin?.nodes == [])
    }

    /// One number per row of the transposed output is none per channel; neither is a transposed output that others read.
    @Test func leavesOthersBehindATranspose() throws {
        for (shape, isShared) in [([5, 1, 1], false), ([4], true)] {
            let graph = try makeGraph {
                let y = try $0.conv(try $0.input("x", [2, 2, 5, 6]), [4, 2, 3, 3], name: "conv", pads: [1, 1, 1, 1])
                let last = try $0.transpose(y, [0, 2, 3, 1], name: "last")
                $0.output(try $0.binary(.mul, last, try $0.weights("m", shape), name: "scaled"))
                if isShared { $0.output(last) }
            }
            let result = try rewritten(graph, by: FoldScaleShift())
            #expect(result.graph.operatorNames == ["Conv", "Transpose", "Mul"])
            #expect(
                result.report.skippedNodes == [
                    isShared ? "scaled: the output of Transpose before it is also a graph output"
                        : "scaled: its constant of shape [5, 1, 1] is not one number per channel"
                ])
        }
    }

    @Test func divisionByZeroIsLeftAlone() throws {
        let graph = try makeGraph {
            let y = try $0.conv(try $0.input("x", [1, 2, 5, 5]), [4, 2, 3, 3], name: "conv")
            $0.output(try $0.binary(.div, y, try $0.floats("c", [1, 0, 1, 1], shape: [4, 1, 1]), name: "step"))
        }
        #expect(try rewritten(graph, by: FoldScaleShift()).report.skips.count == 1)
        #expect(try folded(graph).graph.operatorNames == ["Conv", "Div"])
    }

    /// What caffe2 left: constants that are unsqueezed, multiplied and added after batch norm.
    @Test(arguments: [true, false]) func unsqueezedAfterBatchNorm(afterConvolution: Bool) throws {
        let graph = try makeGraph(opset: 9) {
            let x = try $0.input("x", [1, 4, 5, 5])
            let y = afterConvolution ? try $0.conv(x, [4, 4, 1, 1], name: "conv", bias: false) : try $0.relu(x, name: "relu")
            let normed = try $0.batchNorm(y, 4, name: "norm")
            let unsqueeze = Operator.unsqueeze(Unsqueeze(axes: [1, 2]))
            let scale = try $0.node(unsqueeze, [try $0.weights("s", [4])], name: "scale")
            let shift = try $0.node(unsqueeze, [try $0.weights("t", [4])], name: "shift")
            let scaled = try $0.binary(.mul, normed, scale, name: "scaled")
            $0.output(try $0.relu(try $0.binary(.add, scaled, shift, name: "shifted"), name: "y"))
        }
        let result = try folded(graph).graph
        #expect(result.operatorNames == (afterConvolution ? ["Conv", "Relu"] : ["Relu", "BatchNormalization", "Relu"]))
        #expect(result.producer(ofValue: "shifted")?.origin?.nodes == (afterConvolution ? ["conv"] : []) + ["norm", "scaled", "shifted"])
    }

    @Test func negation() throws {
        let graph = try makeGraph {
            let y = try $0.convTranspose(try $0.input("x", [1, 2, 5, 5]), [2, 2, 2, 2], name: "conv", groups: 2)
            $0.output(try $0.node(.unary(Unary(function: .neg)), [y], name: "minus"))
        }
        #expect(try folded(graph).graph.operatorNames == ["ConvTranspose"])
    }

    @Test(arguments: [[5], [1, 5], []]) func matMulAndAddBecomeGemm(_ shape: [Int]) throws {
        for constantFirst in [false, true] {
            let graph = try makeGraph {
                let y = try $0.node(.matMul(MatMul()), [try $0.input("x", [.named("N"), 4]), try $0.weights("w", [4, 5])], name: "product")
                let c = try $0.weights("c", shape)
                $0.output(try constantFirst ? $0.binary(.add, c, y, name: "sum") : $0.binary(.add, y, c, name: "sum"))
            }
            #expect(try folded(graph).graph.operatorNames == ["Gemm"])
        }
    }

    @Test func matMulOfComputedMatrices() throws {
        let graph = try makeGraph {
            let y = try $0.node(.matMul(MatMul()), [try $0.input("a", [3, 4]), try $0.input("b", [4, 5])], name: "product")
            $0.output(try $0.binary(.add, y, try $0.weights("c", [5]), name: "sum"))
        }
        #expect(try folded(graph).graph.operatorNames == ["Gemm"])
    }

    /// Not a vector per column, or not a matrix.
    @Test func matMulThatIsNoGemm() throws {
        let wide = try makeGraph {
            let y = try $0.node(.matMul(MatMul()), [try $0.input("x", [3, 4]), try $0.weights("w", [4, 1])], name: "product")
            $0.output(try $0.binary(.add, y, try $0.weights("c", [5]), name: "sum"))
        }
        #expect(try folded(wide).graph.operatorNames == ["MatMul", "Add"])
        let batched = try makeGraph {
            let y = try $0.node(.matMul(MatMul()), [try $0.input("x", [2, 3, 4]), try $0.weights("w", [4, 5])], name: "product")
            let scaled = try $0.binary(.mul, y, try $0.weights("s", [5]), name: "scaled")
            $0.output(try $0.binary(.add, scaled, try $0.weights("c", [5]), name: "sum"))
        }
        let result = try folded(batched)
        #expect(result.graph.operatorNames == ["MatMul", "Add"])
        #expect(result.reports["fold-scale-shift"]?.skips.count == 1)
    }

    @Test func squareOfTheSameValueIsNoStep() throws {
        let graph = try makeGraph {
            let y = try $0.conv(try $0.input("x", [1, 2, 5, 5]), [4, 2, 1, 1], name: "conv")
            $0.output(try $0.binary(.mul, y, y, name: "square"))
        }
        #expect(try folded(graph).graph.operatorNames == ["Conv", "Mul"])
    }
}
