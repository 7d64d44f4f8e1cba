import Foundation
import Testing

@testable import Reporting

struct CheckReportTests {
    private static let fixture = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("fixtures/models/resnet14v2.onnx").path
    private let style = TextStyle(usesColour: false)

    @Test func aLibraryThatCrashesLeavesTheVerdictOpen() throws {
        var report = try CheckReport(checking: Self.fixture)
        #expect(report.verdict == .sound)
        report.libONNX?.inference = .tooNew("opset 99")
        #expect(report.verdict == .sound)
        report.libONNX?.inference = .failed("it crashed: Segmentation fault")
        #expect(report.verdict == .undecided)
        #expect(
            report.text(style: style).hasSuffix("\nUNDECIDED: libonnx's shape inference failed: it crashed: Segmentation fault"))
        #expect(report.json.text.contains("\"verdict\": \"UNDECIDED\""))
        report.faults = [.init(foundBy: .cleave, error: .init(.invalidGraph, "broken"))]
        #expect(report.verdict == .faulty)
    }

    @Test func remarksDoNotChangeTheVerdict() throws {
        var report = try CheckReport(checking: Self.fixture)
        report.remarks = ["the graph has no outputs"]
        #expect(report.text(style: style).hasSuffix("\n  remark  the graph has no outputs\n\nSOUND"))
    }

    @Test func whatCannotBeReadIsNotShownToTheLibrary() throws {
        let path = URL(fileURLWithPath: NSTemporaryDirectory()).appendingPathComponent("\(UUID().uuidString).onnx")
        try Data("no model".utf8).write(to: path)
        defer { try? FileManager.default.removeItem(at: path) }
        let report = try CheckReport(checking: path.path)
        #expect(report.verdict == .faulty)
        #expect(report.text(style: style).contains("libonnx   not asked: Cleave cannot read the model"))
    }
}
