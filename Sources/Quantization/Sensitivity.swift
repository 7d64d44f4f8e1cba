import Execution
import Foundation
import GraphIR
import Passes
import Tensors

/// How much it costs to compute a single layer in integers, and everything else in float.
public struct LayerSensitivity: Hashable, Sendable {
    /// Label of the node.
    public var node: String
    /// ONNX's name of the operator.
    public var operatorName: String
    /// Signal to quantization noise of the model's outputs in decibels; of what a final softmax reads, where there is one.
    public var signalToNoise: Double
    /// The share of samples whose largest output stays the same; `nil` for outputs that are no vectors.
    public var agreement: Double?
}

/// Quantizes each layer by itself and compares what comes out with the float model.
///
/// - Parameters:
///   - graph: prepared as for quantization.
///   - samples: what the models are run on.
/// - Returns: the layers that can run in integers, the most sensitive first.
/// - Throws: `CleaveError` when the graph cannot be quantized, or does not run.
public func sensitivities(
    of graph: Graph, _ record: CalibrationRecord, options: QuantizationOptions, samples: [CalibrationBatch], backend: any Backend,
    progress: ((WorkProgress) -> Void)? = nil
) throws -> [LayerSensitivity] {
    let graph = try graph.exposingScores()
    let plan = IntegerPlan(graph, target: options.target, excluding: options.excludes)
    let layers = graph.nodes.filter { node in
        switch plan.role(of: node) {
        case .product, .arithmetic: plan.isInteger(node)
        case .average, .concatenation, .movement, .limit, .float, .unrelated: false
        }
    }
    let labels = Set(layers.map(graph.label(of:)))
    let expected = try outputs(of: graph, on: samples, backend)
    var result: [LayerSensitivity] = []
    for (index, node) in layers.enumerated() {
        try checkCancellation()
        let label = graph.label(of: node)
        progress?(WorkProgress(task: "measuring", completed: index, total: layers.count, unit: "layers"))
        var candidate = graph
        // What is beside a layer and only moves or averages goes with it.
        _ = try QuantizeGraph(record, options: options) { $0 != label && (labels.contains($0) || options.excludes($0)) }
            .run(on: &candidate)
        _ = try SimulateQuantization().run(on: &candidate)
        let actual = try outputs(of: candidate, on: samples, backend)
        result.append(
            LayerSensitivity(
                node: label, operatorName: node.operator.name, signalToNoise: signalToNoise(expected, actual),
                agreement: agreement(expected, actual)))
    }
    // Sorting is stable: layers that cost the same stay in the order of execution.
    return result.sorted { $0.signalToNoise < $1.signalToNoise }
}

extension Graph {
    /// The graph with what its final softmax reads in place of the softmax's result: a softmax hides what happens before it.
    fileprivate func exposingScores() throws -> Graph {
        var graph = self
        let scores = outputs.map { output -> ValueID in
            guard let node = producer(of: output), case .softmax = node.operator, let input = node.inputs[0] else { return output }
            return input
        }
        try graph.edit { editor in editor.setOutputs(scores) }
        _ = try RemoveDeadCode().run(on: &graph)
        return graph
    }
}

/// Per batch, the outputs in the graph's order.
private func outputs(of graph: Graph, on batches: [CalibrationBatch], _ backend: any Backend) throws -> [[Tensor]] {
    var sessions: [[String: [Int]]: any Session] = [:]
    return try batches.map { batch in
        let shapes = batch.inputs.mapValues(\.shape)
        let session = try sessions[shapes] ?? backend.prepare(graph, inputShapes: shapes).makeSession()
        sessions[shapes] = session
        let results = try session.run(batch.inputs)
        return graph.outputs.compactMap { results[graph[$0].name] }
    }
}

/// The least of all outputs.
private func signalToNoise(_ expected: [[Tensor]], _ actual: [[Tensor]]) -> Double {
    var signals: [Double] = [], noises: [Double] = []
    for (left, right) in zip(expected, actual) {
        for (index, pair) in zip(left, right).enumerated() {
            guard let values = pair.0.doubles(), let others = pair.1.doubles() else { continue }
            if index >= signals.count {
                signals.append(0)
                noises.append(0)
            }
            for (value, other) in zip(values, others) {
                signals[index] += value * value
                noises[index] += (value - other) * (value - other)
            }
        }
    }
    return zip(signals, noises).map { $1 == 0 ? .infinity : 10 * log10($0 / $1) }.min() ?? .infinity
}

private func agreement(_ expected: [[Tensor]], _ actual: [[Tensor]]) -> Double? {
    var (same, count) = (0, 0)
    for (left, right) in zip(expected, actual) {
        guard let a = left.first, let b = right.first, a.rank >= 2, a.shape[0] > 0, a.shape[2...].allSatisfy({ $0 == 1 }),
            let first = a.doubles(), let second = b.doubles(), first.count == second.count
        else { return nil }
        let classes = a.shape[1]
        for row in 0..<a.shape[0] {
            func largest(_ values: [Double]) -> Int? { (0..<classes).max { values[row * classes + $0] < values[row * classes + $1] } }
            if largest(first) == largest(second) { same += 1 }
            count += 1
        }
    }
    return count > 0 ? Double(same) / Double(count) : nil
}
