import GraphIR
import Tensors

/// Turns the nodes of a network that are others in training: batch norms and dropouts behave differently, and other normalizations become
/// batch norms.
struct TrainingMode {
    let seed: Int
    /// The input that dropout masks depend on.
    private(set) var counter: ValueID?
    private(set) var stateUpdates: [TrainingGraph.StateUpdate] = []

    init(seed: Int) { self.seed = seed }

    mutating func apply(to writer: inout NodeWriter, isFrozen: (String) -> Bool) throws {
        var dropouts = 0
        for id in writer.graph.order where writer.graph.contains(id) {
            let node = writer.graph[id]
            switch node.operator {
            case .batchNorm(let payload) where node.outputs.dropFirst().allSatisfy({ !writer.graph.isRead($0) }):
                if writer.graph.isFrozen(node, isFrozen) {
                    deactivate(payload, node, &writer)
                } else {
                    try activate(payload, node, &writer)
                }
            case .dropout(let payload):
                try activate(payload, node, index: dropouts, &writer)
                dropouts += 1
            case .instanceNorm, .groupNorm, .layerNorm: try NormalizationMode.apply(to: node, &writer)
            default: break
            }
        }
    }

    /// Makes a frozen batch norm use its running statistics, also one that was exported for training.
    private func deactivate(_ payload: BatchNorm, _ node: Node, _ writer: inout NodeWriter) {
        var inference = payload
        inference.trainingMode = false
        writer.editor.setOperator(node.id, to: .batchNorm(inference))
    }

    /// Replaces a batch norm by one in training mode whose new running statistics are values of their own. A network that normalizes
    /// twice with the same statistics updates them twice.
    private mutating func activate(_ payload: BatchNorm, _ node: Node, _ writer: inout NodeWriter) throws {
        guard let output = node.outputs.first ?? nil else { return }
        var training = payload
        training.trainingMode = true
        var inputs = node.inputs
        var states: [ValueID] = []
        for operand in [BatchNorm.Operand.mean, .variance] {
            guard let state = node.input(operand), writer.graph.constant(state) != nil else {
                throw CleaveError(
                    .unsupported, "the running statistics are computed, expected constants that training can replace",
                    at: .init(node: writer.graph.label(of: node), operatorName: node.operator.name))
            }
            writer.editor.makeInitializer(state)
            states.append(state)
            inputs[operand.rawValue] = stateUpdates.last { $0.state == state }?.newValue ?? state
        }
        let replacement = try writer.editor.insert(
            .batchNorm(training), inputs: inputs,
            outputs: [.existing(output)] + states.map { .new(name: "\(writer.graph[$0].name).updated") }, name: node.name,
            before: node.id, origin: node.origin)
        writer.editor.remove(node.id)
        for (state, value) in zip(states, writer.graph[replacement].outputs.dropFirst()) {
            guard let value else { continue }
            stateUpdates.removeAll { $0.state == state }
            stateUpdates.append(.init(name: writer.graph[state].name, state: state, newValue: value))
        }
    }

    /// Adds what moving averages become; those of values that the loss does not depend on stay as they are.
    mutating func average(_ ranges: [TrainingGraph.MovingAverage], in writer: inout NodeWriter) throws {
        for range in ranges {
            guard let value = writer.graph.value(named: range.value)?.id, let low = writer.graph.value(named: range.low)?.id,
                let high = writer.graph.value(named: range.high)?.id
            else { continue }
            writer.prefix = "\(range.value).range"
            writer.origin = Origin(pass: "autodiff", nodes: [])
            let operation = Operator.movingRange(MovingRange(momentum: range.momentum))
            let updated = try writer.emit(operation, [value, low, high], wanted: [true, true])
            for (state, value) in zip([low, high], updated) {
                guard let value else { continue }
                writer.editor.makeInitializer(state)
                stateUpdates.append(.init(name: writer.graph[state].name, state: state, newValue: value))
            }
        }
    }

    /// Replaces a dropout by the multiplication with a mask; one that drops nothing stays.
    private mutating func activate(_ payload: Dropout, _ node: Node, index: Int, _ writer: inout NodeWriter) throws {
        let label = writer.graph.label(of: node)
        guard let output = node.outputs.first ?? nil else { return }
        let input = try writer.operand(Dropout.Operand.input, of: node)
        var ratio = payload.ratio ?? 0.5
        if let operand = node.input(Dropout.Operand.ratio) {
            guard let constant = writer.graph.constant(operand)?.doubles()?.first else {
                throw CleaveError(
                    .unsupported, "the ratio is computed, expected a constant", at: .init(node: label, operatorName: node.operator.name))
            }
            ratio = Float(constant)
        }
        guard ratio != 0 else { return }
        if let mask = node.outputs.dropFirst().first, writer.graph.isRead(mask) {
            throw CleaveError(
                .unsupported, "the mask is read by other nodes, which training cannot give them",
                at: .init(node: label, operatorName: node.operator.name))
        }
        let counter = try self.counter ?? writer.addInput("counter", TensorType(.int64, lengths: []))
        self.counter = counter
        let mask = try DropoutMask(
            elementType: writer.elementType(input), shape: writer.shape(input), ratio: ratio, seed: seed &+ index)
        writer.prefix = "\(label).mask"
        writer.origin = Origin(pass: "autodiff", nodes: [label])
        let factor = try writer.emit(.dropoutMask(mask), [counter], before: node.id)
        try writer.editor.insert(
            .binary(Binary(function: .mul, broadcastAxis: .numpy)), inputs: [input, factor], outputs: [.existing(output)],
            name: node.name, before: node.id, origin: node.origin)
        writer.editor.remove(node.id)
    }
}
