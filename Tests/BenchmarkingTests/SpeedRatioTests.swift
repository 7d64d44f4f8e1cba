@testable import Benchmarking
import Tensors
import Testing

struct SpeedRatioTests {
    /// Twenty rounds of ten runs; `disturbed` says how many times as long a run takes.
    private func rounds(_ seconds: Double, _ disturbed: (_ round: Int, _ run: Int) -> Double) -> [[Double]] {
        (0..<20).map { round in (0..<10).map { run in seconds * (1 + Double(run) / 1000) * disturbed(round, run) } }
    }

    /// Most runs of one side meet other work, and the medians tell the opposite.
    @Test func theFastestRunsAreNotDisturbed() throws {
        let ours = rounds(1) { round, run in run == round % 10 || run == (round + 5) % 10 ? 1 : 3 }
        let ratio = try SpeedRatio(ours: ours, peer: rounds(1.5) { _, _ in 1 })
        #expect(abs(ratio.value - 1.5) < 0.02)
        #expect(ratio.verdict == .faster)
        #expect(try Distribution(measured: ours.flatMap { $0 }).median > 2)
        #expect(try SpeedRatio(ours: rounds(1.5) { _, _ in 1 }, peer: ours).verdict == .slower)
    }

    /// Parts of the measurement that differ much tell nothing.
    @Test func noiseIsNoVerdict() throws {
        let ratio = try SpeedRatio(ours: rounds(1) { round, _ in round % 5 < 2 ? 2 : 1 }, peer: rounds(1.5) { _, _ in 1 })
        #expect(ratio.verdict == .tooNoisy)
        #expect(abs(ratio.smallest - 0.75) < 0.02)
        #expect(abs(ratio.largest - 1.5) < 0.02)
    }

    @Test func partsThatDisagreeMakeNobodyFaster() throws {
        let ratio = try SpeedRatio(ours: rounds(1) { round, _ in round % 5 == 0 ? 1.1 : 1 }, peer: rounds(1.05) { _, _ in 1 })
        #expect(ratio.verdict == .asFast)
        #expect(SpeedRatio(value: .infinity, smallest: 1, largest: .infinity).verdict == .tooNoisy)
        #expect(throws: CleaveError.self) { try SpeedRatio(ours: [[]], peer: [[1]]) }
    }

    @Test func fewRoundsHaveFewerParts() throws {
        let ratio = try SpeedRatio(ours: [[1], [2]], peer: [[2], [2]])
        #expect(ratio.smallest == 1)
        #expect(ratio.largest == 2)
    }
}
