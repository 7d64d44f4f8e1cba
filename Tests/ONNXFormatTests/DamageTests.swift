import Foundation
import GraphIR
import Tensors
import Testing

@testable import ONNXFormat

@Suite("Damaged files")
struct DamageTests {
    /// Models with attributes, subgraphs, constants, functions and sequences.
    static let models = [
        "test_conv_with_strides_padding", "test_if", "test_loop11", "test_constant", "test_sequence_map_identity_1_sequence",
        "test_range_int32_type_negative_delta_expanded", "test_optional_get_element_sequence",
    ]

    /// A model whose last field is the operator set, without which none of its nodes can be read.
    private func fixture() throws -> [UInt8] {
        let model = TestModel()
        model.input("x", [2, 3])
        model.initializer("w", try Tensor([Float](repeating: 0.5, count: 12), shape: [3, 4]))
        model.initializer("shape", Tensor(vector: [Int64(-1)]))
        model.node("MatMul", ["x", "w"], ["product"], name: "multiply")
        model.node("Softmax", ["product"], ["soft"]) { $0.int("axis", -1) }
        model.node("Reshape", ["soft", "shape"], ["y"])
        model.declare("product", [2, 4])
        model.output("y", [8])
        return model.bytes
    }

    @Test("Every prefix of a model is refused with a reason")
    func prefixes() throws {
        let bytes = try fixture()
        #expect(throws: Never.self) { _ = try Graph(onnxBytes: bytes) }
        for count in 0..<bytes.count {
            let error = #expect(throws: CleaveError.self, "\(count) bytes") { _ = try Graph(onnxBytes: Array(bytes[..<count])) }
            #expect(error?.problem.isEmpty == false)
        }
    }

    @Test("Every prefix of a file is refused, and the file named")
    func filePrefixes() throws {
        let bytes = try fixture()
        try Tools.withTemporaryFolder { folder in
            let file = folder.appending(path: "cut.onnx")
            for count in stride(from: 0, to: bytes.count, by: 7) {
                try Data(bytes[..<count]).write(to: file)
                let error = #expect(throws: CleaveError.self) { _ = try Graph(onnx: file.path) }
                #expect(error?.location.file == file.path)
            }
        }
    }

    @Test("Every prefix of a model of many operators is a graph that can be written, or refused with a reason")
    func prefixesOfAFixture() throws {
        let bytes = try [UInt8](Data(contentsOf: Tools.repository.appending(path: "fixtures/operators/cases-13.onnx")))
        #expect(throws: Never.self) { _ = try Graph(onnxBytes: bytes) }
        var refused = 0
        for count in 0..<bytes.count {
            do {
                _ = try Graph(onnxBytes: Array(bytes[..<count])).onnxBytes()
            } catch let error as CleaveError {
                refused += 1
                #expect(!error.problem.isEmpty)
            }
        }
        #expect(refused > bytes.count / 2)
    }

    @Test("Whatever happens to the bytes, the answer is a graph that can be written, or an error", arguments: models)
    func flips(name: String) throws {
        let original = try Tools.nodeModel(name)
        var random = SeededRandom(seed: 20_260_101)
        var survivors = 0
        for _ in 0..<1_500 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            }
            do {
                let exported = try Graph(onnxBytes: bytes).onnxBytes()
                _ = try Graph(onnxBytes: exported)
                survivors += 1
            } catch is CleaveError {
                continue
            }
        }
        #expect(survivors > 50)
    }

    @Test("Random bytes put in place of others never do harm", arguments: models)
    func splices(name: String) throws {
        let original = try Tools.nodeModel(name)
        var random = SeededRandom(seed: 7)
        var refused = 0
        for _ in 0..<500 {
            var bytes = original
            let start = Int.random(in: 0..<bytes.count, using: &random)
            let end = min(bytes.count, start + Int.random(in: 0...12, using: &random))
            let replacement = (0..<Int.random(in: 0...12, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
            bytes.replaceSubrange(start..<end, with: replacement)
            do {
                _ = try Graph(onnxBytes: bytes)
            } catch is CleaveError {
                refused += 1
            }
        }
        #expect(refused > 100)
    }
}
