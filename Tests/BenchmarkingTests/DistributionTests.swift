@testable import Benchmarking
import Testing

struct DistributionTests {
    /// Expected values: `numpy.quantile`, whose default is the same definition.
    @Test(arguments: [(0, 1), (0.1, 1.4), (0.25, 2), (0.5, 4), (0.9, 12.8), (1, 16), (-1, 1), (2, 16)])
    func quantilesAreInterpolated(share: Double, expected: Double) throws {
        let distribution = try #require(Distribution([8, 1, 4, 16, 2]))
        #expect(abs(distribution.quantile(share) - expected) < 1e-12)
    }

    @Test func medianOfAnEvenNumberLiesBetween() throws {
        let distribution = try #require(Distribution([4, 1, 3, 2]))
        #expect(distribution.values == [1, 2, 3, 4])
        #expect(distribution.median == 2.5)
        #expect(distribution.smallest == 1)
        #expect(distribution.largest == 4)
        #expect(abs(distribution.spread - (3.7 - 1.3) / 2.5) < 1e-12)
    }

    @Test func oneValueIsEveryQuantile() throws {
        let distribution = try #require(Distribution([7]))
        #expect([0, 0.1, 0.5, 1].map(distribution.quantile) == [7, 7, 7, 7])
        #expect(distribution.spread == 0)
        #expect(Distribution([0, 0])?.spread == 0)
    }

    @Test func nothingAndNoNumbersAreRefused() {
        #expect(Distribution([]) == nil)
        #expect(Distribution([1, .nan]) == nil)
        #expect(Distribution([1, .infinity]) == nil)
    }

    @Test func repeatedTimesStopAtTheLimit() {
        var calls = 0
        let times = repeatedTimes(for: 3600 * 1e-9, limit: 3) { calls += 1 }
        #expect((1...3).contains(times.count))
        #expect(calls > times.count)
        #expect(repeatedTimes(for: 0, limit: 5) {}.count == 1)
        #expect(repeatedTimes(for: 0, minimum: 3, limit: 5) {}.count == 3)
        #expect(times.allSatisfy { $0 >= 0 })
    }
}

struct MachineTests {
    @Test func busyTicksLeaveOutIdleAndWaiting() {
        let text = "cpu  100 20 3 4000 50000 6 7 8 90 10\ncpu0 1 1 1 1 1 1 1 1 1 1\n"
        #expect(Machine.busyTicks(inProcStat: text) == 144)
        #expect(Machine.busyTicks(inProcStat: "") == nil)
        #expect(Machine.busyTicks(inProcStat: "intr 1 2 3 4 5 6 7 8 9\n") == nil)
        #expect(Machine.busyTicks(inProcStat: "cpu 1 2 3\n") == nil)
        #expect(Machine.busyTicks(inProcStat: "cpu 1 2 3 a 5 6 7 8\n") == nil)
    }

    @Test func thisProcessHasMemoryAndTime() {
        #expect(peakResidentByteCount() > 1 << 20)
        #expect(Machine.ownSeconds > 0)
        #expect(Machine.processorCount >= 1)
    }
}

struct WarningTests {
    private static func result(
        times: [Double], speedups: [Double]? = nil, load: Double? = 0, others: Double? = 0
    ) throws -> BenchmarkResult {
        func measurement(_ name: String, _ times: [Double]) throws -> BenchmarkResult.Measurement {
            .init(
                name: name, version: "1", loadSeconds: 1, compileSeconds: nil, latency: try #require(Distribution(times)),
                peakByteCount: 1)
        }
        return BenchmarkResult(
            backend: "reference", threads: 2, inputs: [.init(name: "x", elementType: .float32, shape: [8, 3])],
            multiplyAccumulates: 1_000_000_000, ours: try measurement("Cleave", times),
            comparison: try speedups.map {
                .init(
                    peer: try measurement("Peer", [1]), outputs: [], speedups: try #require(Distribution($0)),
                    ratio: SpeedRatio(value: $0[$0.count / 2], smallest: $0[0], largest: $0[$0.count - 1]))
            }, rounds: 20, machine: .init(processors: 2, loadAverage: load, otherProcessors: others))
    }

    @Test func ratesAreThoseOfTheMedian() throws {
        let result = try Self.result(times: [0.1, 0.5, 0.9])
        #expect(result.batch == 8)
        #expect(result.imageRate(of: result.ours) == 16)
        #expect(result.gigaflopsPerSecond(of: result.ours) == 4)
    }

    @Test func aQuietMachineGetsNone() throws {
        #expect(try Self.result(times: [1, 1.01, 1.02], speedups: [1, 1.1], load: 8, others: 0.1).warnings.isEmpty)
    }

    @Test func noiseIsNamed() throws {
        #expect(
            try Self.result(times: [1], others: 0.52).warnings
                == ["other processes kept 0.5 of 2 processors busy during the measurement"])
        #expect(
            try Self.result(times: [1], load: 1.94, others: nil).warnings
                == ["the machine was busy before: load average 1.9 on 2 processors"])
        #expect(try Self.result(times: [1, 2, 3]).warnings == ["the times of Cleave spread over 80 % of their median"])
        #expect(
            try Self.result(times: [1], speedups: [0.8, 1, 1.2]).warnings
                == ["the ratio differs much among parts of the measurement"])
    }
}
