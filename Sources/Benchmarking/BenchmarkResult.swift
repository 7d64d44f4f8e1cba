import Tensors
import Verification

/// What running a model takes: time and memory, alone or beside a peer.
public struct BenchmarkResult: Sendable {
    /// What one runtime took.
    public struct Measurement: Sendable {
        /// `Cleave`, `ONNX Runtime`
        public var name: String
        public var version: String
        /// Reading the model, once, from a file that the system has in memory; ONNX Runtime compiles it at the same time.
        public var loadSeconds: Double
        /// Making the plan for the input shapes; `nil` where that is part of loading.
        public var compileSeconds: Double?
        /// Seconds that single runs took, over all rounds.
        public var latency: Distribution
        /// The most memory that the process has had resident.
        public var peakByteCount: Int
    }

    /// A peer that took turns with Cleave.
    public struct Comparison: Sendable {
        public var peer: Measurement
        /// Cleave's outputs against the peer's, on the same inputs.
        public var outputs: [VerificationReport.Output]
        /// One per round: the peer's median latency / Cleave's. 2 says that Cleave is twice as fast.
        public var speedups: Distribution
        /// The same where nothing else disturbs.
        public var ratio: SpeedRatio

        public var isEqual: Bool { outputs.allSatisfy(\.comparison.isEqual) }
    }

    /// What else the machine had to do.
    public struct Machine: Sendable {
        public var processors: Int
        /// Processes that wanted to run in the minute before; `nil` where the system does not say.
        public var loadAverage: Double?
        /// Processors that other processes kept busy during the measurement, on average; `nil` where the system does not say.
        public var otherProcessors: Double?
    }

    public struct Input: Sendable {
        public var name: String
        public var elementType: ElementType
        public var shape: [Int]
    }

    public var backend: String
    /// Threads that computed, of Cleave as of the peer.
    public var threads: Int
    public var inputs: [Input]
    /// Of one run; `nil` when it is not known.
    public var multiplyAccumulates: Int?
    public var ours: Measurement
    public var comparison: Comparison?
    public var rounds: Int
    public var machine: Machine

    /// Images that one run takes in: the length of the first input's leading dimension; 1 for a scalar.
    public var batch: Int { inputs.first?.shape.first ?? 1 }

    /// Images per second, at the median latency.
    public func imageRate(of measurement: Measurement) -> Double { Double(batch) / measurement.latency.median }

    /// 10⁹ floating-point operations per second at the median latency, a multiply-accumulate being two.
    public func gigaflopsPerSecond(of measurement: Measurement) -> Double? {
        multiplyAccumulates.map { 2 * Double($0) / measurement.latency.median / 1e9 }
    }
}

extension BenchmarkResult {
    /// Beyond these a figure depends on when it was measured.
    private static let busyShare = 0.1
    private static let wideSpread = 0.25

    /// Why the figures may be worth little.
    public var warnings: [String] {
        var warnings: [String] = []
        func rounded(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
        if let others = machine.otherProcessors {
            if others > Self.busyShare * Double(machine.processors) {
                warnings.append(
                    "other processes kept \(rounded(others)) of \(machine.processors) processors busy during the measurement")
            }
        } else if let load = machine.loadAverage, load > 0.5 * Double(machine.processors) {
            warnings.append("the machine was busy before: load average \(rounded(load)) on \(machine.processors) processors")
        }
        for measurement in [ours] + (comparison.map { [$0.peer] } ?? []) where measurement.latency.spread > Self.wideSpread {
            let percent = Int(min(measurement.latency.spread * 100, 1e6).rounded())
            warnings.append("the times of \(measurement.name) spread over \(percent) % of their median")
        }
        if comparison?.ratio.verdict == .tooNoisy { warnings.append("the ratio differs much among parts of the measurement") }
        return warnings
    }
}
