import Execution
import GraphIR
import Passes
import Tensors

/// Measures, layer after layer, what the results of an int8 network are off by on average, per output channel: the biases of a layer and
/// of those before it are corrected before the next one is measured (empirical bias correction: M. Nagel et al., arXiv 1906.04721,
/// appendix D). It contains what rounding weights, activations and padding do, where the analytic correction knows of weights only.
/// - Parameters:
///   - graph: prepared for quantization; `record` is of it.
///   - samples: on which both networks are run, again for every layer.
///   - progress: called before every layer.
/// - Returns: by label of the layer, for `QuantizationOptions.biasShifts`.
/// - Throws: `CleaveError` as `QuantizeGraph`, and for samples that do not fit.
public func biasShifts(
    of graph: Graph, _ record: CalibrationRecord, options: QuantizationOptions, samples: [CalibrationBatch], backend: any Backend,
    progress: ((WorkProgress) -> Void)? = nil
) throws -> [String: [Double]] {
    let plan = try IntegerPlan(checking: graph, options) { options.excludes($0) }
    let layers = graph.nodes.filter { plan.isInteger($0) && plan.role(of: $0).isProduct && $0.operator.takesBias }
    let expected = try channelMeans(of: layers.map { graph.label(of: $0) }, in: graph, on: samples, backend)
    var options = options
    options.biasShifts = [:]
    // Samples are floats; the interface changes no layer.
    options.hasIntegerInterface = false
    for (index, layer) in layers.enumerated() {
        let label = graph.label(of: layer)
        progress?(WorkProgress(task: "correcting biases", completed: index, total: layers.count, unit: "layers"))
        var integer = graph
        _ = try QuantizeGraph(record, options: options).run(on: &integer)
        _ = try SimulateQuantization().run(on: &integer)
        guard let means = expected[label], let actual = try channelMeans(of: [label], in: integer, on: samples, backend)[label],
            means.count == actual.count
        else { continue }
        let shift = zip(actual, means).map { $0 - $1 }
        if shift.allSatisfy(\.isFinite) { options.biasShifts[label] = shift }
    }
    return options.biasShifts
}

/// The mean of every channel of what nodes make, over all samples and pixels; nothing for nodes without channels.
private func channelMeans(
    of labels: [String], in graph: Graph, on samples: [CalibrationBatch], _ backend: any Backend
) throws -> [String: [Double]] {
    var graph = graph
    let wanted = Set(labels)
    let nodes = graph.nodes.filter { wanted.contains(graph.label(of: $0)) && $0.operator.takesBias }
    let values = nodes.compactMap { node in (node.outputs.first ?? nil).map { (label: graph.label(of: node), value: $0) } }
    let names = values.map { graph[$0.value].name }
    try graph.edit { editor in editor.setOutputs(values.map(\.value)) }
    _ = try RemoveDeadCode().run(on: &graph)
    var statistics = values.map { _ in ValueStatistics(.channelMeans) }
    var sessions: [[String: [Int]]: any Session] = [:]
    for batch in samples {
        let given = batch.inputs.filter { input in graph.inputs.contains { graph[$0].name == input.key } }
        let shapes = given.mapValues(\.shape)
        let session = try sessions[shapes] ?? backend.prepare(graph, inputShapes: shapes).makeSession()
        sessions[shapes] = session
        let results = try session.run(given)
        for (index, name) in names.enumerated() {
            guard let tensor = results[name], tensor.elementType == .float32, let count = tensor.shape.first else { continue }
            do {
                try statistics[index].add(tensor, samples: count)
            } catch is ValueStatistics.InvalidNumber {
                throw CleaveError(
                    .invalidNumbers, "the value holds numbers that are not finite", at: .init(tensor: name),
                    suggestion: "check the model on the samples: `cleave run`")
            }
        }
    }
    var means: [String: [Double]] = [:]
    for (entry, statistics) in zip(values, statistics) {
        if let channels = statistics.channelMeans, !channels.isEmpty { means[entry.label] = channels }
    }
    return means
}

extension IntegerRole {
    fileprivate var isProduct: Bool { if case .product = self { true } else { false } }
}

extension Operator {
    /// Whether a layer can have a bias, so that what it is off by can be taken away; dimension 1 then counts its channels.
    var takesBias: Bool {
        switch self {
        case .convolution, .convolutionTranspose, .gemm: true
        default: false
        }
    }
}
