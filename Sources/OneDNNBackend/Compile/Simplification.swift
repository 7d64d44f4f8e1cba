import GraphIR
import ReferenceBackend
import Tensors

/// A specialized graph without what need not run: constants are evaluated, copies are names for their operand, and nodes
/// that no output depends on are gone.
struct Simplification {
    let graph: Graph
    /// Values known before the network runs.
    private(set) var constants: [ValueID: Tensor] = [:]
    /// Values that are other values under another name.
    private var aliases: [ValueID: ValueID] = [:]
    /// What has to run, in order.
    private(set) var nodes: [Node] = []
    /// Per value, the indices in `nodes` of its readers, once per operand position.
    private(set) var readers: [ValueID: [Int]] = [:]
    /// Values that outlive the run, aliases resolved.
    private(set) var outputs: Set<ValueID> = []

    /// Bytes of what has been evaluated.
    private(set) var evaluatedByteCount: Int
    /// Bytes that may be evaluated; results beyond them are left to run.
    private let budget: Int

    /// - Parameters:
    ///   - budget: bytes that constants may take besides those of the graph.
    ///   - evaluatedByteCount: what they take already.
    /// - Throws: `CleaveError` naming a node that is not known or whose constants do not fit it.
    init(_ graph: Graph, budget: Int, evaluatedByteCount: Int) throws {
        self.graph = graph
        self.budget = budget
        self.evaluatedByteCount = evaluatedByteCount
        try graph.checkInterface(on: "onednn")
        for value in graph.values {
            if let tensor = value.constant { constants[value.id] = tensor }
        }
        for node in graph.nodes {
            try locating(node: graph.label(of: node), operatorName: node.operator.name) { try reduce(node) }
        }
        outputs = Set(graph.outputs.map(resolve))
        try keepLiveNodes()
    }

    func resolve(_ id: ValueID) -> ValueID { aliases[id] ?? id }

    func constant(_ id: ValueID?) -> Tensor? { id.flatMap { constants[resolve($0)] } }

    /// What has been evaluated, and is not a constant of the graph.
    var evaluated: [(value: ValueID, tensor: Tensor)] {
        graph.values.compactMap { value in
            guard value.constant == nil, let tensor = constants[value.id] else { return nil }
            return (value.id, tensor)
        }
    }

    /// Whether some node that has to run makes a tensor whose shape is not known.
    var hasUnknownShapes: Bool {
        nodes.contains { node in
            node.outputs.contains { $0.map { graph[$0].tensorType?.knownShape == nil } ?? false }
        }
    }

    private mutating func reduce(_ node: Node) throws {
        guard node.outputs.contains(where: { $0 != nil }) else { return }
        switch node.operator {
        case .constant(let payload):
            if let output = node.outputs.first ?? nil { constants[output] = payload.value.tensor }
            return
        case .identity:
            if let input = node.inputs.first ?? nil, let output = node.outputs.first ?? nil { aliases[output] = resolve(input) }
            return
        case .dropout(let payload):
            if isInactive(payload, node), let input = node.inputs.first ?? nil, let output = node.outputs.first ?? nil {
                aliases[output] = resolve(input)
                return
            }
            nodes.append(node)
            return
        case .castLike(let payload):
            // Only the type of the second operand counts, not its elements.
            guard let input = constant(node.input(CastLike.Operand.input)), let output = node.outputs.first ?? nil,
                let type = graph[output].tensorType?.elementType, type.isFloatingPoint || type.isInteger, isSmall(node)
            else { break }
            let cast = Operator.cast(.init(to: type, saturate: payload.saturate))
            if let result = try evaluate(cast, operands: [input], outputCount: 1, opset: graph.opset).first ?? nil {
                keep(result, as: output)
            }
            return
        default: break
        }
        if takeContents(of: node) { return }
        guard !node.operator.isControlFlow, isSmall(node), node.inputs.allSatisfy({ $0.map { constant($0) != nil } ?? true }),
            !node.inputs.isEmpty
        else {
            nodes.append(node)
            return
        }
        let results = try evaluate(
            node.operator, operands: node.inputs.map { constant($0) }, outputCount: node.outputs.count, opset: graph.opset)
        for (output, result) in zip(node.outputs, results) {
            if let output, let result { keep(result, as: output) }
        }
    }

    private mutating func keep(_ result: Tensor, as output: ValueID) {
        constants[output] = result
        evaluatedByteCount = evaluatedByteCount.saturatingSum(result.elementType.byteCount(elements: result.count) ?? 0)
    }

    /// Takes the elements that inference already knows, as those of shapes.
    private mutating func takeContents(of node: Node) -> Bool {
        let known = node.outputs.map { output -> (ValueID, Tensor)? in
            guard let output else { return nil }
            let value = graph[output]
            guard let type = value.tensorType, type.elementType.isInteger, let shape = type.knownShape, let contents = value.contents
            else { return nil }
            let elements = contents.compactMap(\.known).map { Int64($0) }
            guard elements.count == contents.count,
                let tensor = try? Tensor(elements, shape: shape, as: type.elementType)
            else { return nil }
            return (output, tensor)
        }
        guard !known.isEmpty, known.allSatisfy({ $0 != nil }) else { return false }
        for case let (output, tensor)? in known { constants[output] = tensor }
        return true
    }

    private func isSmall(_ node: Node) -> Bool {
        let byteCount = node.outputs.compactMap { $0 }.reduce(0) { sum, output in
            guard let type = graph[output].tensorType, let shape = type.knownShape else { return sum }
            let count = (try? Tensor.elementCount(of: shape)).map { type.elementType.byteCount(elements: $0) ?? 0 } ?? .max
            return sum.saturatingSum(count)
        }
        return byteCount <= budget - min(evaluatedByteCount, budget)
    }

    /// Whether a dropout passes its input on and nobody asks for the mask.
    private func isInactive(_ dropout: Dropout, _ node: Node) -> Bool {
        if node.outputs.count > 1, let mask = node.outputs[1], graph.useCount(of: mask) > 0 || graph.isOutput(mask) { return false }
        if dropout.isTestLegacy == false { return false }
        guard let mode = node.input(Dropout.Operand.trainingMode) else { return true }
        return constant(mode)?.int64s() == [0]
    }

    private mutating func keepLiveNodes() throws {
        var live = outputs
        var kept: [Node] = []
        for node in nodes.reversed() where node.outputs.contains(where: { $0.map { live.contains($0) } ?? false }) {
            kept.append(node)
            for input in node.reads where constant(input) == nil { live.insert(resolve(input)) }
        }
        nodes = kept.reversed()
        for node in nodes { try graph.checkRunnable(node, on: "onednn") }
        for (index, node) in nodes.enumerated() {
            for input in node.reads { readers[resolve(input), default: []].append(index) }
        }
    }
}
