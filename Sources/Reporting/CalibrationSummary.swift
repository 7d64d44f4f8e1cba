import Quantization
import Tensors

/// What a calibration has seen.
public struct CalibrationSummary: Sendable {
    public var model: String
    /// The file that the ranges were written to.
    public var output: String
    public var record: CalibrationRecord
    public var seconds: Double

    public init(model: String, output: String, record: CalibrationRecord, seconds: Double) {
        self.model = model
        self.output = output
        self.record = record
        self.seconds = seconds
    }

    /// Values that were the same number all the time.
    private var constants: [CalibrationRecord.Entry] { record.entries.filter { $0.statistics.low == $0.statistics.high } }
}

extension CalibrationSummary: Report {
    public func text(style: TextStyle) -> String {
        let samples = NumberFormat.quantity(record.sampleCount, "sample")
        var lines = ["\(model.printable()) · \(samples) · \(NumberFormat.quantity(record.entries.count, "value"))"]
        if let first = constants.first {
            lines += [
                "",
                style.apply(.warning, to: "warning:") + " \(NumberFormat.quantity(constants.count, "value")) never changed, "
                    + "'\(first.value.printable())' for one: do the samples belong to the model?",
            ]
        }
        lines += ["", "\(output.printable()) written, \(NumberFormat.seconds(seconds))"]
        return lines.joined(separator: "\n")
    }

    public var json: JSONValue {
        [
            "model": .string(model), "written": .string(output), "samples": .integer(record.sampleCount),
            "values": .array(
                record.entries.map { entry in
                    [
                        "name": .string(entry.value), "low": .number(entry.statistics.low), "high": .number(entry.statistics.high),
                        "mean_low": .number(entry.statistics.meanLow), "mean_high": .number(entry.statistics.meanHigh),
                    ]
                }),
            "seconds": .number((seconds * 1000).rounded() / 1000),
        ]
    }
}
