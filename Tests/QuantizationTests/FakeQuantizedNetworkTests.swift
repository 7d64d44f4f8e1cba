import GraphIR
import Passes
import ReferenceBackend
import Tensors
import Testing

@testable import Quantization

/// The network that is trained for 8 bits against the int8 network that is made of it.
struct FakeQuantizedNetworkTests {
    /// A depthwise and a grouped convolution, a clip, a residual, a pool, a concatenation, an average and a classifier.
    private func mixedNetwork() throws -> Graph {
        try network {
            let x = try $0.input("x", [.named("N"), 3, 8, 8])
            let stem = try $0.relu(try $0.conv(x, [8, 3, 3, 3], "stem"), "stem_relu")
            let depthwise = try $0.conv(stem, [8, 1, 3, 3], "depthwise", groups: 8)
            let pointwise = try $0.conv(depthwise, [8, 8, 1, 1], "pointwise")
            let limited = try $0.node(.clip(Clip(minimum: 0, maximum: 1.5)), [try $0.add(pointwise, stem, "sum")], "limited")
            let window = Window(kernel: [2, 2], strides: [2, 2], dilations: [], padding: .explicit(begin: [], end: []))
            let pooled = try $0.node(.maxPool(MaxPool(window: window, ceilMode: false, columnMajorIndices: false)), [limited], "pool")
            let branch = try $0.conv(pooled, [8, 4, 3, 3], "branch", groups: 2)
            let both = try $0.node(.concat(Concat(axis: 1)), [branch, pooled], "both")
            let average = try $0.node(.globalPool(GlobalPool(function: .average)), [both], "average")
            let flat = try $0.node(.flatten(Flatten(axis: 1)), [average], "flat")
            let gemm = Gemm(alpha: 1, beta: 1, transposeA: false, transposeB: true, broadcastsLegacy: false)
            let bias = try $0.constant("fc.bias", [0.25], [1])
            return [try $0.node(.gemm(gemm), [flat, try $0.weights("fc.weight", [5, 16]), bias], "y")]
        }
    }

    private func awareness(
        _ target: QuantizationTarget = .onnxruntime, _ ranges: QuantizationAwareness.Ranges = .learned
    ) -> QuantizationAwareness { QuantizationAwareness(target: target, ranges: ranges) }

    private func fakeQuantized(_ graph: Graph, _ awareness: QuantizationAwareness) throws -> FakeQuantizedNetwork {
        let result = try FakeQuantizedNetwork(graph, ranges: calibrated(graph).ranges(of: graph, awareness), awareness: awareness)
        try result.graph.verify()
        return result
    }

    /// As training might: every weight, bias, scale and range a little different.
    private func changed(_ graph: Graph) throws -> Graph {
        var (result, random) = (graph, SeededRandom(seed: 17))
        try result.edit { editor in
            for value in Array(editor.graph.values) {
                guard let tensor = value.constant, tensor.elementType == .float32, !value.name.hasSuffix("_unit"),
                    !value.name.hasSuffix("_steps"), !value.name.hasSuffix("_least_step")
                else { continue }
                let numbers = try tensor.elements(as: Float.self).map { $0 * Float(random.uniform(0.8, 1.15)) }
                editor.setConstant(value.id, to: try Tensor(numbers, shape: tensor.shape))
            }
        }
        return result
    }

    @Test(arguments: QuantizationTarget.allCases, QuantizationAwareness.Ranges.allCases)
    func theIntegerNetworkComputesTheSame(target: QuantizationTarget, ranges: QuantizationAwareness.Ranges) throws {
        let fake = try fakeQuantized(mixedNetwork(), awareness(target, ranges))
        for (index, trained) in [fake.graph, try changed(fake.graph)].enumerated() {
            let integer = try fake.quantized(trained)
            try integer.verify()
            let inputs = ["x": try samples([16, 3, 8, 8], seed: 23)]
            let (expected, actual) = (try #require(run(trained, inputs)["y"]), try #require(run(integer, inputs)["y"]))
            #expect(actual.isIdentical(to: expected), "\(index == 0 ? "as calibrated" : "changed")")
        }
    }

    /// What the int8 network computes in integers does not round as sums of floats do: by a step at most.
    @Test func integerOperatorsDifferByAStep() throws {
        var awareness = awareness()
        awareness.format = .qoperator
        let fake = try fakeQuantized(mixedNetwork(), awareness)
        let integer = try fake.quantized(fake.graph)
        #expect(integer.nodes(named: "QLinearConv").count == 4)
        let inputs = ["x": try samples([16, 3, 8, 8], seed: 23)]
        let (expected, actual) = (try #require(run(fake.graph, inputs)["y"]?.doubles()), try #require(run(integer, inputs)["y"]?.doubles()))
        let step = Double(try #require(integer.value(named: "y_scale")?.constant?.elements(as: Float.self).first))
        #expect(zip(expected, actual).allSatisfy { abs($0 - $1) <= 2.5 * step })
    }

    /// Every border of 8 bits in the int8 network is a rounding here, apart from those behind what only moves.
    @Test(arguments: QuantizationTarget.allCases)
    func itRoundsWhereTheIntegerNetworkDoes(target: QuantizationTarget) throws {
        let original = try mixedNetwork()
        let fake = try fakeQuantized(original, awareness(target))
        var integer = original
        _ = try QuantizeGraph(calibrated(original), options: .init(target: target)).run(on: &integer)
        let moved = ["pool", "flat"]
        let borders = Set(
            integer.nodes(named: "QuantizeLinear").map { $0.name.replacing("/QuantizeLinear", with: "") }.filter { !moved.contains($0) })
        let rounded = fake.graph.nodes(named: "FakeQuantize").map(\.name).map { $0.replacing("/FakeQuantize", with: "") }
        let layers = ["stem", "depthwise", "pointwise", "branch", "fc"]
        #expect(Set(rounded.filter { !$0.hasSuffix(".weight") && !$0.hasSuffix("_bias") }) == borders)
        #expect(Set(rounded.filter { $0.hasSuffix(".weight") }) == Set(layers.map { $0 + ".weight" }))
        #expect(rounded.count { $0.hasSuffix("_bias") } == (target.hasIntegerBias ? layers.count : 0))
    }

    @Test func rangesBeginWhereCalibrationEnded() throws {
        let graph = try residualNetwork()
        let record = try calibrated(graph)
        for ranges in QuantizationAwareness.Ranges.allCases {
            let awareness = awareness(.tflite, ranges)
            let fake = try FakeQuantizedNetwork(graph, ranges: record.ranges(of: graph, awareness), awareness: awareness)
            let integer = try fake.quantized(fake.graph)
            var plain = graph
            _ = try QuantizeGraph(record, options: awareness.options).run(on: &plain)
            for name in ["x", "a_relu", "add_relu", "logits"] {
                let left = try #require(integer.value(named: name + "_scale")?.constant?.doubles()?.first)
                let right = try #require(plain.value(named: name + "_scale")?.constant?.doubles()?.first)
                #expect(abs(left - right) <= 1e-6 * right, "\(name): \(left), expected \(right)")
            }
        }
    }

    @Test func whatIsMissingIsSaid() throws {
        let graph = try residualNetwork()
        var ranges = try calibrated(graph).ranges(of: graph, awareness())
        ranges["a_relu"] = nil
        #expect {
            try FakeQuantizedNetwork(graph, ranges: ranges, awareness: awareness())
        } throws: { error in
            (error as? CleaveError)?.location.tensor == "a_relu" && "\(error)".contains("there is no range")
        }
        var quantized = graph
        _ = try QuantizeGraph(calibrated(graph), options: .init()).run(on: &quantized)
        #expect { try FakeQuantizedNetwork(quantized, ranges: ranges, awareness: awareness()) } throws: {
            "\($0)".contains("quantized already")
        }
    }

    /// A channel without weights, and one with hardly any but a large bias, keep their biases.
    @Test(arguments: QuantizationAwareness.Ranges.allCases)
    func emptyChannelsKeepTheirBias(ranges: QuantizationAwareness.Ranges) throws {
        let graph = try network {
            let x = try $0.input("x", [.named("N"), 2, 4, 4])
            let weight = try $0.constant("w", [0, 0, 1e-9, 1e-9, 0.5, -0.25], [3, 2, 1, 1])
            let bias = try $0.constant("b", [0.75, -3, 0.125], [3])
            let window = Window(kernel: [], strides: [], dilations: [], padding: .explicit(begin: [0, 0], end: [0, 0]))
            return [try $0.node(.convolution(Convolution(window: window, groups: 1)), [x, weight, bias], "y")]
        }
        let fake = try fakeQuantized(graph, awareness(.onnxruntime, ranges))
        let inputs = ["x": try samples([4, 2, 4, 4], seed: 3)]
        let expected = try #require(run(graph, inputs)["y"])
        for network in [fake.graph, try fake.quantized(fake.graph)] {
            let actual = try #require(run(network, inputs)["y"])
            #expect(signalToNoise(expected, actual) > 35)
        }
    }
}
