/// How many times as fast as a peer something is, on a machine that also does other things.
///
/// Others only ever make a run slower. So the fastest runs are those that nobody disturbed, and the ratio of the 10 % quantiles of
/// all times holds where that of the medians tells who was disturbed more. How far it can be trusted shows in parts of the
/// measurement: each takes every fifth round.
public struct SpeedRatio: Hashable, Sendable {
    public enum Verdict: String, Hashable, Sendable {
        case faster, slower
        /// The parts do not agree on who is faster.
        case asFast = "as fast"
        /// The parts differ by more than three tenths of the ratio.
        case tooNoisy = "too noisy to tell"
    }

    /// The peer's 10 % quantile / Cleave's.
    public var value: Double
    /// The least and the largest of the parts.
    public var smallest: Double
    public var largest: Double

    private static let partCount = 5
    private static let wideRange = 0.3

    public init(value: Double, smallest: Double, largest: Double) {
        self.value = value
        self.smallest = smallest
        self.largest = largest
    }

    /// - Parameters:
    ///   - ours: seconds of single runs, by round.
    ///   - peer: the same of the peer.
    /// - Throws: `CleaveError` when there are no times.
    init(ours: [[Double]], peer: [[Double]]) throws {
        func ratio(of rounds: [Int]) throws -> Double {
            func fast(_ times: [[Double]]) throws -> Double { try Distribution(measured: rounds.flatMap { times[$0] }).p10 }
            return try fast(peer) / fast(ours)
        }
        let rounds = Array(ours.indices)
        let parts = try (0..<min(Self.partCount, rounds.count)).map { part in
            try ratio(of: rounds.filter { $0 % Self.partCount == part })
        }
        let value = try ratio(of: rounds)
        self.init(value: value, smallest: parts.min() ?? value, largest: parts.max() ?? value)
    }

    public var verdict: Verdict {
        guard value.isFinite, value > 0, largest - smallest <= Self.wideRange * value else { return .tooNoisy }
        return smallest > 1 ? .faster : largest < 1 ? .slower : .asFast
    }
}
