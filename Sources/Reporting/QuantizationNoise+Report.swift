import Tensors
import Verification

extension QuantizationNoise {
    /// Layers in the short table.
    private static let shownCount = 5

    /// Which layers add most noise, or all of them, and the first one that is below `limit` dB.
    func lines(showingLayers: Bool, limit: Double, style: TextStyle) -> [String] {
        let quantized = layers.filter(\.isQuantized)
        guard !layers.isEmpty else { return ["  no layer of the int8 model could be found in the original"] }
        let worst = Array(quantized.sorted { $0.own.decibels < $1.own.decibels }.prefix(Self.shownCount))
        let isShort = !showingLayers && worst.count < quantized.count
        let count = NumberFormat.quantity(quantized.count, "layer")
        var lines = [
            isShort
                ? "  signal to noise in dB: the \(worst.count) of \(count) in integers that add most noise; --layers shows all"
                : "  signal to noise in dB: \(count) in integers",
            "",
        ]
        lines += Self.table(showingLayers ? layers : worst).lines(style: style)
        if let first = firstLayer(below: limit) {
            lines += [
                "", "  " + style.apply(.warning, to: "first bad layer") + "   \(first.node.printable()), "
                    + "\(NumberFormat.decibels(first.accumulated.decibels)), expected at least \(Self.text(limit)) dB",
            ]
        } else {
            lines += ["", "  no layer is below \(Self.text(limit)) dB"]
        }
        if dynamicCount > 0 {
            lines.append(
                "  \(NumberFormat.quantity(dynamicCount, "operator")) quantize with what they find when they run: their noise counts as "
                    + "that of weights")
        }
        return lines
    }

    private static func table(_ layers: [Layer]) -> Table {
        var table = Table([
            .left("layer"), .left("operator"), .right("own"), .right("total"), .right("weights"), .right("activations"), .right("rounding"),
        ])
        for layer in layers {
            let name = shortened(layer.node) + (layer.isScaled ? " (scaled)" : "")
            let numbers = [layer.own, layer.accumulated, layer.weights, layer.activations, layer.rounding]
            table.addRow([.init(name), .init(layer.operatorName)] + numbers.map { .init(Self.number($0)) })
        }
        return table
    }

    /// Some exporters join the names of everything that a layer was made of.
    private static func shortened(_ name: String) -> String {
        name.count <= 48 ? name : name.prefix(20) + "…" + name.suffix(27)
    }

    private static func number(_ ratio: SignalToNoise) -> String {
        NumberFormat.decibels(ratio.decibels).replacingOccurrences(of: " dB", with: "")
    }

    static func text(_ decibels: Double) -> String {
        decibels == decibels.rounded() && abs(decibels) < 1e6 ? String(Int(decibels)) : String(decibels)
    }

    func json(limit: Double) -> JSONValue {
        [
            "threshold_db": .number(limit), "first_bad_layer": .optional(firstLayer(below: limit)?.node),
            "dynamic_operators": .integer(dynamicCount),
            "layers": .array(
                layers.map {
                    [
                        "node": .string($0.node), "operator": .string($0.operatorName), "value": .string($0.value),
                        "candidate_value": .string($0.candidateValue), "quantized": .bool($0.isQuantized), "scaled": .bool($0.isScaled),
                        "sqnr_db": .number($0.accumulated.decibels), "own_db": .number($0.own.decibels),
                        "weights_db": .number($0.weights.decibels), "activations_db": .number($0.activations.decibels),
                        "rounding_db": .number($0.rounding.decibels),
                    ]
                }),
        ]
    }
}

extension VerificationReport.Accuracy {
    var originalShare: Double { Double(originalCount) / Double(max(1, imageCount)) }
    var candidateShare: Double { Double(candidateCount) / Double(max(1, imageCount)) }

    func line(original: String, candidate: String) -> String {
        "  accuracy on \(NumberFormat.quantity(imageCount, "image")): \(NumberFormat.accuracy(originalShare)) of \(original.printable()), "
            + "\(NumberFormat.accuracy(candidateShare)) of \(candidate.printable())"
    }

    var json: JSONValue {
        [
            "output": .string(output), "images": .integer(imageCount), "original": .number(originalShare),
            "candidate": .number(candidateShare),
        ]
    }
}
