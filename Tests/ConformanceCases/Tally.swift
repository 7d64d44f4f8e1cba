import Execution
import Testing

/// How many cases a backend passes.
public struct ConformanceTally: Equatable, CustomStringConvertible, Sendable {
    public var passed = 0
    public var total = 0

    public init(passed: Int = 0, total: Int = 0) {
        self.passed = passed
        self.total = total
    }

    public var description: String { "\(passed) of \(total)" }

    /// Runs the cases; one that fails without being a known gap, and a known gap that passes, are recorded as failures.
    public static func run(_ cases: [ConformanceCase], on backend: any Backend, observing: Bool) -> ConformanceTally {
        var tally = ConformanceTally()
        for testCase in cases {
            tally.total += 1
            let gap = ConformanceCase.knownGaps[testCase.name]
            let title = "\(testCase.suite.rawValue)/\(testCase.name)"
            switch (failure(of: testCase, on: backend, observing: observing), gap) {
            case (nil, nil): tally.passed += 1
            case (nil, let gap?): Issue.record("\(title) passes: it is no gap any more (\(gap.reason))")
            case (let failure?, let gap?) where gap.explains(failure, on: backend.name): break
            case (let failure?, _): Issue.record("\(title): \(failure)")
            }
        }
        return tally
    }

    private static func failure(of testCase: ConformanceCase, on backend: any Backend, observing: Bool) -> String? {
        do { return try testCase.run(on: backend, observing: observing) } catch { return "\(error)" }
    }
}
