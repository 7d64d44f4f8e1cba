import GraphIR
import Passes
import Tensors
import Testing

@Suite struct FoldBatchNormTests {
    /// Folds completely to `names` with equal outputs.
    private func expectFold(_ graph: Graph, to names: [String], _ location: SourceLocation = #_sourceLocation) throws {
        let result = try folded(graph, location)
        #expect(result.graph.operatorNames == names, sourceLocation: location)
    }

    private func folded(_ graph: Graph, _ location: SourceLocation) throws -> (graph: Graph, reports: [PassReport]) {
        try PassesTests.folded(graph, location)
    }

    @Test(arguments: [true, false]) func convolution(bias: Bool) throws {
        let graph = try makeGraph {
            let x = try $0.input("x", [2, 3, 6, 5])
            let y = try $0.conv(x, [4, 3, 3, 3], name: "conv", strides: [2, 1], pads: [1, 0, 0, 2], bias: bias)
            $0.output(try $0.batchNorm(y, 4, name: "norm"))
        }
        try expectFold(graph, to: ["Conv"])
        var result = graph
        try result.fold(evaluate: referenceEvaluator)
        let node = try #require(result.producer(ofValue: "norm"))
        #expect(node.name == "conv")
        #expect(node.origin == Origin(pass: "fold-batch-norm", nodes: ["conv", "norm"]))
        #expect(result.values.map(\.name).sorted() == ["conv.weight", bias ? "conv.bias" : "norm.bias", "norm", "x"].sorted())
    }

    @Test func formula() throws {
        let graph = try makeGraph {
            let x = try $0.input("x", [1, 1, 1, 1])
            let weight = try $0.floats("w", [3, 5], shape: [2, 1, 1, 1])
            let y = try $0.node(.convolution(Convolution(window: $0.window([], [], []), groups: 1)), [x, weight], name: "conv")
            let operands = [
                try $0.floats("scale", [2, 4]), try $0.floats("bias", [0.5, -1]), try $0.floats("mean", [1, 2]),
                try $0.floats("variance", [3, 15]),
            ]
            $0.output(try $0.node(.batchNorm(BatchNorm(epsilon: 1, momentum: 0.9, trainingMode: false)), [y] + operands, name: "norm"))
        }
        let result = try rewritten(graph, by: FoldBatchNorm()).graph
        #expect(result.tensor("w") == (try Tensor([Float(3), 5], shape: [2, 1, 1, 1])))
        #expect(result.tensor("bias") == Tensor(vector: [Float(-0.5), -3]))
    }

    @Test func groupedConvolution() throws {
        try expectFold(
            makeGraph {
                let x = try $0.input("x", [1, 6, 5, 5])
                $0.output(try $0.batchNorm(try $0.conv(x, [9, 2, 3, 3], name: "conv", dilations: [2, 1], groups: 3), 9, name: "norm"))
            }, to: ["Conv"])
    }

    @Test func depthwiseConvolutionOfVolumes() throws {
        try expectFold(
            makeGraph {
                let x = try $0.input("x", [.named("N"), 4, 3, 3, 3])
                $0.output(try $0.batchNorm(try $0.conv(x, [4, 1, 2, 2, 2], name: "conv", groups: 4, bias: false), 4, name: "norm"))
            }, to: ["Conv"])
    }

    @Test(arguments: [1, 2]) func transposedConvolution(groups: Int) throws {
        try expectFold(
            makeGraph {
                let x = try $0.input("x", [1, 4, 3, 4])
                let y = try $0.convTranspose(x, [4, 3, 3, 2], name: "conv", strides: [2, 2], pads: [1, 0, 0, 1], groups: groups)
                $0.output(try $0.batchNorm(y, 3 * groups, name: "norm"))
            }, to: ["ConvTranspose"])
    }

    @Test(arguments: [true, false], [nil, [5], [1, 5], [1], []] as [[Int]?]) func gemm(transposeB: Bool, biasShape: [Int]?) throws {
        try expectFold(
            makeGraph {
                let x = try $0.input("x", [3, 4])
                let weight = try $0.weights("w", transposeB ? [5, 4] : [4, 5])
                var operands = [x, weight]
                if let biasShape { operands.append(try $0.weights("b", biasShape)) }
                let gemm = Gemm(alpha: 0.5, beta: 2, transposeA: false, transposeB: transposeB, broadcastsLegacy: false)
                let y = try $0.node(.gemm(gemm), operands, name: "gemm")
                $0.output(try $0.batchNorm(y, 5, name: "norm"))
            }, to: ["Gemm"])
    }

    @Test func matMulBecomesGemm() throws {
        try expectFold(
            makeGraph {
                let x = try $0.input("x", [.named("N"), 4])
                let y = try $0.node(.matMul(MatMul()), [x, try $0.weights("w", [4, 5])], name: "product")
                $0.output(try $0.batchNorm(y, 5, name: "norm"))
            }, to: ["Gemm"])
    }

    @Test func batchedMatMulHasItsChannelsElsewhere() throws {
        let graph = try makeGraph {
            let x = try $0.input("x", [2, 5, 4])
            let y = try $0.node(.matMul(MatMul()), [x, try $0.weights("w", [4, 5])], name: "product")
            $0.output(try $0.batchNorm(y, 5, name: "norm"))
        }
        #expect(try folded(graph, #_sourceLocation).graph.operatorNames == ["MatMul", "BatchNormalization"])
    }

    @Test func sharedWeightsGetTheirOwnCopy() throws {
        let graph = try makeGraph {
            let x = try $0.input("x", [1, 3, 5, 5])
            let first = try $0.conv(x, [3, 3, 3, 3], name: "conv", pads: [1, 1, 1, 1])
            let operands = $0.editor.graph.producer(of: first)?.inputs.dropFirst() ?? []
            let normed = try $0.batchNorm(first, 3, name: "norm")
            let window = $0.window([], [], [1, 1, 1, 1])
            $0.output(try $0.node(.convolution(Convolution(window: window, groups: 1)), [normed] + operands, name: "again"))
        }
        let result = try folded(graph, #_sourceLocation).graph
        #expect(result.operatorNames == ["Conv", "Conv"])
        #expect(result.tensor("conv.weight") == graph.tensor("conv.weight"))
        #expect(result.tensor("conv.weight_1") != nil)
    }

    @Test func severalReadersKeepTheConvolution() throws {
        let graph = try makeGraph {
            let x = try $0.input("x", [1, 3, 5, 5])
            let y = try $0.conv(x, [4, 3, 1, 1], name: "conv")
            $0.output(try $0.binary(.add, try $0.relu(try $0.batchNorm(y, 4, name: "norm"), name: "relu"), y, name: "sum"))
        }
        let result = try rewritten(graph, by: FoldBatchNorm())
        #expect(result.graph.operatorNames == graph.operatorNames)
        #expect(result.report.skippedNodes == ["norm: the output of Conv before it is read 2 times"])
    }

    @Test func graphOutputsKeepTheConvolution() throws {
        let graph = try makeGraph {
            let x = try $0.input("x", [1, 3, 5, 5])
            let y = try $0.conv(x, [4, 3, 1, 1], name: "conv")
            $0.output(y, try $0.batchNorm(y, 4, name: "norm"))
        }
        let report = try rewritten(graph, by: FoldBatchNorm()).report
        #expect(report.skippedNodes == ["norm: the output of Conv before it is also a graph output"])
        #expect(try folded(graph, #_sourceLocation).graph.operatorNames == ["Conv", "BatchNormalization"])
    }

    @Test func preActivationIsLeftAlone() throws {
        let graph = try makeGraph {
            let x = try $0.input("x", [1, 3, 5, 5])
            let sum = try $0.binary(.add, x, try $0.conv(x, [3, 3, 1, 1], name: "conv"), name: "sum")
            $0.output(sum, try $0.relu(try $0.batchNorm(sum, 3, name: "norm"), name: "relu"))
        }
        let result = try folded(graph, #_sourceLocation)
        #expect(result.graph.operatorNames == graph.operatorNames)
        #expect(result.reports["fold-batch-norm"]?.skippedNodes == ["norm: Add comes before it, which has no weights to fold it into"])
        #expect(result.reports["fold-into-next-layer"]?.skippedNodes == ["norm: Relu comes after it, which it cannot be folded through"])
    }

    @Test(arguments: [
        ("scale", Double.nan, "a parameter is not finite"), ("mean", .infinity, "a parameter is not finite"),
        ("variance", -1, "a variance plus epsilon is not positive"), ("variance", -1e-5, "a variance plus epsilon is not positive"),
    ]) func badParameters(_ parameter: String, _ value: Double, _ reason: String) throws {
        var graph = try makeGraph {
            let x = try $0.input("x", [1, 3, 2, 2])
            $0.output(try $0.batchNorm(try $0.conv(x, [2, 3, 1, 1], name: "conv"), 2, name: "norm"))
        }
        let id = try #require(graph.value(named: "norm.\(parameter)")).id
        try graph.edit { $0.setConstant(id, to: try Tensor([1, value], shape: [2], as: .float32)) }
        let result = try rewritten(graph, by: FoldBatchNorm())
        #expect(result.graph.operatorNames == graph.operatorNames)
        #expect(result.report.skippedNodes == ["norm: \(reason)"])
    }

    @Test func overflowingHalfPrecision() throws {
        let graph = try makeGraph {
            let x = try $0.input("x", [1, 1, 2, 2], .float16)
            let weight = try $0.floats("w", [60000], shape: [1, 1, 1, 1], .float16)
            let y = try $0.node(.convolution(Convolution(window: $0.window([], [], []), groups: 1)), [x, weight], name: "conv")
            let operands = [
                try $0.floats("scale", [4], .float16), try $0.floats("bias", [0], .float16), try $0.floats("mean", [0], .float16),
                try $0.floats("variance", [1], .float16),
            ]
            $0.output(try $0.node(.batchNorm(BatchNorm(epsilon: 0, momentum: 0.9, trainingMode: false)), [y] + operands, name: "norm"))
        }
        #expect(try rewritten(graph, by: FoldBatchNorm()).report.skippedNodes == ["norm: a folded weight would not be finite"])
    }

    @Test(arguments: [(ElementType.float64, 1e-12), (.float16, 4e-3), (.bfloat16, 3e-2)])
    func elementTypes(_ type: ElementType, _ tolerance: Double) throws {
        let graph = try makeGraph {
            let x = try $0.input("x", [1, 3, 5, 5], type)
            $0.output(try $0.batchNorm(try $0.conv(x, [4, 3, 3, 3], name: "conv", type), 4, name: "norm", type))
        }
        let result = try PassesTests.folded(graph, tolerance: tolerance).graph
        #expect(result.operatorNames == ["Conv"])
        #expect(result.tensor("conv.weight")?.elementType == type)
    }

    @Test func trainingModeIsLeftAlone() throws {
        let graph = try makeGraph {
            let x = try $0.input("x", [1, 3, 5, 5])
            let y = try $0.conv(x, [4, 3, 3, 3], name: "conv")
            let operands = [
                try $0.weights("s", [4]), try $0.weights("b", [4]), try $0.weights("m", [4]), try $0.weights("v", [4], in: 1...2),
            ]
            let norm = BatchNorm(epsilon: 1e-5, momentum: 0.9, trainingMode: true)
            $0.output(try $0.nodes(.batchNorm(norm), [y] + operands, outputs: 3, name: "norm")[0])
        }
        #expect(try rewritten(graph, by: FoldBatchNorm()).report.skippedNodes == ["norm: it is in training mode"])
    }

    @Test func computedWeightsAreLeftAlone() throws {
        let graph = try makeGraph {
            let x = try $0.input("x", [1, 3, 5, 5])
            let w = try $0.input("w", [4, 3, 1, 1])
            let y = try $0.node(.convolution(Convolution(window: $0.window([], [], []), groups: 1)), [x, w], name: "conv")
            $0.output(try $0.batchNorm(y, 4, name: "norm"))
        }
        #expect(try rewritten(graph, by: FoldBatchNorm()).report.skippedNodes == ["norm: the weight of Conv is not a constant"])
    }

    /// Weights without their trained numbers stay small where all channels are scaled alike.
    @Test(arguments: [true, false]) func filledWeights(uniform: Bool) throws {
        let graph = try makeGraph {
            let x = try $0.input("x", [1, 64, 3, 3])
            let shape = try $0.integers("shape", [128, 64, 1, 1])
            let fill = ConstantOfShape(value: try Tensor([Float(0.25)], shape: [1]))
            let weight = try $0.node(.constantOfShape(fill), [shape], name: "w")
            let y = try $0.node(.convolution(Convolution(window: $0.window([], [], []), groups: 1)), [x, weight], name: "conv")
            let ones = [Double](repeating: 1, count: 128)
            let scale = uniform ? try $0.floats("scale", ones) : try $0.weights("scale", [128], in: 1...2)
            let rest = [try $0.weights("b", [128]), try $0.weights("m", [128]), try $0.floats("v", ones)]
            let norm = BatchNorm(epsilon: 0.5, momentum: 0.9, trainingMode: false)
            $0.output(try $0.node(.batchNorm(norm), [y, scale] + rest, name: "norm"))
        }
        try expectFold(graph, to: uniform ? ["ConstantOfShape", "Conv"] : ["Conv"])
    }

    /// That the layer before it cannot take the batch norm is one reason, and enough.
    @Test func aLayerBeforeGivesTheOnlyReason() throws {
        var graph = try makeGraph {
            let x = try $0.input("x", [1, 4, 5, 5])
            let bias = try $0.input("bias", [4])
            let weight = try $0.weights("w", [4, 4, 3, 3])
            let y = try $0.node(.convolution(Convolution(window: $0.window([], [], []), groups: 1)), [x, weight, bias], name: "conv")
            $0.output(try $0.batchNorm(y, 4, name: "bn"))
        }
        #expect(try graph.fold(evaluate: referenceEvaluator).flatMap(\.skippedNodes) == ["bn: the bias of Conv is not a constant"])
    }
}
