import GraphIR
import Passes
import Tensors

/// Puts QuantizeLinear and DequantizeLinear around what is to run in integers.
///
/// Requires: a graph that was prepared (`Pipeline.prepareForQuantization`) and the statistics of its values. Ensures: weights are int8
/// initializers with a scale per output channel; every value that an integer operator reads, and, unless the target fuses in
/// another way, every one that it makes, passes through 8 bits; names and types of inputs and outputs stay, unless integers are
/// asked for.
public struct QuantizeGraph: Pass {
    public var options: QuantizationOptions
    private let statistics: [String: ValueStatistics]
    /// What training has found; then no statistics are needed.
    private let trained: TrainedScales?
    /// The first version of ONNX's operators with a scale per channel.
    static let firstOpset = 13

    /// Whether a node stays in float on request, by its label.
    private let isExcluded: @Sendable (String) -> Bool

    public init(_ record: CalibrationRecord, options: QuantizationOptions) {
        self.init(record, options: options) { options.excludes($0) }
    }

    init(_ record: CalibrationRecord, options: QuantizationOptions, excluding isExcluded: @escaping @Sendable (String) -> Bool) {
        self.options = options
        statistics = record.statistics
        trained = nil
        self.isExcluded = isExcluded
    }

    init(_ trained: TrainedScales, options: QuantizationOptions) {
        self.options = options
        self.trained = trained
        statistics = [:]
        isExcluded = { options.excludes($0) }
    }

    public var name: String { "quantize" }
    public var fidelity: Fidelity { .approximate }

    public func run(on graph: inout Graph) throws -> PassReport {
        let plan = try IntegerPlan(checking: graph, options, excluding: isExcluded)
        let parameters = try parameters(of: graph, plan)
        var report = PassReport(pass: name, fidelity: fidelity, rewrites: [], skips: plan.skips)
        var writer = IntegerWriter(
            plan: plan, parameters: parameters, channelMeans: options.correctsBias ? try channelMeans(of: graph, plan) : [:],
            options: options, pass: name)
        writer.trainedWeights = trained?.weights ?? [:]
        try graph.edit { try writer.write(to: &$0) }
        report.rewrites = writer.rewrites
        _ = try RemoveDeadCode().run(on: &graph)
        return report
    }

    /// What the channels of the layers' inputs are on average, as far as it is known.
    /// - Throws: `CleaveError` when calibration should have measured it and did not.
    private func channelMeans(of graph: Graph, _ plan: IntegerPlan) throws -> [ValueID: [Double]] {
        var means: [ValueID: [Double]] = [:]
        for node in graph.nodes where plan.isInteger(node) {
            guard case .product = plan.role(of: node), let input = node.inputs[0] else { continue }
            let name = graph[input].name
            means[input] = options.channelMeans.isEmpty
                ? statistics[name]?.channelMeans.flatMap { $0.isEmpty ? nil : $0 } : options.channelMeans[name]
        }
        guard !means.isEmpty || !options.channelMeans.isEmpty else {
            throw CleaveError(
                .invalidRequest, "the ranges have no means of channels, by which biases are corrected",
                suggestion: "calibrate again with `cleave calibrate`")
        }
        return means
    }

    /// Scale and zero point of every quantized value.
    /// - Throws: `CleaveError` for a value that calibration has not seen.
    private func parameters(of graph: Graph, _ plan: IntegerPlan) throws -> [ValueID: QuantizationParameters] {
        let target = options.target
        var parameters: [ValueID: QuantizationParameters] = [:]
        if let trained {
            for value in plan.quantizedValues { parameters[value] = trained.activations[graph[plan.source(of: value)].name] }
            return parameters
        }
        let ranges = try plan.ranges(in: graph, statistics, options.method)
        for value in plan.quantizedValues {
            guard let range = ranges[plan.source(of: value)] else { continue }
            parameters[value] = QuantizationParameters(covering: range, type: target.activationType, symmetric: target.isSymmetric)
        }
        return parameters
    }
}

extension IntegerPlan {
    /// The plan of a graph that can be quantized.
    /// - Throws: `CleaveError` for one that is quantized already, of too old an opset, or without anything that could run in integers.
    init(checking graph: Graph, _ options: QuantizationOptions, excluding isExcluded: (String) -> Bool) throws {
        try graph.requireUnquantized()
        guard graph.opset >= QuantizeGraph.firstOpset else {
            throw CleaveError(
                .unsupported, "the opset is \(graph.opset), but scales per channel exist since \(QuantizeGraph.firstOpset)",
                suggestion: "raise it first: `Pipeline.prepareForQuantization` does")
        }
        let labels = graph.nodes.map(graph.label(of:))
        if let pattern = options.excluded.first(where: { pattern in !labels.contains { wildcard(pattern, matches: $0) } }) {
            throw CleaveError(
                .invalidRequest, "there is no node '\(pattern)' to exclude after folding",
                suggestion: "`cleave fold` and `cleave inspect --layers` show the nodes that are left; * stands for anything")
        }
        self.init(graph, target: options.target, excluding: isExcluded)
        let (roles, skips) = (roles, skips)
        guard integerNodes.contains(where: { id in graph[id].isArithmetic(roles[id]) }) else {
            throw CleaveError(
                .unsupported, "nothing in the model can run in integers"
                    + (skips.first.map { ": '\($0.node)', for one: \($0.reason)" } ?? ""),
                suggestion: options.excluded.isEmpty ? "`cleave inspect --layers` shows what it consists of" : "exclude less")
        }
    }

    /// The range of every source of a quantized value, those that have to be the same united.
    /// - Throws: `CleaveError` for a value that calibration has not seen.
    func ranges(in graph: Graph, _ statistics: [String: ValueStatistics], _ method: RangeMethod) throws -> [ValueID: ValueRange] {
        var ranges: [ValueID: ValueRange] = [:]
        for value in quantizedValues {
            let source = source(of: value)
            guard ranges[source] == nil else { continue }
            let name = graph[source].name
            guard let seen = statistics[name] else {
                throw CleaveError(
                    .invalidRequest, "there is no range for the value", at: .init(tensor: name),
                    suggestion: "the ranges are of another model: calibrate this one with `cleave calibrate`")
            }
            ranges[source] = try locating(tensor: name) {
                try method.range(of: seen, type: target.activationType, symmetric: target.isSymmetric)
            }
        }
        for group in sharedSources(graph) {
            let known = group.compactMap { ranges[$0] }
            guard let first = known.first else { continue }
            let all = known.dropFirst().reduce(first) { $0.union($1) }
            for source in group where ranges[source] != nil { ranges[source] = all }
        }
        return ranges
    }
}

extension Node {
    /// Whether running it in integers saves anything.
    fileprivate func isArithmetic(_ role: IntegerRole?) -> Bool {
        switch role {
        case .product?, .arithmetic?: true
        case .average?, .concatenation?, .movement?, .limit?, .float?, .unrelated?, nil: false
        }
    }
}

extension Graph {
    /// - Throws: `CleaveError` when the graph is quantized already.
    public func requireUnquantized() throws {
        let count = nodes.count { $0.operator.isQuantization }
        guard count == 0 else {
            let first = nodes.first { $0.operator.isQuantization }
            throw CleaveError(
                .invalidRequest,
                "the model is quantized already: it has \(count) such operators, '\(first.map(label(of:)) ?? "")' "
                    + "(\(first?.operator.name ?? "")) being the first; it is left alone",
                suggestion: "quantize the float model that it was made from; `cleave inspect` says what of it runs in integers")
        }
    }
}
