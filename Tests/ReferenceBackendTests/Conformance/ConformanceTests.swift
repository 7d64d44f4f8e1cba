import ConformanceCases
import ReferenceBackend
import Tensors
import Testing

/// The ONNX project's own backend cases (Debian's libonnx-testdata) on the reference backend.
@Suite(.enabled(if: ConformanceCase.isInstalled, "libonnx-testdata is not installed"))
struct ConformanceTests {
    private func run(_ cases: [ConformanceCase]) -> ConformanceTally {
        ConformanceTally.run(cases, on: ReferenceBackend(), observing: true)
    }

    @Test func backendCases() throws {
        let cases = try ConformanceCase.all(of: .node)
        let plain = try cases.filter { try $0.beyond() == nil }
        #expect(cases.count == 932)
        #expect(plain.count == 871)
        let node = run(plain)
        let controlFlow = run(try cases.filter { try $0.beyond() == .controlFlow })
        let converted = run(try ConformanceCase.all(of: .pytorchConverted))
        let operators = run(try ConformanceCase.all(of: .pytorchOperator))
        let simple = run(try ConformanceCase.all(of: .simple))
        print("conformance: node \(node), pytorch-converted \(converted), pytorch-operator \(operators), simple \(simple)")
        #expect(node.passed * 100 >= node.total * 97)
        #expect(controlFlow == ConformanceTally(passed: 6, total: 6))
        #expect(converted == ConformanceTally(passed: 82, total: 82))
        #expect(operators == ConformanceTally(passed: 35, total: 35))
        #expect(simple.total == 23)
    }

    @Test func castsOfText() throws {
        let cases = try ConformanceCase.all(of: .node).filter { $0.name.hasPrefix("test_cast") && $0.name.contains("STRING") }
        let tally = run(cases)
        #expect(tally.total == 6)
        #expect(tally.passed == tally.total)
    }

    @Test func knownGapsAreCases() throws {
        let names = Set(try [ConformanceCase.Suite.node, .simple].flatMap { try ConformanceCase.all(of: $0) }.map(\.name))
        #expect(ConformanceCase.knownGaps.keys.filter { !names.contains($0) }.sorted() == [])
    }
}
