import Cleave

/// A piece of work that is measured by itself.
struct Microbenchmark {
    /// The kind of work and what is special: `operator/softmax 32 × 1000`.
    var name: String
    /// Makes everything that is not measured, and returns what is.
    var prepare: () throws -> () throws -> Void

    init(_ name: String, prepare: @escaping () throws -> () throws -> Void) {
        self.name = name
        self.prepare = prepare
    }

    /// Measures for `seconds`, but at least three runs.
    func run(seconds: Double) throws -> RecordedTime {
        let work = try prepare()
        guard let times = Distribution(try repeatedTimes(for: seconds, minimum: 3, work)) else {
            throw CleaveError(.unsupported, "'\(name)' took no time that can be told")
        }
        return RecordedTime(name: name, times)
    }
}
