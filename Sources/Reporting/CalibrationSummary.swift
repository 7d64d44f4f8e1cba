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
}

extension CalibrationRecord {
    /// That values never changed, where some did not.
    public var constantRemark: String? {
        constantValues.first.map {
            "\(NumberFormat.quantity(constantValues.count, "value")) never changed, '\($0.printable())' for one: do the samples belong to "
                + "the model?"
        }
    }
}

extension CalibrationSummary: Report {
    public func text(style: TextStyle) -> String {
        let samples = NumberFormat.quantity(record.sampleCount, "sample")
        var lines = ["\(model.printable()) · \(samples) · \(NumberFormat.quantity(record.entries.count, "value"))"]
        if let remark = record.constantRemark { lines += ["", style.apply(.warning, to: "warning:") + " " + remark] }
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
