/// What a piece of work took, as it is kept to be compared with later.
public struct RecordedTime: Codable, Hashable, Sendable {
    /// Of the work: `operator/conv 3x3 64 → 64, 56×56`.
    public var name: String
    /// Seconds.
    public var median: Double
    public var p10: Double
    public var p90: Double
    public var runs: Int

    public init(name: String, median: Double, p10: Double, p90: Double, runs: Int) {
        self.name = name
        self.median = median
        self.p10 = p10
        self.p90 = p90
        self.runs = runs
    }

    public init(name: String, _ times: Distribution) {
        self.init(name: name, median: times.median, p10: times.p10, p90: times.p90, runs: times.values.count)
    }
}

/// A time against an older one of the same work.
public struct TimeChange: Hashable, Sendable {
    public enum Verdict: String, Hashable, Sendable {
        case slower, faster, same
        /// The older record does not have it.
        case new
    }

    public var name: String
    /// New median / old median; `nil` when there is no old one.
    public var factor: Double?
    public var verdict: Verdict

    /// Compares by name, in the order of `new`.
    ///
    /// A time counts as slower when its median grew by more than `threshold`, and nine tenths of the new runs took longer than
    /// nine tenths of the old ones: a noisy machine makes no regression. Faster is the same the other way round.
    /// - Parameter threshold: share of the old median, 0.1 for ten per cent.
    public static func changes(from old: [RecordedTime], to new: [RecordedTime], threshold: Double) -> [TimeChange] {
        let known = Dictionary(old.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        return new.map { time in
            guard let before = known[time.name], before.median > 0 else {
                return TimeChange(name: time.name, factor: nil, verdict: .new)
            }
            let factor = time.median / before.median
            let verdict: Verdict =
                if factor > 1 + threshold, time.p10 > before.p90 {
                    .slower
                } else if factor < 1 / (1 + threshold), time.p90 < before.p10 {
                    .faster
                } else {
                    .same
                }
            return TimeChange(name: time.name, factor: factor, verdict: verdict)
        }
    }
}
