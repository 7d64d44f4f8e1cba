import GraphIR
import Tensors
import Testing

@Suite struct GraphCostTests {
    /// Convolution, batch norm, average pool, Gemm, and what is no parameter: limits, axes, scales.
    private func network() throws -> Graph {
        var graph = Graph(name: "network", opset: 17)
        try graph.edit { editor in
            let x = try editor.addInput("x", type: type(.float32, [.named("N"), 3, 8, 8]))
            func weight(_ shape: [Int], _ name: String) throws -> ValueID {
                try editor.addConstant(Tensor(repeating: 0.5, shape: shape, as: .float32), name: name)
            }
            let w = try weight([4, 3, 3, 3], "w")
            let y = try editor.apply(convolution(), x, w, weight([4], "b"), as: "conv")
            let statistics = try ["scale", "shift", "mean", "variance"].map { try weight([4], $0) }
            let n = try editor.apply(
                .batchNorm(BatchNorm(epsilon: 1e-5, momentum: 0.9, trainingMode: false)), y, statistics[0], statistics[1], statistics[2],
                statistics[3], as: "norm")
            let c = try editor.apply(.clip(Clip(minimum: nil, maximum: nil)), n, weight([], "zero"), weight([], "six"), as: "clip")
            let h = try editor.apply(binary(.mul), c, weight([], "half"), as: "halved")
            let p = try editor.apply(.globalPool(GlobalPool(function: .average)), h, as: "pool")
            let f = try editor.apply(.squeeze(Squeeze(axes: nil)), p, try editor.addConstant(ints(2, 3), name: "axes"), as: "flat")
            let transposed = try editor.apply(.transpose(Transpose(permutation: nil)), weight([10, 4], "fc"), as: "fcT")
            let logits = try editor.apply(.matMul(MatMul()), f, transposed, as: "matmul")
            let biased = try editor.apply(add, logits, weight([10], "fcb"), as: "logits")
            editor.setOutputs([biased])
        }
        return graph
    }

    @Test func parametersAreWeightsAndStatistics() throws {
        let cost = try network().cost(assuming: [:])
        let perLayer = Dictionary(uniqueKeysWithValues: cost.layers.map { ($0.name, $0.parameters) })
        #expect(perLayer["conv"] == 4 * 27 + 4)
        #expect(perLayer["norm"] == 16)
        #expect(perLayer["matmul"] == 40)
        #expect(perLayer["logits"] == 10)
        #expect(cost.parameters == 112 + 16 + 40 + 10)
        #expect(cost.trainableParameters == 112 + 8 + 40 + 10)
        #expect(cost.parameterBytes == 4 * 178)
    }

    @Test func workFollowsTheBatch() throws {
        let one = try network().cost(assuming: [:])
        let eight = try network().cost(assuming: ["N": 8])
        #expect(one.multiplyAccumulates == 4 * 36 * 27 + 40)
        #expect(eight.multiplyAccumulates == 8 * (4 * 36 * 27 + 40))
        let activations = 3 * 64 + 3 * 4 * 36 + 4 * 36 + 4 + 4 + 10 + 10
        #expect(one.activationBytes == 4 * activations)
        #expect(eight.activationBytes == 4 * 8 * activations)
    }

    /// x alone, then x and y, then y and z …: two neighbours at a time.
    @Test func peakIsWhatLivesAtOneTime() throws {
        var graph = Graph(name: "chain", opset: 17)
        try graph.edit { editor in
            let x = try editor.addInput("x", type: type(.float32, [100]))
            let y = try editor.apply(relu, x, as: "y")
            let z = try editor.apply(relu, y, as: "z")
            let sum = try editor.apply(add, z, x, as: "sum")
            editor.setOutputs([sum])
        }
        #expect(try graph.cost(assuming: [:]).peakActivationBytes == 1200)
        #expect(try graph.cost(assuming: [:]).activationBytes == 1600)
    }

    @Test func theLargestPartIsAtMostTheWhole() throws {
        var graph = Graph(name: "small", opset: 17)
        try graph.edit { editor in
            let x = try editor.addInput("x", type: type(.float32, [100]))
            editor.setOutputs([try editor.apply(relu, x, as: "y")])
        }
        let cost = try graph.cost(assuming: [:])
        #expect(cost.inputBytes == 400)
        #expect(cost.peakActivationBytes == 800)
        #expect(cost.activationBytes == 800)
    }

    @Test func sharedAndFilledWeightsCountOnce() throws {
        var graph = Graph(name: "shared", opset: 17)
        try graph.edit { editor in
            let x = try editor.addInput("x", type: type(.float32, [.unknown, 4, 8, 8]))
            let w = try editor.apply(
                .constantOfShape(ConstantOfShape(value: nil)), try editor.addConstant(ints(4, 4, 1, 1), name: "shape"), as: "w")
            let y = try editor.apply(convolution(), x, w, as: "a")
            editor.setOutputs([try editor.apply(convolution(), y, w, as: "b")])
        }
        let cost = try graph.cost(assuming: [:])
        #expect(cost.parameters == 16)
        #expect(cost.layers.map(\.parameters) == [0, 16, 0])
        #expect(cost.multiplyAccumulates == 2 * 4 * 64 * 4)
        #expect(cost.layers.map(\.activationBytes) == [0, 1024, 1024])
        #expect(cost.peakActivationBytes == 2048)
    }

    @Test func quantizedWeightsAreParameters() throws {
        var graph = Graph(name: "quantized", opset: 17)
        try graph.edit { editor in
            let x = try editor.addInput("x", type: type(.float32, [1, 2, 4, 4]))
            let q = try editor.addConstant(Tensor(repeating: 1, shape: [3, 2, 1, 1], as: .int8), name: "q")
            let scale = try editor.addConstant(Tensor(repeating: 0.5, shape: [3], as: .float32), name: "scale")
            let w = try editor.apply(.dequantizeLinear(DequantizeLinear(axis: 0, blockSize: 0)), q, scale, as: "w")
            editor.setOutputs([try editor.apply(convolution(), x, w, as: "y")])
        }
        #expect(try graph.cost(assuming: [:]).parameters == 6)
        #expect(try graph.cost(assuming: [:]).parameterBytes == 6)
    }

    @Test func unknownShapesLeaveTheCostUnknown() throws {
        var graph = Graph(name: "unknown", opset: 17)
        try graph.edit { editor in
            let x = try editor.addInput("x", type: type(.float32, [.named("N"), 2, .named("H"), 4]))
            let w = try editor.addConstant(Tensor(repeating: 1, shape: [3, 2, 1, 1], as: .float32), name: "w")
            editor.setOutputs([try editor.apply(convolution(), x, w, as: "y")])
        }
        #expect(try graph.cost(assuming: [:]).multiplyAccumulates == nil)
        #expect(try graph.cost(assuming: [:]).peakActivationBytes == nil)
        #expect(try graph.cost(assuming: ["H": 5]).multiplyAccumulates == 3 * 20 * 2)
    }

    @Test func workOfOtherOperators() {
        func work(_ operation: Operator, _ inputs: [[Int]], _ output: [Int]) -> Int? {
            let types = inputs.map { TensorType(.float32, lengths: $0) }
            return operation.payload.multiplyAccumulates(CostContext(inputs: types, outputs: [TensorType(.float32, lengths: output)]))
        }
        #expect(work(convolution(groups: 4), [[1, 4, 8, 8], [8, 1, 3, 3]], [1, 8, 6, 6]) == 8 * 36 * 9)
        let transposed = ConvolutionTranspose(
            window: Window(kernel: [], strides: [2, 2], dilations: [], padding: unpadded), groups: 2, outputPadding: [], outputShape: nil)
        #expect(work(.convolutionTranspose(transposed), [[1, 4, 5, 5], [4, 3, 2, 2]], [1, 6, 10, 10]) == 4 * 25 * 3 * 4)
        let gemm = Operator.gemm(Gemm(alpha: 1, beta: 1, transposeA: true, transposeB: false, broadcastsLegacy: false))
        #expect(work(gemm, [[7, 2], [7, 3]], [2, 3]) == 42)
        #expect(work(.matMul(MatMul()), [[5, 2, 7], [7, 3]], [5, 2, 3]) == 210)
        #expect(work(.einsum(Einsum(equation: "bij,bjk->bik")), [[5, 2, 7], [5, 7, 3]], [5, 2, 3]) == 210)
        #expect(work(.einsum(Einsum(equation: "ij->ji")), [[5, 2]], [2, 5]) == 0)
        #expect(work(relu, [[5]], [5]) == 0)
        #expect(work(convolution(), [[1, 1, 1, 1], [.max, 1, 3, 3]], [1, .max, 1, 1]) == nil)
    }
}
