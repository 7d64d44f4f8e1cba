import ConformanceCases
import ReferenceBackend
import Testing

/// The ONNX project's own backend cases (Debian's libonnx-testdata) on the reference backend.
@Suite(.enabled(if: ConformanceCase.isInstalled, "libonnx-testdata is not installed"))
struct ConformanceTests {
    @Test func backendCases() throws {
        let results = try ConformanceResults(on: ReferenceBackend(), observing: true)
        print(results.summary)
        #expect(try ConformanceCase.all(of: .node).count == 932)
        #expect(results[.node, .plain] == ConformanceTally(passed: 856, total: 871))
        #expect(results[.node, .controlFlow] == ConformanceTally(passed: 6, total: 6))
        #expect(results[.node, .text] == ConformanceTally(passed: 6, total: 6))
        #expect(results[.pytorchConverted, .plain] == ConformanceTally(passed: 82, total: 82))
        #expect(results[.pytorchOperator, .plain] == ConformanceTally(passed: 35, total: 35))
        #expect(results[.simple, .plain] == ConformanceTally(passed: 7, total: 7))
    }

    @Test func knownGapsAreCases() throws {
        let names = Set(try ConformanceCase.all(of: .node).map(\.name))
        #expect(ConformanceCase.knownGaps.keys.filter { !names.contains($0) }.sorted() == [])
    }
}
