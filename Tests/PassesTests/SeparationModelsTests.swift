import Foundation
import GraphIR
import ONNXFormat
import Passes
import Tensors
import Testing

/// Real exports, with the outputs that their makers computed.
@Suite(.enabled(if: FileManager.default.fileExists(atPath: Model.folder), "the shared models are not here"))
struct SeparationModelsTests {
    static let runnable = Model.all.filter { !$0.isLight && !$0.name.hasSuffix("qdq") }

    @Test(arguments: runnable, SeparableForm.allCases)
    func exactConversionsKeepTheOutputs(_ model: Model, form: SeparableForm) throws {
        let original = try Graph(onnx: model.path)
        var graph = original
        let report = try SeparateConvolutions(form, scope: .all, initialize: .decompose(.exact)).separate(&graph)
        #expect(report.layers.count >= 4 && report.layers.allSatisfy(\.isExact))
        #expect(graph.interface == original.interface)
        // What is written and read again is compared, so that the new nodes survive the file too.
        let reread = try Graph(onnxBytes: try graph.onnxBytes())
        guard model.hasExpectedOutput else { return try expectEqualOutputs(reread, original, tolerance: 1e-5) }
        let (input, expected) = try model.expectation(for: reread)
        let actual = try outputs(of: reread, [reread[reread.inputs[0]].name: input])
        expectClose(try #require(actual[reread[reread.outputs[0]].name]), expected, tolerance: 1e-5, model.name)
    }

    /// Convolutions that each form replaces inside residual blocks: spatial factors of blocks that double their channels would
    /// be no smaller.
    static let residual: [String: [SeparableForm: Int]] = [
        "exports/basic_resnet_bn": [.spatial: 4, .depthwise: 6],
        "exports/basic_resnet_folded": [.spatial: 4, .depthwise: 6],
        "exports/basic_resnet_dynamo": [.spatial: 4, .depthwise: 6],
        "exports/bottleneck_v2_bn": [.spatial: 4, .depthwise: 4],
        "exports/bottleneck_v2_folded": [.spatial: 4, .depthwise: 4],
        "exports/bottleneck_v2_dynamo": [.spatial: 4, .depthwise: 4],
        "mlperf-tiny/resnet8": [.spatial: 4, .depthwise: 6],
        "light/light_resnet50": [.spatial: 16, .depthwise: 16],
    ]

    @Test(arguments: Model.all, SeparableForm.allCases)
    func residualBlocksAreFound(_ model: Model, form: SeparableForm) throws {
        var graph = try Graph(onnx: model.path)
        let interface = graph.interface
        let convolutions = graph.operatorNames.filter { $0 == "Conv" }.count
        let report = try SeparateConvolutions(form, initialize: .random(seed: 1)).separate(&graph)
        #expect(report.layers.count == Self.residual[model.name]?[form] ?? 0)
        #expect(report.layers.count + report.skips.count == convolutions)
        #expect(graph.interface == interface)
    }
}
