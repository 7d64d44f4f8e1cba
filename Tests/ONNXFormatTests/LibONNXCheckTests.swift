import Foundation
import GraphIR
import Tensors
import Testing

@testable import ONNXFormat

@Suite("libonnx asked about graphs")
struct LibONNXCheckTests {
    /// Models whose strict inference libonnx refuses, and why that is not Cleave's fault.
    static let refused = [
        "test_PixelShuffle/model.onnx": "a Constant of opset 6 holds int64, which its definition did not allow",
        "test_operator_repeat/model.onnx": "a Constant of opset 6 holds int64, which its definition did not allow",
        "test_operator_repeat_dim_overflow/model.onnx": "a Constant of opset 6 holds int64, which its definition did not allow",
    ]

    @Test("Every export passes the checker, and both infer the same types", arguments: Models.backendGroups)
    func backendModels(group: String) throws { try expectAgreement(Models.backend(group)) }

    @Test(
        "Every export of a real model passes the checker, and both infer the same types",
        .enabled(if: Models.haveReal, "the shared models are not on this machine"))
    func realModels() throws { try expectAgreement(Models.real) }

    private func expectAgreement(_ models: [URL]) throws {
        var asked = 0
        var compared = 0
        for url in models {
            let report = try Graph(onnx: url.path).checkWithLibONNX()
            if case .tooNew = report.checker { continue }
            let label = Models.label(url)
            asked += 1
            compared += report.comparedValues
            #expect(report.checker == .accepted, "\(label)")
            #expect((report.inference == .accepted) == (Self.refused[label] == nil), "\(label): \(report.inference)")
            #expect(report.disagreements == [], "\(label)")
        }
        #expect(compared > asked / 2, "\(asked) models")
        print("libonnx and Cleave infer the same types for \(compared) values of \(asked) models")
    }

    @Test("A rule that is broken is reported in the library's words")
    func rejects() throws {
        let model = TestModel()
        model.input("x", [2, 3])
        model.node("Rely", ["x"], ["y"])
        model.output("y", [2, 3])
        let report = try model.imported().checkWithLibONNX()
        guard case .rejected(let reason) = report.checker else {
            Issue.record("\(report.checker)")
            return
        }
        #expect(reason.contains("Rely"))
        #expect(reason.contains("==> Context") && !reason.contains(where: \.isNewline))
    }

    @Test("What the library is too old for is said")
    func tooNew() throws {
        let report = try TestModel("Relu", opset: 18).imported().checkWithLibONNX()
        guard case .tooNew(let reason) = report.checker else {
            Issue.record("\(report.checker)")
            return
        }
        #expect(reason.contains("18"))
    }

    @Test("Types that differ are found")
    func disagrees() throws {
        let model = TestModel()
        model.input("x", [2, 3])
        model.node("Relu", ["x"], ["hidden"])
        model.node("Relu", ["hidden"], ["y"])
        model.output("y", nil)
        var graph = try model.imported()
        let hidden = try #require(graph.value(named: "hidden")).id
        #expect(try graph.checkWithLibONNX().disagreements == [])
        try graph.edit { $0.setType(hidden, to: TestModel.float([2, 4])) }
        let found = try graph.checkWithLibONNX().disagreements
        #expect(
            found.first == .init(value: "hidden", ours: TestModel.float([2, 4]), theirs: TestModel.float([2, 3])))
    }

    @Test("Weights stay at home, shapes do not")
    func stubs() throws {
        let model = TestModel()
        model.input("x", [1, 4096])
        model.initializer("weight", try Tensor(repeating: 1, shape: [4096, 64], as: .float32))
        model.initializer("shape", Tensor(vector: [Int64(8), 8]))
        model.node("MatMul", ["x", "weight"], ["product"])
        model.node("Reshape", ["product", "shape"], ["y"])
        model.output("y", nil)
        let graph = try model.imported()
        #expect(try Exporter(graph).modelWithoutWeights(declaringValues: true).count < 1000)
        let report = try graph.checkWithLibONNX()
        #expect(report.inference == .accepted)
        #expect(report.comparedValues >= 2)
    }
}
