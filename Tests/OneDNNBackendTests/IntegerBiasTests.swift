import Execution
import GraphIR
@testable import OneDNNBackend
import ReferenceBackend
import Tensors
import Testing

/// Biases that a multiple of s_x·s_w in int32 says badly, or not at all.
struct IntegerBiasTests {
    private static let input = Quantizer.uint8(0.05, 10)

    /// A 1×1 convolution, or `Gemm`, with one usual channel, one whose weights are 0, and one whose weights are tiny.
    private func graph(_ scales: [Float], result: Quantizer?, isGemm: Bool) throws -> Graph {
        var builder = GraphBuilder()
        let shape = isGemm ? [3, 2] : [2, 2, 3, 3]
        let x = try builder.dequantize(builder.integerInput("x", shape, .uint8), Self.input)
        let codes = try Tensor([Int64(20), -7, 0, 0, 90, 127], shape: isGemm ? [3, 2] : [3, 2, 1, 1], as: .int8)
        let weight = try builder.add(
            .dequantizeLinear(.init(axis: 0, blockSize: 0)), builder.constant(codes), builder.constant(Tensor(vector: scales)))
        let bias = try builder.constant(Tensor(vector: [0.3, 0.02, 1] as [Float]))
        let window = Window(kernel: [], strides: [], dilations: [], padding: .explicit(begin: [], end: []))
        let y = isGemm
            ? try builder.add(
                .gemm(Gemm(alpha: 1, beta: 1, transposeA: false, transposeB: true, broadcastsLegacy: false)), x, weight, bias)
            : try builder.add(.convolution(.init(window: window, groups: 1)), x, weight, bias)
        return try builder.finish(result.map { try builder.quantize(y, $0) } ?? y)
    }

    private func inputs(isGemm: Bool) throws -> [String: Tensor] {
        ["x": try randomIntegers(isGemm ? [3, 2] : [2, 2, 3, 3], .uint8, seed: 4)]
    }

    @Test(arguments: [false, true], [IntegerSemantics.fused, .tflite])
    func floatsAreAdded(isGemm: Bool, _ semantics: IntegerSemantics) throws {
        let graph = try graph([0.01, 1, 1e-9], result: nil, isGemm: isGemm), inputs = try inputs(isGemm: isGemm)
        let literal = try ReferenceBackend().prepare(graph, inputShapes: [:]).makeSession().run(inputs)
        let name = graph[graph.outputs[0]].name
        for backend in [OneDNNBackend(threads: 2, semantics: semantics), ReferenceBackend(semantics: semantics)] as [any Backend] {
            let actual = try backend.prepare(graph, inputShapes: [:]).makeSession().run(inputs)
            try expectClose(#require(actual[name]), #require(literal[name]))
        }
        #expect(try kernels(graph, inputs).contains { $0.hasPrefix("cleave:int8_") })
    }

    /// What does not fit is added as the graph says.
    @Test(arguments: [false, true], [[0.01, 1, 0.02], [0.01, 0.02, 1e-9]] as [[Float]])
    func whatDoesNotFitIsAddedInFloat(isGemm: Bool, _ scales: [Float]) throws {
        let graph = try graph(scales, result: .uint8(0.02, 128), isGemm: isGemm), inputs = try inputs(isGemm: isGemm)
        for semantics in [IntegerSemantics.fused, .tflite] { try expectSameIntegers(graph, inputs, semantics, isFast: false, steps: 0) }
    }

    /// An int32 bias of another scale is what it says, not the nearest multiple of the products'.
    @Test(arguments: [nil, Quantizer.uint8(0.1, 0)] as [Quantizer?]) func biasesOfAnotherScale(_ result: Quantizer?) throws {
        var builder = GraphBuilder()
        let x = try builder.dequantize(builder.integerInput("x", [1, 2, 3, 3], .uint8), Self.input)
        let codes = try Tensor([Int64(0), 0, 1, -1], shape: [2, 2, 1, 1], as: .int8)
        let weight = try builder.add(
            .dequantizeLinear(.init(axis: 0, blockSize: 0)), builder.constant(codes), builder.constant(Tensor(scalar: Float(4))))
        let bias = try builder.add(
            .dequantizeLinear(.init(axis: 0, blockSize: 0)), builder.constant(Tensor([90, 70], shape: [2], as: .int32)),
            builder.constant(Tensor(scalar: Float(0.001))))
        let window = Window(kernel: [], strides: [], dilations: [], padding: .explicit(begin: [], end: []))
        let y = try builder.add(.convolution(.init(window: window, groups: 1)), x, weight, bias)
        let graph = try builder.finish(result.map { try builder.quantize(y, $0) } ?? y)
        let inputs = ["x": try randomIntegers([1, 2, 3, 3], .uint8, seed: 4)]
        let literal = try ReferenceBackend().prepare(graph, inputShapes: [:]).makeSession().run(inputs)
        for semantics in [IntegerSemantics.fused, .tflite] {
            let actual = try OneDNNBackend(threads: 2, semantics: semantics).prepare(graph, inputShapes: [:]).makeSession().run(inputs)
            let name = graph[graph.outputs[0]].name
            try expectClose(#require(actual[name]), #require(literal[name]), tolerance: 1e-6)
        }
    }

    /// A file may say anything: then nothing is made of it.
    @Test(arguments: [Float.nan, .infinity]) func scalesThatAreNoNumbers(_ scale: Float) throws {
        var builder = GraphBuilder()
        let x = try builder.dequantize(builder.integerInput("x", [1, 2, 3, 3], .uint8), Self.input)
        let (weight, _) = try builder.integerWeight([4, 2, 1, 1])
        let bias = try builder.add(
            .dequantizeLinear(.init(axis: 0, blockSize: 0)), builder.constant(Tensor([0, 1, 2, 3], shape: [4], as: .int32)),
            builder.constant(Tensor(vector: [0.001, scale, 0.001, 0.001])))
        let window = Window(kernel: [], strides: [], dilations: [], padding: .explicit(begin: [], end: []))
        let y = try builder.add(.convolution(.init(window: window, groups: 1)), x, weight, bias)
        let graph = try builder.finish(builder.quantize(y, .uint8(0.02, 128)), y)
        for semantics in [IntegerSemantics.fused, .tflite] {
            let inputs = ["x": try randomIntegers([1, 2, 3, 3], .uint8, seed: 4)]
            _ = try OneDNNBackend(semantics: semantics).prepare(graph, inputShapes: [:]).makeSession().run(inputs)
        }
    }

    /// A row of numbers that is added to a vector's product makes a matrix.
    @Test func addedRowsKeepTheirDimensions() throws {
        for (shape, isMatrix) in [([6], false), ([2, 6], true)] {
            var builder = GraphBuilder()
            let x = try builder.dequantize(builder.integerInput("x", shape, .uint8), Self.input)
            let (weight, _) = try builder.integerWeight([6, 5], axis: 1)
            let product = try builder.add(.matMul(MatMul()), x, weight)
            let row = try builder.constant(Tensor([0.5, 0, -0.5, 1, 0.25] as [Float], shape: [1, 5]))
            let graph = try builder.finish(builder.quantize(builder.sum(product, row), .uint8(0.05, 128)))
            let inputs = ["x": try randomIntegers(shape, .uint8, seed: 4)]
            try expectSameIntegers(graph, inputs, isFast: isMatrix)
            let output = try OneDNNBackend().prepare(graph, inputShapes: [:]).makeSession().run(inputs).values.first
            #expect(output?.shape == [shape.count == 1 ? 1 : 2, 5])
        }
    }

    /// What `Resize` fills in beyond the border is a number, and no integer of the tensor's.
    @Test func extrapolatedNumbersAreRounded() throws {
        var builder = GraphBuilder()
        let quantizer = Quantizer.int8(0.05, 20)
        let x = try builder.dequantize(builder.integerInput("x", [1, 2, 4, 4], .int8), quantizer)
        let region = try builder.constant(Tensor(vector: [0, 0, -0.5, -0.5, 1, 1, 1.5, 1.5] as [Float]))
        let sizes = try builder.constant(Tensor([Int64(1), 2, 6, 6], shape: [4], as: .int64))
        let resize = Resize(
            mode: .nearest, coordinates: .tfCropAndResize, nearestMode: .roundPreferFloor, cubicCoefficient: -0.75, excludeOutside: false,
            extrapolationValue: 1, antialias: false, axes: nil, aspectRatioPolicy: .stretch)
        let y = try builder.add(.resize(resize), x, region, nil, sizes)
        let graph = try builder.finish(builder.quantize(y, quantizer))
        let inputs = ["x": try randomIntegers([1, 2, 4, 4], .int8, seed: 4)]
        for semantics in [IntegerSemantics.fused, .tflite] { try expectSameIntegers(graph, inputs, semantics, isFast: false) }
    }
}
