import Datasets
import Execution
import GraphIR
import Tensors
import Testing

@testable import Verification

struct VerifyTests {
    /// Every wanted value is the input times what `factors` says for the graph's name and the value's.
    private func scaling(_ factors: [String: [String: Float]]) -> ScriptedBackend {
        ScriptedBackend { graph, inputs, names in
            let input = try #require(inputs.values.first)
            let elements = try input.elements(as: Float.self)
            return try Dictionary(
                uniqueKeysWithValues: names.map { name in
                    let factor = factors[graph.name]?[name] ?? 1
                    return (name, try Tensor(elements.map { $0 * factor }, shape: input.shape))
                })
        }
    }

    @Test func equalGraphsAreEqual() throws {
        let graph = try chain(["a", "y"], graphName: "same")
        let report = try verify(graph, against: graph, inputs: .random(count: 3, seed: 1), backend: scaling([:]))
        #expect(report.isEqual)
        #expect(report.sampleCount == 3)
        #expect(report.outputs.map(\.name) == ["y"])
        #expect(report.outputs[0].comparison.elementCount == 6)
        #expect(report.inputs == [.init(name: "x", elementType: .float32, shape: [1, 2])])
        #expect(report.layers == nil)
    }

    @Test func refusesToCompareOutputsWithoutElements() throws {
        let graph = try chain(["y"], graphName: "same")
        let empty = ScriptedBackend { _, _, names in
            try Dictionary(uniqueKeysWithValues: names.map { ($0, try Tensor([Float](), shape: [0, 2])) })
        }
        let error = #expect(throws: CleaveError.self) {
            try verify(graph, against: graph, inputs: .random(count: 2, seed: 1), backend: empty)
        }
        #expect(error?.kind == .invalidRequest)
    }

    @Test func namesTheFirstLayerThatDiffers() throws {
        let original = try chain(["a", "b", "c", "y"], graphName: "original")
        let candidate = try chain(
            ["a", "b_new", "c", "y"], graphName: "candidate",
            origins: ["b_new": Origin(pass: "separate", nodes: ["node_b"]), "c": Origin(pass: "fold", nodes: ["node_c"])])
        let backend = scaling(["candidate": ["c": 1.5, "y": 2]])
        let report = try verify(
            candidate, against: original, inputs: .random(count: 1, seed: 1), backend: backend, layers: true)
        #expect(!report.isEqual)
        #expect(report.layers?.map(\.value) == ["a", "b", "c", "y"])
        #expect(report.layers?.map(\.candidateValue) == ["a", "b_new", "c", "y"])
        #expect(report.firstDifferentLayer?.node == "node_c")
        #expect(report.firstDifferentLayer?.origin == Origin(pass: "fold", nodes: ["node_c"]))
        #expect(abs(try #require(report.firstDifferentLayer?.comparison.signalToNoise) - 6.0206) < 1e-3)
    }

    @Test func aMissingOutputIsADifference() throws {
        let original = try chain(["a", "y"], graphName: "original", outputs: ["a", "y"])
        let candidate = try chain(["a", "y"], graphName: "candidate")
        let report = try verify(candidate, against: original, inputs: .random(count: 1, seed: 1), backend: scaling([:]))
        #expect(!report.isEqual)
        #expect(report.outputs.first?.comparison.mismatch == .missing)
        let reversed = try verify(original, against: candidate, inputs: .random(count: 1, seed: 1), backend: scaling([:]))
        #expect(!reversed.isEqual)
    }

    @Test func aValueThatTheBackendWithholdsIsADifference() throws {
        let graph = try chain(["y"], graphName: "same")
        let backend = ScriptedBackend { _, _, _ in [:] }
        let report = try verify(graph, against: graph, inputs: .random(count: 1, seed: 1), backend: backend)
        #expect(!report.isEqual)
    }

    @Test func refusesToCompareNothing() throws {
        let graph = try chain(["y"], graphName: "a")
        let other = try chain(["z"], graphName: "b")
        let renamed = try chain(["y"], graphName: "c", input: "image")
        let backend = scaling([:])
        #expect(throws: CleaveError.self) {
            try verify(graph, against: graph, inputs: .random(count: 0, seed: 1), backend: backend)
        }
        #expect(throws: CleaveError.self) { try verify(graph, against: graph, inputs: .samples([]), backend: backend) }
        let two = try chain(["y", "w"], graphName: "d", outputs: ["y", "w"])
        let outputs = try #require(throws: CleaveError.self) {
            try verify(other, against: two, inputs: .random(count: 1, seed: 1), backend: backend)
        }
        #expect(outputs.problem == "no output is in common: the original has 'y', 'w', the other model 'z'")
        var pair = renamed
        try pair.edit { editor in _ = try editor.addInput("mask", type: .tensor(TensorType(.float32, [.named("N"), .known(2)]))) }
        let inputs = try #require(throws: CleaveError.self) {
            try verify(pair, against: graph, inputs: .random(count: 1, seed: 1), backend: backend)
        }
        #expect(inputs.description == "tensor 'x': only the original has this input; the other model has 'image', 'mask'")
        let named = try #require(throws: CleaveError.self) {
            try verify(
                pair, against: graph, inputs: .random(count: 1, seed: 1), backend: backend, originalFile: "a.onnx",
                candidateFile: "b.onnx")
        }
        #expect(named.problem == "only a.onnx has this input; b.onnx has 'image', 'mask'")
        // Single ones belong together, whatever they are called.
        let swapped = try chain(["x"], graphName: "e", input: "y"), blocked = try chain(["y", "x", "z"], graphName: "f", input: "image")
        for model in [renamed, other, swapped, blocked] {
            let report = try verify(model, against: graph, inputs: .random(count: 1, seed: 1), backend: backend)
            #expect(report.isEqual && report.outputs.map(\.name) == ["y"])
        }
    }

    @Test func errorsNameTheModelThatTheyAreAbout() throws {
        let original = try chain(["y"], graphName: "original")
        let candidate = try chain(["y"], graphName: "candidate")
        for (failing, file) in [("original", "a.onnx"), ("candidate", "b.onnx")] {
            let backend = ScriptedBackend { graph, inputs, names in
                guard graph.name != failing else { throw CleaveError(.unsupported, "cannot", at: .init(node: "n")) }
                let input = try #require(inputs["x"])
                return Dictionary(uniqueKeysWithValues: names.map { ($0, input) })
            }
            let error = #expect(throws: CleaveError.self) {
                try verify(
                    candidate, against: original, inputs: .random(count: 1, seed: 1), backend: backend, originalFile: "a.onnx",
                    candidateFile: "b.onnx")
            }
            #expect(error?.description == "\(file): node 'n': cannot")
        }
        let error = #expect(throws: CleaveError.self) {
            try verify(
                candidate, against: original, inputs: .random(count: 1, seed: 1, shapes: InputShapes(shapes: ["z": [1]])),
                backend: scaling([:]), originalFile: "a.onnx")
        }
        #expect(error?.description == "a.onnx: a shape is given for 'z', but the input is 'x'")
    }

    @Test func saysWhichOutputsProveNothing() throws {
        let graph = try chain(["y"], graphName: "same")
        func report(_ numbers: [Float]) throws -> VerificationReport {
            let backend = ScriptedBackend { _, _, names in
                try Dictionary(uniqueKeysWithValues: names.map { ($0, try Tensor(numbers, shape: [numbers.count])) })
            }
            return try verify(graph, against: graph, inputs: .random(count: 2, seed: 1), backend: backend)
        }
        #expect(try report([1, 2]).uninformativeOutputs.isEmpty)
        #expect(try report([0.5, 0.5]).uninformativeOutputs.map(\.name) == ["y"])
        #expect(try report([.nan, .nan]).uninformativeOutputs.map(\.name) == ["y"])
        #expect(try report([.nan, 1]).uninformativeOutputs.isEmpty)
    }

    @Test func comparesWithExpectedOutputs() throws {
        let graph = try chain(["y"], graphName: "same")
        let input = try Tensor([Float(1), 2], shape: [1, 2])
        let sample = Sample(inputs: ["x": input], expected: ["y": try Tensor([Float(1), 3], shape: [1, 2])])
        let report = try verify(graph, against: graph, inputs: .samples([sample]), backend: scaling([:]))
        #expect(report.isEqual)
        #expect(report.originalAgainstExpected.map(\.comparison.isEqual) == [false])
        let result = try run(graph, on: .samples([sample, sample]), backend: scaling([:]))
        #expect(!result.isExpected)
        #expect(result.outputs[0].tensor.shape == [2, 2])
    }

    @Test func reportsProgressForEverySample() throws {
        let graph = try chain(["y"], graphName: "same")
        var completed: [Int] = []
        _ = try verify(graph, against: graph, inputs: .random(count: 3, seed: 1), backend: scaling([:])) {
            completed.append($0.completed)
        }
        #expect(completed == [0, 1, 2, 3])
    }

    @Test func canBeCancelled() async throws {
        let graph = try chain(["y"], graphName: "same")
        let backend = scaling([:])
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            return try verify(graph, against: graph, inputs: .random(count: 1, seed: 1), backend: backend)
        }
        task.cancel()
        let error = await #expect(throws: CleaveError.self) { try await task.value }
        #expect(error?.kind == .cancelled)
    }

    /// x → Cast → y, with float16 in between, or in a constant only.
    private func halfInside(weightsOnly: Bool) throws -> Graph {
        var graph = Graph(name: "half", opset: 17)
        try graph.edit { editor in
            func node(_ operation: Operator, _ inputs: [ValueID], _ name: String) throws -> ValueID {
                try editor.insertSingle(operation, inputs: inputs, output: .new(name: name), name: "", before: nil, origin: nil)
            }
            func cast(_ input: ValueID, to type: ElementType, _ name: String) throws -> ValueID {
                try node(.cast(Cast(to: type, saturate: true)), [input], name)
            }
            let x = try editor.addInput("x", type: .tensor(TensorType(.float32, [1, 2])))
            let half = try weightsOnly
                ? editor.addConstant(Tensor([1.0], shape: [1], as: .float16), name: "w") : cast(x, to: .float16, "half")
            let wide = try cast(half, to: .float32, "wide")
            editor.setOutputs([try node(.binary(Binary(function: .add, broadcastAxis: .numpy)), [x, wide], "y")])
        }
        return graph
    }

    @Test(arguments: [nil, 1e-4]) func coarserNumbersInsideSettleTheTolerance(relative: Double?) throws {
        let half = try halfInside(weightsOnly: false)
        var other = half
        other.setMetadata("is", to: "other")
        let backend = ScriptedBackend { graph, inputs, names in
            let factor: Float = graph.metadata.isEmpty ? 1 : 1.002
            let x = try #require(inputs.values.first).elements(as: Float.self)
            return try Dictionary(
                uniqueKeysWithValues: names.map { ($0, try Tensor(x.map { $0 * factor }, shape: [1, 2])) })
        }
        let tolerance = Tolerance(relative: relative)
        func compare(_ graph: Graph, _ other: Graph) throws -> VerificationReport {
            try verify(other, against: graph, inputs: .random(count: 2, seed: 1), backend: backend, tolerance: tolerance, layers: true)
        }
        let report = try compare(half, other)
        #expect(report.outputs.map(\.coarserType) == [relative == nil ? .float16 : nil])
        #expect(report.layers?.map(\.coarserType) == (relative == nil ? [nil, .float16, .float16] : [nil, nil, nil]))
        #expect(report.isEqual == (relative == nil))
        var weights = try halfInside(weightsOnly: true)
        let original = weights
        weights.setMetadata("is", to: "other")
        let strict = try compare(original, weights)
        #expect(strict.outputs.map(\.coarserType) == [nil])
        #expect(!strict.isEqual)
    }

    /// Outputs of another program are judged by the same rule.
    @Test func outputsFromElsewhereAreJudgedLikewise() throws {
        let (expected, actual) = (Tensor(vector: [Float(1), 2]), Tensor(vector: [Float(1.002), 2]))
        for (weightsOnly, isEqual) in [(false, true), (true, false)] {
            let compared = compareOutputs(["y": actual], of: try halfInside(weightsOnly: weightsOnly), with: [("y", expected)])
            #expect(compared.map(\.comparison.isEqual) == [isEqual])
            #expect(compared.map(\.coarserType) == [weightsOnly ? nil : .float16])
        }
    }
}
