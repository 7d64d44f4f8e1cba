import GraphIR
import Passes
import Tensors

/// Which nodes of a network run in integers, and which values are quantized for it.
struct IntegerPlan {
    let target: QuantizationTarget
    private(set) var roles: [NodeID: IntegerRole] = [:]
    private(set) var integerNodes: Set<NodeID> = []
    /// In the order of execution: inputs first, then results.
    private(set) var quantizedValues: [ValueID] = []
    /// Nodes that stay in float, in the order of execution.
    private(set) var skips: [PassReport.Skip] = []
    private var sources: [ValueID: ValueID] = [:]

    /// - Parameter excluded: whether a node, by its label, is to stay in float.
    init(_ graph: Graph, target: QuantizationTarget, excluding excluded: (String) -> Bool) {
        self.target = target
        for node in graph.nodes {
            let label = graph.label(of: node)
            let role = IntegerRole(of: node, in: graph, target: target)
            roles[node.id] = role.canBeExcluded && excluded(label) ? .float(SkipReason("excluded on request")) : role
        }
        chooseNodes(graph)
        chooseValues(graph)
        chooseSources(graph)
    }

    func role(of node: Node) -> IntegerRole { roles[node.id] ?? .unrelated }
    func isInteger(_ node: Node) -> Bool { integerNodes.contains(node.id) }

    /// The operands whose numbers the node computes with, apart from constants.
    func dataOperands(of node: Node, in graph: Graph) -> [Int] {
        switch role(of: node) {
        case .product, .movement, .limit, .average: [0]
        case .arithmetic, .concatenation: node.inputs.indices.filter { node.inputs[$0] != nil }
        case .float, .unrelated: []
        }
    }

    private func data(of node: Node, in graph: Graph) -> [ValueID] {
        dataOperands(of: node, in: graph).compactMap { node.inputs[$0] }
    }

    // MARK: Nodes

    /// Products and arithmetic run in integers. Everything else does where its operands come from there, or its result goes there.
    private mutating func chooseNodes(_ graph: Graph) {
        var isWanted: Set<ValueID> = []
        for node in Array(graph.nodes).reversed() {
            switch role(of: node) {
            case .product, .arithmetic: isWanted.formUnion(data(of: node, in: graph))
            case .average, .concatenation, .movement:
                if node.outputs.contains(where: { $0.map(isWanted.contains) ?? false }) { isWanted.formUnion(data(of: node, in: graph)) }
            case .limit, .float, .unrelated: break
            }
        }
        var isMade: Set<ValueID> = []
        for node in graph.nodes {
            let comesFromIntegers = data(of: node, in: graph).contains(where: isMade.contains)
            let goesToIntegers = node.outputs.contains { $0.map(isWanted.contains) ?? false }
            switch role(of: node) {
            case .product, .arithmetic: break
            case .average, .concatenation, .movement, .limit:
                // A limit after a float operator is one itself: its result is quantized, not its operand.
                let isLimit = if case .limit = role(of: node) { true } else { false }
                guard comesFromIntegers || (goesToIntegers && !isLimit) else {
                    skips.append(.init(node: graph.label(of: node), reason: SkipReason("nothing beside it runs in integers")))
                    continue
                }
            case .float(let reason):
                skips.append(.init(node: graph.label(of: node), reason: reason))
                continue
            case .unrelated: continue
            }
            integerNodes.insert(node.id)
            isMade.formUnion(node.outputs.compactMap { $0 })
        }
    }

    // MARK: Values

    /// The limit that is all that reads the node's result, so that both are one step.
    func limit(after node: Node, in graph: Graph) -> Node? {
        guard let output = node.outputs.first ?? nil, graph.useCount(of: output) == 1, !graph.isOutput(output),
            let reader = graph.consumers(of: output).first, isInteger(reader), case .limit = role(of: reader)
        else { return nil }
        return reader
    }

    /// The node whose result is all that the limit reads, and nobody else.
    private func isAppended(_ limit: Node, in graph: Graph) -> Bool {
        guard let input = limit.inputs.first ?? nil, let producer = graph.producer(of: input), isInteger(producer) else { return false }
        return self.limit(after: producer, in: graph)?.id == limit.id
    }

    private mutating func chooseValues(_ graph: Graph) {
        var chosen: Set<ValueID> = []
        for node in graph.nodes where isInteger(node) {
            if case .limit = role(of: node), isAppended(node, in: graph) {} else {
                chosen.formUnion(quantizedOperands(of: node, in: graph).compactMap { node.inputs[$0] })
            }
            if target.quantizesResults, limit(after: node, in: graph) == nil {
                chosen.formUnion(node.outputs.compactMap { $0 }.filter { graph[$0].tensorType?.elementType == .float32 })
            }
        }
        quantizedValues = graph.inputs.filter(chosen.contains)
        for node in graph.nodes { quantizedValues += node.outputs.compactMap { $0 }.filter(chosen.contains) }
    }

    /// The operands that have to be quantized.
    ///
    /// A runtime that fuses an addition into the layer before it wants the layer's result as it is, and only the other operand,
    /// the residual one, quantized.
    func quantizedOperands(of node: Node, in graph: Graph) -> [Int] {
        let operands = dataOperands(of: node, in: graph)
        guard !target.quantizesResults else { return operands }
        if case .limit = role(of: node) { return [] }
        guard case .arithmetic = role(of: node), case .binary(let payload) = node.operator, payload.function == .add else {
            return operands
        }
        let fused = operands.last { operand in
            guard let id = node.inputs[operand], let producer = graph.producer(of: id), case .product = role(of: producer) else {
                return false
            }
            return isInteger(producer) && graph.useCount(of: id) == 1 && !graph.isOutput(id)
        }
        return operands.filter { $0 != fused }
    }

    /// Who reads a quantized value's 8 bits, and where: everybody where an integer operator makes the value (`isResult`), else those
    /// who compute in integers.
    func quantizedReaders(
        of value: ValueID, in graph: Graph
    ) -> (readers: [(node: NodeID, operands: [Int])], isResult: Bool) {
        let isResult = target.quantizesResults && (graph.producer(of: value).map(isInteger) ?? false)
        let readers = graph.consumers(of: value).compactMap { reader -> (node: NodeID, operands: [Int])? in
            let operands = reader.inputs.indices.filter { reader.inputs[$0] == value }
            let chosen = isResult ? operands : quantizedOperands(of: reader, in: graph).filter(operands.contains)
            return chosen.isEmpty ? nil : (reader.id, chosen)
        }
        return (readers, isResult)
    }

    // MARK: Ranges

    /// The value whose range gives the parameters of `value`: that of the operand where elements only move.
    func source(of value: ValueID) -> ValueID { sources[value] ?? value }

    private mutating func chooseSources(_ graph: Graph) {
        for node in graph.nodes where isInteger(node) {
            let isMovement: Bool
            switch role(of: node) {
            case .movement: isMovement = true
            case .average: isMovement = target.sharesRanges
            default: isMovement = false
            }
            guard isMovement, let input = node.inputs.first ?? nil else { continue }
            // A value that is not quantized itself, because a limit follows, has no range of its own.
            for output in node.outputs.compactMap({ $0 }) { sources[output] = source(of: input) }
        }
    }

    /// Values that have to have the same parameters: one of the set gives the name, the range is that of all.
    func sharedSources(_ graph: Graph) -> [[ValueID]] {
        guard target.sharesRanges else { return [] }
        var groups: [[ValueID]] = []
        for node in graph.nodes where isInteger(node) && role(of: node) == .concatenation {
            var merged: [ValueID] = []
            for source in (node.inputs + node.outputs).compactMap({ $0.map(source(of:)) }) where !merged.contains(source) {
                merged.append(source)
            }
            for group in groups where group.contains(where: merged.contains) { merged = group + merged.filter { !group.contains($0) } }
            groups.removeAll { $0.contains(where: merged.contains) }
            groups.append(merged)
        }
        return groups
    }
}

/// Whether `text` is `pattern`, in which `*` stands for any characters and `?` for one.
func wildcard(_ pattern: String, matches text: String) -> Bool {
    let (pattern, text) = (Array(pattern), Array(text))
    var (p, t) = (0, 0)
    /// Where to go on when what follows the last `*` does not fit.
    var retry: (p: Int, t: Int)?
    while t < text.count {
        if p < pattern.count, pattern[p] == "*" {
            retry = (p, t)
            p += 1
        } else if p < pattern.count, pattern[p] == "?" || pattern[p] == text[t] {
            (p, t) = (p + 1, t + 1)
        } else if let last = retry {
            retry = (last.p, last.t + 1)
            (p, t) = (last.p + 1, last.t + 1)
        } else {
            return false
        }
    }
    return pattern[p...].allSatisfy { $0 == "*" }
}

extension Graph {
    /// The values of which a quantizer needs statistics, whatever it is told later: inputs first, then in the order of execution.
    var calibratedValues: [ValueID] {
        var needed: Set<ValueID> = []
        for target in QuantizationTarget.allCases {
            let plan = IntegerPlan(self, target: target) { _ in false }
            // What only moves has its operand's range, unless it is excluded later.
            needed.formUnion(plan.quantizedValues)
            needed.formUnion(plan.quantizedValues.map(plan.source(of:)))
            for node in nodes {
                // Its channels' means correct the bias.
                if case .product = plan.role(of: node), let input = node.inputs[0] { needed.insert(input) }
            }
        }
        return inputs.filter(needed.contains) + nodes.flatMap { $0.outputs.compactMap { $0 }.filter(needed.contains) }
    }
}
