import Foundation
import Tensors
import Testing

@testable import GraphIR
@testable import ONNXFormat

@Suite("Attributes written from the typed operators")
struct RegeneratedAttributesTests {
    /// The graph as a pass would leave it that made all nodes anew: opaque ones apart, nothing is left of the file's own words.
    private func withoutEncodings(_ graph: Graph) -> Graph {
        var result = graph
        for node in graph.nodes {
            if case .opaque = node.operator { continue }
            result.nodeTable[node.id.index]?.encoding = nil
        }
        return result
    }

    @Test("Every operator of the ONNX project's models means the same", arguments: Models.backendGroups)
    func backendModels(group: String) throws {
        for url in Models.backend(group) { try expectSameOperators(url) }
    }

    @Test("Every operator of real exports means the same", .enabled(if: Models.haveReal, "the shared models are not on this machine"))
    func realModels() throws {
        for url in Models.real { try expectSameOperators(url) }
    }

    private func expectSameOperators(_ url: URL) throws {
        do {
            let graph = try Graph(onnx: url.path)
            let again = try Graph(onnxBytes: withoutEncodings(graph).onnxBytes())
            #expect(graph.nodes.map(\.operator) == again.nodes.map(\.operator), "\(Models.label(url))")
        } catch let error as CleaveError {
            Issue.record("\(Models.label(url)): \(error)")
        }
    }
}
