import Execution
import GraphIR
@testable import OneDNNBackend
import Tensors
import Testing

struct IntegerOperatorTests {
    private static let quantizers: [(Quantizer, Quantizer, Quantizer)] = [
        (.uint8(0.02, 128), .uint8(0.013, 0), .uint8(0.025, 90)), (.int8(0.02, -128), .int8(0.02, 127), .int8(0.04, 0)),
        (.uint8(0.5, 255), .int8(0.01, 3), .uint8(0.25, 255)), (.int8(0.004, 0), .uint8(0.009, 7), .int8(0.011, -20)),
    ]

    /// A graph of one operator on two quantized inputs, whose result is quantized.
    private func pair(
        _ function: Binary.Function, _ shapes: ([Int], [Int]), _ quantizers: (Quantizer, Quantizer, Quantizer)
    ) throws -> (Graph, [String: Tensor]) {
        var builder = GraphBuilder()
        let a = try builder.dequantize(builder.integerInput("a", shapes.0, quantizers.0.type), quantizers.0)
        let b = try builder.dequantize(builder.integerInput("b", shapes.1, quantizers.1.type), quantizers.1)
        let y = try builder.add(.binary(.init(function: function, broadcastAxis: .numpy)), a, b)
        let graph = try builder.finish(builder.quantize(builder.relu(y), quantizers.2))
        return (
            graph,
            ["a": try randomIntegers(shapes.0, quantizers.0.type, seed: 1), "b": try randomIntegers(shapes.1, quantizers.1.type, seed: 2)]
        )
    }

    @Test(arguments: [Binary.Function.add, .mul], [IntegerSemantics.fused, .tflite])
    func sumsAndProducts(_ function: Binary.Function, _ semantics: IntegerSemantics) throws {
        let shapes: [([Int], [Int])] = [
            ([2, 19, 5, 4], [2, 19, 5, 4]), ([3, 8], [3, 8]), ([2, 21, 6, 6], [2, 21, 1, 1]), ([1, 16, 1, 1], [2, 16, 9, 9]),
            ([4, 64, 16, 16], [4, 64, 16, 16]),
        ]
        for shape in shapes {
            for quantizers in Self.quantizers {
                let (graph, inputs) = try pair(function, shape, quantizers)
                try expectSameIntegers(graph, inputs, semantics)
            }
        }
    }

    /// Shapes that no kernel has run on the reference kernel, with the same results.
    @Test func otherShapes() throws {
        for shapes in [([2, 3, 4, 5], [5]), ([7], [7]), ([2, 3, 4], [2, 3, 1])] {
            let (graph, inputs) = try pair(.add, shapes, Self.quantizers[0])
            try expectSameIntegers(graph, inputs, isFast: false)
        }
    }

    @Test(arguments: [IntegerSemantics.fused, .tflite]) func means(_ semantics: IntegerSemantics) throws {
        let windows: [(Window, Bool, Bool)] = [
            (.init(kernel: [2, 2], strides: [2, 2], dilations: [], padding: .explicit(begin: [], end: [])), false, false),
            (.init(kernel: [3, 3], strides: [2, 1], dilations: [], padding: .explicit(begin: [1, 1], end: [1, 0])), true, false),
            (.init(kernel: [3, 3], strides: [2, 1], dilations: [], padding: .explicit(begin: [1, 1], end: [1, 0])), false, false),
            (.init(kernel: [3, 2], strides: [2, 2], dilations: [], padding: .explicit(begin: [], end: [])), false, true),
            (.init(kernel: [2, 2], strides: [1, 1], dilations: [2, 2], padding: .sameUpper), false, false),
            (.init(kernel: [7, 6], strides: [1, 1], dilations: [], padding: .valid), false, false),
        ]
        for (window, countsPadding, ceilMode) in windows {
            for (input, _, result) in Self.quantizers + [(.int8(0.03, 11), .int8(1, 0), .int8(0.03, 11))] {
                var builder = GraphBuilder()
                let x = try builder.dequantize(builder.integerInput("x", [2, 35, 7, 6], input.type), input)
                let y = try builder.add(
                    .averagePool(.init(window: window, ceilMode: ceilMode, countIncludePad: countsPadding)), x)
                let graph = try builder.finish(builder.quantize(y, result))
                try expectSameIntegers(graph, ["x": randomIntegers([2, 35, 7, 6], input.type, seed: 3)], semantics)
            }
        }
    }

    @Test(arguments: [IntegerSemantics.fused, .tflite]) func globalMeans(_ semantics: IntegerSemantics) throws {
        for (input, _, result) in Self.quantizers {
            for shape in [[2, 35, 7, 6], [1, 300, 9], [3, 2048, 1, 1]] {
                var builder = GraphBuilder()
                let x = try builder.dequantize(builder.integerInput("x", shape, input.type), input)
                let y = try builder.add(.globalPool(.init(function: .average)), x)
                let flat = try builder.add(.flatten(.init(axis: 1)), builder.through(y, result))
                let graph = try builder.finish(builder.quantize(flat, result))
                try expectSameIntegers(graph, ["x": randomIntegers(shape, input.type, seed: 4)], semantics)
            }
        }
    }

    /// Functions of one number are tables.
    @Test func functions() throws {
        let functions: [Activation.Function] = [
            .relu, .sigmoid, .tanh, .hardSwish, .leakyRelu(alpha: 0.1), .gelu(tanhApproximation: false),
        ]
        for (input, _, result) in Self.quantizers {
            for shape in [[2, 13, 4, 3], [50], []] {
                for function in functions {
                    var builder = GraphBuilder()
                    let x = try builder.dequantize(builder.integerInput("x", shape, input.type), input)
                    let graph = try builder.finish(builder.quantize(builder.add(.activation(.init(function: function)), x), result))
                    try expectSameIntegers(graph, ["x": randomIntegers(shape, input.type, seed: 5)])
                }
            }
        }
    }

    /// Pools, joins and movement in integers, between convolutions and at the borders.
    @Test(arguments: [Quantizer.uint8(0.02, 128), .int8(0.02, -7)]) func movement(_ quantizer: Quantizer) throws {
        for channels in [16, 22] {
            var builder = GraphBuilder()
            let shape = [2, channels, 9, 8], other = Quantizer(scale: 0.031, zero: quantizer.zero + 1, type: quantizer.type)
            let x = try builder.dequantize(builder.integerInput("x", shape, quantizer.type), quantizer)
            let window = Window(kernel: [3, 3], strides: [2, 2], dilations: [], padding: .explicit(begin: [1, 1], end: [1, 1]))
            let pads = try builder.constant(Tensor([Int64(0), 0, 1, 2, 0, 0, 0, 1], shape: [8], as: .int64))
            let padded = try builder.add(.pad(.init(mode: .constant, pads: nil, value: 0)), x, pads)
            let pooled = try builder.through(
                builder.add(.maxPool(.init(window: window, ceilMode: false, columnMajorIndices: false)), padded), quantizer)
            let (weight, scales) = try builder.integerWeight([channels, channels, 1, 1])
            let pointwise = Window(kernel: [], strides: [], dilations: [], padding: .explicit(begin: [], end: []))
            let y = try builder.through(
                builder.add(
                    .convolution(.init(window: pointwise, groups: 1)), pooled, weight,
                    builder.integerBias(scales, input: quantizer)), other)
            let joined = try builder.through(builder.add(.concat(.init(axis: 1)), pooled, y, pooled), other)
            let transposed = try builder.through(builder.add(.transpose(.init(permutation: [0, 2, 3, 1])), joined), other)
            let rows = try builder.through(builder.add(.concat(.init(axis: 2)), transposed, transposed), other)
            let graph = try builder.finish(
                builder.quantize(rows, other), builder.quantize(builder.add(.flatten(.init(axis: 1)), joined), other), joined)
            try expectSameIntegers(graph, ["x": randomIntegers(shape, quantizer.type, seed: 6)])
        }
    }

    /// Channels in front and behind, alone and along with pixels around.
    @Test(arguments: [[0, 2, 0, 0, 0, 3, 0, 0], [0, 0, 1, 0, 0, 10, 2, 1], [0, 4, 0, 0, 0, 0, 0, 0]])
    func paddedChannels(_ amounts: [Int64]) throws {
        for quantizer in [Quantizer.uint8(0.02, 128), .int8(0.02, -7)] {
            for channels in [6, 16] {
                var builder = GraphBuilder()
                let shape = [2, channels, 5, 4]
                let x = try builder.dequantize(builder.integerInput("x", shape, quantizer.type), quantizer)
                let y = try builder.add(
                    .pad(.init(mode: .constant, pads: nil, value: 0)), x, builder.constant(Tensor(amounts, shape: [8], as: .int64)))
                let graph = try builder.finish(builder.quantize(y, quantizer))
                let inputs = ["x": try randomIntegers(shape, quantizer.type, seed: 12)]
                try expectSameIntegers(graph, inputs)
                #expect(try kernels(graph, inputs).contains("cleave:int8_pad"))
            }
        }
    }

    /// The number beside the amounts has no meaning then, and is a float.
    @Test(arguments: [Pad.Mode.reflect, .edge]) func padsOfOtherModes(_ mode: Pad.Mode) throws {
        var builder = GraphBuilder()
        let quantizer = Quantizer.uint8(0.02, 128)
        let x = try builder.dequantize(builder.integerInput("x", [1, 4, 5, 4], .uint8), quantizer)
        let amounts = try builder.constant(Tensor([Int64(0), 0, 1, 2, 0, 0, 2, 1], shape: [8], as: .int64))
        let y = try builder.add(.pad(.init(mode: mode, pads: nil, value: 0)), x, amounts, builder.constant(Tensor(scalar: Float(1))))
        let graph = try builder.finish(builder.quantize(y, quantizer))
        try expectSameIntegers(graph, ["x": randomIntegers([1, 4, 5, 4], .uint8, seed: 13)], isFast: false, steps: 0)
    }

    /// From float through integers to float again, in every layout.
    @Test(arguments: [[2, 35, 9, 7], [3, 64], [70], []]) func borders(_ shape: [Int]) throws {
        for (input, _, result) in Self.quantizers {
            var builder = GraphBuilder()
            let x = try builder.input("x", shape)
            let graph = try builder.finish(builder.through(builder.through(x, input), result), builder.quantize(x, input))
            var values = try random(shape, seed: 7).elements(as: Float.self).map { $0 * 4 }
            values[0] = .infinity
            if values.count > 3 { (values[1], values[2], values[3]) = (-1e30, -.infinity, .nan) }
            try expectSameIntegers(graph, ["x": Tensor(values, shape: shape)])
        }
    }

    @Test(arguments: [IntegerSemantics.fused, .tflite]) func matrixProducts(_ semantics: IntegerSemantics) throws {
        for (input, _, result) in Self.quantizers {
            for (shape, depth, columns, transposed) in [([3, 70], 70, 33, false), ([1, 64], 64, 10, true), ([2, 5, 18], 18, 40, false)] {
                var builder = GraphBuilder()
                let x = try builder.dequantize(builder.integerInput("x", shape, input.type), input)
                let (weight, scales) = try builder.integerWeight(
                    transposed ? [columns, depth] : [depth, columns], axis: transposed ? 0 : 1)
                let bias = try builder.integerBias(scales, input: input)
                let y: ValueID
                if transposed {
                    let gemm = Gemm(alpha: 1, beta: 1, transposeA: false, transposeB: true, broadcastsLegacy: false)
                    y = try builder.add(.gemm(gemm), x, weight, bias)
                } else {
                    y = try builder.sum(builder.add(.matMul(.init()), x, weight), bias)
                }
                let quantizer = Quantizer(scale: input.scale * 3, zero: result.zero, type: result.type)
                let graph = try builder.finish(builder.quantize(y, quantizer))
                let inputs = ["x": try randomIntegers(shape, input.type, seed: 8)]
                try expectSameIntegers(graph, inputs, semantics)
                #expect(try kernels(graph, inputs).contains { $0.hasPrefix("cleave:int8_") })
            }
        }
    }
}
