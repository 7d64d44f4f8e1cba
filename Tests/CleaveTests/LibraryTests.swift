import Cleave
import Foundation
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
}
