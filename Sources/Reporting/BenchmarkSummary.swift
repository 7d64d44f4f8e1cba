import Benchmarking
import Tensors
import Verification

/// What a model takes to run, with the name of its file.
public struct BenchmarkSummary: Sendable {
    public var model: String
    public var result: BenchmarkResult

    public init(model: String, result: BenchmarkResult) {
        self.model = model
        self.result = result
    }
}

extension BenchmarkSummary: Report {
    public func text(style: TextStyle) -> String {
        let inputs = result.inputs.map { " · \($0.name.printable()) \($0.elementType)\($0.shape)" }.joined()
        var lines = ["\(model.printable()) · \(result.backend), \(NumberFormat.quantity(result.threads, "thread"))\(inputs)", ""]
        lines += table.lines(style: style)
        if let comparison = result.comparison {
            let speedups = comparison.speedups
            lines += [
                "", Self.verdict(on: comparison, style: style),
                "\(NumberFormat.ratio(speedups.median)) times at the medians, "
                    + "from \(NumberFormat.ratio(speedups.smallest)) to \(NumberFormat.ratio(speedups.largest)) "
                    + "over \(NumberFormat.quantity(result.rounds, "round"))",
                VerificationSummary.verdict(on: comparison.outputs, style: style) + ", outputs of both on the same inputs",
            ]
        }
        let warnings = result.warnings
        if !warnings.isEmpty { lines.append("") }
        lines += warnings.map { style.apply(.warning, to: "warning:") + " \($0)" }
        return lines.joined(separator: "\n")
    }

    private static func verdict(on comparison: BenchmarkResult.Comparison, style: TextStyle) -> String {
        let ratio = comparison.ratio
        let range = "from \(NumberFormat.ratio(ratio.smallest)) to \(NumberFormat.ratio(ratio.largest))"
        let claim = "times as fast as \(comparison.peer.name)"
        guard ratio.verdict != .tooNoisy else {
            return style.apply(.warning, to: ratio.verdict.rawValue) + ": \(range) \(claim) at the p10 of parts of the runs"
        }
        return style.apply(.strong, to: "\(NumberFormat.ratio(ratio.value)) \(claim)")
            + " at the p10 of all runs, \(range) in parts of them"
    }

    private var table: Table {
        let measurements = [result.ours] + (result.comparison.map { [$0.peer] } ?? [])
        let columns = measurements.map { Table.Column.right(result.comparison == nil ? "" : "\($0.name) \($0.version)") }
        var table = Table([.left("")] + columns)
        func add(_ title: String, _ text: (BenchmarkResult.Measurement) -> String?) {
            table.addRow([.init(title, .faint)] + measurements.map { .init(text($0) ?? "–") })
        }
        add("load") { NumberFormat.duration($0.loadSeconds) }
        add("compile") { $0.compileSeconds.map(NumberFormat.duration) }
        add("latency, median") { NumberFormat.duration($0.latency.median) }
        add("latency, p10") { NumberFormat.duration($0.latency.p10) }
        add("latency, p90") { NumberFormat.duration($0.latency.p90) }
        add("runs") { NumberFormat.grouped($0.latency.values.count) }
        add("images/s") { NumberFormat.significant(result.imageRate(of: $0)) }
        add("GFLOP/s") { result.gigaflopsPerSecond(of: $0).map(NumberFormat.significant) }
        add("peak memory") { NumberFormat.bytes($0.peakByteCount) }
        return table
    }

    public var json: JSONValue {
        [
            "model": .string(model), "backend": .string(result.backend), "threads": .integer(result.threads),
            "batch": .integer(result.batch),
            "inputs": .array(
                result.inputs.map {
                    ["name": .string($0.name), "type": .string($0.elementType.description), "shape": .integers($0.shape)]
                }),
            "multiply_accumulates": .optional(result.multiplyAccumulates), "rounds": .integer(result.rounds),
            "measured": json(result.ours),
            "against": result.comparison.map { comparison in
                [
                    "measured": json(comparison.peer),
                    "speed": [
                        "verdict": .string(comparison.ratio.verdict.rawValue), "ratio": .number(comparison.ratio.value),
                        "smallest": .number(comparison.ratio.smallest), "largest": .number(comparison.ratio.largest),
                    ],
                    "speedup": json(comparison.speedups),
                    "verdict": comparison.isEqual ? "EQUAL" : "DIFFERENT",
                    "outputs": .array(comparison.outputs.map(\.json)),
                ]
            } ?? .null,
            "machine": [
                "processors": .integer(result.machine.processors), "load_average": .optional(result.machine.loadAverage),
                "other_processors": .optional(result.machine.otherProcessors),
            ],
            "warnings": .strings(result.warnings),
        ]
    }

    private func json(_ measurement: BenchmarkResult.Measurement) -> JSONValue {
        [
            "name": .string(measurement.name), "version": .string(measurement.version),
            "load_seconds": .number(measurement.loadSeconds), "compile_seconds": .optional(measurement.compileSeconds),
            "latency_seconds": json(measurement.latency), "images_per_second": .number(result.imageRate(of: measurement)),
            "gigaflops_per_second": .optional(result.gigaflopsPerSecond(of: measurement)),
            "peak_bytes": .integer(measurement.peakByteCount),
        ]
    }

    private func json(_ distribution: Distribution) -> JSONValue {
        [
            "median": .number(distribution.median), "p10": .number(distribution.p10), "p90": .number(distribution.p90),
            "smallest": .number(distribution.smallest), "largest": .number(distribution.largest),
            "count": .integer(distribution.values.count),
        ]
    }
}
