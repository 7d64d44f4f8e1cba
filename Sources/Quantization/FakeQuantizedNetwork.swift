import GraphIR
import Passes
import Tensors

/// A network that rounds wherever the int8 network that it becomes does, and is still one of floats that trains.
///
/// `FakeQuantize` stands where `QuantizeGraph` puts QuantizeLinear and DequantizeLinear, and on weights and biases; only where a value
/// has 8 bits already, because elements were moved, it is left out. Both compute the same, bit for bit, on a backend that takes sums
/// in the same order.
public struct FakeQuantizedNetwork: Sendable {
    /// Prepared for quantization, in float.
    public private(set) var network: Graph
    /// The same with `FakeQuantize`; weights and biases keep their names.
    public internal(set) var graph: Graph
    public private(set) var awareness: QuantizationAwareness
    /// The ranges that training averages; empty where they are learned.
    public internal(set) var movingRanges: [MovingAverage] = []
    /// Per learned scale of a weight, by name: the name of the weight and the labels of the nodes that it belongs to.
    public internal(set) var owners: [String: [String]] = [:]

    /// The average of a value's range, in two scalars.
    public struct MovingAverage: Hashable, Sendable {
        public let value: String
        public let low: String
        public let high: String
        public let momentum: Float
    }

    /// Scale and limits of a value, as constants of `graph`.
    enum Activation: Sendable {
        /// s is `unit`·scale, and unit·low the lower end of the range where there is a low.
        case learned(scale: String, low: String?, unit: Float)
        /// The range is from the least low to the greatest high.
        case averaged(lows: [String], highs: [String])
    }

    /// Scales of a weight.
    enum Weight: Sendable {
        case learned(scale: String, unit: Float)
        /// Of the largest magnitude, and not below `least`.
        case covering(least: [Float]?)
    }

    /// By the name of the value that gives the range.
    var activations: [String: Activation] = [:]
    var weights: [TrainedScales.Weight: Weight] = [:]

    /// - Parameters:
    ///   - prepared: as `Pipeline.prepareForQuantization` leaves it.
    ///   - ranges: what training begins with, by value: see `CalibrationRecord.ranges`.
    /// - Throws: `CleaveError` when it is quantized already, nothing of it can run in integers, or a range is missing.
    public init(_ prepared: Graph, ranges: [String: ValueRange], awareness: QuantizationAwareness) throws {
        var prepared = prepared
        try prepared.edit { try $0.makeBiasesVectors(awareness) }
        network = prepared
        graph = prepared
        self.awareness = awareness
        let options = awareness.options
        let plan = try IntegerPlan(checking: prepared, options) { options.excludes($0) }
        var writer = FakeQuantizationWriter(plan: plan, ranges: ranges, awareness: awareness, network: self)
        var edited = prepared
        try edited.edit { try writer.write(to: &$0) }
        _ = try RemoveDeadCode().run(on: &edited)
        self = writer.network
        graph = edited
    }

    // MARK: The int8 network

    /// The int8 network with the weights and scales of a trained one.
    /// - Parameter trained: `graph` with other constants.
    /// - Throws: `CleaveError` when a constant is missing.
    public func quantized(_ trained: Graph) throws -> Graph {
        var result = network
        try result.edit { editor in
            for value in Array(editor.graph.values) {
                guard let old = value.constant, let new = trained.value(named: value.name).flatMap({ trained.constant($0.id) }),
                    new.shape == old.shape
                else { continue }
                editor.setConstant(value.id, to: new)
            }
        }
        _ = try QuantizeGraph(scales(in: trained), options: awareness.options).run(on: &result)
        if awareness.format == .qoperator { _ = try ToIntegerOperators().run(on: &result) }
        return result
    }

    private func scales(in trained: Graph) throws -> TrainedScales {
        var result = TrainedScales(activations: [:], weights: [:])
        for (name, activation) in activations { result.activations[name] = try parameters(activation, in: trained) }
        for (key, weight) in weights { result.weights[key] = try scales(of: key, weight, in: trained) }
        return result
    }

    private func numbers(_ name: String, in trained: Graph) throws -> [Float] {
        guard let tensor = trained.value(named: name).flatMap({ trained.constant($0.id) }) else {
            throw CleaveError(.invalidGraph, "the trained network has no such constant", at: .init(tensor: name))
        }
        return try tensor.elements(as: Float.self)
    }

    /// As `FakeQuantize` computes them, in float32.
    private func parameters(_ activation: Activation, in trained: Graph) throws -> QuantizationParameters {
        let target = awareness.target, type = target.activationType
        let limits = QuantizationParameters.limits(type)
        let range = Float(limits.upperBound - limits.lowerBound)
        let (scale, low): (Float, Float?)
        switch activation {
        case .learned(let name, let lowName, let unit):
            scale = try unit * (numbers(name, in: trained).first ?? 0)
            low = try lowName.map { try unit * (numbers($0, in: trained).first ?? 0) }
        case .averaged(let lows, let highs):
            let least = try lows.flatMap { try numbers($0, in: trained) }.min() ?? 0
            let greatest = try highs.flatMap { try numbers($0, in: trained) }.max() ?? 0
            scale = target.isSymmetric ? max(-least, greatest) / 127 : (greatest - least) / range
            low = target.isSymmetric ? nil : least
        }
        guard scale.isFinite, low?.isFinite ?? true else {
            throw CleaveError(
                .invalidNumbers, "training ended with a range that is no number: scale \(scale), smallest \(low ?? 0)",
                suggestion: "it diverged: lower the learning rate")
        }
        // A value that was 0 throughout.
        guard scale >= .leastNormalMagnitude else { return QuantizationParameters(scale: 1, zeroPoint: 0, type: type) }
        guard !target.isSymmetric else { return QuantizationParameters(scale: scale, zeroPoint: 0, type: type) }
        let steps = min(max(((low ?? 0) / scale).rounded(.toNearestOrEven), -range), 0)
        return QuantizationParameters(scale: scale, zeroPoint: limits.lowerBound - Int(steps), type: type)
    }

    private func scales(of key: TrainedScales.Weight, _ weight: Weight, in trained: Graph) throws -> [Float] {
        let limit = awareness.weightLimit
        switch weight {
        case .learned(let name, let unit): return try numbers(name, in: trained).map { max(unit * $0, .leastNormalMagnitude) }
        case .covering(let least):
            guard let tensor = trained.value(named: key.weight).flatMap({ trained.constant($0.id) }) else {
                throw CleaveError(.invalidGraph, "the trained network has no such constant", at: .init(tensor: key.weight))
            }
            let channels = tensor.shape[key.axis], inner = tensor.shape[(key.axis + 1)...].reduce(1, *)
            return try tensor.withElements(of: Float.self) { values in
                (0..<channels).map { channel in
                    let elements = WeightQuantizer.Elements(values, channel: channel, channels: channels, inner: inner)
                    let scale = elements.reduce(Float(0)) { max($0, $1.magnitude) } / Float(limit)
                    return max(scale, least?[channel] ?? 0, .leastNormalMagnitude)
                }
            }
        }
    }
}

extension QuantizationAwareness {
    /// The largest quantized weight.
    var weightLimit: Int { reducesRange ? 63 : 127 }
}

extension CalibrationRecord {
    /// The ranges that training for 8 bits begins with, by value.
    /// - Parameter prepared: the network that was calibrated.
    /// - Throws: `CleaveError` as `FakeQuantizedNetwork`.
    public func ranges(of prepared: Graph, _ awareness: QuantizationAwareness) throws -> [String: ValueRange] {
        let options = awareness.options
        let plan = try IntegerPlan(checking: prepared, options) { options.excludes($0) }
        let ranges = try plan.ranges(in: prepared, statistics, options.method)
        return Dictionary(uniqueKeysWithValues: ranges.map { (prepared[$0.key].name, $0.value) })
    }
}

extension GraphEditor {
    /// Gives every layer in integers whose bias is not a vector with a number per channel such a one of its own.
    fileprivate mutating func makeBiasesVectors(_ awareness: QuantizationAwareness) throws {
        let plan = IntegerPlan(graph, target: awareness.target) { awareness.options.excludes($0) }
        for id in graph.order where plan.integerNodes.contains(id) {
            let node = graph[id]
            guard case .product(let role) = plan.role(of: node), let operand = role.biasOperand, let bias = node.inputs[operand],
                let tensor = graph.constant(bias), let channels = graph.constant(node.inputs[role.operand])?.shape[role.axis],
                tensor.shape != [channels]
            else { continue }
            let values = try tensor.elements(as: Float.self)
            let vector = values.count == 1 ? [Float](repeating: values[0], count: channels) : values
            var inputs = node.inputs
            inputs[operand] = try addConstant(Tensor(vector: vector), name: graph[bias].name + "_vector")
            setInputs(id, to: inputs)
        }
    }
}
