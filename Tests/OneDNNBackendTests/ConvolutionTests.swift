import Execution
import GraphIR
import OneDNNBackend
import Tensors
import Testing

struct ConvolutionTests {
    struct Shape: Sendable, CustomTestStringConvertible {
        var input: [Int]
        var weights: [Int]
        var strides: [Int] = []
        var dilations: [Int] = []
        var begin: [Int] = []
        var end: [Int] = []
        var groups = 1

        var testDescription: String { "\(input) * \(weights) / \(strides) g\(groups) d\(dilations) p\(begin)\(end)" }
    }

    static let shapes: [Shape] = [
        .init(input: [2, 16, 9, 7], weights: [32, 16, 3, 3], begin: [1, 1], end: [1, 1]),
        .init(input: [1, 64, 10, 10], weights: [80, 64, 1, 1]),
        .init(input: [1, 48, 11, 5], weights: [16, 48, 1, 1], strides: [2, 2]),
        .init(input: [3, 20, 8, 8], weights: [33, 20, 3, 3], strides: [2, 1], begin: [1, 0], end: [0, 2]),
        .init(input: [1, 3, 17, 19], weights: [64, 3, 7, 7], strides: [2, 2], begin: [3, 3], end: [3, 3]),
        .init(input: [5, 32, 1, 1], weights: [48, 32, 3, 3], begin: [1, 1], end: [1, 1]),
        .init(input: [6, 32, 2, 2], weights: [16, 32, 3, 3], strides: [2, 2], begin: [1, 1], end: [1, 1]),
        .init(input: [7, 16, 4, 4], weights: [16, 16, 3, 3], begin: [1, 1], end: [1, 1]),
        .init(input: [1, 16, 12, 12], weights: [16, 16, 3, 3], dilations: [3, 2], begin: [3, 2], end: [3, 2]),
        .init(input: [2, 32, 6, 6], weights: [64, 16, 3, 3], begin: [1, 1], end: [1, 1], groups: 2),
        .init(input: [2, 12, 6, 6], weights: [18, 4, 3, 3], begin: [1, 1], end: [1, 1], groups: 3),
        .init(input: [2, 32, 9, 9], weights: [32, 1, 3, 3], strides: [2, 2], begin: [1, 1], end: [1, 1], groups: 32),
        .init(input: [1, 20, 9, 9], weights: [40, 1, 5, 5], begin: [2, 2], end: [2, 2], groups: 20),
        .init(input: [2, 16, 31], weights: [32, 16, 5], begin: [2], end: [2]),
        .init(input: [2, 5, 31], weights: [7, 5, 4], strides: [3], begin: [0], end: [1]),
        .init(input: [1, 8, 5, 6, 7], weights: [16, 8, 3, 3, 3], begin: [1, 1, 1], end: [1, 1, 1]),
        .init(input: [1, 640, 3, 3], weights: [16, 640, 3, 3], begin: [1, 1], end: [1, 1]),
        .init(input: [1, 16, 5, 40], weights: [16, 16, 3, 1], begin: [1, 0], end: [1, 0]),
        .init(input: [1, 16, 5, 40], weights: [16, 16, 1, 9], strides: [1, 4], begin: [0, 4], end: [0, 4]),
        .init(input: [2, 24, 7, 5], weights: [24, 1, 3, 5], strides: [2, 1], dilations: [1, 2], begin: [1, 3], end: [1, 4], groups: 24),
        .init(input: [1, 16, 3, 3], weights: [16, 1, 7, 7], begin: [3, 3], end: [3, 3], groups: 16),
        .init(input: [1, 32, 6, 21], weights: [32, 1, 3, 3], strides: [1, 2], begin: [1, 0], end: [1, 1], groups: 32),
        .init(input: [3, 48, 20], weights: [48, 1, 4], begin: [1], end: [2], groups: 48),
        .init(input: [2, 3, 12, 10], weights: [20, 3, 5, 4], strides: [2, 3], dilations: [2, 1], begin: [2, 0], end: [1, 3]),
        .init(input: [2, 1, 6, 9], weights: [70, 1, 3, 3], begin: [1, 1], end: [1, 1]),
        .init(input: [1, 40, 9, 9], weights: [3, 40, 3, 3], begin: [1, 1], end: [1, 1]),
        .init(input: [2, 16, 6, 13], weights: [16, 1, 3, 3], begin: [1, 1], end: [1, 1], groups: 16),
        .init(input: [1, 8, 5, 5], weights: [8, 1, 3, 3], begin: [1, 1], end: [1, 1], groups: 8),
        .init(input: [2, 30, 4, 9], weights: [30, 1, 3, 3], begin: [1, 1], end: [1, 1], groups: 30),
        .init(input: [1, 130, 5, 6], weights: [130, 1, 2, 3], begin: [0, 1], end: [1, 1], groups: 130),
        .init(input: [2, 24, 7, 7], weights: [48, 1, 3, 3], begin: [1, 1], end: [1, 1], groups: 24),
        .init(input: [1, 40, 6, 6], weights: [120, 1, 3, 3], strides: [2, 2], begin: [1, 1], end: [1, 1], groups: 40),
        .init(input: [1, 3, 8, 8], weights: [96, 1, 5, 5], begin: [2, 2], end: [2, 2], groups: 3),
        .init(input: [2, 20, 5, 10], weights: [80, 1, 3, 3], begin: [1, 1], end: [1, 1], groups: 20),
        .init(input: [1, 16, 20, 20], weights: [16, 1, 17, 17], begin: [8, 8], end: [8, 8], groups: 16),
    ]

    /// What follows a convolution.
    enum Tail: CaseIterable, Sendable {
        case nothing, relu, normThenClip, residual, residualThenRelu, swish, preActivation, reluThenResidual
    }

    @Test(arguments: shapes, Tail.allCases)
    func agreesWithReference(_ shape: Shape, _ tail: Tail) throws {
        var builder = GraphBuilder()
        let x = try builder.input("x", shape.input)
        func convolution() throws -> ValueID {
            try builder.convolution(
                x, shape.weights, strides: shape.strides, dilations: shape.dilations, begin: shape.begin, end: shape.end,
                groups: shape.groups, bias: true)
        }
        let channels = shape.weights[0]
        var y = try convolution()
        var graph: Graph
        switch tail {
        case .nothing: graph = try builder.finish(y)
        case .relu: graph = try builder.finish(builder.relu(y))
        case .normThenClip:
            y = try builder.add(.clip(.init(minimum: -0.5, maximum: 0.25)), builder.batchNorm(y, channels: channels))
            graph = try builder.finish(y)
        case .residual: graph = try builder.finish(builder.sum(convolution(), y))
        case .residualThenRelu: graph = try builder.finish(builder.relu(builder.sum(y, convolution())))
        case .swish:
            let gate = try builder.add(.activation(.init(function: .sigmoid)), y)
            graph = try builder.finish(builder.add(.binary(.init(function: .mul, broadcastAxis: .numpy)), gate, y))
        case .preActivation:
            let sum = try builder.sum(convolution(), y)
            let normalized = try builder.relu(builder.batchNorm(sum, channels: channels))
            graph = try builder.finish(builder.sum(normalized, sum))
        case .reluThenResidual: graph = try builder.finish(builder.sum(builder.relu(y), convolution()))
        }
        try expectFast(graph, randomInputs(graph, seed: 7))
    }

    @Test func residualThatIsTheConvolutionsOwnInput() throws {
        var builder = GraphBuilder()
        let x = try builder.input("x", [2, 32, 6, 6])
        let y = try builder.relu(x)
        let z = try builder.sum(builder.convolution(y, [32, 32, 3, 3], begin: [1, 1], end: [1, 1]), y)
        let graph = try builder.finish(builder.relu(z))
        try expectFast(graph, randomInputs(graph, seed: 3))
    }

    @Test func residualThatIsReadLater() throws {
        var builder = GraphBuilder()
        let x = try builder.input("x", [1, 32, 6, 6])
        let y = try builder.convolution(x, [32, 32, 1, 1])
        let z = try builder.sum(builder.convolution(x, [32, 32, 3, 3], begin: [1, 1], end: [1, 1]), y)
        let graph = try builder.finish(z, builder.relu(y))
        try expectFast(graph, randomInputs(graph, seed: 4))
    }

    @Test func weightsThatAreInputs() throws {
        var builder = GraphBuilder()
        let x = try builder.input("x", [1, 16, 6, 6]), w = try builder.input("w", [24, 16, 3, 3]), b = try builder.input("b", [24])
        let window = Window(kernel: [3, 3], strides: [1, 1], dilations: [1, 1], padding: .sameUpper)
        let y = try builder.add(.convolution(.init(window: window, groups: 1)), x, w, b)
        let graph = try builder.finish(builder.relu(builder.batchNorm(y, channels: 24)))
        try expectFast(graph, randomInputs(graph, seed: 5))
    }

    @Test(arguments: [1, 2, 16], [[2, 2], [3, 1], [1], [3], [1, 2, 2]])
    func transposed(_ groups: Int, _ strides: [Int]) throws {
        for dilation in [1, 2] {
            var builder = GraphBuilder()
            let x = try builder.input("x", [2, 16] + [5, 6, 3].prefix(strides.count)), kernel = strides.map { _ in 3 }
            let window = Window(
                kernel: kernel, strides: strides, dilations: strides.map { _ in dilation },
                padding: .explicit(begin: [1, 0, 1].prefix(strides.count) + [], end: [0, 1, 1].prefix(strides.count) + []))
            let y = try builder.add(
                .convolutionTranspose(.init(window: window, groups: groups, outputPadding: [], outputShape: nil)), x,
                builder.weight([16, 32 / groups] + kernel, scale: 0.1), builder.weight([32]))
            let graph = try builder.finish(builder.relu(builder.batchNorm(y, channels: 32)))
            try expectFast(graph, randomInputs(graph, seed: 6))
        }
    }
}
