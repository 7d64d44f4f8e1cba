import Tensors
import Verification

/// The outputs of a model, with the names of the files.
public struct RunSummary: Sendable {
    public var model: String
    /// The file that the outputs were written to, if any.
    public var output: String?
    public var result: RunResult

    public init(model: String, output: String?, result: RunResult) {
        self.model = model
        self.output = output
        self.result = result
    }
}

extension RunSummary: Report {
    public func text(style: TextStyle) -> String {
        var table = Table([.left("output"), .left("type"), .left("shape"), .right("smallest"), .right("largest"), .right("mean")])
        for output in result.outputs {
            let range = ValueRange(output.tensor)
            table.addRow([
                .init(output.name), .init(output.tensor.elementType.description), .init("\(output.tensor.shape)"),
                .init(range.map { NumberFormat.element($0.smallest) } ?? "–"),
                .init(range.map { NumberFormat.element($0.largest) } ?? "–"),
                .init(range.map { NumberFormat.element($0.mean) } ?? "–"),
            ])
        }
        var lines = ["\(model.printable()) · \(NumberFormat.quantity(result.sampleCount, "sample"))", ""]
        lines += table.lines(style: style)
        if !result.againstExpected.isEmpty {
            lines += [""] + VerificationSummary.table(result.againstExpected, title: "expected").lines(style: style)
            let verdict = result.isExpected ? style.apply(.good, to: "EQUAL") : style.apply(.bad, to: "DIFFERENT")
            lines += ["", "\(verdict), compared with the outputs that the file expects"]
        }
        if let output { lines += ["", "\(output.printable()) written"] }
        return lines.joined(separator: "\n")
    }

    public var json: JSONValue {
        [
            "model": .string(model), "written": .optional(output), "samples": .integer(result.sampleCount),
            "outputs": .array(
                result.outputs.map { output in
                    let range = ValueRange(output.tensor)
                    return [
                        "name": .string(output.name), "type": .string(output.tensor.elementType.description),
                        "shape": .integers(output.tensor.shape), "smallest": .optional(range?.smallest),
                        "largest": .optional(range?.largest), "mean": .optional(range?.mean),
                    ]
                }),
            "expected": .array(result.againstExpected.map(\.json)),
        ]
    }
}

/// The extent of a tensor's numbers; NaN where there is one among them.
private struct ValueRange {
    var smallest: Double
    var largest: Double
    var mean: Double

    /// `nil` when there are no numbers.
    init?(_ tensor: Tensor) {
        guard let values = tensor.doubles(), !values.isEmpty else { return nil }
        let hasNaN = values.contains(where: \.isNaN)
        smallest = hasNaN ? .nan : values.min() ?? .nan
        largest = hasNaN ? .nan : values.max() ?? .nan
        mean = values.reduce(0, +) / Double(values.count)
    }
}
