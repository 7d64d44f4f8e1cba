import Foundation
import GraphIR
import ONNXFormat
import ReferenceBackend
import Tensors
import Testing

/// Real exports with the outputs of the framework that wrote them.
struct RealModelTests {
    private static let folder = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "shared/models")

    static let isPresent = FileManager.default.fileExists(atPath: folder.path)

    private func run(_ path: String, _ inputs: (Graph) throws -> [String: Tensor]) throws -> Tensor {
        let graph = try Graph(onnx: Self.folder.appending(path: path).path)
        let inputs = try inputs(graph)
        let session = try ReferenceBackend().prepare(graph, inputShapes: inputs.mapValues(\.shape)).makeSession()
        return try #require(session.run(inputs)[graph[graph.outputs[0]].name])
    }

    /// Largest absolute difference against the largest magnitude.
    private func relativeError(_ actual: Tensor, _ expected: Tensor) throws -> Double {
        try #require(actual.shape == expected.shape && actual.elementType == expected.elementType)
        let (actual, expected) = (try #require(actual.doubles()), try #require(expected.doubles()))
        let largest = try #require(expected.map(\.magnitude).max())
        try #require(actual.allSatisfy(\.isFinite) && largest > 0)
        return zip(actual, expected).reduce(0) { max($0, ($1.0 - $1.1).magnitude) } / largest
    }

    @Test(
        .enabled(if: isPresent, "shared/models is not there"),
        arguments: ["basic_resnet", "bottleneck_v2", "odd_shapes"].flatMap { name in ["bn", "folded", "dynamo"].map { (name, $0) } })
    func exportsOfPyTorch(_ name: String, _ exporter: String) throws {
        let archive = try NumpyArchive(contentsOf: Self.folder.appending(path: "exports/\(name).npz").path)
        let x = try #require(archive["x"]), y = try #require(archive["y"])
        let actual = try run("exports/\(name)_\(exporter).onnx") { [$0[$0.inputs[0]].name: x] }
        #expect(try relativeError(actual, y) < 1e-5)
    }

    /// In debug the kernels are some fifty times slower: only the network that is small enough runs.
    private static var lightNetworks: [String] {
        #if DEBUG
            ["squeezenet"]
        #else
            ["bvlc_alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50", "shufflenet", "squeezenet", "vgg19", "zfnet512"]
        #endif
    }

    @Test(.enabled(if: isPresent, "shared/models is not there"), .serialized, arguments: lightNetworks)
    func classicNetworks(_ name: String) throws {
        let expected = try ONNXTensor(path: Self.folder.appending(path: "light/light_\(name)_output_0.pb").path).tensor
        let actual = try run("light/light_\(name).onnx") { graph in
            var inputs: [String: Tensor] = [:]
            for id in graph.inputs {
                let shape = try #require(graph[id].tensorType?.shape).map { $0.known ?? 1 }
                let count = try Tensor.elementCount(of: shape)
                inputs[graph[id].name] = try Tensor((0..<count).map { Float($0) / Float(count) }, shape: shape)
            }
            return inputs
        }
        #expect(try relativeError(actual, expected) < 1e-4)
    }
}
