import GraphIR
import Tensors

/// Passes in the order in which they run, as data.
public struct Pipeline: Sendable {
    public enum Step: Sendable {
        case once(any Pass)
        /// All of them in order, again and again until a round rewrites nothing, at most `rounds` times. A pass that rewrote nothing
        /// is left out until another one changes the graph.
        case untilStable([any Pass], rounds: Int)
    }

    public var name: String
    public var steps: [Step]

    public init(name: String, steps: [Step]) {
        self.name = name
        self.steps = steps
    }

    /// What to do around the passes.
    public struct Options: Sendable {
        /// Checks the graph before the first pass and after every pass that changed it.
        public var verify: (@Sendable (Graph) throws -> Void)?
        /// Sees the graph before and after every pass, for dumps.
        public var observe: (@Sendable (Event, Graph) throws -> Void)?
        /// Ends the run after this many passes, repetitions counted; `nil` for no limit.
        public var passLimit: Int?
        /// Called before every pass with the number of those that are done; how many there will be is not known.
        public var progress: (@Sendable (WorkProgress) -> Void)?

        public init(
            verify: (@Sendable (Graph) throws -> Void)?, observe: (@Sendable (Event, Graph) throws -> Void)?, passLimit: Int?,
            progress: (@Sendable (WorkProgress) -> Void)? = nil
        ) {
            self.verify = verify
            self.observe = observe
            self.passLimit = passLimit
            self.progress = progress
        }

        public static let none = Options(verify: nil, observe: nil, passLimit: nil)
    }

    /// A moment in a run.
    public struct Event: Hashable, Sendable {
        public enum Moment: String, Hashable, Sendable { case before, after }
        /// Number of the pass in the run, from 1, repetitions counted.
        public var index: Int
        public var pass: String
        public var moment: Moment

        public init(index: Int, pass: String, moment: Moment) {
            self.index = index
            self.pass = pass
            self.moment = moment
        }
    }

    /// Runs the steps.
    /// - Returns: one report per pass, in the order of their first run.
    /// - Throws: what a pass, `verify` or `observe` throws, with the pass named in the problem of a `CleaveError`, or that the task
    ///   was cancelled; the graph is then untouched.
    @discardableResult
    public func run(on graph: inout Graph, options: Options = .none) throws -> [PassReport] {
        var run = Run(graph: graph, options: options)
        try options.verify?(graph)
        for step in steps {
            switch step {
            case .once(let pass): try run.perform(pass)
            case .untilStable(let passes, let rounds):
                // Per pass that had nothing to do, the number of rewrites until then.
                var settled = [Int?](repeating: nil, count: passes.count)
                for _ in 0..<max(0, rounds) {
                    let before = run.rewriteCount
                    for (index, pass) in passes.enumerated() where settled[index] != run.rewriteCount {
                        let count = run.rewriteCount
                        try run.perform(pass)
                        settled[index] = run.rewriteCount == count ? count : nil
                    }
                    if run.rewriteCount == before { break }
                }
            }
        }
        graph = run.graph
        return PassReport.merged(run.reports)
    }

    private struct Run {
        var graph: Graph
        var options: Options
        var reports: [PassReport] = []
        var rewriteCount = 0

        init(graph: Graph, options: Options) {
            self.graph = graph
            self.options = options
        }

        mutating func perform(_ pass: any Pass) throws {
            if let limit = options.passLimit, reports.count >= limit { return }
            try checkCancellation()
            options.progress?(WorkProgress(task: "running \(pass.name)", completed: reports.count, total: nil, unit: "passes"))
            let index = reports.count + 1
            do {
                try options.observe?(Event(index: index, pass: pass.name, moment: .before), graph)
                let report = try pass.run(on: &graph)
                if !report.rewrites.isEmpty { try options.verify?(graph) }
                try options.observe?(Event(index: index, pass: pass.name, moment: .after), graph)
                reports.append(report)
                rewriteCount += report.rewrites.count
            } catch var error as CleaveError where error.kind != .cancelled {
                error.problem = "pass '\(pass.name)': \(error.problem)"
                throw error
            }
        }
    }
}

extension PassReport {
    /// One report per pass, in the order of first appearance: the rewrites of all its runs, and the skips of its last one,
    /// which are those that count.
    public static func merged(_ reports: [PassReport]) -> [PassReport] {
        var result: [PassReport] = []
        var places: [String: Int] = [:]
        for report in reports {
            if let place = places[report.pass] {
                result[place].rewrites += report.rewrites
                result[place].skips = report.skips
            } else {
                places[report.pass] = result.count
                result.append(report)
            }
        }
        return result
    }

    /// How many nodes were left alone for each reason, in the order of first appearance.
    public var skipCounts: [(reason: SkipReason, count: Int)] {
        var result: [(reason: SkipReason, count: Int)] = []
        var places: [SkipReason: Int] = [:]
        for skip in skips {
            if let place = places[skip.reason] {
                result[place].count += 1
            } else {
                places[skip.reason] = result.count
                result.append((skip.reason, 1))
            }
        }
        return result
    }
}
