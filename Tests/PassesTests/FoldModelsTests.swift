import Foundation
import GraphIR
import ONNXFormat
import Passes
import Tensors
import Testing

/// Real exports, with the outputs that their makers computed.
@Suite(.enabled(if: FileManager.default.fileExists(atPath: Model.folder), "the shared models are not here"))
struct FoldModelsTests {
    /// Batch norm stays where a sum or a concatenation comes before it.
    @Test(arguments: Model.all) func folds(_ model: Model) throws {
        var graph = try Graph(onnx: model.path)
        let interface = graph.interface
        try graph.fold(evaluate: referenceEvaluator, options: .verifying)
        #expect(graph.interface == interface)
        #expect(graph.operatorNames.filter { $0 == "BatchNormalization" }.count == model.batchNorms)
        // Weights that the light models come without stay ConstantOfShape.
        #expect(graph.operatorNames.filter { $0 != "ConstantOfShape" }.count == model.nodes, "\(graph.operatorCounts)")
        var again = graph
        let rewrites = try again.fold(evaluate: referenceEvaluator).flatMap(\.rewrites)
        #expect(rewrites.isEmpty, "a second fold rewrites \(rewrites)")
    }

    @Test(arguments: Model.all.filter { $0.isSmall && $0.hasExpectedOutput }) func keepsTheOutputs(_ model: Model) throws {
        var graph = try Graph(onnx: model.path)
        try graph.fold(evaluate: referenceEvaluator)
        let (input, expected) = try model.expectation(for: graph)
        let name = graph[graph.inputs[0]].name
        let actual = try outputs(of: graph, [name: input])
        let output = try #require(actual[graph[graph.outputs[0]].name])
        expectClose(output, expected, tolerance: 1e-5, model.name)
    }

    @Test(arguments: Model.all.filter { $0.isSmall && !$0.hasExpectedOutput }) func agreesWithTheOriginal(_ model: Model) throws {
        let original = try Graph(onnx: model.path)
        var graph = original
        try graph.fold(evaluate: referenceEvaluator)
        try expectEqualOutputs(graph, original, tolerance: 1e-5)
    }

    /// The convolution, batch norm and arithmetic that a node stands for are all in its origin.
    @Test func origins() throws {
        let model = try #require(Model.all.first { $0.name == "light/light_inception_v2" })
        let original = try Graph(onnx: model.path)
        var graph = original
        try graph.fold(evaluate: referenceEvaluator)
        for node in graph.nodes where node.operator.name == "Conv" {
            let origin = try #require(node.origin)
            #expect(origin.nodes.compactMap { label in original.nodes.first { original.label(of: $0) == label }?.operator.name }
                == ["Conv", "BatchNormalization", "Mul", "Add"])
        }
    }
}

extension Graph {
    var operatorCounts: [String] {
        let counts = Dictionary(operatorNames.map { ($0, 1) }, uniquingKeysWith: +)
        return counts.keys.sorted().map { "\($0) \(counts[$0] ?? 0)" }
    }
}

struct Model: Sendable, CustomTestStringConvertible {
    let name: String
    /// After folding, `ConstantOfShape` apart.
    let nodes: Int
    let batchNorms: Int

    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appending(path: "../../../shared/models").standardized.path
    static let all = [
        Model(name: "exports/basic_resnet_bn", nodes: 22, batchNorms: 0),
        Model(name: "exports/basic_resnet_folded", nodes: 22, batchNorms: 0),
        Model(name: "exports/basic_resnet_dynamo", nodes: 22, batchNorms: 0),
        Model(name: "exports/bottleneck_v2_bn", nodes: 42, batchNorms: 5),
        Model(name: "exports/bottleneck_v2_folded", nodes: 42, batchNorms: 5),
        Model(name: "exports/bottleneck_v2_dynamo", nodes: 42, batchNorms: 5),
        Model(name: "exports/odd_shapes_bn", nodes: 19, batchNorms: 0),
        Model(name: "exports/odd_shapes_folded", nodes: 18, batchNorms: 0),
        Model(name: "exports/odd_shapes_dynamo", nodes: 15, batchNorms: 0),
        Model(name: "mlperf-tiny/resnet8", nodes: 24, batchNorms: 0),
        Model(name: "mlperf-tiny/resnet8_int8_qdq", nodes: 75, batchNorms: 0),
        Model(name: "light/light_bvlc_alexnet", nodes: 22, batchNorms: 0),
        Model(name: "light/light_densenet121", nodes: 367, batchNorms: 62),
        Model(name: "light/light_inception_v1", nodes: 142, batchNorms: 0),
        Model(name: "light/light_inception_v2", nodes: 164, batchNorms: 0),
        Model(name: "light/light_resnet50", nodes: 123, batchNorms: 0),
        Model(name: "light/light_shufflenet", nodes: 154, batchNorms: 0),
        Model(name: "light/light_squeezenet", nodes: 65, batchNorms: 0),
        Model(name: "light/light_vgg19", nodes: 44, batchNorms: 0),
        Model(name: "light/light_zfnet512", nodes: 22, batchNorms: 0),
    ]

    var path: String { "\(Self.folder)/\(name).onnx" }
    var testDescription: String { name }
    var isLight: Bool { name.hasPrefix("light/") }

    /// Whether the reference backend runs it in a few seconds.
    var isSmall: Bool { !isLight || name.hasSuffix("shufflenet") || name.hasSuffix("squeezenet") }
    var hasExpectedOutput: Bool { isLight || name.hasPrefix("exports/") }

    /// The input and what the network must make of it.
    func expectation(for graph: Graph) throws -> (input: Tensor, output: Tensor) {
        guard isLight else {
            let stem = name.replacing(/_(bn|folded|dynamo)$/, with: "")
            let archive = try NumpyArchive(contentsOf: "\(Self.folder)/\(stem).npz")
            return (try #require(archive["x"]), try #require(archive["y"]))
        }
        let shape = try #require(graph[graph.inputs[0]].tensorType?.shape).map { $0.known ?? 1 }
        let count = try Tensor.elementCount(of: shape)
        let input = try Tensor((0..<count).map { Float($0) / Float(count) }, shape: shape)
        return (input, try ONNXTensor(path: "\(Self.folder)/\(name)_output_0.pb").tensor)
    }
}
