import Quantization
import Tensors

/// What quantizing a model did, from file to file.
public struct QuantizationSummary: Sendable {
    public var rewrite: RewriteSummary
    public var target: QuantizationTarget
    public var format: QuantizationFormat
    public var method: RangeMethod
    /// That the ranges come from.
    public var samples: Int
    /// What it took to keep the accuracy, where that was asked for.
    public var budget: AccuracyBudget?

    public init(
        rewrite: RewriteSummary, target: QuantizationTarget, format: QuantizationFormat, method: RangeMethod, samples: Int,
        budget: AccuracyBudget?
    ) {
        self.rewrite = rewrite
        self.target = target
        self.format = format
        self.method = method
        self.samples = samples
        self.budget = budget
    }
}

extension QuantizationSummary: Report {
    public func text(style: TextStyle) -> String {
        var text = rewrite.text(style: style)
        text += "\nint8 for \(target.title), \(format == .qdq ? "Q/DQ" : "integer operators") · ranges by \(method) of "
            + NumberFormat.quantity(samples, "sample")
        if let budget {
            let layers = NumberFormat.quantity(budget.floatLayers.count, "layer")
            text += "\n\naccuracy \(Self.percent(budget.floatAccuracy)) in float, \(Self.percent(budget.integerAccuracy)) all in integers, "
                + "\(Self.percent(budget.accuracy)) with \(layers) in float"
            for layer in budget.floatLayers { text += "\n  \(layer.printable())" }
        }
        return text
    }

    private static func percent(_ share: Double) -> String { "\((share * 10000).rounded() / 100) %" }

    public var json: JSONValue {
        guard case .object(let members) = rewrite.json else { return rewrite.json }
        let accuracy = budget.map { budget -> JSONValue in
            [
                "float": .number(budget.floatAccuracy), "integer": .number(budget.integerAccuracy), "kept": .number(budget.accuracy),
                "float_layers": .strings(budget.floatLayers), "evaluations": .integer(budget.evaluationCount),
            ]
        }
        return .object(
            [
                .init(key: "target", value: .string(target.rawValue)), .init(key: "format", value: .string(format.rawValue)),
                .init(key: "method", value: .string(method.description)), .init(key: "samples", value: .integer(samples)),
                .init(key: "accuracy", value: accuracy ?? .null),
            ] + members)
    }
}

/// What each layer costs in integers.
public struct SensitivitySummary: Sendable {
    public var model: String
    public var target: QuantizationTarget
    /// The most sensitive first.
    public var layers: [LayerSensitivity]
    public var seconds: Double

    public init(model: String, target: QuantizationTarget, layers: [LayerSensitivity], seconds: Double) {
        self.model = model
        self.target = target
        self.layers = layers
        self.seconds = seconds
    }
}

extension SensitivitySummary: Report {
    public func text(style: TextStyle) -> String {
        var table = Table([.left("layer"), .left("operator"), .right("signal to noise"), .right("same answer")])
        for layer in layers {
            table.addRow([
                .init(layer.node), .init(layer.operatorName),
                .init(layer.signalToNoise.isFinite ? "\((layer.signalToNoise * 10).rounded() / 10) dB" : "exact"),
                .init(layer.agreement.map { "\(($0 * 1000).rounded() / 10) %" } ?? "–"),
            ])
        }
        let count = NumberFormat.quantity(layers.count, "layer")
        let title = "\(model.printable()) · \(count) · each by itself in integers for \(target.title)"
        return ([title, ""] + table.lines(style: style)).joined(separator: "\n")
    }

    public var json: JSONValue {
        [
            "model": .string(model), "target": .string(target.rawValue),
            "layers": .array(
                layers.map {
                    [
                        "node": .string($0.node), "operator": .string($0.operatorName), "sqnr_db": .number($0.signalToNoise),
                        "agreement": .optional($0.agreement),
                    ]
                }),
            "seconds": .number((seconds * 1000).rounded() / 1000),
        ]
    }
}
