import Foundation
import GraphIR
import Tensors
import Testing

@testable import ONNXFormat

@Suite("Import, then export")
struct RoundTripTests {
    @Test("The ONNX project's models survive unharmed", arguments: Models.backendGroups)
    func backendModels(group: String) throws {
        let models = Models.backend(group)
        #expect(models.count > 10)
        for url in models { try expectRoundTrip(url) }
    }

    @Test("Real exports survive unharmed", .enabled(if: Models.haveReal, "the shared models are not on this machine"))
    func realModels() throws {
        for url in Models.real { try expectRoundTrip(url) }
    }

    private func expectRoundTrip(_ url: URL) throws {
        do {
            let graph = try Graph(onnx: url.path)
            let exported = try graph.onnxBytes()
            let original = [UInt8](try Data(contentsOf: url))
            let difference = try MessageComparison.difference(original, exported)
            #expect(difference == nil, "\(Models.label(url))")
        } catch let error as CleaveError {
            Issue.record("\(Models.label(url)): \(error)")
        }
    }
}
