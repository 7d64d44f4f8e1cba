import Execution
import GraphIR
@testable import OneDNNBackend
import ReferenceBackend
import Tensors
import Testing

struct IntegerConvolutionTests {
    /// How a convolution is quantized.
    struct Setting: Sendable, CustomTestStringConvertible {
        enum Bias: Sendable { case none, integers, floats }
        enum Activation: Sendable { case none, relu, clip }
        var testDescription: String
        var input: Quantizer
        var zeroAtResult: Int
        var resultType: ElementType
        var bias = Bias.integers
        var activation = Activation.none
        var weightType = ElementType.int8
        var weightZero = 0
    }

    static let settings: [Setting] = [
        .init(testDescription: "uint8", input: .uint8(0.008, 128), zeroAtResult: 128, resultType: .uint8),
        .init(testDescription: "relu", input: .uint8(0.004, 0), zeroAtResult: 0, resultType: .uint8, activation: .relu),
        .init(
            testDescription: "clip", input: .uint8(0.004, 255), zeroAtResult: 100, resultType: .uint8, bias: .floats, activation: .clip),
        .init(testDescription: "int8", input: .int8(0.008, 0), zeroAtResult: 0, resultType: .int8, bias: .floats),
        .init(testDescription: "int8 low", input: .int8(0.004, -128), zeroAtResult: -128, resultType: .int8, activation: .relu),
        .init(testDescription: "int8 high", input: .int8(0.004, 127), zeroAtResult: 127, resultType: .int8, bias: .none),
        .init(testDescription: "int8 to uint8", input: .int8(0.01, 3), zeroAtResult: 7, resultType: .uint8),
        .init(
            testDescription: "uint8 weights", input: .uint8(0.008, 131), zeroAtResult: 12, resultType: .uint8, weightType: .uint8,
            weightZero: 128),
        .init(
            testDescription: "wide weights", input: .uint8(0.008, 131), zeroAtResult: 12, resultType: .uint8, weightType: .uint8,
            weightZero: 9),
    ]

    static let shapes = ConvolutionTests.shapes.filter { $0.input.count < 5 }

    private func graph(_ shape: ConvolutionTests.Shape, _ setting: Setting) throws -> Graph {
        var builder = GraphBuilder()
        let x = try builder.dequantize(builder.integerInput("x", shape.input, setting.input.type), setting.input)
        let (weight, scales) = try builder.integerWeight(shape.weights, type: setting.weightType, zero: setting.weightZero)
        let window = Window(
            kernel: [], strides: shape.strides, dilations: shape.dilations, padding: .explicit(begin: shape.begin, end: shape.end))
        var bias: ValueID?
        switch setting.bias {
        case .none: break
        case .integers: bias = try builder.integerBias(scales, input: setting.input)
        case .floats: bias = try builder.weight([shape.weights[0]], scale: 0.1)
        }
        var y = try builder.add(.convolution(.init(window: window, groups: shape.groups)), x, weight, bias)
        switch setting.activation {
        case .none: break
        case .relu: y = try builder.relu(y)
        case .clip: y = try builder.add(.clip(.init(minimum: -0.3, maximum: 0.9)), y)
        }
        // So that most results lie within the range, and some beyond.
        let spread = Float(shape.weights.dropFirst().reduce(1, *)).squareRoot() * setting.input.scale * 0.004 * 75
        let result = Quantizer(scale: spread / 60, zero: setting.zeroAtResult, type: setting.resultType)
        return try builder.finish(builder.quantize(y, result))
    }

    @Test(arguments: shapes, settings)
    func equalsTheReference(_ shape: ConvolutionTests.Shape, _ setting: Setting) throws {
        let graph = try graph(shape, setting)
        let inputs = ["x": try randomIntegers(shape.input, setting.input.type, seed: 3)]
        for semantics in [IntegerSemantics.fused, .tflite] { try expectSameIntegers(graph, inputs, semantics) }
        #expect(try kernels(graph, inputs).contains { $0.hasPrefix("cleave:int8_") })
    }

    /// Fused and literal semantics round differently, by one step.
    @Test(arguments: settings) func staysWithinOneStepOfTheGraph(_ setting: Setting) throws {
        let shape = Self.shapes[0], graph = try graph(shape, setting)
        let inputs = ["x": try randomIntegers(shape.input, setting.input.type, seed: 4)]
        func run(_ semantics: IntegerSemantics) throws -> Tensor {
            let session = try ReferenceBackend(semantics: semantics).prepare(graph, inputShapes: [:]).makeSession()
            return try #require(session.run(inputs).values.first)
        }
        let fused = try run(.fused), literal = try run(.qdq)
        let pairs = zip(try #require(fused.int64s()), try #require(literal.int64s()))
        #expect(pairs.allSatisfy { abs($0 - $1) <= 1 })
        // A float bias is rounded to the products' scale, which moves more of them.
        if setting.bias != .floats { #expect(pairs.count { $0 != $1 } * 100 < fused.count) }
    }

    /// Sums as large as they become, of one sign.
    @Test func extremeSumsAreExact() throws {
        var builder = GraphBuilder()
        let input = Quantizer.uint8(0.01, 0)
        let x = try builder.dequantize(builder.integerInput("x", [1, 200, 5, 5], .uint8), input)
        let filters = (0..<40).map { filter in [Int64](repeating: filter % 2 == 0 ? 127 : -128, count: 200 * 9) }
        let codes = try Tensor(filters.flatMap { $0 }, shape: [40, 200, 3, 3], as: .int8)
        let weight = try builder.add(
            .dequantizeLinear(.init(axis: 0, blockSize: 0)), builder.constant(codes), builder.constant(Tensor(scalar: Float(0.01))))
        let window = Window(kernel: [], strides: [], dilations: [], padding: .explicit(begin: [1, 1], end: [1, 1]))
        let y = try builder.add(.convolution(.init(window: window, groups: 1)), x, weight)
        let graph = try builder.finish(builder.quantize(y, .int8(50, 0)), y)
        let highest = [Int64](repeating: 255, count: 200 * 25)
        let inputs = ["x": try Tensor(highest, shape: [1, 200, 5, 5], as: .uint8)]
        try expectSameIntegers(graph, inputs)
    }

    /// What nothing quantizes is computed in integers and scaled once.
    @Test(arguments: [1, 2]) func resultsMayBeFloat(_ groups: Int) throws {
        var builder = GraphBuilder()
        let input = Quantizer.int8(0.02, -5)
        let x = try builder.dequantize(builder.integerInput("x", [2, 24, 6, 5], .int8), input)
        let (weight, scales) = try builder.integerWeight([36, 24 / groups, 3, 3])
        let window = Window(kernel: [], strides: [2, 1], dilations: [], padding: .explicit(begin: [1, 1], end: [1, 1]))
        let y = try builder.add(
            .convolution(.init(window: window, groups: groups)), x, weight, builder.integerBias(scales, input: input))
        let graph = try builder.finish(builder.add(.activation(.init(function: .relu)), y))
        let inputs = ["x": try randomIntegers([2, 24, 6, 5], .int8, seed: 8)]
        try expectSameIntegers(graph, inputs)
        #expect(try kernels(graph, inputs).contains { $0.hasPrefix("cleave:int8_") })
    }

    /// A convolution, then the addition of a shortcut: one kernel, which rounds twice as the two operators do.
    @Test(arguments: settings) func takesInAnAddition(_ setting: Setting) throws {
        for (channels, size) in [(32, 7), (20, 5)] {
            var builder = GraphBuilder()
            let shape = [2, channels, size, size]
            let x = try builder.dequantize(builder.integerInput("x", shape, setting.input.type), setting.input)
            let (weight, scales) = try builder.integerWeight([channels, channels, 3, 3])
            let window = Window(kernel: [], strides: [], dilations: [], padding: .explicit(begin: [1, 1], end: [1, 1]))
            let y = try builder.add(
                .convolution(.init(window: window, groups: 1)), x, weight, builder.integerBias(scales, input: setting.input))
            let inner = Quantizer(scale: 0.03, zero: setting.resultType == .int8 ? 5 : 120, type: setting.resultType)
            let sum = try builder.sum(builder.through(y, inner), x)
            let result = Quantizer(scale: 0.025, zero: setting.zeroAtResult, type: setting.resultType)
            let graph = try builder.finish(builder.quantize(builder.relu(sum), result))
            let inputs = ["x": try randomIntegers(shape, setting.input.type, seed: 9)]
            for semantics in [IntegerSemantics.fused, .tflite] { try expectSameIntegers(graph, inputs, semantics, steps: 2) }
            #expect(try kernels(graph, inputs).count { $0.hasPrefix("cleave:int8_") } == 1)
        }
    }

    /// A residual that is added to the sum in float, as for TensorRT: rounded once.
    @Test func takesInAResidual() throws {
        var builder = GraphBuilder()
        let input = Quantizer.int8(0.02, 0), shape = [3, 16, 6, 6]
        let x = try builder.dequantize(builder.integerInput("x", shape, .int8), input)
        let (weight, _) = try builder.integerWeight([16, 16, 3, 3])
        let window = Window(kernel: [], strides: [], dilations: [], padding: .explicit(begin: [1, 1], end: [1, 1]))
        let y = try builder.add(.convolution(.init(window: window, groups: 1)), x, weight, builder.weight([16]))
        let graph = try builder.finish(builder.quantize(builder.relu(builder.sum(y, x)), .int8(0.04, 0)))
        let inputs = ["x": try randomIntegers(shape, .int8, seed: 10)]
        try expectSameIntegers(graph, inputs)
        #expect(try kernels(graph, inputs).count { $0.hasPrefix("cleave:int8_") } == 1)
    }

    /// Values in between are there for whoever asks, and asking changes nothing.
    @Test func observesWhatIsFused() throws {
        let setting = Self.settings[1], graph = try graph(Self.shapes[0], setting)
        let inputs = ["x": try randomIntegers(Self.shapes[0].input, setting.input.type, seed: 11)]
        let name = try #require(graph.nodes.first { if case .convolution = $0.operator { true } else { false } }?.outputs[0])
        let session = try OneDNNBackend(threads: 2).prepare(graph, inputShapes: [:]).makeSession()
        let plain = try session.run(inputs), observed = try session.run(inputs, observing: [graph[name].name])
        let output = graph[graph.outputs[0]].name
        #expect(try #require(observed[output]).isIdentical(to: #require(plain[output])))
        let literal = try ReferenceBackend().prepare(graph, inputShapes: [:]).makeSession().run(inputs, observing: [graph[name].name])
        try expectClose(#require(observed[graph[name].name]), #require(literal[graph[name].name]))
    }
}
