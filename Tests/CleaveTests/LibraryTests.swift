import Cleave
import Foundation
import Synchronization
import Testing

struct LibraryTests {
    static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    static let fixture = repository.appendingPathComponent("fixtures/models/resnet14v2.onnx").path

    /// The lines of the README, with its file names replaced.
    @Test func theReadmeRuns() throws {
        let model = Self.fixture
        let small = FileManager.default.temporaryDirectory.appendingPathComponent("cleave-readme-\(UUID().uuidString).onnx").path
        defer { try? FileManager.default.removeItem(atPath: small) }

        let original = try Graph(onnx: model)
        var graph = original
        try graph.apply(.foldBatchNorm, .separate(.depthwise, initialize: .decompose(terms: 2)))
        let report = try verify(graph, against: original, inputs: .random(count: 2, seed: 1))
        try graph.write(onnx: small)

        #expect(!report.isEqual)
        #expect(report.outputs[0].comparison.signalToNoise > 20)
        #expect(try Graph(onnx: small).nodeCount == graph.nodeCount)
        #expect(graph.nodeCount < original.nodeCount)
    }

    @Test func theReadmeHasTheseLines() throws {
        let readme = try String(contentsOf: Self.repository.appendingPathComponent("README.md"), encoding: .utf8)
        let test = try String(contentsOf: URL(fileURLWithPath: #filePath), encoding: .utf8)
        let block = readme.split(separator: "\n").drop { !$0.hasPrefix("    import Cleave") }.dropFirst().prefix { $0.hasPrefix("    ") }
        #expect(block.count == 5)
        for line in block {
            let expected = line.trimmingCharacters(in: .whitespaces)
                .replacing("\"resnet50v2.onnx\"", with: "model").replacing("\"small.onnx\"", with: "small")
                .replacing("count: 8", with: "count: 2")
            #expect(test.contains("        \(expected)\n"), "\(line)")
        }
    }

    @Test func applyIsAllOrNothing() throws {
        var graph = try Graph(onnx: Self.fixture)
        let before = graph.nodeCount
        #expect(throws: CleaveError.self) {
            try graph.apply(.foldBatchNorm, .separate(.depthwise, initialize: .decompose(terms: 0)))
        }
        #expect(graph.nodeCount == before)
        let reports = try graph.apply(.foldBatchNorm, .separate(.spatial, scope: .all))
        #expect(reports.map(\.pass) == ["fold-batch-norm", "separate-spatial"])
        #expect(graph.nodeCount != before)
    }

    private static let testData = "/usr/share/libonnx-testdata/data/node/test_conv_with_strides_padding"

    @Test(.enabled(if: FileManager.default.fileExists(atPath: testData), "ONNX's test data are not installed"))
    func testDataOfTheONNXProjectRuns() throws {
        let graph = try Graph(onnx: Self.testData + "/model.onnx")
        for folder in ["", "/test_data_set_0"] {
            let samples = try TensorFile(reading: Self.testData + folder).samples(for: graph)
            #expect(samples.map(\.expected.count) == [1])
            #expect(try run(graph, on: .samples(samples), backend: ReferenceBackend()).isExpected)
        }
        #expect(throws: CleaveError.self) { try TensorFile(reading: "/usr/share/libonnx-testdata/data/node") }
    }

    @Test func foldKeepsTheFunction() throws {
        let original = try Graph(onnx: Self.fixture)
        var graph = original
        try graph.apply(.fold)
        let report = try verify(graph, against: original, inputs: .random(count: 1, seed: 1), layers: true)
        #expect(report.isEqual)
        #expect(report.firstDifferentLayer == nil)
        #expect((report.layers?.count ?? 0) > 20)
        #expect(report.layers?.contains { $0.origin?.pass == "fold-batch-norm" } == true)
    }

    @Test func longCallsSayHowFarTheyAre() throws {
        let seen = Mutex<[WorkProgress]>([])
        var graph = try Graph(onnx: Self.fixture)
        try graph.apply(.fold, .separate(.depthwise)) { progress in seen.withLock { $0.append(progress) } }
        let all = seen.withLock { $0 }
        let passes = all.filter { $0.unit == "passes" }
        #expect(passes.map(\.completed) == Array(passes.indices))
        #expect(passes.first?.task == "running lift-constants")
        let weights = all.filter { $0.unit == "weights" }
        #expect(weights.allSatisfy { $0.task == "separating" && $0.total == 4 })
        #expect(weights.map(\.completed).max() == 4)
    }

    @Test(arguments: ["fold", "separate", "pass", "pipeline"])
    func longCallsStopWhenTheirTaskIsCancelled(step: String) async throws {
        let original = try Graph(onnx: Self.fixture)
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            var graph = original
            let error = #expect(throws: CleaveError.self) {
                switch step {
                case "fold": try graph.apply(.fold)
                case "separate": try graph.apply(.separate(.spatial))
                case "pass": try graph.apply(.foldBatchNorm)
                default: try graph.apply(.pipeline(.fold(evaluate: evaluate)))
                }
            }
            return (error?.kind, graph.nodeCount)
        }
        task.cancel()
        let (kind, nodeCount) = await task.value
        #expect(kind == .cancelled)
        #expect(nodeCount == original.nodeCount)
    }

    /// Convolutions inside the model's own functions are separated, as the command does.
    @Test func separationLooksIntoFunctions() throws {
        var graph = try Graph(onnxBytes: Data(WireModel.convolutionInAFunction))
        #expect(graph.nodes.map(\.operator.name) == ["Block"])
        try graph.apply(.separate(.depthwise, scope: .all))
        #expect(graph.nodes.map(\.operator.name) == ["Conv", "Conv"])
    }

    /// Two layers of one name, of which only the second is in a residual block.
    @Test func formTotalsBelongToNodesNotToNames() throws {
        var graph = Graph(name: "names", opset: 17)
        try graph.edit { editor in
            func convolution(_ input: ValueID, _ channels: Int, to name: String) throws -> ValueID {
                let weight = try editor.addConstant(
                    try Tensor(repeating: 0.1, shape: [16, channels, 3, 3], as: .float32), name: name + ".weight")
                return try editor.insertSingle(
                    .convolution(
                        Convolution(
                            window: Window(kernel: [], strides: [], dilations: [], padding: .explicit(begin: [1, 1], end: [1, 1])),
                            groups: 1)),
                    inputs: [input, weight], output: .new(name: name), name: "conv", before: nil, origin: nil)
            }
            let x = try editor.addInput("x", type: .tensor(TensorType(.float32, lengths: [1, 3, 8, 8])))
            let stem = try convolution(x, 3, to: "stem")
            let inner = try convolution(stem, 16, to: "inner")
            let sum = try editor.insertSingle(
                .binary(Binary(function: .add, broadcastAxis: .numpy)), inputs: [inner, stem], output: .new(name: "y"),
                name: "sum", before: nil, origin: nil)
            editor.setOutputs([sum])
        }
        let summary = try ModelSummary(graph, file: "m.onnx", fileSize: nil)
        let total = summary.total(.depthwise)
        #expect(total.convolutions == 1)
        #expect(total.parameters == 3 * 16 * 9 + 16 * 9 + 16 * 16)
        #expect(total.multiplyAccumulates == 64 * (3 * 16 * 9 + 16 * 9 + 16 * 16))
    }
}
