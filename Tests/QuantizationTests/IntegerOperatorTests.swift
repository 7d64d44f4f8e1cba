import GraphIR
import Passes
import ReferenceBackend
import Tensors
import Testing

@testable import Quantization

struct IntegerOperatorTests {
    private func quantized(_ graph: Graph) throws -> Graph {
        var result = graph
        _ = try QuantizeGraph(calibrated(graph), options: .init()).run(on: &result)
        return result
    }

    @Test func everyOperatorIsWritten() throws {
        let original = try residualNetwork()
        let float = try quantized(original)
        var graph = float
        let report = try ToIntegerOperators().run(on: &graph)
        try graph.verify()
        #expect(
            graph.nodes.map(\.operator.name) == [
                "QuantizeLinear", "QLinearConv", "MaxPool", "QLinearConv", "QLinearConv", "QLinearAdd", "QLinearGlobalAveragePool",
                "Flatten", "QGemm", "DequantizeLinear", "Softmax",
            ])
        #expect(report.rewrites.count == 8)
        #expect(graph.opsets.contains { $0.domain == "com.microsoft" })
        #expect(graph.interface == original.interface)
        let inputs = ["x": try samples([16, 3, 8, 8])]
        #expect(try signalToNoise(#require(run(float, inputs)["y"]), #require(run(graph, inputs)["y"])) > 45)
        let again = try ToIntegerOperators().run(on: &graph)
        #expect(again.rewrites.isEmpty)
    }

    @Test func concatenationsAndProducts() throws {
        let float = try quantized(
            network {
                let x = try $0.input("x", [.named("N"), 3, 8, 8])
                let a = try $0.conv(x, [4, 3, 3, 3], "a")
                let b = try $0.relu(try $0.conv(x, [2, 3, 1, 1], "b"), "r")
                let joined = try $0.node(.concat(Concat(axis: 1)), [a, b], "joined")
                let c = try $0.conv(x, [6, 3, 1, 1], "c")
                return [try $0.node(.binary(Binary(function: .mul, broadcastAxis: .numpy)), [joined, c], "y")]
            })
        var graph = float
        _ = try ToIntegerOperators().run(on: &graph)
        let names = graph.nodes.map(\.operator.name)
        #expect(names.contains("QLinearConcat") && names.contains("QLinearMul") && !names.contains("Concat"))
        let inputs = ["x": try samples([16, 3, 8, 8])]
        #expect(try signalToNoise(#require(run(float, inputs)["y"]), #require(run(graph, inputs)["y"])) > 40)
    }

    /// A result that someone else reads as a float cannot stay in integers.
    @Test func sharedResultsStay() throws {
        var graph = try quantized(residualNetwork())
        let sum = try #require(graph.nodes(named: "Add").first?.outputs[0])
        try graph.edit { editor in editor.setOutputs(editor.graph.outputs + [sum]) }
        _ = try ToIntegerOperators().run(on: &graph)
        #expect(graph.nodes(named: "Add").count == 1)
        try graph.verify()
    }

    @Test func simulationIsTheSameBitForBit() throws {
        for target in QuantizationTarget.allCases {
            let original = try residualNetwork()
            var literal = original
            _ = try QuantizeGraph(calibrated(original), options: .init(target: target)).run(on: &literal)
            var simulated = literal
            let report = try SimulateQuantization().run(on: &simulated)
            try simulated.verify()
            #expect(report.skips.isEmpty)
            #expect(!simulated.nodes.contains { $0.operator.isQuantization })
            let inputs = ["x": try samples([16, 3, 8, 8])]
            #expect(try run(simulated, inputs)["y"] == run(literal, inputs)["y"])
        }
    }
}

struct SimulationTests {
    /// A quantizer and a dequantizer with scales of their own, or zero points.
    @Test func bothHalvesHaveTheirOwnScale() throws {
        for (zeros, isSimulated) in [([10, 10], true), ([10, 12], false)] as [([UInt8], Bool)] {
            let original = try network(opset: 17) {
                let x = try $0.input("x", [2, 3])
                let scales = [try $0.constant("q", [0.02], []), try $0.constant("d", [0.04], [])]
                let points = [
                    try $0.editor.addConstant(Tensor(scalar: zeros[0]), name: "zq"),
                    try $0.editor.addConstant(Tensor(scalar: zeros[1]), name: "zd"),
                ]
                let quantize = QuantizeLinear(axis: 1, saturate: true, blockSize: 0, outputType: nil)
                let integers = try $0.node(.quantizeLinear(quantize), [x, scales[0], points[0]], "i")
                return [try $0.node(.dequantizeLinear(.init(axis: 1, blockSize: 0)), [integers, scales[1], points[1]], "y")]
            }
            var simulated = original
            let report = try SimulateQuantization().run(on: &simulated)
            #expect(report.skips.isEmpty == isSimulated)
            let inputs = ["x": try Tensor([-0.3, 0.1, 0.29, 1, 5, 9] as [Float], shape: [2, 3])]
            #expect(try run(simulated, inputs)["y"] == run(original, inputs)["y"])
        }
    }
}

struct AccuracyToolTests {
    @Test func sensitivitiesAreRanked() throws {
        let graph = try residualNetwork()
        let record = try calibrated(graph)
        let batch = CalibrationBatch(inputs: ["x": try samples([16, 3, 8, 8])], sampleNames: (0..<16).map { "\($0)" })
        let layers = try sensitivities(of: graph, record, options: .init(), samples: [batch], backend: ReferenceBackend())
        #expect(Set(layers.map(\.node)) == ["stem", "a", "b", "add", "logits"])
        #expect(layers.map(\.signalToNoise) == layers.map(\.signalToNoise).sorted())
        #expect(layers.allSatisfy { $0.signalToNoise > 20 && $0.signalToNoise.isFinite && ($0.agreement ?? 0) > 0.8 })
        // A coarse grid costs every layer more.
        let coarse = try sensitivities(
            of: graph, record, options: .init(method: .percentile(80)), samples: [batch], backend: ReferenceBackend())
        #expect(try #require(coarse.first).signalToNoise < #require(layers.first).signalToNoise)
        let some = try sensitivities(of: graph, record, options: .init(excluded: ["a", "b"]), samples: [batch], backend: ReferenceBackend())
        #expect(Set(some.map(\.node)) == ["stem", "add", "logits"])
    }

    /// Accuracy falls by the sum of what the layers in integers cost.
    private func budget(_ costs: [(String, Double)], loss: Double) throws -> AccuracyBudget {
        try AccuracyBudget(ranking: costs.map(\.0), floatAccuracy: 0.9, loss: loss) { layers in
            0.9 - costs.reduce(0) { $0 + (layers.contains($1.0) ? 0 : $1.1) }
        }
    }

    @Test func budgetsKeepTheFewestLayers() throws {
        let costs = [("a", 0.04), ("b", 0.02), ("c", 0.01), ("d", 0.0), ("e", 0.002)]
        #expect(try budget(costs, loss: 0.1).floatLayers == [])
        #expect(try budget(costs, loss: 0.04).floatLayers == ["a"])
        #expect(try budget(costs, loss: 0.0125).floatLayers == ["a", "b"])
        let tight = try budget(costs, loss: 0.0025)
        #expect(tight.floatLayers == ["a", "b", "c"])
        #expect(abs(tight.accuracy - 0.898) < 1e-9 && abs(tight.integerAccuracy - 0.828) < 1e-9)
        // The ranking need not be right: what is in there for nothing goes again.
        #expect(try budget([("x", 0.0), ("y", 0.0), ("z", 0.05), ("w", 0.001)], loss: 0.01).floatLayers == ["z"])
        #expect(try budget(costs, loss: 0).accuracy == 0.9)
    }
}

struct IntegerLintTests {
    private func quantized(_ target: QuantizationTarget, excluding: [String] = []) throws -> Graph {
        var graph = try residualNetwork()
        _ = try QuantizeGraph(calibrated(graph), options: .init(target: target, excluded: excluding)).run(on: &graph)
        return graph
    }

    @Test(arguments: QuantizationTarget.allCases) func ownModelsPass(target: QuantizationTarget) throws {
        let lint = try #require(IntegerLint(quantized(target), target: target))
        #expect(lint.findings.isEmpty, "\(lint.findings)")
        #expect(lint.integerCount == 5)
    }

    @Test func floatModelsHaveNothingToSay() throws {
        #expect(try IntegerLint(residualNetwork(), target: .onnxruntime) == nil)
    }

    @Test func zeroPointsAreNothingForTensorRT() throws {
        let lint = try #require(IntegerLint(quantized(.onnxruntime), target: .tensorrt))
        #expect(lint.findings.count == 5)
        #expect(lint.findings.contains { $0.reason.contains("TensorRT takes 0 only") || $0.reason.contains("expected int8") })
        #expect(lint.findings.allSatisfy { $0.advice == "quantize for it: --target tensorrt" })
    }

    @Test func excludedLayersAreFound() throws {
        let lint = try #require(IntegerLint(quantized(.onnxruntime, excluding: ["a"]), target: .onnxruntime))
        #expect(lint.findings.map(\.node) == ["a"])
        #expect(lint.findings[0].reason == "the weight is stored as float32")
        #expect(lint.integerCount == 4)
    }

    /// What ONNX Runtime 1.32 was seen to do on x86: int8 that one node reads becomes uint8, and 'pool' has two readers.
    @Test func int8AndUInt8DoNotMix() throws {
        let lint = try #require(IntegerLint(quantized(.tflite), target: .onnxruntime))
        #expect(lint.findings.map(\.node) == ["a", "add"])
        #expect(lint.findings.allSatisfy { $0.reason.contains("is int8 and is read several times") })
        #expect(lint.integerCount == 3)
    }

    /// A zero point of 0 leaves the ReLU something to do, which ONNX Runtime then computes in float.
    @Test func limitsThatQuantizationDoesNotDoAreFound() throws {
        var graph = try quantized(.onnxruntime)
        let conv = try #require(graph.nodes.first { $0.name == "stem" })
        let output = try #require(conv.outputs[0])
        let quantize = try #require(graph.consumers(of: output).first)
        let zero = try #require(quantize.inputs[2])
        try graph.edit { editor in
            let relu = try editor.insertSingle(
                .activation(Activation(function: .relu)), inputs: [output], output: .new(name: "relu"), name: "relu", before: quantize.id,
                origin: nil)
            editor.setInputs(quantize.id, to: [relu] + quantize.inputs.dropFirst())
        }
        func reasons(_ target: QuantizationTarget) -> [String] {
            (IntegerLint(graph, target: target)?.findings ?? []).filter { $0.node == "stem" }.map(\.reason)
        }
        #expect(reasons(.openvino).isEmpty)
        #expect(!reasons(.onnxruntime).contains { $0.contains("does what its quantization does not") })
        try graph.edit { editor in editor.setConstant(zero, to: Tensor(scalar: UInt8(128))) }
        #expect(reasons(.openvino).isEmpty)
        #expect(reasons(.onnxruntime) == ["'relu' (Relu) after it does what its quantization does not"])
    }

    /// A product of quantized numbers as other tools write them.
    private func foreign(
        _ operation: Operator, activation: ElementType = .uint8, weight: ElementType = .int8, weightZero: Int64 = 0,
        biasScale: Double? = nil, quantizesResult: Bool = true
    ) throws -> [IntegerLint.Finding] {
        let isConvolution = if case .convolution = operation { true } else { false }
        let graph = try network(opset: 21) { builder in
            func scalar(_ name: String, _ scale: Float, _ zero: Int64, _ type: ElementType) throws -> [ValueID] {
                [
                    try builder.constant(name + "_s", [scale], []),
                    try builder.editor.addConstant(Tensor([zero], shape: [], as: type), name: name + "_z"),
                ]
            }
            func through(_ value: ValueID, _ name: String, _ type: ElementType) throws -> ValueID {
                let parameters = try scalar(name, 0.05, 10, type)
                let quantize = QuantizeLinear(axis: 1, saturate: true, blockSize: 0, outputType: nil)
                let integers = try builder.node(.quantizeLinear(quantize), [value] + parameters, name + "_q")
                return try builder.node(.dequantizeLinear(.init(axis: 1, blockSize: 0)), [integers] + parameters, name + "_d")
            }
            let x = try through(try builder.input("x", isConvolution ? [1, 2, 4, 4] : [2, 2]), "xq", activation)
            let codes = try builder.editor.addConstant(
                Tensor([Int64(20), 7, 90, 127], shape: isConvolution ? [2, 2, 1, 1] : [2, 2], as: weight), name: "codes")
            let w = try builder.node(
                .dequantizeLinear(.init(axis: 0, blockSize: 0)), [codes] + scalar("w", 0.01, weightZero, weight), "w")
            var operands = [x, w]
            if let biasScale {
                let bias = try builder.editor.addConstant(Tensor([Int64(100), 200], shape: [2], as: .int32), name: "bias")
                operands.append(
                    try builder.node(
                        .dequantizeLinear(.init(axis: 0, blockSize: 0)), [bias] + scalar("b", Float(biasScale), 0, .int32), "b"))
            }
            let y = try builder.node(operation, operands, "y")
            return [quantizesResult ? try through(y, "yq", activation) : y]
        }
        return try #require(IntegerLint(graph, target: .onnxruntime)).findings
    }

    private func gemm(alpha: Float = 1, beta: Float = 1, transposeA: Bool = false) -> Operator {
        .gemm(Gemm(alpha: alpha, beta: beta, transposeA: transposeA, transposeB: false, broadcastsLegacy: false))
    }

    /// What ONNX Runtime 1.32 was seen to do with models of other tools.
    @Test func otherToolsModels() throws {
        let window = Window(kernel: [], strides: [], dilations: [], padding: .explicit(begin: [], end: []))
        let convolution = Operator.convolution(Convolution(window: window, groups: 1)), matMul = Operator.matMul(MatMul())
        // In integers:
        #expect(try foreign(convolution, biasScale: 0.0005).isEmpty)
        #expect(try foreign(convolution, weight: .uint8, weightZero: 128).isEmpty)
        #expect(try foreign(convolution, weightZero: 3).isEmpty)
        #expect(try foreign(matMul, quantizesResult: false).isEmpty)
        #expect(try foreign(gemm(), biasScale: 0.0005, quantizesResult: false).isEmpty)
        #expect(try foreign(gemm(beta: 2)).isEmpty)
        #expect(try foreign(gemm(transposeA: true)).isEmpty)
        // In float:
        #expect(try foreign(convolution, quantizesResult: false).first?.reason == "its result 'y' is an output in float")
        #expect(try foreign(convolution, activation: .uint16).first?.reason == "'xq_d' is uint16, expected 8 bits")
        #expect(try foreign(convolution, biasScale: 1).first?.reason == "the scale of the bias is not that of the products, s_x·s_w")
        #expect(
            try foreign(gemm(alpha: 2), biasScale: 0.0005).first?.reason == "alpha, beta or transA is not what integer kernels have")
    }

    @Test func missingBordersAreFound() throws {
        var graph = try quantized(.onnxruntime)
        // The residual operand without its border, and a result that is read in float as well.
        let add = try #require(graph.nodes(named: "Add").first)
        let operand = try #require(add.inputs[0])
        let codes = try #require(graph.producer(of: operand)?.inputs[0])
        let quantize = try #require(graph.producer(of: codes))
        let stem = try #require(graph.nodes.first { $0.name == "stem" }?.outputs[0])
        try graph.edit { editor in
            editor.setInputs(add.id, to: [quantize.inputs[0], add.inputs[1]])
            let y = try editor.insertSingle(
                .unary(Unary(function: .abs)), inputs: [stem], output: .new(name: "abs"), name: "abs", before: nil, origin: nil)
            editor.setOutputs(editor.graph.outputs + [y])
        }
        let lint = try #require(IntegerLint(graph, target: .onnxruntime))
        #expect(lint.findings.map(\.node) == ["stem", "b", "add"])
        #expect(lint.findings[0].reason.hasPrefix("its result 'stem' is read in float by 'abs' (Abs)"))
        #expect(lint.findings[2].reason.contains("is float: no DequantizeLinear makes it"))
    }

    @Test func integerOperatorsAreForONNXRuntime() throws {
        var graph = try quantized(.onnxruntime)
        _ = try ToIntegerOperators().run(on: &graph)
        #expect(IntegerLint(graph, target: .onnxruntime)?.findings.isEmpty == true)
        #expect(IntegerLint(graph, target: .openvino)?.findings.count == 5)
    }
}
