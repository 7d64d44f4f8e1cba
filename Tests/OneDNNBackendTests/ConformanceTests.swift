import ConformanceCases
import Foundation
import OneDNNBackend
import ReferenceBackend
import Testing

/// The ONNX project's own backend cases (Debian's libonnx-testdata) on the oneDNN backend.
@Suite(.enabled(if: ConformanceCase.isInstalled, "libonnx-testdata is not installed"))
struct ConformanceTests {
    @Test func backendCases() throws {
        let results = try ConformanceResults(on: OneDNNBackend(threads: 2), observing: false)
        print(results.summary)
        let reference = try ConformanceResults(on: ReferenceBackend(), observing: false)
        #expect(results.tallies == reference.tallies)
        let page = ConformancePage([reference, results]).text
        if ConformancePage.isUpdating { return try Data(page.utf8).write(to: ConformancePage.file) }
        let current = try? String(contentsOf: ConformancePage.file, encoding: .utf8)
        #expect(current == page, "docs/conformance.md is out of date: run scripts/update-conformance.sh")
    }
}
