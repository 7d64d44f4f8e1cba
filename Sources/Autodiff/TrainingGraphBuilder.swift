import GraphIR
import Tensors

/// Turns a network into the graph that trains it, step by step.
struct TrainingGraphBuilder {
    private var graph: Graph
    private var logits: ValueID
    private let batchSize: Int

    // MARK: Forward

    /// Cuts the network at what the loss reads, and settles all shapes.
    init(_ network: Graph, output: String?, loss: Loss, batchSize: Int) throws {
        try loss.check()
        guard batchSize > 0 else { throw CleaveError(.invalidRequest, "the batch size is \(batchSize), expected a positive number") }
        self.batchSize = batchSize
        graph = network
        logits = try network.output(named: output)
        if loss.isAboutClasses { logits = network.scores(behind: logits) }
        try removeWhatLogitsDoNotNeed()
        try settleShapes()
        if loss.isAboutClasses { try requireScores() }
    }

    private mutating func removeWhatLogitsDoNotNeed() throws {
        let logits = logits
        var needed: Set<NodeID> = []
        var pending = [logits]
        while let value = pending.popLast() {
            guard let node = graph.producer(of: value), needed.insert(node.id).inserted else { continue }
            pending += node.inputs.compactMap { $0 } + node.captures
        }
        try graph.edit { editor in
            editor.setOutputs([logits])
            for id in editor.graph.order.reversed() where !needed.contains(id) { editor.remove(id) }
            for value in Array(editor.graph.values) where value.id != logits && editor.graph.useCount(of: value.id) == 0 {
                if value.source == .graphInput || value.source == .constant { editor.removeValue(value.id) }
            }
        }
    }

    /// Makes the first dimension of every input the batch.
    private mutating func settleShapes() throws {
        try openBatch()
        var shapes: [String: [Int]] = [:]
        for id in graph.inputs {
            let input = graph[id]
            guard let declared = input.tensorType?.shape, !declared.isEmpty else { continue }
            let rest = declared.dropFirst().compactMap(\.known)
            guard rest.count == declared.count - 1 else {
                throw CleaveError(
                    .unsupported, "the input is \(input.type?.description ?? "of unknown type"), but only its first dimension may be open",
                    at: .init(tensor: input.name), suggestion: "give the input fixed lengths in all dimensions but the first")
            }
            shapes[input.name] = [batchSize] + rest
        }
        graph = try graph.specialized(inputShapes: shapes)
    }

    /// Makes a network that was exported for one image one for a batch: its inputs, and what its nodes reshape to.
    private mutating func openBatch() throws {
        let batchSize = batchSize
        let fixed = graph.inputs.filter { graph[$0].tensorType?.shape?.first?.known.map { $0 != batchSize } ?? false }
        guard !fixed.isEmpty else { return }
        if let input = fixed.map({ graph[$0] }).first(where: { $0.tensorType?.shape?.first != 1 }) {
            throw CleaveError(
                .invalidRequest, "the input is \(input.type?.description ?? ""), expected batch size \(batchSize) as asked for",
                at: .init(tensor: input.name), suggestion: "train with the batch size of the input")
        }
        do {
            try graph.edit { editor in
                for node in editor.graph.reshapesOfBatches(from: fixed) { try editor.openBatch(of: node, batchSize) }
                for id in fixed {
                    guard let type = editor.graph[id].tensorType, var shape = type.shape else { continue }
                    shape[0] = .known(batchSize)
                    editor.setType(id, to: .tensor(TensorType(type.elementType, shape)))
                }
            }
        } catch var error as CleaveError {
            error.suggestion = "the network is made for batch size 1: export it with an open one"
            throw error
        }
    }

    /// Logits are [N, classes, …]; lengths 1 behind the classes are dropped.
    private mutating func requireScores() throws {
        let scores = logits
        guard let type = graph[scores].tensorType?.elementType, type.isFloatingPoint else {
            throw CleaveError(
                .unsupported, "the output is \(graph[scores].type?.description ?? "of unknown type"), expected floating-point scores",
                at: .init(tensor: graph[scores].name), suggestion: "train the network before it is quantized")
        }
        let shape = try graph.staticShape(of: scores)
        guard shape.count >= 2, shape[0] == batchSize, shape[1] >= 2 else {
            throw CleaveError(
                .invalidRequest, "the output has shape \(shape), expected [\(batchSize), classes, …] with at least 2 classes",
                at: .init(tensor: graph[scores].name),
                suggestion: shape.first == batchSize ? "train with mean squared error" : "export the network with an open batch size")
        }
        guard shape.count > 2, shape[2...].allSatisfy({ $0 == 1 }) else { return }
        logits = try graph.edit { editor in
            var writer = NodeWriter(editor, prefix: "logits")
            defer { editor = writer.editor }
            return try writer.reshape(scores, to: Array(shape[..<2]))
        }
    }

    // MARK: Training

    mutating func build(loss: Loss, seed: Int, isFrozen: (String) -> Bool) throws -> TrainingGraph {
        let data = graph.inputs.map { graph[$0].name }
        let logits = logits
        let candidates = graph.parameters(isFrozen: isFrozen)
        var mode = TrainingMode(seed: seed)
        let values = try graph.edit { editor in
            for candidate in candidates { editor.makeInitializer(candidate.value) }
            var writer = NodeWriter(editor, prefix: "loss.terms")
            try mode.apply(to: &writer, isFrozen: isFrozen)
            writer.prefix = "loss.terms"
            defer { editor = writer.editor }
            return try writer.add(loss, of: logits)
        }
        let trainable = candidates.filter { !$0.isFrozen }.map(\.value)
        let gradients = try graph.edit { editor in
            var writer = NodeWriter(editor, prefix: "gradient")
            let found = try BackwardPass.addGradients(of: values.loss, withRespectTo: trainable, to: &writer)
            let gradients = try writer.distinct(found, from: [values.loss, logits])
            writer.editor.setOutputs([values.loss, logits] + gradients.compactMap { $0 } + mode.stateUpdates.map(\.newValue))
            editor = writer.editor
            return gradients
        }
        var remaining = gradients.makeIterator()
        let parameters = candidates.compactMap { candidate -> TrainingGraph.Parameter? in
            let gradient = candidate.isFrozen ? nil : remaining.next() ?? nil
            guard candidate.isFrozen || gradient != nil else { return nil }
            return .init(name: candidate.name, value: candidate.value, gradient: gradient, decays: candidate.decays)
        }
        guard parameters.contains(where: \.isTrainable) else {
            throw CleaveError(
                .invalidRequest,
                parameters.isEmpty
                    ? "the network has no parameters, expected floating-point initializers that its nodes read as weights"
                    : "all \(parameters.count) parameters are frozen, expected one at least to train")
        }
        let inputs = TrainingGraph.Inputs(
            data: data, target: graph[values.target].name, teacherLogits: values.teacherLogits.map { graph[$0].name },
            counter: mode.counter.map { graph[$0].name })
        return TrainingGraph(
            graph: graph, loss: values.loss, logits: logits, inputs: inputs, parameters: parameters,
            stateUpdates: mode.stateUpdates)
    }
}

extension NodeWriter {
    /// The values, with a copy for each that is a constant or occurs before, so that each can be a graph output of its own.
    fileprivate mutating func distinct(_ values: [ValueID?], from others: [ValueID]) throws -> [ValueID?] {
        var seen = Set(others)
        return try values.map { value in
            guard let value, graph[value].source == .constant || !seen.insert(value).inserted else { return value }
            prefix = graph[value].name
            let copy = try emit(.identity(Identity()), [value])
            seen.insert(copy)
            return copy
        }
    }
}

extension Graph {
    /// The nodes that reshape what depends on `inputs` from [1, …] to [1, …] as a constant says.
    fileprivate func reshapesOfBatches(from inputs: [ValueID]) -> [Node] {
        var batches = Set(inputs)
        var found: [Node] = []
        for node in nodes {
            guard let input = node.inputs.first ?? nil, node.inputs.contains(where: { $0.map(batches.contains) ?? false }) else { continue }
            batches.formUnion(node.outputs.compactMap { $0 })
            guard case .reshape = node.operator, batches.contains(input), self[input].tensorType?.shape?.first == 1 else { continue }
            found.append(node)
        }
        return found
    }

    /// - Parameter name: `nil` for the first output.
    fileprivate func output(named name: String?) throws -> ValueID {
        let names = outputs.map { self[$0].name }
        guard let index = name.map({ names.firstIndex(of: $0) }) ?? (names.isEmpty ? nil : 0) else {
            let problem = names.isEmpty ? "output" : "such output, expected one of \(names.joined(separator: ", "))"
            throw CleaveError(.invalidRequest, "the network has no \(problem)", at: .init(tensor: name))
        }
        return outputs[index]
    }

    /// What a final softmax, or its logarithm, is computed from; the value itself without one.
    fileprivate func scores(behind output: ValueID) -> ValueID {
        var id = output
        while let node = producer(of: id), let input = node.inputs.first ?? nil {
            switch node.operator {
            case .identity: id = input
            case .softmax(let payload):
                return payload.function != .hardmax && payload.normalizesClasses(of: self[input].tensorType) ? input : output
            default: return output
            }
        }
        return output
    }
}

extension GraphEditor {
    /// Makes a `Reshape` to [1, …] one to [batchSize, …]: row-major order keeps every sample's elements together.
    fileprivate mutating func openBatch(of node: Node, _ batchSize: Int) throws {
        guard case .reshape(var payload) = node.operator else { return }
        if payload.shape?.first == 1 {
            payload.shape?[0] = batchSize
            setOperator(node.id, to: .reshape(payload))
        } else if let operand = node.input(Reshape.Operand.shape), var shape = graph.constant(operand)?.int64s(), shape.first == 1 {
            shape[0] = Int64(batchSize)
            setInputs(node.id, to: [node.inputs[0], try addConstant(Tensor(vector: shape), name: graph[operand].name)])
        }
    }
}

extension Softmax {
    /// Whether scores [N, classes, …] are normalized over the classes alone.
    fileprivate func normalizesClasses(of type: TensorType?) -> Bool {
        guard let rank = type?.rank, rank >= 2 else { return false }
        let axis = axis < 0 ? axis + rank : axis
        return axis == 1 && (!flattens || rank == 2 || type?.shape?.dropFirst(2).allSatisfy { $0 == 1 } == true)
    }
}
