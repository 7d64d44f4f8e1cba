import Datasets
import GraphIR
import Passes
import ReferenceBackend
import Tensors
import Testing
import Verification

@testable import Quantization

/// What `verify` says of int8 models, layer by layer.
struct NoiseTests {
    private func quantized(_ graph: Graph, _ options: QuantizationOptions = .init(), count: Int = 16) throws -> Graph {
        var result = graph
        _ = try QuantizeGraph(calibrated(graph, count: count), options: options).run(on: &result)
        if options.format == .qoperator { _ = try ToIntegerOperators().run(on: &result) }
        return result
    }

    private func report(_ candidate: Graph, _ original: Graph, tolerance: Tolerance = Tolerance()) throws -> VerificationReport {
        let shape = [16] + (original[original.inputs[0]].tensorType?.shape ?? []).dropFirst().map { $0.known ?? 1 }
        let inputs = [Sample(inputs: ["x": try samples(shape)])]
        return try verify(candidate, against: original, inputs: .samples(inputs), backend: ReferenceBackend(), tolerance: tolerance)
    }

    private func layers(_ candidate: Graph, _ original: Graph) throws -> [String: QuantizationNoise.Layer] {
        let noise = try #require(try report(candidate, original).quantization)
        return Dictionary(noise.layers.map { ($0.node, $0) }) { first, _ in first }
    }

    @Test(arguments: QuantizationTarget.allCases) func everyLayerIsFound(target: QuantizationTarget) throws {
        let original = try residualNetwork()
        let report = try report(quantized(original, .init(target: target)), original)
        let noise = try #require(report.quantization)
        let found = noise.layers.filter { $0.operatorName != "Relu" }
        #expect(found.map(\.node) == ["stem", "pool", "a", "b", "add", "average", "flat", "logits", "y"])
        for layer in found where layer.isQuantized {
            #expect(layer.own.decibels > 22 && layer.accumulated.decibels > 20, "\(layer.node)")
            #expect(layer.own.signal == layer.accumulated.signal && layer.own.signal > 0, "\(layer.node)")
            // In float and literally, both compute the same numbers up to the rounding of sums.
            #expect(layer.rounding.decibels > 60, "\(layer.node)")
        }
        #expect(found.filter { !$0.isQuantized }.map(\.node) == ["y"])
        #expect(report.isClose && report.isAccepted && !report.isEqual && noise.firstLayer(below: 20) == nil)
        if target != .tensorrt { #expect(noise.layers[0].value == "stem_relu" && noise.layers[0].node == "stem") }
    }

    /// Weights that are multiples of their scale have no error, and neither have activations that are multiples of theirs.
    @Test func errorsAreToldApart() throws {
        func network(_ weights: [Float]) throws -> Graph {
            try QuantizationTests.network {
                let x = try $0.input("x", [16, 4])
                let weight = try $0.constant("w", weights, [4, 2])
                let gemm = Gemm(alpha: 1, beta: 1, transposeA: false, transposeB: false, broadcastsLegacy: false)
                return [try $0.node(.gemm(gemm), [x, weight], "y")]
            }
        }
        func split(_ weights: [Float], _ numbers: [Float]) throws -> QuantizationNoise.Layer {
            let original = try network(weights)
            let calibrator = try Calibrator(original, backend: ReferenceBackend(), detail: [])
            let inputs = ["x": try Tensor(numbers, shape: [16, 4])]
            try calibrator.add(.init(inputs: inputs, sampleNames: (0..<16).map { "\($0)" }))
            var candidate = original
            _ = try QuantizeGraph(calibrator.record(equalized: false), options: .init(target: .tensorrt)).run(on: &candidate)
            let report = try verify(
                candidate, against: original, inputs: .samples([Sample(inputs: inputs)]), backend: ReferenceBackend())
            return try #require(report.quantization?.layers.first)
        }
        let even: [Float] = [127, 127, -3, 64, 0, 1, -127, 20]
        let odd: [Float] = [127, 127, -3.25, 64.5, 0.125, 1, -126.5, 20.25]
        let onGrid = (0..<64).map { Float(($0 * 37) % 255 - 127) }
        let offGrid = onGrid.enumerated().map { $1 + (abs($1) < 127 ? Float($0 % 3) * 0.25 : 0) }
        let exact = try split(even, onGrid)
        #expect(exact.weights.noise == 0 && exact.activations.noise == 0 && exact.accumulated.noise == 0 && exact.own.noise == 0)
        let byWeights = try split(odd, onGrid)
        #expect(byWeights.weights.noise > 0 && byWeights.activations.noise == 0)
        #expect(byWeights.accumulated.noise == byWeights.weights.noise)
        let byActivations = try split(even, offGrid)
        #expect(byActivations.weights.noise == 0 && byActivations.activations.noise > 0)
        #expect(byActivations.accumulated.noise == byActivations.activations.noise)
    }

    /// A layer with wrong weights is bad by itself; what comes after it is only where that arrives.
    @Test func theBadLayerIsNamed() throws {
        let original = try residualNetwork()
        var candidate = try quantized(original)
        let scale = try #require(candidate.value(named: "b.weight_scale"))
        let numbers = try #require(scale.constant).elements(as: Float.self)
        try candidate.edit { editor in editor.setConstant(scale.id, to: Tensor(vector: numbers.map { $0 / 2 })) }
        let report = try report(candidate, original)
        let noise = try #require(report.quantization)
        #expect(noise.firstLayer(below: 20)?.node == "b")
        #expect(noise.layers.filter { $0.own.decibels < 20 }.map(\.node) == ["b"])
        let bad = try #require(noise.layers.first { $0.node == "b" })
        #expect(bad.weights.decibels < 10 && bad.activations.decibels > 20)
        let after = try #require(noise.layers.first { $0.node == "add" })
        #expect(after.accumulated.decibels < 20 && after.own.decibels > 30)
    }

    @Test func formsAndInterfacesSayTheSame() throws {
        let original = try residualNetwork()
        let expected = try layers(quantized(original), original)
        for options in [
            QuantizationOptions(format: .qoperator), .init(hasIntegerInterface: true), .init(format: .qoperator, hasIntegerInterface: true),
        ] {
            let found = try layers(quantized(original, options), original)
            #expect(found.keys.sorted() == expected.keys.sorted())
            for (name, layer) in found {
                #expect(layer.value == expected[name]?.value)
                let (own, wanted) = (layer.own.decibels, try #require(expected[name]).own.decibels)
                #expect(own == wanted || abs(own - wanted) < 1, "\(name): \(own) \(wanted)")
            }
        }
    }

    /// What only moves 8-bit inputs and outputs does not hide their scales.
    @Test func movedInterfacesAreOpened() throws {
        let original = try network {
            let x = try $0.input("x", [.named("N"), 8, 8, 3])
            let moved = try $0.node(.transpose(Transpose(permutation: [0, 3, 1, 2])), [x], "moved")
            let conv = try $0.conv(moved, [4, 3, 3, 3], "conv")
            return [try $0.node(.transpose(Transpose(permutation: [0, 2, 3, 1])), [conv], "y")]
        }
        for format in QuantizationFormat.allCases {
            let candidate = try quantized(original, .init(format: format, hasIntegerInterface: true))
            #expect(candidate.interface.allSatisfy { $0.contains("uint8") })
            let report = try report(candidate, original)
            #expect(report.isClose && report.outputs[0].comparison.signalToNoise > 25, "\(format)")
        }
    }

    /// Channels that equalization has scaled are held against the float model's, scaled likewise.
    @Test func equalizedLayersAreComparable() throws {
        let original = try network {
            let x = try $0.input("x", [.named("N"), 3, 8, 8])
            let uneven = try $0.constant("w", (0..<216).map { Float($0 % 11 - 5) * ($0 < 108 ? 0.01 : 3) }, [8, 3, 3, 3])
            let window = Window(kernel: [], strides: [], dilations: [], padding: .explicit(begin: [1, 1], end: [1, 1]))
            let first = try $0.node(.convolution(Convolution(window: window, groups: 1)), [x, uneven], "first")
            return [try $0.conv(try $0.relu(first, "r"), [4, 8, 3, 3], "second")]
        }
        var equalized = original
        let passes = try EqualizeLayers().run(on: &equalized)
        #expect(passes.rewrites.map(\.node) == ["first"])
        let candidate = try quantized(equalized)
        let found = try layers(candidate, original)
        let first = try #require(found["first"]), second = try #require(found["second"])
        #expect(first.isScaled && !second.isScaled)
        #expect(first.own.decibels > 25 && first.accumulated.decibels > 25 && second.own.decibels > 25)
    }

    @Test func tolerancesAndLabels() throws {
        let original = try residualNetwork()
        let candidate = try quantized(original)
        let strict = try report(candidate, original, tolerance: Tolerance(relative: 1e-6))
        #expect(strict.leastSignalToNoise == nil && !strict.isAccepted)
        #expect(try report(original, original).quantization == nil)
        let inputs = ["x": try samples([16, 3, 8, 8])]
        let scores = try #require(try run(original, inputs)["y"]).elements(as: Float.self)
        let labels = (0..<16).map { row in Int32((0..<5).max { scores[row * 5 + $0] < scores[row * 5 + $1] } ?? 0) }
        let wrong = labels.enumerated().map { $0 < 4 ? ($1 + 1) % 5 : $1 }
        let report = try verify(
            candidate, against: original, inputs: .samples([Sample(inputs: inputs, labels: wrong)]), backend: ReferenceBackend(),
            explains: false)
        #expect(report.quantization == nil)
        let accuracy = try #require(report.accuracy)
        #expect(accuracy.imageCount == 16 && accuracy.originalCount == 12 && accuracy.output == "y")
        let agreement = try #require(report.outputs[0].comparison.argMaxAgreement)
        #expect(abs(Double(accuracy.candidateCount) - 12) <= (1 - agreement) * 16 + 1e-9)
    }
}
