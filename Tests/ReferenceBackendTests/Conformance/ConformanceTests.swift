import Tensors
import Testing

/// The ONNX project's own backend cases (Debian's libonnx-testdata) on the reference backend.
@Suite(.enabled(if: ConformanceCase.isInstalled, "libonnx-testdata is not installed"))
struct ConformanceTests {
    private struct Tally: Equatable, CustomStringConvertible {
        var passed = 0
        var total = 0

        var description: String { "\(passed) of \(total)" }
    }

    /// Runs the cases; one that fails without being a known gap, and a known gap that passes, are recorded as failures.
    private func run(_ cases: [ConformanceCase]) -> Tally {
        var tally = Tally()
        for testCase in cases {
            tally.total += 1
            let gap = ConformanceCase.knownGaps[testCase.name]
            let title = "\(testCase.suite.rawValue)/\(testCase.name)"
            switch (failure(of: testCase), gap) {
            case (nil, nil): tally.passed += 1
            case (nil, let gap?): Issue.record("\(title) passes: it is no gap any more (\(gap.reason))")
            case (let failure?, let gap?) where gap.explains(failure): break
            case (let failure?, _): Issue.record("\(title): \(failure)")
            }
        }
        return tally
    }

    private func failure(of testCase: ConformanceCase) -> String? {
        do { return try testCase.run() } catch { return "\(error)" }
    }

    @Test func backendCases() throws {
        let cases = try ConformanceCase.all(of: .node)
        let plain = try cases.filter { try $0.beyond() == nil }
        #expect(cases.count == 932)
        #expect(plain.count == 871)
        let node = run(plain)
        let converted = run(try ConformanceCase.all(of: .pytorchConverted))
        let operators = run(try ConformanceCase.all(of: .pytorchOperator))
        let simple = run(try ConformanceCase.all(of: .simple))
        print("conformance: node \(node), pytorch-converted \(converted), pytorch-operator \(operators), simple \(simple)")
        #expect(node.passed * 100 >= node.total * 95)
        #expect(converted == Tally(passed: 82, total: 82))
        #expect(operators == Tally(passed: 35, total: 35))
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
