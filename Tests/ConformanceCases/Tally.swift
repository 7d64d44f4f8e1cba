import Execution
import GraphIR
import Testing

/// How many cases of one suite and group a backend passes.
public struct ConformanceTally: Equatable, CustomStringConvertible, Sendable {
    public var passed = 0
    public var total = 0

    public init(passed: Int = 0, total: Int = 0) {
        self.passed = passed
        self.total = total
    }

    public var description: String { "\(passed) of \(total)" }
}

/// What a backend makes of all cases.
public struct ConformanceResults: Sendable {
    public let backend: String
    /// By suite and group.
    public private(set) var tallies: [Key: ConformanceTally] = [:]

    public struct Key: Hashable, Sendable {
        public var suite: ConformanceCase.Suite
        public var group: ConformanceCase.Group

        public init(_ suite: ConformanceCase.Suite, _ group: ConformanceCase.Group) {
            self.suite = suite
            self.group = group
        }
    }

    /// Runs all cases. Recorded as failures of the test: a case that fails without being a known gap, a known gap that passes, and
    /// a case of what is not run by design that is not refused by name.
    public init(on backend: any Backend, observing: Bool) throws {
        self.backend = backend.name
        for suite in ConformanceCase.Suite.allCases {
            for testCase in try ConformanceCase.all(of: suite) {
                let group = try testCase.group()
                let passed = Self.passes(testCase, in: group, on: backend, observing: observing)
                tallies[Key(suite, group), default: ConformanceTally()].total += 1
                tallies[Key(suite, group), default: ConformanceTally()].passed += passed ? 1 : 0
            }
        }
    }

    public subscript(_ suite: ConformanceCase.Suite, _ group: ConformanceCase.Group) -> ConformanceTally {
        tallies[Key(suite, group)] ?? ConformanceTally()
    }

    /// One line for the log of a test run.
    public var summary: String {
        let suites = ConformanceCase.Suite.allCases.map { "\($0.rawValue) \(self[$0, .plain])" }
        return "conformance (\(backend)): \(suites.joined(separator: ", ")), control flow \(self[.node, .controlFlow])"
    }

    private static func passes(
        _ testCase: ConformanceCase, in group: ConformanceCase.Group, on backend: any Backend, observing: Bool
    ) -> Bool {
        let failure = failure(of: testCase, on: backend, observing: observing)
        let title = "\(testCase.suite.rawValue)/\(testCase.name)"
        if case .notRun = group {
            let isRefused = NotRun.allCases.contains { failure?.contains($0.reason(on: backend.name)) ?? false }
            if !isRefused { Issue.record("\(title) is not refused by name: \(failure ?? "it passes")") }
            return false
        }
        switch (failure, ConformanceCase.knownGaps[testCase.name]) {
        case (nil, nil): return true
        case (nil, let gap?): Issue.record("\(title) passes: it is no gap any more (\(gap.reason))")
        case (let failure?, let gap?) where gap.explains(failure): break
        case (let failure?, _): Issue.record("\(title): \(failure)")
        }
        return false
    }

    private static func failure(of testCase: ConformanceCase, on backend: any Backend, observing: Bool) -> String? {
        do { return try testCase.run(on: backend, observing: observing) } catch { return "\(error)" }
    }
}
