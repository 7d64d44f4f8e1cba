import Foundation
import GraphIR
import ONNXFormat
import ReferenceBackend
import Tensors
import Testing

/// Cases that onnxruntime and ONNX's reference evaluator have computed; see `fixtures/operators/make.py`.
@Suite struct OperatorFixtureTests {
    static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("fixtures/operators").path

    @Test(arguments: [(13, 70), (18, 108), (21, 354)])
    func computesWhatOthersCompute(opset: Int, count: Int) throws {
        let graph = try Graph(onnx: "\(Self.folder)/cases-\(opset).onnx")
        let expected = try NumpyArchive(contentsOf: "\(Self.folder)/expected-\(opset).npz")
        #expect(graph.nodeCount == count)
        for node in graph.nodes {
            let operands = node.inputs.map { $0.flatMap { graph[$0].constant } }
            do {
                let results = try evaluate(node.operator, operands: operands, outputCount: node.outputs.count, opset: opset)
                for (output, result) in zip(node.outputs, results) {
                    let name = try #require(output.map { graph[$0].name })
                    try check(result, against: expected[name], name)
                }
                #expect(results.count == node.outputs.count, "\(node.name)")
            } catch {
                Issue.record("\(node.name): \(error)")
            }
        }
    }

    private func check(_ result: Tensor?, against expected: Tensor?, _ name: String) throws {
        let expected = try #require(expected, "\(name)")
        var result = try #require(result, "\(name)")
        // NumPy has no narrow numbers: the archive holds wider ones.
        if result.elementType != expected.elementType, let numbers = result.doubles() {
            #expect([ElementType.float32, .int8, .uint8].contains(expected.elementType), "\(name)")
            result = try Tensor(numbers, shape: result.shape, as: expected.elementType)
        }
        let tolerance = expected.elementType.isFloatingPoint
            ? TensorComparison.Tolerance(absolute: 2e-5, relative: 2e-5) : TensorComparison.Tolerance.none
        let comparison = TensorComparison(result, expected: expected, tolerance: tolerance)
        let reason = comparison.mismatch?.description ?? "\(comparison.exceedingCount) elements differ"
        #expect(comparison.isEqual, "\(name): \(reason), \(String(describing: comparison.worst))")
    }
}
