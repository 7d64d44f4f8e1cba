import GraphIR
import OneDNNBackend
import Tensors
import Testing

/// NaN and infinities through every kernel and everything that kernels take in, as IEEE 754 has it.
struct NonFiniteTests {
    static let activations: [Activation.Function] = [
        .relu, .leakyRelu(alpha: 0.1), .sigmoid, .tanh, .softplus, .elu(alpha: 0.5), .selu(alpha: 1.6, gamma: 1.05), .celu(alpha: 0.7),
        .hardSigmoid(alpha: 0.2, beta: 0.5), .hardSwish, .mish, .gelu(tanhApproximation: false), .gelu(tanhApproximation: true), .softsign,
        .thresholdedRelu(alpha: 0.3),
    ]

    /// What computes the values that an activation follows.
    enum Layer: CaseIterable, Sendable {
        case none, pointwise, fewChannels, paddedChannels, depthwise, grouped, transposed, volume, matMul, gemm, sum, batchNorm
    }

    private func tensor(_ shape: [Int]) throws -> Tensor {
        var elements = try random(shape, seed: 1).elements(as: Float.self)
        for (index, value) in [Float.nan, .infinity, -.infinity, 1e30, -1e30, 120, -120].enumerated() where 5 * index < elements.count {
            elements[5 * index] = value
        }
        return try Tensor(elements, shape: shape)
    }

    private func output(of layer: Layer, _ builder: inout GraphBuilder) throws -> ValueID {
        switch layer {
        case .none: return try builder.input("x", [1, 16, 6, 6])
        case .pointwise: return try builder.convolution(builder.input("x", [1, 16, 6, 6]), [32, 16, 1, 1])
        case .fewChannels: return try builder.convolution(builder.input("x", [1, 3, 6, 6]), [32, 3, 1, 1])
        case .paddedChannels: return try builder.convolution(builder.input("x", [1, 16, 6, 6]), [20, 16, 1, 1])
        case .depthwise: return try builder.convolution(builder.input("x", [1, 16, 6, 6]), [16, 1, 1, 1], groups: 16)
        case .grouped: return try builder.convolution(builder.input("x", [1, 12, 6, 6]), [12, 4, 1, 1], groups: 3)
        case .transposed:
            let window = Window(kernel: [1, 1], strides: [1, 1], dilations: [1, 1], padding: .explicit(begin: [0, 0], end: [0, 0]))
            return try builder.add(
                .convolutionTranspose(.init(window: window, groups: 1, outputPadding: [], outputShape: nil)),
                builder.input("x", [1, 16, 6, 6]), builder.weight([16, 16, 1, 1]))
        case .volume: return try builder.convolution(builder.input("x", [1, 8, 3, 4, 5]), [16, 8, 1, 1, 1])
        case .matMul: return try builder.add(.matMul(.init()), builder.input("x", [36, 6]), builder.weight([6, 9]))
        case .gemm:
            return try builder.add(
                .gemm(.init(alpha: 1, beta: 1, transposeA: false, transposeB: false, broadcastsLegacy: false)),
                builder.input("x", [36, 6]), builder.weight([6, 9]), builder.weight([9]))
        case .sum: return try builder.sum(builder.input("x", [1, 16, 6, 6]), builder.weight([16, 1, 1]))
        case .batchNorm: return try builder.batchNorm(builder.input("x", [1, 16, 6, 6]), channels: 16)
        }
    }

    @Test(arguments: Layer.allCases, activations.indices)
    func passThrough(_ layer: Layer, _ index: Int) throws {
        var builder = GraphBuilder()
        let y = try output(of: layer, &builder)
        let graph = try builder.finish(builder.add(.activation(.init(function: Self.activations[index])), y))
        let input = graph[graph.inputs[0]]
        try expectAgreement(graph, [input.name: tensor(#require(input.tensorType?.knownShape))])
    }

    @Test(arguments: Layer.allCases)
    func passThroughClip(_ layer: Layer) throws {
        var builder = GraphBuilder()
        let y = try output(of: layer, &builder)
        let graph = try builder.finish(builder.add(.clip(.init(minimum: -0.25, maximum: 0.5)), y))
        let input = graph[graph.inputs[0]]
        try expectAgreement(graph, [input.name: tensor(#require(input.tensorType?.knownShape))])
    }

    /// Infinity times the zero weights of channels that exist only as padding is NaN, which must not reach the next layer.
    @Test func paddingStaysZero() throws {
        var builder = GraphBuilder()
        let x = try builder.input("x", [1, 16, 3, 3])
        let negative = try builder.constant(Tensor([Float](repeating: -1, count: 20 * 16), shape: [20, 16, 1, 1]))
        let window = Window(kernel: [1, 1], strides: [1, 1], dilations: [1, 1], padding: .explicit(begin: [0, 0], end: [0, 0]))
        let y = try builder.relu(builder.add(.convolution(.init(window: window, groups: 1)), x, negative))
        let graph = try builder.finish(builder.convolution(y, [24, 20, 1, 1], bias: true))
        var elements = [Float](repeating: 0.5, count: 16 * 9)
        elements[4] = .infinity
        try expectAgreement(graph, ["x": Tensor(elements, shape: [1, 16, 3, 3])])
    }
}
