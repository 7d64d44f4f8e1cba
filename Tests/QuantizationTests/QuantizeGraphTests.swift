import GraphIR
import Passes
import ReferenceBackend
import Tensors
import Testing

@testable import Quantization

struct QuantizeGraphTests {
    private func quantized(
        _ graph: Graph, _ options: QuantizationOptions = .init(), count: Int = 16
    ) throws -> (graph: Graph, report: PassReport) {
        var result = graph
        let report = try QuantizeGraph(calibrated(graph, count: count), options: options).run(on: &result)
        try result.verify()
        return (result, report)
    }

    private func input(_ graph: Graph, _ count: Int = 16) throws -> [String: Tensor] { ["x": try samples([count, 3, 8, 8])] }

    private func isDequantized(_ id: ValueID?, _ graph: Graph) -> Bool {
        guard let id, case .dequantizeLinear? = graph.producer(of: id)?.operator else { return false }
        return true
    }

    /// Whether only QuantizeLinear reads what the node makes.
    private func isQuantized(_ node: Node, _ graph: Graph) -> Bool {
        guard let output = node.outputs[0], !graph.isOutput(output) else { return false }
        return graph.consumers(of: output).map(\.operator.name) == ["QuantizeLinear"]
    }

    @Test func integerOperatorsAreBetweenBorders() throws {
        let original = try residualNetwork()
        let (graph, report) = try quantized(original)
        #expect(graph.interface == original.interface)
        for name in ["Conv", "MaxPool", "Add", "GlobalAveragePool", "Flatten", "Gemm"] {
            let nodes = graph.nodes(named: name)
            #expect(!nodes.isEmpty)
            for node in nodes {
                #expect(node.inputs.allSatisfy { isDequantized($0, graph) }, "\(node.name)")
                #expect(isQuantized(node, graph), "\(node.name)")
            }
        }
        // Quantization does what ReLU does.
        #expect(graph.nodes(named: "Relu").isEmpty)
        #expect(report.skips.map(\.node) == ["y"])
        #expect(report.skips[0].reason.description == "Softmax has no integer form")
        #expect(report.rewrites.map(\.node) == ["stem", "pool", "a", "b", "add", "average", "flat", "logits"])
        let inputs = try input(original)
        let (before, after) = (try run(original, inputs)["y"], try run(graph, inputs)["y"])
        let noise = try signalToNoise(#require(before), #require(after))
        #expect(noise > 25)
    }

    @Test func parametersAreStoredInIntegers() throws {
        let (graph, _) = try quantized(residualNetwork())
        let weight = try #require(graph.value(named: "a.weight_quantized")?.constant)
        #expect(weight.elementType == .int8 && weight.shape == [8, 8, 3, 3])
        #expect(graph.value(named: "a.weight_scale")?.constant?.shape == [8])
        #expect(graph.value(named: "a.bias_quantized")?.constant?.elementType == .int32)
        #expect(graph.value(named: "a.weight") == nil && graph.value(named: "a.bias") == nil)
        // s_x·s_w
        let biasScale = try #require(try graph.value(named: "a.bias_scale")?.constant?.elements(as: Float.self))
        let weightScale = try #require(try graph.value(named: "a.weight_scale")?.constant?.elements(as: Float.self))
        let inputScale = try #require(try graph.value(named: "pool_scale")?.constant?.elements(as: Float.self))
        #expect(biasScale == weightScale.map { $0 * inputScale[0] })
    }

    @Test func movesKeepTheirScale() throws {
        let (graph, _) = try quantized(residualNetwork())
        #expect(graph.value(named: "pool_scale")?.constant == graph.value(named: "stem_relu_scale")?.constant)
        #expect(graph.value(named: "flat_scale")?.constant == graph.value(named: "average_scale")?.constant)
        #expect(graph.value(named: "average_scale")?.constant != graph.value(named: "add_relu_scale")?.constant)
        let (lite, _) = try quantized(residualNetwork(), .init(target: .tflite))
        #expect(lite.value(named: "average_scale")?.constant == lite.value(named: "add_relu_scale")?.constant)
    }

    @Test(arguments: QuantizationTarget.allCases) func targetsHaveTheirTypes(target: QuantizationTarget) throws {
        let original = try residualNetwork()
        let (graph, _) = try quantized(original, .init(target: target))
        for node in graph.nodes(named: "QuantizeLinear") {
            let zero = try #require(graph.constant(node.input(QuantizeLinear.Operand.zeroPoint)))
            #expect(zero.elementType == target.activationType)
            if target == .tensorrt { #expect(zero.int64s() == [0]) }
        }
        let conv = try #require(graph.nodes(named: "Conv").first)
        #expect(isDequantized(conv.inputs[1], graph))
        #expect(isDequantized(conv.inputs[2], graph) == (target == .onnxruntime || target == .tflite))
        let inputs = try input(original)
        #expect(try signalToNoise(#require(run(original, inputs)["y"]), #require(run(graph, inputs)["y"])) > 25)
    }

    /// TensorRT adds in the convolution's own step: its result stays as it is, and the other operand is quantized.
    @Test func tensorRTHasBordersOnTheResidualOnly() throws {
        let (graph, _) = try quantized(residualNetwork(), .init(target: .tensorrt))
        let add = try #require(graph.nodes(named: "Add").first)
        #expect(add.inputs.map { isDequantized($0, graph) } == [false, true])
        #expect(graph.nodes(named: "Relu").count == 3)
    }

    @Test func excludedNodesStayInFloat() throws {
        let original = try residualNetwork()
        let (graph, report) = try quantized(original, .init(excluded: ["a", "log*"]))
        #expect(report.skips.map(\.node) == ["a", "a_relu", "logits", "y"])
        #expect(report.skips[0].reason.description == "excluded on request")
        let a = try #require(graph.nodes.first { $0.name == "a" })
        #expect(graph.constant(a.inputs[1])?.elementType == .float32)
        #expect(graph.nodes.contains { $0.name == "a_relu" })
        #expect(graph.nodes(named: "Conv").filter { isDequantized($0.inputs[1], graph) }.count == 2)
        let inputs = try input(original)
        #expect(try signalToNoise(#require(run(original, inputs)["y"]), #require(run(graph, inputs)["y"])) > 30)
    }

    @Test(arguments: ["stem", "pool", "a", "b", "add", "average", "flat", "logits"]) func anyNodeCanBeExcluded(node: String) throws {
        let original = try residualNetwork()
        let (graph, report) = try quantized(original, .init(excluded: [node]))
        #expect(report.skips.contains { $0.node == node && $0.reason.description == "excluded on request" })
        let inputs = try input(original)
        #expect(try signalToNoise(#require(run(original, inputs)["y"]), #require(run(graph, inputs)["y"])) > 25)
    }

    @Test func nothingLeftIsAnError() throws {
        let error = #expect(throws: CleaveError.self) { try quantized(residualNetwork(), .init(excluded: ["*"])) }
        #expect(error?.kind == .unsupported)
    }

    @Test func integerInterface() throws {
        let original = try network {
            let x = try $0.input("x", [.named("N"), 3, 8, 8])
            let y = try $0.conv(x, [4, 3, 3, 3], "y")
            return [y, try $0.node(.activation(Activation(function: .tanh)), [y], "z")]
        }
        let (graph, report) = try quantized(original, .init(hasIntegerInterface: true))
        #expect(graph.interface == ["x: uint8[N, 3, 8, 8]", "y: uint8[N, 4, 8, 8]", "z: float32[N, 4, 8, 8]"])
        #expect(report.rewrites.suffix(2).map(\.node) == ["x", "y"])
        let (float, _) = try quantized(original)
        let inputs = try input(original)
        let parameters = try #require(QuantizationParameters(of: "x", in: float))
        let codes = try #require(inputs["x"]).elements(as: Float.self).map { UInt8(parameters.quantized(Double($0))) }
        let integers = try run(graph, ["x": Tensor(codes, shape: [16, 3, 8, 8])])
        let floats = try run(float, inputs)
        #expect(integers["z"] == floats["z"])
        let output = try #require(QuantizationParameters(of: "y", in: float))
        let codesOfOutput: [UInt8] = try #require(integers["y"]).elements()
        let real = codesOfOutput.map { code -> Float in Float(Double(Int(code) - output.zeroPoint) * Double(output.scale)) }
        #expect(try real == floats["y"]?.elements(as: Float.self))
    }

    @Test func valuesThatAreOutputsKeepTheirNames() throws {
        let original = try network {
            let x = try $0.input("x", [2, 3, 8, 8])
            let a = try $0.conv(x, [4, 3, 3, 3], "a")
            let r = try $0.relu(a, "r")
            return [a, r, try $0.conv(r, [4, 4, 1, 1], "b")]
        }
        let (graph, _) = try quantized(original, count: 2)
        #expect(graph.interface == original.interface)
        let inputs = try input(original, 2)
        let (before, after) = (try run(original, inputs), try run(graph, inputs))
        for name in ["a", "r", "b"] { #expect(try signalToNoise(#require(before[name]), #require(after[name])) > 30, "\(name)") }
    }

    @Test func quantizedModelsAreLeftAlone() throws {
        var (graph, _) = try quantized(residualNetwork())
        let before = graph.textDump(checksums: true)
        let error = #expect(throws: CleaveError.self) { try QuantizeGraph(calibrated(residualNetwork()), options: .init()).run(on: &graph) }
        #expect(error?.problem.hasPrefix("the model is quantized already") == true)
        #expect(graph.textDump(checksums: true) == before)
    }

    @Test func constantActivationsAndChannelsSurvive() throws {
        let original = try network {
            let x = try $0.input("x", [.named("N"), 3, 8, 8])
            let weight = try $0.constant("w", [Float](repeating: 0, count: 12), [4, 3, 1, 1])
            let bias = try $0.constant("b", [0.3, 0, -2, 1e-3], [4])
            let window = Window(kernel: [], strides: [], dilations: [], padding: .explicit(begin: [], end: []))
            let y = try $0.node(.convolution(Convolution(window: window, groups: 1)), [x, weight, bias], "y")
            return [try $0.conv(try $0.relu(y, "r"), [2, 4, 1, 1], "z")]
        }
        let (graph, _) = try quantized(original)
        let inputs = try input(original)
        #expect(try signalToNoise(#require(run(original, inputs)["z"]), #require(run(graph, inputs)["z"])) > 30)
    }

    /// Weights that training has let decay to almost nothing leave the bias its precision.
    @Test func vanishingWeightsLeaveTheBiasAlone() throws {
        for size in [0, Float.leastNonzeroMagnitude * 700, 1e-38] {
            func quantize(hasIntegerBias: Bool) throws -> QuantizedWeight {
                try WeightQuantizer(limit: 127, minimizesError: false, hasIntegerBias: hasIntegerBias).quantize(
                    Tensor([size, -size, 0.5, 1], shape: [2, 2]), axis: 0, bias: Tensor(vector: [0.3, 0.2] as [Float]), inputScale: 0.05,
                    correction: nil)
            }
            let result = try quantize(hasIntegerBias: true)
            // A bias in float becomes integers of the same scale where a runtime makes them.
            #expect(try quantize(hasIntegerBias: false).scales == result.scales)
            let code = try #require(result.bias?.int64s()?.first), scale = try #require(result.biasScales?.first)
            #expect(abs(Double(code) * Double(scale) - 0.3) < 1e-6, "\(size)")
        }
    }

    /// A column is added to every column of the product: that is no bias per channel, even where as many rows run.
    @Test func columnsAreNoBiases() throws {
        func network(_ shape: [Int]) throws -> Graph {
            try QuantizationTests.network {
                let operands = [try $0.input("x", [4, 3]), try $0.weights("w", [3, 4]), try $0.constant("c", [0, 5, 10, 15], shape)]
                let gemm = Gemm(alpha: 1, beta: 1, transposeA: false, transposeB: false, broadcastsLegacy: false)
                return [try $0.node(.gemm(gemm), operands, "y")]
            }
        }
        for shape in [[4], [1, 4]] {
            #expect(IntegerPlan(try network(shape), target: .onnxruntime) { _ in false }.integerNodes.count == 1)
        }
        let plan = IntegerPlan(try network([4, 1]), target: .onnxruntime) { _ in false }
        #expect(plan.skips.map(\.reason.description) == ["the bias of Gemm is not one finite number per channel"])
    }

    @Test func patternsThatExcludeNothingAreErrors() throws {
        let error = #expect(throws: CleaveError.self) { try quantized(residualNetwork(), .init(excluded: ["a", "nothing"])) }
        #expect(error?.kind == .invalidRequest)
        #expect(error?.problem.contains("'nothing'") == true)
    }

    @Test func biasesAreCorrected() throws {
        let original = try network { [try $0.conv(try $0.input("x", [.named("N"), 3, 8, 8]), [6, 3, 1, 1], "y")] }
        // Numbers with a mean, which errors of weights are multiplied with.
        let numbers: [Float] = try samples([16, 3, 8, 8]).elements()
        let inputs = ["x": try Tensor(numbers.map { 0.5 * $0 + 0.7 }, shape: [16, 3, 8, 8])]
        let calibrator = try Calibrator(original, backend: ReferenceBackend(), detail: [.channelMeans])
        try calibrator.add(.init(inputs: inputs, sampleNames: (0..<16).map { "\($0)" }))
        let record = try calibrator.record(equalized: false)
        let expected: [Float] = try #require(run(original, inputs)["y"]).elements()
        func meanError(_ options: QuantizationOptions) throws -> Double {
            var graph = original
            _ = try QuantizeGraph(record, options: options).run(on: &graph)
            let values: [Float] = try #require(run(graph, inputs)["y"]).elements()
            var sums = [Double](repeating: 0, count: 6)
            for index in values.indices { sums[index / 64 % 6] += Double(values[index] - expected[index]) }
            return sums.reduce(0) { $0 + abs($1) }
        }
        // Narrow weights make an error that is worth correcting.
        let (plain, corrected) = (try meanError(.init(reducesRange: true)), try meanError(.init(reducesRange: true, correctsBias: true)))
        #expect(corrected < plain / 3)
        let batch = CalibrationBatch(inputs: inputs, sampleNames: (0..<16).map { "\($0)" })
        var options = QuantizationOptions(reducesRange: true)
        options.biasShifts = try biasShifts(of: original, record, options: options, samples: [batch], backend: ReferenceBackend())
        #expect(options.biasShifts.keys.sorted() == ["y"])
        // What was measured is gone, up to the rounding of the result.
        #expect(try meanError(options) < plain / 10)
    }

    /// Behind a layer that is off, the next one is measured with the first one's bias corrected.
    @Test func biasesAreMeasuredLayerAfterLayer() throws {
        let original = try network {
            let x = try $0.input("x", [.named("N"), 3, 8, 8])
            return [try $0.conv(try $0.relu(try $0.conv(x, [6, 3, 3, 3], "a"), "r"), [4, 6, 3, 3], "b")]
        }
        let numbers: [Float] = try samples([16, 3, 8, 8]).elements()
        let inputs = ["x": try Tensor(numbers.map { 0.5 * $0 + 0.7 }, shape: [16, 3, 8, 8])]
        let batch = CalibrationBatch(inputs: inputs, sampleNames: (0..<16).map { "\($0)" })
        let calibrator = try Calibrator(original, backend: ReferenceBackend(), detail: [.channelMeans])
        try calibrator.add(batch)
        let record = try calibrator.record(equalized: false)
        var options = QuantizationOptions(reducesRange: true)
        func offset(_ options: QuantizationOptions) throws -> Double {
            var graph = original
            _ = try QuantizeGraph(record, options: options).run(on: &graph)
            let (left, right): ([Float], [Float]) = (
                try #require(run(graph, inputs)["b"]).elements(), try #require(run(original, inputs)["b"]).elements()
            )
            var sums = [Double](repeating: 0, count: 4)
            for index in left.indices { sums[index / 64 % 4] += Double(left[index] - right[index]) }
            return sums.reduce(0) { $0 + abs($1) }
        }
        let plain = try offset(options)
        options.biasShifts = try biasShifts(of: original, record, options: options, samples: [batch], backend: ReferenceBackend())
        #expect(options.biasShifts.keys.sorted() == ["a", "b"])
        let corrected = try offset(options)
        #expect(corrected < plain / 5)
        // Without the first one's correction, the second one's is another.
        var alone = options
        alone.biasShifts["a"] = nil
        #expect(try offset(alone) > 2 * corrected)
    }

    /// What one concatenation makes another one takes in, so that all of them have one scale.
    @Test func chainedConcatenationsShareARange() throws {
        let original = try network {
            let x = try $0.input("x", [.named("N"), 3, 8, 8])
            let narrow = try $0.conv(x, [2, 3, 1, 1], "narrow"), second = try $0.conv(x, [2, 3, 1, 1], "second")
            let first = try $0.node(.concat(Concat(axis: 1)), [narrow, second], "first")
            let wide = try $0.node(
                .binary(Binary(function: .mul, broadcastAxis: .numpy)), [try $0.conv(first, [4, 4, 3, 3], "c"), first], "wide")
            let last = try $0.node(.concat(Concat(axis: 1)), [first, wide], "last")
            return [try $0.conv(last, [2, 8, 1, 1], "y")]
        }
        for target in [QuantizationTarget.tflite, .onnxruntime] {
            var graph = original
            _ = try QuantizeGraph(calibrated(original), options: .init(target: target)).run(on: &graph)
            let scales = ["narrow", "second", "first", "wide", "last"].map { QuantizationParameters(of: $0, in: graph)?.scale }
            #expect(Set(scales).count == (target == .tflite ? 1 : 3) && !scales.contains(nil), "\(target): \(scales)")
        }
    }

    /// 0 is in every range, so that padding with it moves elements; any other number has to be rounded.
    @Test func padsKeepTheScale() throws {
        for (mode, value) in [(.constant, 0), (.constant, 9), (.reflect, 9)] as [(Pad.Mode, Float)] {
            let moves = mode == .reflect || value == 0
            let original = try network {
                let x = try $0.conv(try $0.input("x", [.named("N"), 3, 8, 8]), [4, 3, 3, 3], "a")
                let pads = try $0.editor.addConstant(Tensor([Int64(0), 1, 0, 0, 0, 1, 0, 2], shape: [8], as: .int64), name: "pads")
                let operands = [x, pads, try $0.constant("value", [value], [])]
                return [try $0.conv(try $0.node(.pad(Pad(mode: mode, pads: nil, value: 0)), operands, "padded"), [2, 6, 1, 1], "y")]
            }
            let (float, report) = try quantized(original)
            #expect(report.skips.map(\.reason.description) == (moves ? [] : ["it pads with another number than 0"]))
            let (before, after) = (QuantizationParameters(of: "a", in: float), QuantizationParameters(of: "padded", in: float))
            #expect((before == after) == moves)
            var integers = float
            _ = try ToIntegerOperators().run(on: &integers)
            let pad = try #require(integers.nodes(named: "Pad").first)
            let isByte = pad.inputs[0].flatMap { integers[$0].tensorType?.elementType } == .uint8
            #expect(isByte == moves)
            let inputs = try input(original)
            #expect(try signalToNoise(#require(run(float, inputs)["y"]), #require(run(integers, inputs)["y"])) > 45)
        }
    }

    @Test func uncorrectedBiasesAreSaid() throws {
        let original = try network {
            let x = try $0.input("x", [.named("N"), 3, 8, 8])
            return [try $0.conv(try $0.relu(try $0.conv(x, [6, 3, 3, 3], "a"), "r"), [4, 6, 3, 3], "b")]
        }
        var options = QuantizationOptions(correctsBias: true)
        options.channelMeans = ["r": [Double](repeating: 0.5, count: 6)]
        let details = try quantized(original, options).report.rewrites.map(\.detail)
        #expect(details == [
            "Conv with int8 weights, its bias not corrected: the means of its input's channels are not known", "Conv with int8 weights",
        ])
    }

    @Test func wildcards() {
        for (pattern, text) in [("*", ""), ("a*c", "abc"), ("a*c", "ac"), ("?b*", "abc"), ("*b*b", "abbb"), ("stage?/*", "stage1/conv")] {
            #expect(wildcard(pattern, matches: text), "\(pattern) \(text)")
        }
        for (pattern, text) in [("", "a"), ("a", "ab"), ("?", ""), ("a*b", "abc"), ("*a", "b")] {
            #expect(!wildcard(pattern, matches: text), "\(pattern) \(text)")
        }
    }
}

extension QuantizationParameters {
    /// Those of the value called `name`.
    fileprivate init?(of name: String, in graph: Graph) {
        guard let scale = try? graph.value(named: name + "_scale")?.constant?.elements(as: Float.self).first,
            let zero = graph.value(named: name + "_zero_point")?.constant, let zeroPoint = zero.int64s()?.first
        else { return nil }
        self.init(scale: scale, zeroPoint: Int(zeroPoint), type: zero.elementType)
    }
}
