import GraphIR
import Passes
import Tensors

/// The size of a model before and after a rewrite.
public struct ModelSize: Hashable, Sendable {
    public var file: String
    public var fileSize: Int
    public var opset: Int
    public var nodeCount: Int
    public var convolutionCount: Int
    public var parameters: Int
    /// For `batch` samples; `nil` when shapes are not known.
    public var multiplyAccumulates: Int?
    /// The leading dimension of the first input; 1 where the model leaves it open.
    public var batch: Int

    /// - Throws: `CleaveError` for shapes that do not fit each other.
    public init(_ graph: Graph, file: String, fileSize: Int) throws {
        let cost = try graph.cost(assuming: [:])
        batch = graph.inputs.first.flatMap { graph[$0].tensorType?.shape?.first?.known } ?? 1
        self.file = file
        self.fileSize = fileSize
        opset = graph.opset
        nodeCount = graph.nodeCount
        convolutionCount = graph.nodes.count { if case .convolution = $0.operator { true } else { false } }
        parameters = cost.parameters
        multiplyAccumulates = cost.multiplyAccumulates
    }
}

/// What rewriting a model did, from file to file.
public struct RewriteSummary: Sendable {
    /// Nodes to which the same happened.
    public struct Group: Hashable, Sendable {
        public var count: Int
        public var detail: String
    }

    public var before: ModelSize
    public var after: ModelSize
    public var reports: [PassReport]
    /// What a separation did, layer by layer; its pass is among `reports` too.
    public var separation: SeparationReport?
    /// What is worth knowing of the model, or of what the rewrite means for its users, apart from its numbers.
    public var remarks: [String]
    public var seconds: Double
    /// Whether the text has one line per node.
    public var showsLayers: Bool

    public init(
        before: ModelSize, after: ModelSize, reports: [PassReport], separation: SeparationReport?, remarks: [String], seconds: Double,
        showsLayers: Bool
    ) {
        self.before = before
        self.after = after
        self.reports = reports
        self.separation = separation
        self.remarks = remarks
        self.seconds = seconds
        self.showsLayers = showsLayers
    }

    /// What the paper's formulas predict for parameters and multiply-accumulates after the separation, as factors; `nil` when
    /// they do not apply to a layer: other ranks than the paper's, kernels that are not square, unknown sizes.
    var predicted: (parameters: Double?, multiplyAccumulates: Double?) {
        guard let separation, !separation.layers.isEmpty else { return (nil, nil) }
        var parameters: Double? = Double(before.parameters)
        var work: Double? = before.multiplyAccumulates.map(Double.init)
        for layer in separation.layers {
            let formula = layer.formula
            parameters = formula.parameters.flatMap { factor in parameters.map { $0 - (1 - factor) * Double(layer.before.parameters) } }
            work = formula.multiplications.flatMap { factor in
                layer.before.multiplications.flatMap { count in work.map { $0 - (1 - factor) * Double(count) * Double(before.batch) } }
            }
        }
        return (
            parameters.map { $0 / Double(max(before.parameters, 1)) },
            work.flatMap { work in before.multiplyAccumulates.map { work / Double(max($0, 1)) } }
        )
    }
}

extension SeparationReport.Layer {
    /// What became of the convolution apart from rank and energy: `3×3 → 3×1, 1×3`.
    var kind: String {
        let kernel = shape.kernelDescription
        switch separation {
        case .spatial(.verticalFirst, _): return "\(kernel) → \(shape.height)×1, 1×\(shape.width)"
        case .spatial(.horizontalFirst, _): return "\(kernel) → 1×\(shape.width), \(shape.height)×1"
        case .depthwise: return "\(kernel) → \(kernel) depthwise, 1×1"
        }
    }

    /// The factors that the paper predicts for this layer, where it has the paper's shape.
    var formula: (parameters: Double?, multiplications: Double?) {
        switch separation {
        case .spatial(let order, let rank) where rank == shape.filters:
            let formulas = shape.formulas(order)
            return (formulas?.spatialParameters, formulas?.spatialMultiplications)
        case .depthwise(let terms) where terms == 1:
            let formulas = shape.formulas(.verticalFirst)
            return (formulas?.depthwise, formulas?.depthwise)
        case .spatial, .depthwise: return (nil, nil)
        }
    }
}

extension RewriteSummary: Report {
    public func text(style: TextStyle) -> String {
        var lines = [
            [
                before.file.printable(), "opset \(before.opset)", NumberFormat.quantity(before.nodeCount, "node"),
                NumberFormat.quantity(before.convolutionCount, "convolution"),
            ].joined(separator: " · "), "",
        ]
        lines += groupTable.lines(style: style) + [""]
        if showsLayers { lines += layerTable.lines(style: style) + [""] }
        lines += sizeTable.lines(style: style)
        if let formulaNote { lines += ["", "  " + style.apply(.faint, to: formulaNote)] }
        if let energyLine { lines += ["", energyLine] }
        if !warnings.isEmpty { lines += [""] + warnings.map { style.apply(.warning, to: "warning:") + " " + $0.printable(limit: 1000) } }
        lines += [
            "", "\(after.file.printable()) written, \(NumberFormat.bytes(after.fileSize)), \(NumberFormat.seconds(seconds))",
        ]
        if rewritten.isEmpty { lines.append("nothing was rewritten: the model computes what it did, as it did") }
        return lines.joined(separator: "\n")
    }

    /// How much of the old weights the new ones keep, where they are not the same function; `nil` for random weights.
    private var energyLine: String? {
        let layers = separation?.layers ?? []
        let shares = layers.compactMap(\.keptEnergy)
        guard let least = shares.min(), let most = shares.max() else { return nil }
        if layers.allSatisfy(\.isExact) { return "the same function: every weight keeps its full rank" }
        let (low, high) = (SeparationReport.percent(least), SeparationReport.percent(most))
        let range = low == high ? low : "\(low.dropLast(2)) to \(high)"
        return "close to the original, not the same: the weights keep \(range) of their energy; train it further to win accuracy back"
    }

    /// Why a cell of the column `formula` is empty; `nil` when none is, or nothing was separated.
    private var formulaNote: String? {
        guard let separation, !separation.layers.isEmpty else { return nil }
        let predicted = predicted
        let empty = [(predicted.parameters, "parameters"), (predicted.multiplyAccumulates, "multiply-accumulates")]
            .filter { $0.0 == nil }.map(\.1)
        guard !empty.isEmpty else { return nil }
        let reason =
            separation.layers.contains { $0.formula.parameters == nil }
            ? "the paper's are for square kernels and its own ranks"
            : "the paper's are for kernels of 3×3 on inputs of known size"
        return "no formula for \(empty.joined(separator: " and ")): \(reason)"
    }

    /// What the user should know besides the numbers.
    var warnings: [String] {
        var warnings = remarks
        if let excessive = separation?.excessiveRanks, let first = excessive.first {
            let full = excessive.map(\.fullRank)
            let (least, most) = (full.min() ?? first.fullRank, full.max() ?? first.fullRank)
            let nodes = excessive.count == 1 ? first.node.printable() : "\(excessive.count) convolutions"
            warnings.append(
                "rank \(first.asked) is above the full rank of \(nodes), \(least == most ? "\(most)" : "\(least) to \(most)"), "
                    + "at which the form is exact and no smaller than the convolution")
        }
        if separation == nil, after.parameters > before.parameters {
            warnings.append(
                "the model has \(NumberFormat.grouped(after.parameters - before.parameters)) parameters more: layers that shared a weight "
                    + "have their own where different things are folded into them, and computed constants are stored")
        }
        return warnings
    }

    private var groupTable: Table {
        let (rewritten, leftAlone) = (rewritten, leftAlone)
        var table = Table([.left(""), .right(""), .words("")])
        if rewritten.isEmpty && !leftAlone.isEmpty { table.addRow([.init("rewritten", .faint), "0", "nothing"]) }
        for (title, groups) in [("rewritten", rewritten), ("left alone", leftAlone)] {
            for (index, group) in groups.enumerated() {
                table.addRow([.init(index == 0 ? title : "", .faint), .init("\(group.count)"), .init(group.detail)])
            }
        }
        if rewritten.isEmpty && leftAlone.isEmpty { table.addRow([.init("rewritten", .faint), "0", "there was nothing to do"]) }
        return table
    }

    private var layerTable: Table {
        guard let separation else {
            var table = Table([.left("node"), .left("pass"), .words("what became of it")])
            for report in reports {
                for rewrite in report.rewrites { table.addRow([.init(rewrite.node), .init(report.pass), .init(rewrite.detail)]) }
            }
            return table
        }
        var table = Table([
            .left("convolution"), .words("what became of it"), .right("parameters"), .bound("factor"), .right("multiplications"),
            .bound("factor"),
        ])
        let layers = separation.layers.map { ($0.node, layerRow($0)) }
        let skips = separation.skips.map { ($0.node, [Table.Cell($0.node), .init($0.reason.description, .faint), "", "", "", ""]) }
        let places = Dictionary(separation.order.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        // Sorting is stable: what has no place stays at the end, in its order.
        for (_, row) in (layers + skips).sorted(by: { places[$0.0, default: .max] < places[$1.0, default: .max] }) { table.addRow(row) }
        return table
    }

    private func layerRow(_ layer: SeparationReport.Layer) -> [Table.Cell] {
        [
            .init(layer.node), .init(layer.detail),
            .init("\(NumberFormat.count(layer.before.parameters)) → \(NumberFormat.count(layer.after.parameters))"),
            .init(NumberFormat.ratio(layer.after.parameterRatio(to: layer.before))),
            .init(
                layer.before.multiplications.flatMap { before in
                    layer.after.multiplications.map { "\(NumberFormat.count(before)) → \(NumberFormat.count($0))" }
                } ?? "–"),
            .init(NumberFormat.ratio(layer.after.multiplicationRatio(to: layer.before))),
        ]
    }

    private var sizeTable: Table {
        let predicted = predicted
        let hasFormula = predicted.parameters != nil || predicted.multiplyAccumulates != nil
        var table = Table([.left(""), .right("before"), .right("after"), .right("factor"), .right(hasFormula ? "formula" : "")])
        func row(_ title: String, _ old: Int?, _ new: Int?, _ formula: Double?, _ format: (Int) -> String) {
            let factor = old.flatMap { old in new.map { Double($0) / Double(max(old, 1)) } }
            table.addRow([
                .init(title, .faint), .init(old.map(format) ?? "–"), .init(new.map(format) ?? "–"),
                .init(factor.map(NumberFormat.ratio) ?? "–"), .init(formula.map(NumberFormat.ratio) ?? ""),
            ])
        }
        row("nodes", before.nodeCount, after.nodeCount, nil, NumberFormat.grouped)
        row("parameters", before.parameters, after.parameters, predicted.parameters, NumberFormat.count)
        row(
            "multiply-accumulates", before.multiplyAccumulates, after.multiplyAccumulates, predicted.multiplyAccumulates,
            NumberFormat.count)
        row("file", before.fileSize, after.fileSize, nil, NumberFormat.bytes)
        return table
    }

    public var json: JSONValue {
        let predicted = predicted
        return [
            "before": before.json, "after": after.json,
            "formula": ["parameters": .optional(predicted.parameters), "multiply_accumulates": .optional(predicted.multiplyAccumulates)],
            "rewritten": .array(rewritten.map(\.json)), "left_alone": .array(leftAlone.map(\.json)), "warnings": .strings(warnings),
            "passes": .array(reports.map(\.json)), "layers": separation.map { .array($0.layers.map(\.json)) } ?? .null,
            "seconds": .number((seconds * 1000).rounded() / 1000),
        ]
    }
}

extension RewriteSummary.Group {
    var json: JSONValue { ["count": .integer(count), "detail": .string(detail)] }
}

extension ModelSize {
    var json: JSONValue {
        [
            "file": .string(file), "file_bytes": .integer(fileSize), "opset": .integer(opset), "nodes": .integer(nodeCount),
            "convolutions": .integer(convolutionCount), "parameters": .integer(parameters),
            "multiply_accumulates": .optional(multiplyAccumulates),
        ]
    }
}

extension PassReport {
    var json: JSONValue {
        [
            "pass": .string(pass), "fidelity": .string(fidelity.words),
            "rewritten": .array(rewrites.map { ["node": .string($0.node), "detail": .string($0.detail)] }),
            "left_alone": .array(skips.map { ["node": .string($0.node), "reason": .string($0.reason.description)] }),
        ]
    }
}

extension Fidelity {
    var words: String {
        switch self {
        case .exact: "exact"
        case .rounding: "rounding"
        case .approximate: "approximate"
        }
    }
}

extension SeparationReport.Layer {
    var json: JSONValue {
        [
            "node": .string(node), "detail": .string(detail), "rank": .integer(separation.rank), "exact": .bool(isExact),
            "before": before.json, "after": after.json, "kept_energy": .optional(keptEnergy), "squared_error": .optional(squaredError),
        ]
    }
}
