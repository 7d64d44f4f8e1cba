import Foundation
import GraphIR
import Tensors
import Testing

@testable import ONNXFormat

@Suite("libonnx asked about graphs")
struct LibONNXCheckTests {
    @Test("temp")
    func temp() throws {
        for url in Models.real + Models.backendGroups.flatMap({ Models.backend($0) }) {
            do {
                let graph = try Graph(onnx: url.path)
                let report = try graph.checkWithLibONNX()
                switch report.checker { case .accepted, .tooNew: break; default: print("CHECK", Models.label(url), report.checker) }
                switch report.inference { case .accepted, .tooNew: break; default: print("INFER", Models.label(url), report.inference) }
                for d in report.disagreements { print("DIFF", Models.label(url), d.value, d.ours, d.theirs) }
            } catch { print("ERR", Models.label(url), error) }
        }
    }
}
