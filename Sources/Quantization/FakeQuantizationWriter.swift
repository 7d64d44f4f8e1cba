import GraphIR
import Tensors

/// Puts `FakeQuantize` into a network where a plan quantizes it.
struct FakeQuantizationWriter {
    let plan: IntegerPlan
    let ranges: [String: ValueRange]
    let awareness: QuantizationAwareness
    /// What is known of the constants that it adds.
    var network: FakeQuantizedNetwork
    private var places: [NodeID: Int] = [:]
    private var steps: [ValueID: Steps] = [:]
    private var rounded: [TrainedScales.Weight: (weight: ValueID, scale: ValueID)] = [:]
    /// Sources whose ranges are the same, by source.
    private var groups: [ValueID: [ValueID]] = [:]

    /// How a value is rounded.
    private struct Steps {
        var operation: FakeQuantize
        /// Scale, and low where there is one.
        var operands: [ValueID]
        /// The scale in full: the unit multiplied in.
        var scale: ValueID
    }

    init(plan: IntegerPlan, ranges: [String: ValueRange], awareness: QuantizationAwareness, network: FakeQuantizedNetwork) {
        self.plan = plan
        self.ranges = ranges
        self.awareness = awareness
        self.network = network
    }

    mutating func write(to editor: inout GraphEditor) throws {
        let order = editor.graph.order
        places = Dictionary(uniqueKeysWithValues: order.enumerated().map { ($1, $0) })
        chooseGroups(editor.graph)
        for value in plan.quantizedValues {
            try addSteps(of: plan.source(of: value), for: value, before: order.first, in: &editor)
        }
        for id in order where plan.integerNodes.contains(id) {
            let node = editor.graph[id]
            guard case .product(let role) = plan.role(of: node) else { continue }
            try locating(node: editor.graph.label(of: node), operatorName: node.operator.name) { try write(role, of: node, to: &editor) }
        }
        for value in plan.quantizedValues { try write(value, to: &editor) }
    }

    private mutating func chooseGroups(_ graph: Graph) {
        for shared in plan.sharedSources(graph) {
            var members: [ValueID] = []
            for source in shared.flatMap({ groups[$0] ?? [$0] }) where !members.contains(source) { members.append(source) }
            for member in members { groups[member] = members }
        }
    }

    // MARK: Scales

    private mutating func addSteps(of source: ValueID, for value: ValueID, before anchor: NodeID?, in editor: inout GraphEditor) throws {
        guard steps[source] == nil else { return }
        let members = (groups[source] ?? [source]).filter { ranges[editor.graph[$0].name] != nil }
        guard members.contains(source), let range = members.compactMap({ ranges[editor.graph[$0].name] }).first else {
            throw CleaveError(
                .invalidRequest, "there is no range for the value", at: .init(tensor: editor.graph[source].name),
                suggestion: "the ranges are of another model: calibrate this one")
        }
        let made =
            switch awareness.ranges {
            case .learned: try learned(range, of: source, before: anchor, in: &editor)
            case .movingAverage: try averaged(members, before: anchor, in: &editor)
            }
        for member in members {
            steps[member] = made
            network.activations[editor.graph[member].name] = network.activations[editor.graph[source].name]
        }
    }

    private mutating func learned(
        _ range: ValueRange, of source: ValueID, before anchor: NodeID?, in editor: inout GraphEditor
    ) throws -> Steps {
        let target = awareness.target, name = editor.graph[source].name
        let start = QuantizationParameters(covering: range, type: target.activationType, symmetric: target.isSymmetric)
        let (first, last) = (start.limits.lowerBound, start.limits.upperBound)
        let hasLow = !target.isSymmetric && start.zeroPoint > first
        let features = editor.graph[source].tensorType?.shape?.dropFirst().reduce(1) { $0 * ($1.known ?? 1) } ?? 1
        let unit = lsqUnit(count: features, limit: target.isSymmetric ? last : last - first, scales: [start.scale])
        let scale = try editor.addConstant(Tensor(scalar: start.scale / unit), name: name + "_scale")
        var operands = [scale]
        if hasLow {
            let low = Float(first - start.zeroPoint) * start.scale
            operands.append(try editor.addConstant(Tensor(scalar: low / unit), name: name + "_low"))
        }
        network.activations[name] = .learned(
            scale: editor.graph[scale].name, low: hasLow ? editor.graph[operands[1]].name : nil, unit: unit)
        let limits = target.isSymmetric ? (first, last) : (0, last - first)
        return Steps(
            operation: FakeQuantize(minimum: limits.0, maximum: limits.1, axis: 0, unit: unit, gradient: .learned), operands: operands,
            scale: try product(scale, unit, name: name + "_step", before: anchor, in: &editor))
    }

    private mutating func averaged(_ members: [ValueID], before anchor: NodeID?, in editor: inout GraphEditor) throws -> Steps {
        let target = awareness.target, name = editor.graph[members[0]].name
        var lows: [ValueID] = [], highs: [ValueID] = []
        for member in members {
            let value = editor.graph[member].name, range = ranges[value] ?? ValueRange(low: 0, high: 0)
            lows.append(try editor.addConstant(Tensor(scalar: Float(min(range.low, 0))), name: value + "_low"))
            highs.append(try editor.addConstant(Tensor(scalar: Float(max(range.high, 0))), name: value + "_high"))
            network.movingRanges.append(
                .init(
                    value: value, low: editor.graph[lows[lows.count - 1]].name, high: editor.graph[highs[highs.count - 1]].name,
                    momentum: QuantizationAwareness.momentum))
        }
        for member in members {
            network.activations[editor.graph[member].name] = .averaged(
                lows: lows.map { editor.graph[$0].name }, highs: highs.map { editor.graph[$0].name })
        }
        func apply(_ operation: Operator, _ inputs: [ValueID], _ what: String) throws -> ValueID {
            let label = "\(name)_\(what)"
            return try editor.insertSingle(
                operation, inputs: inputs, output: .new(name: label), name: label, before: anchor, origin: Self.origin)
        }
        func extreme(_ function: Variadic.Function, _ values: [ValueID], _ what: String) throws -> ValueID {
            values.count == 1 ? values[0] : try apply(.variadic(Variadic(function: function)), values, what)
        }
        let (low, high) = (try extreme(.min, lows, "least"), try extreme(.max, highs, "greatest"))
        let limits = QuantizationParameters.limits(target.activationType)
        let span = limits.upperBound - limits.lowerBound
        let length = target.isSymmetric
            ? try apply(
                .variadic(Variadic(function: .max)), [apply(.unary(Unary(function: .neg)), [low], "negated"), high], "magnitude")
            : try apply(.binary(Binary(function: .sub, broadcastAxis: .numpy)), [high, low], "length")
        let count = try editor.addConstant(Tensor(scalar: Float(target.isSymmetric ? 127 : span)), name: name + "_steps")
        let scale = try apply(.binary(Binary(function: .div, broadcastAxis: .numpy)), [length, count], "step")
        let (minimum, maximum) = target.isSymmetric ? (limits.lowerBound, limits.upperBound) : (0, span)
        return Steps(
            operation: FakeQuantize(minimum: minimum, maximum: maximum, axis: 0, unit: 1, gradient: .clipped),
            operands: target.isSymmetric ? [scale] : [scale, low], scale: scale)
    }

    /// √g with LSQ's factor of a scale's gradient, g = 1/√(N·Q): a gradient step on s/√g is one on s whose gradient is multiplied by g.
    ///
    /// Not more than the scales themselves: at 8 bits the gradient of a scale of few weights is hardly more than what rounding happens to
    /// add, and with a larger factor it would wander off before the loss shows it.
    /// - Parameters:
    ///   - count: N, the features of a sample, or the weights of a channel.
    ///   - limit: Q, the largest number of steps.
    ///   - scales: that training begins with.
    private func lsqUnit(count: Int, limit: Int, scales: [Float]) -> Float {
        let unit = Float(1 / (Double(max(count, 1)) * Double(limit)).squareRoot().squareRoot())
        return max(min(unit, scales.reduce(0, +) / Float(max(scales.count, 1))), .leastNormalMagnitude)
    }

    private func product(
        _ value: ValueID, _ factor: Float, name: String, before anchor: NodeID?, in editor: inout GraphEditor
    ) throws -> ValueID {
        guard factor != 1 else { return value }
        let constant = try editor.addConstant(Tensor(scalar: factor), name: name + "_unit")
        return try multiply(value, constant, name: name, before: anchor, in: &editor)
    }

    private func multiply(
        _ a: ValueID, _ b: ValueID, name: String, before anchor: NodeID?, in editor: inout GraphEditor
    ) throws -> ValueID {
        try editor.insertSingle(
            .binary(Binary(function: .mul, broadcastAxis: .numpy)), inputs: [a, b], output: .new(name: name), name: name, before: anchor,
            origin: Self.origin)
    }

    private static let origin = Origin(pass: "fake-quantize", nodes: [])

    // MARK: Weights

    private mutating func write(_ role: IntegerRole.Weight, of node: Node, to editor: inout GraphEditor) throws {
        guard let input = node.inputs[0], let weight = node.inputs[role.operand], let tensor = editor.graph.constant(weight),
            let inputSteps = steps[plan.source(of: input)]
        else { return }
        let bias = role.biasOperand.flatMap { node.inputs[$0] }
        let key = TrainedScales.Weight(weight: editor.graph[weight].name, axis: role.axis)
        let known = try rounded[key]
            ?? round(
                tensor, weight, key, bias: bias.flatMap { editor.graph.constant($0) }, ranges[editor.graph[plan.source(of: input)].name],
                before: node.id, in: &editor)
        rounded[key] = known
        if case .learned(let scale, _)? = network.weights[key] {
            network.owners[scale, default: [key.weight]].append(editor.graph.label(of: node))
        }
        var inputs = editor.graph[node.id].inputs
        inputs[role.operand] = known.weight
        if let operand = role.biasOperand, let bias, plan.target.hasIntegerBias {
            let name = editor.graph.label(of: node) + "_bias"
            let scale = try multiply(inputSteps.scale, known.scale, name: name + "_step", before: node.id, in: &editor)
            let limit = Int(WeightQuantizer.largestBias)
            inputs[operand] = try editor.insertSingle(
                .fakeQuantize(FakeQuantize(minimum: -limit, maximum: limit, axis: 0, unit: 1, gradient: .passing)),
                inputs: [bias, scale], output: .new(name: name + "_rounded"), name: name + "/FakeQuantize", before: node.id,
                origin: Self.origin)
        }
        editor.setInputs(node.id, to: inputs)
    }

    /// Rounds a weight: to scales that are learned, or to those of its largest magnitudes.
    private mutating func round(
        _ tensor: Tensor, _ weight: ValueID, _ key: TrainedScales.Weight, bias: Tensor?, _ inputRange: ValueRange?, before anchor: NodeID,
        in editor: inout GraphEditor
    ) throws -> (weight: ValueID, scale: ValueID) {
        let target = awareness.target, limit = awareness.weightLimit, axis = key.axis
        let quantizer = WeightQuantizer(
            limit: limit, minimizesError: awareness.ranges == .learned, hasIntegerBias: target.hasIntegerBias && bias != nil)
        let inputScale = QuantizationParameters(
            covering: inputRange ?? ValueRange(low: 0, high: 1), type: target.activationType, symmetric: target.isSymmetric).scale
        let channels = tensor.shape[axis], inner = tensor.shape[(axis + 1)...].reduce(1, *)
        let biases = try bias?.elements(as: Float.self)
        let chosen = try tensor.withElements(of: Float.self) { values in
            let found = quantizer.chooseScales(
                values, channels: channels, inner: inner, { Double(biases?[$0] ?? 0) }, inputScale: inputScale)
            let isEmpty = (0..<channels).map { channel in
                !WeightQuantizer.Elements(values, channel: channel, channels: channels, inner: inner).contains { $0 != 0 }
            }
            return (scales: found.scales, fixed: (0..<channels).map { isEmpty[$0] || found.raised.contains($0) })
        }
        func insert(_ operation: FakeQuantize, _ scale: ValueID) throws -> ValueID {
            try editor.insertSingle(
                .fakeQuantize(operation), inputs: [weight, scale], output: .new(name: key.weight + "_rounded"),
                name: key.weight + "/FakeQuantize", before: anchor, origin: Self.origin)
        }
        var operation = FakeQuantize(minimum: -limit, maximum: limit, axis: axis, unit: 1, gradient: .passing)
        guard awareness.ranges == .learned else {
            let least = chosen.fixed.contains(true) ? zip(chosen.scales, chosen.fixed).map { $1 ? $0 : 0 } : nil
            let scales = try covering(weight, key, least: least, before: anchor, in: &editor)
            return (try insert(operation, scales), scales)
        }
        operation.unit = lsqUnit(count: tensor.count / channels, limit: limit, scales: chosen.scales)
        operation.gradient = .learned
        let scale = try editor.addConstant(Tensor(vector: chosen.scales.map { $0 / operation.unit }), name: key.weight + "_scale")
        network.weights[key] = .learned(scale: editor.graph[scale].name, unit: operation.unit)
        let full = try product(scale, operation.unit, name: key.weight + "_step", before: anchor, in: &editor)
        return (try insert(operation, scale), full)
    }

    /// The scales of the largest magnitudes; where a channel has no weights, or its bias would not fit, at least a given one.
    private mutating func covering(
        _ weight: ValueID, _ key: TrainedScales.Weight, least: [Float]?, before anchor: NodeID, in editor: inout GraphEditor
    ) throws -> ValueID {
        network.weights[key] = .covering(least: least)
        let name = key.weight + "_step"
        let scale = try editor.insertSingle(
            .symmetricScale(SymmetricScale(axis: key.axis, maximum: awareness.weightLimit)), inputs: [weight], output: .new(name: name),
            name: name, before: anchor, origin: Self.origin)
        guard let least else { return scale }
        let bound = try editor.addConstant(Tensor(vector: least), name: key.weight + "_least_step")
        return try editor.insertSingle(
            .variadic(Variadic(function: .max)), inputs: [scale, bound], output: .new(name: name + "_raised"), name: name + "_raised",
            before: anchor, origin: Self.origin)
    }

    // MARK: Values

    private mutating func write(_ value: ValueID, to editor: inout GraphEditor) throws {
        let graph = editor.graph, source = plan.source(of: value)
        guard let steps = steps[source] else { return }
        // Elements of 8 bits that only moved still have them.
        if value != source, let producer = graph.producer(of: value), plan.isInteger(producer), plan.role(of: producer) == .movement {
            return
        }
        let (readers, isResult) = plan.quantizedReaders(of: value, in: graph)
        let isOutput = isResult && graph.isOutput(value)
        guard !readers.isEmpty || isOutput else { return }
        let name = graph[value].name
        let anchor = readers.map(\.node).min { places[$0, default: .max] < places[$1, default: .max] }
        let float = isOutput ? try editor.redirectProducer(of: value, to: name + "_float") : value
        if isOutput, let index = network.movingRanges.firstIndex(where: { $0.value == name }) {
            let range = network.movingRanges[index]
            network.movingRanges[index] = .init(
                value: editor.graph[float].name, low: range.low, high: range.high, momentum: range.momentum)
        }
        let result = try editor.insertSingle(
            .fakeQuantize(steps.operation), inputs: [float] + steps.operands,
            output: isOutput ? .existing(value) : .new(name: name + "_rounded"), name: name + "/FakeQuantize", before: anchor,
            origin: Self.origin)
        guard !isOutput else { return }
        for reader in readers {
            var inputs = editor.graph[reader.node].inputs
            for operand in reader.operands { inputs[operand] = result }
            editor.setInputs(reader.node, to: inputs)
        }
    }
}
