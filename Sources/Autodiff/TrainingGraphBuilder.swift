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
        if loss.isAboutClasses { logits = network.logits(behind: logits) }
        graph = try graph.computing(only: [logits])
        try settleShapes()
        if loss.isAboutClasses { try requireScores() }
    }

    /// Makes the first dimension of every input the batch.
    private mutating func settleShapes() throws {
        graph = try graph.forBatches(of: batchSize)
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

    mutating func build(
        loss: Loss, seed: Int, movingRanges: [TrainingGraph.MovingAverage], isFrozen: (String) -> Bool
    ) throws -> TrainingGraph {
        let data = graph.inputs.map { graph[$0].name }
        let logits = logits
        try graph.checkParameterTypes(isFrozen: isFrozen)
        let candidates = graph.parameters(isFrozen: isFrozen)
        var mode = TrainingMode(seed: seed)
        let values = try graph.edit { editor in
            for candidate in candidates { editor.makeInitializer(candidate.value) }
            var writer = NodeWriter(editor, prefix: "loss.terms")
            try mode.apply(to: &writer, isFrozen: isFrozen)
            try mode.average(movingRanges, in: &writer)
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
    /// - Parameter name: `nil` for the first output.
    fileprivate func output(named name: String?) throws -> ValueID {
        let names = outputs.map { self[$0].name }
        guard let index = name.map({ names.firstIndex(of: $0) }) ?? (names.isEmpty ? nil : 0) else {
            let problem = names.isEmpty ? "output" : "such output, expected one of \(names.joined(separator: ", "))"
            throw CleaveError(.invalidRequest, "the network has no \(problem)", at: .init(tensor: name))
        }
        return outputs[index]
    }
}
