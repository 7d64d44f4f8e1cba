import ConformanceCases
import OneDNNBackend
import Testing

/// The ONNX project's own backend cases (Debian's libonnx-testdata) on the oneDNN backend.
@Suite(.enabled(if: ConformanceCase.isInstalled, "libonnx-testdata is not installed"))
struct ConformanceTests {
    private func run(_ cases: [ConformanceCase]) -> ConformanceTally {
        ConformanceTally.run(cases, on: OneDNNBackend(threads: 2), observing: false)
    }

    @Test func backendCases() throws {
        let node = run(try ConformanceCase.all(of: .node).filter { try $0.beyond() == nil })
        let controlFlow = run(try ConformanceCase.all(of: .node).filter { try $0.beyond() == .controlFlow })
        let converted = run(try ConformanceCase.all(of: .pytorchConverted))
        let operators = run(try ConformanceCase.all(of: .pytorchOperator))
        let simple = run(try ConformanceCase.all(of: .simple))
        print("conformance (onednn): node \(node), pytorch-converted \(converted), pytorch-operator \(operators), simple \(simple)")
        #expect(node.passed * 100 >= node.total * 97)
        #expect(controlFlow == ConformanceTally(passed: 6, total: 6))
        #expect(converted == ConformanceTally(passed: 82, total: 82))
        #expect(operators == ConformanceTally(passed: 35, total: 35))
        #expect(simple.total == 23)
    }
}
