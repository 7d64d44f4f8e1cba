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
}
