import Datasets
import Foundation
import GraphIR
import ONNXFormat
import OneDNNBackend
import Tensors
import Testing

/// Exports of PyTorch with the outputs that it computed.
struct ExportedModelTests {
    private static let folder = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "shared/models/exports")

    static let isPresent = FileManager.default.fileExists(atPath: folder.path)

    @Test(
        .enabled(if: isPresent, "shared/models is not there"),
        arguments: ["basic_resnet", "bottleneck_v2", "odd_shapes"], ["bn", "folded", "dynamo"])
    func agreesWithPyTorch(_ name: String, _ exporter: String) throws {
        let archive = try NumpyArchive(contentsOf: Self.folder.appending(path: "\(name).npz").path)
        let x = try #require(archive["x"]), y = try #require(archive["y"])
        let graph = try Graph(onnx: Self.folder.appending(path: "\(name)_\(exporter).onnx").path)
        let input = graph[graph.inputs[0]].name, output = graph[graph.outputs[0]].name
        let session = try OneDNNBackend(threads: 2).prepare(graph, inputShapes: [input: x.shape]).makeSession()
        try expectClose(#require(session.run([input: x])[output]), y)
    }

    /// In debug the kernels are some fifty times slower: only the networks that are small enough run.
    private static var networks: [String] {
        #if DEBUG
            ["squeezenet", "shufflenet"]
        #else
            ["bvlc_alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50", "shufflenet", "squeezenet", "vgg19", "zfnet512"]
        #endif
    }

    @Test(.enabled(if: isPresent, "shared/models is not there"), .serialized, arguments: networks)
    func agreesWithONNXsOwnOutput(_ name: String) throws {
        let folder = Self.folder.deletingLastPathComponent().appending(path: "light")
        let expected = try ONNXTensor(path: folder.appending(path: "light_\(name)_output_0.pb").path).tensor
        let graph = try Graph(onnx: folder.appending(path: "light_\(name).onnx").path)
        var inputs: [String: Tensor] = [:]
        for id in graph.inputs {
            let shape = try #require(graph[id].tensorType?.shape).map { $0.known ?? 1 }
            let count = try Tensor.elementCount(of: shape)
            inputs[graph[id].name] = try Tensor((0..<count).map { Float($0) / Float(count) }, shape: shape)
        }
        let session = try OneDNNBackend(threads: 2).prepare(graph, inputShapes: inputs.mapValues(\.shape)).makeSession()
        try expectClose(#require(session.run(inputs)[graph[graph.outputs[0]].name]), expected)
    }

    @Test(.enabled(if: isPresent, "shared/models is not there"), arguments: ["resnet8", "resnet8_int8_qdq"])
    func agreesWithTheReference(_ name: String) throws {
        let graph = try Graph(onnx: Self.folder.deletingLastPathComponent().appending(path: "mlperf-tiny/\(name).onnx").path)
        let input = graph[graph.inputs[0]], type = try #require(input.tensorType)
        let shape = try #require(type.shape).map { $0.known ?? 2 }
        let values = try random(shape, seed: 4).elements(as: Float.self).map { Double($0 * 127).rounded() }
        try expectAgreement(graph, [input.name: Tensor(values, shape: shape, as: type.elementType)])
    }
}
