import GraphIR
import Passes
import Tensors

extension ModelSummary {
    /// The model with one line per node, for `--layers`.
    public struct Detailed: Sendable {
        public var summary: ModelSummary

        public init(_ summary: ModelSummary) { self.summary = summary }
    }

    /// The model after it was written.
    public struct Written: Sendable {
        public var summary: ModelSummary
        public var seconds: Double

        public init(_ summary: ModelSummary, seconds: Double) {
            self.summary = summary
            self.seconds = seconds
        }
    }

    /// Several models, one line each.
    public struct Comparison: Sendable {
        public var summaries: [ModelSummary]

        public init(_ summaries: [ModelSummary]) { self.summaries = summaries }
    }

    /// `model.onnx · opset 17 · 190 nodes · 53 convolutions`
    var headline: String {
        let convolutions = cost.layers.count { $0.operatorName == "Conv" }
        return [
            file.printable(), "opset \(opset)", NumberFormat.quantity(nodeCount, "node"),
            NumberFormat.quantity(convolutions, "convolution"),
        ].joined(separator: " · ")
    }
}

extension ModelSummary: Report {
    public func text(style: TextStyle) -> String {
        var lines = [headline, ""]
        lines += interfaceTable.lines(style: style) + [""]
        lines += totalsTable.lines(style: style) + [""]
        lines += operatorLines(width: style.width)
        if !lints.isEmpty { lines += [""] + lintLines(style: style) }
        if !separable.isEmpty {
            lines += ["", "  what each form would leave of parameters (P) and multiplications (M), and the paper's formulas", ""]
            lines += separableTable.lines(style: style)
            if let formulaNote { lines += ["", "  " + style.apply(.faint, to: formulaNote)] }
            lines += ["", "  the network with its residual blocks in each form", ""]
            lines += formsTable.lines(style: style)
        }
        return lines.joined(separator: "\n")
    }

    private var interfaceTable: Table {
        var table = Table([.left(""), .left(""), .left("")])
        for (kind, entries) in [("input", inputs), ("output", outputs)] {
            for entry in entries {
                table.addRow([.init(kind, .faint), .init(entry.name), .init(entry.type?.description ?? "unknown type")])
            }
        }
        return table
    }

    private var totalsTable: Table {
        var table = Table([.left(""), .right(""), .words("")])
        table.addRow([
            .init("parameters", .faint), .init(NumberFormat.grouped(cost.parameters)),
            .init("\(NumberFormat.grouped(cost.trainableParameters)) of them trainable, \(NumberFormat.bytes(cost.parameterBytes))"),
        ])
        table.addRow([
            .init("multiply-accumulates", .faint), .init(cost.multiplyAccumulates.map(NumberFormat.count) ?? "–"),
            .init(cost.multiplyAccumulates == nil ? "some shapes are not known: --shape gives those of inputs" : ""),
        ])
        table.addRow([
            .init("activation memory", .faint), .init(cost.peakActivationBytes.map(NumberFormat.bytes) ?? "–"),
            .init(cost.activationBytes.map { "at one time, of \(NumberFormat.bytes($0)) in all" } ?? ""),
        ])
        if let fileSize { table.addRow([.init("file size", .faint), .init(NumberFormat.bytes(fileSize)), ""]) }
        return table
    }

    /// The operators with their counts, as many on a line as fit.
    private func operatorLines(width: Int?) -> [String] {
        var lines: [String] = []
        var line = "  operators"
        for entry in operators {
            let item = "\(entry.count) \(entry.name.printable())"
            if line.count + 3 + item.count > min(width ?? 100, 100) {
                lines.append(line)
                line = "           "
            }
            line += "   " + item
        }
        return lines + [line]
    }

    private var separableTable: Table {
        var table = Table([
            .left("convolution"), .left("kernel"), .right("filters × channels"), .left("block"), .right("parameters"),
            .right("spatial P"), .bound("2/n"), .right("spatial M"), .bound("M formula"), .right("depthwise P"), .right("depthwise M"),
            .bound("1/n²+1/O"),
        ])
        for estimate in separable {
            let spatial = estimate.spatial.cost
            let depthwise = estimate.depthwise.cost
            let formulas = estimate.formulas
            table.addRow([
                .init(estimate.node), .init(estimate.shape.kernelDescription),
                .init("\(estimate.shape.filters) × \(estimate.shape.channels)"), estimate.isInsideResidualBlock ? "residual" : "–",
                .init(NumberFormat.grouped(estimate.cost.parameters)),
                Self.factor(spatial?.parameterRatio(to: estimate.cost)), Self.factor(formulas?.spatialParameters),
                Self.factor(spatial?.multiplicationRatio(to: estimate.cost)), Self.factor(formulas?.spatialMultiplications),
                Self.factor(depthwise?.parameterRatio(to: estimate.cost)), Self.factor(depthwise?.multiplicationRatio(to: estimate.cost)),
                Self.factor(formulas?.depthwise),
            ])
        }
        return table
    }

    /// Why a formula is missing beside its factor; `nil` when none is.
    private var formulaNote: String? {
        if separable.contains(where: { $0.formulas == nil }) { return "– where the paper has no formula: its own are for square kernels" }
        guard separable.contains(where: { $0.formulas?.spatialMultiplications == nil }) else { return nil }
        return "– where the paper has no formula: that for spatial M is for kernels of 3×3 on inputs of known size"
    }

    private static func factor(_ value: Double?) -> Table.Cell { .init(value.map(NumberFormat.ratio) ?? "–") }

    private var formsTable: Table {
        var table = Table([
            .left("form"), .right("convolutions"), .right("parameters"), .bound("trainable"), .bound("factor"),
            .right("multiply-accumulates"), .bound("factor"),
        ])
        table.addRow([
            "as it is", "", .init(NumberFormat.grouped(cost.parameters)), .init(NumberFormat.grouped(cost.trainableParameters)), "",
            .init(cost.multiplyAccumulates.map(NumberFormat.count) ?? "–"), "",
        ])
        for total in SeparableForm.allCases.map(total) {
            table.addRow([
                .init(total.form.rawValue), .init("\(total.convolutions)"), .init(NumberFormat.grouped(total.parameters)),
                .init(NumberFormat.grouped(total.trainableParameters)),
                Self.factor(Double(total.parameters) / Double(cost.parameters)),
                .init(total.multiplyAccumulates.map(NumberFormat.count) ?? "–"),
                Self.factor(total.multiplyAccumulates.flatMap { new in cost.multiplyAccumulates.map { Double(new) / Double($0) } }),
            ])
        }
        return table
    }

    public var json: JSONValue { .object(members) }

    fileprivate var members: [JSONValue.Member] {
        func interfaces(_ entries: [Interface]) -> JSONValue {
            .array(entries.map { ["name": .string($0.name), "type": .optional($0.type?.description)] })
        }
        let forms = SeparableForm.allCases.map(total).map { total -> JSONValue in
            [
                "form": .string(total.form.rawValue), "convolutions": .integer(total.convolutions),
                "parameters": .integer(total.parameters), "trainable_parameters": .integer(total.trainableParameters),
                "multiply_accumulates": .optional(total.multiplyAccumulates),
            ]
        }
        return [
            .init(key: "file", value: .string(file)), .init(key: "name", value: .string(name)),
            .init(key: "opset", value: .integer(opset)), .init(key: "nodes", value: .integer(nodeCount)),
            .init(key: "inputs", value: interfaces(inputs)), .init(key: "outputs", value: interfaces(outputs)),
            .init(key: "parameters", value: .integer(cost.parameters)),
            .init(key: "trainable_parameters", value: .integer(cost.trainableParameters)),
            .init(key: "parameter_bytes", value: .integer(cost.parameterBytes)),
            .init(key: "multiply_accumulates", value: .optional(cost.multiplyAccumulates)),
            .init(key: "activation_bytes", value: .optional(cost.activationBytes)),
            .init(key: "integers", value: .array(lints.map(\.json))),
            .init(key: "peak_activation_bytes", value: .optional(cost.peakActivationBytes)),
            .init(key: "file_bytes", value: .optional(fileSize)),
            .init(key: "operators", value: .array(operators.map { ["name": .string($0.name), "count": .integer($0.count)] })),
            .init(key: "separable_convolutions", value: .array(separable.map(\.json))), .init(key: "forms", value: .array(forms)),
        ]
    }
}

extension ModelSummary.Detailed: Report {
    public func text(style: TextStyle) -> String {
        var table = Table([
            .left("layer"), .left("operator"), .left("output"), .right("parameters"), .right("multiply-accumulates"), .right("activation"),
        ])
        for (layer, output) in zip(summary.cost.layers, summary.outputTypes) {
            table.addRow([
                .init(layer.name), .init(layer.operatorName), .init(output?.description ?? "unknown"),
                .init(layer.parameters == 0 ? "" : NumberFormat.grouped(layer.parameters)),
                .init(layer.multiplyAccumulates.map { $0 == 0 ? "" : NumberFormat.count($0) } ?? "–"),
                .init(layer.activationBytes.map(NumberFormat.bytes) ?? "–"),
            ])
        }
        return summary.text(style: style) + "\n\n" + table.lines(style: style).joined(separator: "\n")
    }

    public var json: JSONValue {
        let layers = zip(summary.cost.layers, summary.outputTypes).map { layer, output -> JSONValue in
            [
                "node": .string(layer.name), "operator": .string(layer.operatorName), "output": .optional(output?.description),
                "parameters": .integer(layer.parameters), "multiply_accumulates": .optional(layer.multiplyAccumulates),
                "activation_bytes": .optional(layer.activationBytes),
            ]
        }
        return .object(summary.members + [.init(key: "layers", value: .array(layers))])
    }
}

extension ModelSummary.Written: Report {
    public func text(style: TextStyle) -> String {
        let size = summary.fileSize.map { ", " + NumberFormat.bytes($0) } ?? ""
        return summary.text(style: style) + "\n\n\(summary.file.printable()) written\(size), \(NumberFormat.seconds(seconds))"
    }

    public var json: JSONValue {
        .object(summary.members + [.init(key: "seconds", value: .number((seconds * 1000).rounded() / 1000))])
    }
}

extension ModelSummary.Comparison: Report {
    public func text(style: TextStyle) -> String {
        var table = Table([
            .left("model"), .right("nodes"), .right("parameters"), .bound("factor"), .right("multiply-accumulates"), .bound("factor"),
            .right("file"), .bound("factor"),
        ])
        let first = summaries.first
        func factor(_ value: Int?, _ base: Int?) -> Table.Cell {
            guard let value, let base, base > 0 else { return "–" }
            return .init(NumberFormat.ratio(Double(value) / Double(base)))
        }
        for summary in summaries {
            table.addRow([
                .init(summary.file), .init("\(summary.nodeCount)"), .init(NumberFormat.grouped(summary.cost.parameters)),
                factor(summary.cost.parameters, first?.cost.parameters),
                .init(summary.cost.multiplyAccumulates.map(NumberFormat.count) ?? "–"),
                factor(summary.cost.multiplyAccumulates, first?.cost.multiplyAccumulates),
                .init(summary.fileSize.map(NumberFormat.bytes) ?? "–"), factor(summary.fileSize, first?.fileSize),
            ])
        }
        return table.lines(style: style).joined(separator: "\n")
    }

    public var json: JSONValue { .array(summaries.map(\.json)) }
}

extension SeparationEstimate {
    var json: JSONValue {
        [
            "node": .string(node), "kernel": .integers(shape.kernel), "filters": .integer(shape.filters),
            "channels": .integer(shape.channels), "groups": .integer(shape.groups),
            "inside_residual_block": .bool(isInsideResidualBlock), "cost": cost.json, "spatial": spatial.json, "depthwise": depthwise.json,
            "formulas": formulas.map {
                [
                    "spatial_parameters": .number($0.spatialParameters),
                    "spatial_multiplications": .optional($0.spatialMultiplications), "depthwise": .number($0.depthwise),
                ]
            } ?? .null,
        ]
    }
}

extension SeparationEstimate.Outlook {
    var json: JSONValue {
        switch self {
        case .cost(let cost): cost.json
        case .impossible(let reason): ["impossible": .string(reason.description)]
        }
    }
}

extension LayerCost {
    var json: JSONValue { ["parameters": .integer(parameters), "multiplications": .optional(multiplications)] }
}
