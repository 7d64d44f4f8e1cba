import Execution
import GraphIR
import ReferenceBackend
import Tensors
import Testing

@testable import Passes

/// A convolution on which the forms are proven to be the same function.
struct ConvolutionCase: CustomTestStringConvertible, Sendable {
    var filters = 5
    var channels = 3
    var kernel = [3, 3]
    var strides = [1, 1]
    var dilations = [1, 1]
    var padding = Window.Padding.explicit(begin: [1, 1], end: [1, 1])
    var bias = true
    var input = [9, 10]
    var type = ElementType.float64

    var testDescription: String {
        "\(filters)×\(channels) kernel \(kernel) strides \(strides) dilations \(dilations) \(padding) on \(input)"
            + (bias ? "" : ", no bias")
    }

    func graph() throws -> Graph {
        try makeGraph { builder in
            let x = try builder.input("x", [.named("N"), .known(channels)] + input.map { .known($0) }, type)
            let weight = try builder.weights("w", [filters, channels] + kernel, type)
            let bias = bias ? [try builder.weights("b", [filters], type)] : []
            let window = Window(kernel: [], strides: strides, dilations: dilations, padding: padding)
            builder.output(try builder.node(.convolution(Convolution(window: window, groups: 1)), [x, weight] + bias, name: "y"))
        }
    }

    /// Kernels × strides × dilations × paddings, as far as the window fits the image, then lengths and types by themselves.
    static let all: [ConvolutionCase] = {
        var cases: [ConvolutionCase] = []
        let kernels = [[3, 3], [1, 3], [3, 1], [2, 2], [5, 3], [2, 5], [7, 7]]
        for kernel in kernels {
            let paddings: [Window.Padding] = [
                .explicit(begin: [], end: []), .explicit(begin: [0, 2], end: [1, 1]), .explicit(begin: [2, 0], end: [3, 1]),
                .sameUpper, .sameLower, .valid,
            ]
            for strides in [[1, 1], [2, 2], [1, 3], [3, 2]] {
                for dilations in [[1, 1], [2, 1], [1, 2]] where kernel[0] * dilations[0] < 9 && kernel[1] * dilations[1] < 9 {
                    for padding in paddings {
                        cases.append(ConvolutionCase(kernel: kernel, strides: strides, dilations: dilations, padding: padding))
                    }
                }
            }
        }
        for (filters, channels) in [(1, 1), (1, 4), (4, 1), (2, 6), (12, 2)] {
            cases.append(ConvolutionCase(filters: filters, channels: channels))
            cases.append(ConvolutionCase(filters: filters, channels: channels, kernel: [2, 3], bias: false))
        }
        cases.append(ConvolutionCase(strides: [2, 2], padding: .explicit(begin: [0, 0], end: [1, 1]), input: [8, 8]))
        cases.append(ConvolutionCase(padding: .explicit(begin: [-1, 0], end: [0, -2])))
        cases.append(ConvolutionCase(padding: .explicit(begin: [5, 5], end: [5, 5]), input: [1, 1]))
        return cases
    }()
}

@Suite struct SeparationExactTests {
    static func run(_ graph: Graph, _ inputs: [String: Tensor]) throws -> [String: Tensor] {
        try ReferenceBackend().prepare(graph, inputShapes: [:]).makeSession().run(inputs)
    }

    static func inputs(of graph: Graph, batch: Int = 2) throws -> [String: Tensor] {
        var random = SeededRandom(seed: 11)
        var result: [String: Tensor] = [:]
        for id in graph.inputs {
            let type = try #require(graph[id].tensorType)
            let shape = try #require(type.shape).map { $0.known ?? batch }
            let values = (0..<(try Tensor.elementCount(of: shape))).map { _ in random.uniform(-1, 1) }
            result[graph[id].name] = try Tensor(values, shape: shape, as: type.elementType)
        }
        return result
    }

    /// The largest difference, as a share of the largest expected magnitude.
    static func distance(_ graph: Graph, _ other: Graph) throws -> Double {
        let inputs = try inputs(of: graph)
        let (expected, actual) = (try run(graph, inputs), try run(other, inputs))
        try #require(!expected.isEmpty && expected.keys.sorted() == actual.keys.sorted())
        var worst = 0.0
        for (name, tensor) in expected {
            let other = try #require(actual[name])
            try #require(tensor.shape == other.shape && tensor.elementType == other.elementType && tensor.count > 0)
            let (left, right) = (try #require(tensor.doubles()), try #require(other.doubles()))
            try #require((left + right).allSatisfy { $0.isFinite })
            let largest = left.reduce(0) { max($0, abs($1)) }
            try #require(largest > 0)
            worst = zip(left, right).reduce(worst) { max($0, abs($1.0 - $1.1) / largest) }
        }
        return worst
    }

    @Test(arguments: SeparableForm.allCases)
    func fullRankIsTheSameFunction(form: SeparableForm) throws {
        for convolution in ConvolutionCase.all {
            let graph = try convolution.graph()
            var separated = graph
            let report = try SeparateConvolutions(form, scope: .all, initialize: .decompose(.exact)).separate(&separated)
            guard let layer = report.layers.first else {
                let flat = convolution.kernel.contains(1)
                #expect(form == .spatial ? flat : convolution.channels == 1, "\(convolution): \(report.skips)")
                continue
            }
            #expect(layer.isExact && separated.operatorNames == ["Conv", "Conv"])
            #expect(separated.interface == graph.interface, "\(convolution)")
            let distance = try Self.distance(graph, separated)
            #expect(distance < 1e-13, "\(convolution)")
        }
    }

    /// The pass tries only the cheaper order at full rank; here both are wired by hand.
    @Test(arguments: SpatialOrder.allCases)
    func bothOrdersAreTheSameFunction(order: SpatialOrder) throws {
        for convolution in ConvolutionCase.all where convolution.kernel.allSatisfy({ $0 > 1 }) {
            let graph = try convolution.graph()
            let node = try #require(graph.nodes.first { _ in true })
            let shape = try #require(try graph.convolutionShape(of: node))
            let decomposition = try SpatialDecomposition(try #require(graph.tensor("w")), order: order)
            let factors = try decomposition.weights(rank: decomposition.fullRank)
            let layers = shape.layers(of: .spatial(order, rank: decomposition.fullRank))
            let separated = try makeGraph { builder in
                let x = try builder.input("x", graph[graph.inputs[0]].tensorType?.shape, convolution.type)
                let first = try builder.node(
                    .convolution(layers[0].convolution), [x, try builder.constant("first", factors.first)], name: "between")
                let bias = try graph.tensor("b").map { [try builder.constant("bias", $0)] } ?? []
                builder.output(
                    try builder.node(
                        .convolution(layers[1].convolution), [first, try builder.constant("second", factors.second)] + bias, name: "y"))
            }
            #expect(layers[0].role == (order == .verticalFirst ? .vertical : .horizontal))
            #expect(separated.interface == graph.interface)
            #expect(try Self.distance(graph, separated) < 1e-13, "\(convolution)")
        }
    }

    @Test(arguments: SeparableForm.allCases, [ElementType.float32, .float16])
    func narrowTypesDifferByRoundingOnly(form: SeparableForm, type: ElementType) throws {
        let graph = try ConvolutionCase(filters: 8, channels: 6, type: type).graph()
        var separated = graph
        let report = try SeparateConvolutions(form, scope: .all, initialize: .decompose(.exact)).run(on: &separated)
        #expect(report.rewrites.count == 1 && report.fidelity == .rounding(tolerance: 1e-5))
        #expect(try Self.distance(graph, separated) < (type == .float32 ? 1e-6 : 1e-2))
    }

    @Test(arguments: SeparableForm.allCases)
    func lowerRanksAreCloserTheMoreTheyKeep(form: SeparableForm) throws {
        let graph = try ConvolutionCase(filters: 16, channels: 16).graph()
        var last = Double.infinity
        for rank in [1, 2, 3] {
            var separated = graph
            let report = try SeparateConvolutions(form, scope: .all, initialize: .decompose(.count(rank))).separate(&separated)
            let error = try #require(report.layers.first?.squaredError)
            #expect(error < last && error > 0)
            #expect(report.fidelity == .approximate)
            last = error
        }
    }

    /// Weights of equal magnitudes in the two orders: the report has to name the order that the layers have.
    @Test func theBetterOrderIsKept() throws {
        for seed in 1...6 as ClosedRange<UInt64> {
            var graph = try ConvolutionCase(filters: 8, channels: 8).graph()
            let weight = try DecompositionTests.weight([8, 8, 3, 3], seed: seed)
            let id = try #require(graph.value(named: "w")?.id)
            try graph.edit { $0.setConstant(id, to: weight) }
            var separated = graph
            let report = try SeparateConvolutions(.spatial, scope: .all, initialize: .decompose(.count(4))).separate(&separated)
            let errors = try SpatialOrder.allCases.map { try SpatialDecomposition(weight, order: $0).squaredError(rank: 4) }
            let better: SpatialOrder = errors[0] <= errors[1] ? .verticalFirst : .horizontalFirst
            #expect(report.layers.map(\.separation) == [.spatial(better, rank: 4)])
            #expect(report.layers[0].squaredError == errors.min())
            let first = try #require(separated.nodes.first { _ in true })
            #expect(separated.label(of: first) == (better == .verticalFirst ? "y/vertical" : "y/horizontal"))
        }
    }
}
