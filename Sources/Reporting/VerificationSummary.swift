import Tensors
import Verification

/// A comparison of two models, with the names of their files.
public struct VerificationSummary: Sendable {
    public var original: String
    public var candidate: String
    public var report: VerificationReport
    /// Whether all layers of a quantized model are shown, instead of those that add most noise.
    public var showsLayers: Bool

    public init(original: String, candidate: String, report: VerificationReport, showsLayers: Bool = false) {
        self.original = original
        self.candidate = candidate
        self.report = report
        self.showsLayers = showsLayers
    }
}

extension VerificationSummary: Report {
    public func text(style: TextStyle) -> String {
        var lines = [
            "\(candidate.printable()) against \(original.printable()) · \(NumberFormat.quantity(report.sampleCount, "sample"))"
                + report.inputs.map { " · \($0.name.printable()) \($0.elementType)\($0.shape)" }.joined()
        ]
        lines.append("")
        lines += Self.table(report.outputs, title: "output", leastSignalToNoise: report.leastSignalToNoise).lines(style: style)
        lines += Self.worstElements(report.outputs)
        if !report.originalAgainstExpected.isEmpty {
            lines += ["", "  against the expected outputs in the file"]
            let rows =
                report.originalAgainstExpected.map { (original, $0) } + report.candidateAgainstExpected.map { (candidate, $0) }
            lines += Self.table(
                rows.map { .init(name: "\($0.1.name) of \($0.0)", coarserType: $0.1.coarserType, comparison: $0.1.comparison) },
                title: "output"
            ).lines(style: style)
        }
        if let accuracy = report.accuracy { lines += ["", accuracy.line(original: original, candidate: candidate)] }
        if let layers = report.layers { lines += [""] + Self.table(layers).lines(style: style) }
        if let noise = report.quantization { lines += [""] + noise.lines(showingLayers: showsLayers, limit: noiseLimit, style: style) }
        if !remarks.isEmpty { lines += [""] + remarks.map { "  " + style.apply(.warning, to: "remark") + "   " + $0 } }
        return (lines + ["", verdict(style: style)]).joined(separator: "\n")
    }

    /// The signal-to-noise ratio in dB that a layer is called bad below.
    private var noiseLimit: Double { report.leastSignalToNoise ?? VerificationReport.usualSignalToNoise }

    /// What makes EQUAL say less than it seems to.
    var remarks: [String] {
        guard report.isEqual else { return [] }
        let outputs = report.uninformativeOutputs
        var remarks = outputs.map { output in
            let number = output.comparison.expectedRange.map { NumberFormat.elements($0.lowerBound, $0.lowerBound).0 } ?? "NaN"
            return "all elements of output \(output.name.printable()) are \(number) in both models, which any model could give"
        }
        if outputs.count == report.outputs.count {
            remarks.append("nothing was proven: try other inputs (--inputs), or the model with its trained weights")
        }
        return remarks
    }

    /// `EQUAL (max relative error 3.1e-06, tolerance 1e-04)`, or `CLOSE (31.2 dB, at least 20 dB)`.
    public func verdict(style: TextStyle) -> String {
        if let least = report.leastSignalToNoise, !report.isEqual { return closeness(least, style: style) }
        let different = style.apply(.bad, to: "DIFFERENT") + ": "
        if !report.isEqual, let layer = report.firstDifferentLayer {
            return different + "first at layer \(layer.node.printable()), "
                + (layer.comparison.mismatch?.description ?? NumberFormat.decibels(layer.comparison.signalToNoise))
        } else if !report.isEqual, report.layers != nil {
            return different + "only at outputs that no layer of both models makes"
        }
        return Self.verdict(on: report.outputs, style: style)
    }

    private func closeness(_ least: Double, style: TextStyle) -> String {
        let worst = report.outputs.first { $0.comparison.mismatch != nil }
            ?? report.outputs.min { $0.comparison.signalToNoise < $1.comparison.signalToNoise }
        let text = worst.map { NumberFormat.decibels($0.comparison.signalToNoise) } ?? ""
        let limit = "at least \(QuantizationNoise.text(least)) dB"
        if report.isClose { return style.apply(.good, to: "CLOSE") + " (\(text), \(limit))" }
        let different = style.apply(.bad, to: "DIFFERENT") + ": output \(worst?.name.printable() ?? "")"
        if let mismatch = worst?.comparison.mismatch { return different + ": \(mismatch)" }
        return different + ", \(text), expected \(limit)"
    }

    /// Whether all outputs are what they should be, and how far the worst one is from it.
    static func verdict(on outputs: [VerificationReport.Output], style: TextStyle) -> String {
        let worst = outputs.worst
        if outputs.allSatisfy(\.comparison.isEqual) {
            return style.apply(.good, to: "EQUAL") + (worst.map { " (\(errors($0.comparison)))" } ?? "")
        }
        var text = style.apply(.bad, to: "DIFFERENT") + ": "
        if let output = worst, let mismatch = output.comparison.mismatch {
            text += "output \(output.name.printable()): \(mismatch)"
        } else if let output = worst {
            text += "output \(output.name.printable()), \(NumberFormat.decibels(output.comparison.signalToNoise)) "
                + "(\(errors(output.comparison)))"
        }
        return text
    }

    private static func errors(_ comparison: TensorComparison) -> String {
        guard comparison.tolerance.relative > 0 else {
            return "max absolute error \(NumberFormat.error(comparison.maximumAbsoluteError)), "
                + "\(NumberFormat.grouped(comparison.exceedingCount)) of \(NumberFormat.grouped(comparison.elementCount)) "
                + "beyond the tolerance"
        }
        let numbers = NumberFormat.errors(comparison.maximumRelativeError, comparison.tolerance.relative)
        return "max relative error \(numbers.value), tolerance \(numbers.limit)"
    }

    /// - Parameter leastSignalToNoise: in dB, what makes an output close that is not equal.
    static func table(_ outputs: [VerificationReport.Output], title: String, leastSignalToNoise: Double? = nil) -> Table {
        var table = Table([
            .left(title), .right("elements"), .right("max abs"), .right("max rel"), .right("SQNR"), .right("cosine"),
            .right("same arg-max"), .left(""),
        ])
        for output in outputs {
            let comparison = output.comparison
            guard comparison.mismatch == nil else {
                table.addRow([.init(output.name), "", "", "", "", "", "", .init(comparison.mismatch?.description ?? "", .bad)])
                continue
            }
            table.addRow([
                .init(output.name), .init(NumberFormat.grouped(comparison.elementCount)),
                .init(NumberFormat.error(comparison.maximumAbsoluteError)), .init(NumberFormat.error(comparison.maximumRelativeError)),
                .init(NumberFormat.decibels(comparison.signalToNoise)), .init(NumberFormat.cosine(comparison.cosineSimilarity)),
                .init(comparison.argMaxAgreement.map(NumberFormat.percent) ?? "–"),
                !comparison.isEqual && leastSignalToNoise.map { comparison.signalToNoise >= $0 } ?? false
                    ? .init("close", .good) : verdictCell(comparison, output.coarserType),
            ])
        }
        return table
    }

    private static func table(_ layers: [VerificationReport.Layer]) -> Table {
        var table = Table([
            .left("layer"), .left("operator"), .right("max abs"), .right("max rel"), .right("SQNR"), .left(""), .left("made by"),
        ])
        for layer in layers {
            let comparison = layer.comparison
            table.addRow([
                .init(layer.node), .init(layer.operatorName), .init(NumberFormat.error(comparison.maximumAbsoluteError)),
                .init(NumberFormat.error(comparison.maximumRelativeError)), .init(NumberFormat.decibels(comparison.signalToNoise)),
                verdictCell(comparison, layer.coarserType), .init(layer.origin?.pass ?? "", .faint),
            ])
        }
        return table
    }

    /// Names the type whose tolerance counts when it is a coarser one than the tensor's own.
    private static func verdictCell(_ comparison: TensorComparison, _ coarser: ElementType?) -> Table.Cell {
        let type = coarser.map { " as \($0)" } ?? ""
        return comparison.isEqual
            ? Table.Cell("equal\(type)", .good) : Table.Cell(comparison.mismatch?.description ?? "different\(type)", .bad)
    }

    /// Where the worst elements are, for outputs that are not the same to the bit; samples count from 0, as indices do.
    private static func worstElements(_ outputs: [VerificationReport.Output]) -> [String] {
        let found = outputs.compactMap { output -> String? in
            guard output.comparison.maximumAbsoluteError > 0, let worst = output.comparison.worst else { return nil }
            let numbers = NumberFormat.elements(worst.actual, worst.expected)
            return "  worst element: \(output.name.printable())\(worst.index) of sample \(worst.pair), \(numbers.0) for \(numbers.1)"
        }
        return found.isEmpty ? [] : [""] + found
    }

    public var json: JSONValue {
        [
            "original": .string(original), "candidate": .string(candidate),
            "verdict": report.isEqual ? "EQUAL" : report.isClose ? "CLOSE" : "DIFFERENT",
            "samples": .integer(report.sampleCount),
            "tolerance": report.worstOutput.map { .object($0.comparison.toleranceMembers) } ?? .null,
            "inputs": .array(
                report.inputs.map {
                    ["name": .string($0.name), "type": .string($0.elementType.description), "shape": .integers($0.shape)]
                }),
            "outputs": .array(report.outputs.map(\.json)),
            "expected": [
                "original": .array(report.originalAgainstExpected.map(\.json)),
                "candidate": .array(report.candidateAgainstExpected.map(\.json)),
            ],
            "remarks": .strings(remarks), "first_different_layer": .optional(report.firstDifferentLayer?.node),
            "layers": report.layers.map { .array($0.map(\.json)) } ?? .null,
            "least_sqnr_db": .optional(report.leastSignalToNoise), "accuracy": report.accuracy?.json ?? .null,
            "quantization": report.quantization?.json(limit: noiseLimit) ?? .null,
        ]
    }
}

extension VerificationReport.Output {
    var json: JSONValue {
        .object(
            [.init(key: "name", value: .string(name)), .init(key: "judged_as", value: .optional(coarserType?.description))]
                + comparison.members)
    }
}

extension VerificationReport.Layer {
    var json: JSONValue {
        let place: [JSONValue.Member] = [
            .init(key: "node", value: .string(node)), .init(key: "operator", value: .string(operatorName)),
            .init(key: "value", value: .string(value)),
            .init(key: "candidate_value", value: .string(candidateValue)), .init(key: "pass", value: .optional(origin?.pass)),
            .init(key: "judged_as", value: .optional(coarserType?.description)),
            .init(key: "made_of", value: .strings(origin?.nodes ?? [])),
        ]
        return .object(place + comparison.members)
    }
}

extension TensorComparison {
    /// The numbers in use: A depends on the tensor unless it was given, and is then another one for every sample.
    var toleranceMembers: [JSONValue.Member] {
        [
            .init(key: "relative", value: .number(tolerance.relative)),
            .init(key: "smallest_absolute", value: .optional(absoluteTolerances?.lowerBound)),
            .init(key: "largest_absolute", value: .optional(absoluteTolerances?.upperBound)),
        ]
    }

    var members: [JSONValue.Member] {
        let worstElement: JSONValue =
            worst.map {
                [
                    "sample": .integer($0.pair), "index": .integers($0.index), "value": .number($0.actual),
                    "original": .number($0.expected),
                ]
            } ?? .null
        return [
            .init(key: "equal", value: .bool(isEqual)), .init(key: "mismatch", value: .optional(mismatch?.description)),
            .init(key: "elements", value: .integer(elementCount)),
            .init(key: "tolerance", value: .object(toleranceMembers)),
            .init(key: "elements_beyond_tolerance", value: .integer(exceedingCount)),
            .init(key: "max_absolute_error", value: .number(maximumAbsoluteError)),
            .init(key: "max_relative_error", value: .number(maximumRelativeError)),
            .init(key: "sqnr_db", value: .number(signalToNoise)), .init(key: "cosine", value: .number(cosineSimilarity)),
            .init(key: "equal_arg_max", value: .optional(argMaxAgreement)), .init(key: "worst", value: worstElement),
        ]
    }
}
