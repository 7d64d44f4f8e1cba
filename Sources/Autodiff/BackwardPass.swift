import GraphIR
import Tensors

/// Reverse-mode differentiation: visits the nodes from a scalar back to the values that gradients are wanted of, and adds nodes that
/// compute these gradients. Nothing is added for values that lead to none of them.
struct BackwardPass {
    /// Appends nodes; rules use it for what they compose.
    var writer: NodeWriter
    /// The node whose operands are given gradients.
    private(set) var node: Node
    /// Values that change with one that a gradient is wanted of.
    private var active: Set<ValueID>
    /// Per value, what its readers have contributed so far.
    private var contributions: [ValueID: [ValueID]] = [:]
    private var rule: DifferentiableRule

    var graph: Graph { writer.graph }

    /// Adds the gradients of `scalar` with respect to `values`, all of which the writer's graph had before it was edited.
    /// - Returns: one entry per value; `nil` where the scalar does not change with it.
    /// - Throws: `CleaveError` naming the node when one of the values reaches the scalar through an operator that is not differentiable.
    static func addGradients(
        of scalar: ValueID, withRespectTo values: [ValueID], to writer: inout NodeWriter
    ) throws -> [ValueID?] {
        let path = try ActivePath(from: values, to: scalar, in: writer.graph)
        guard let last = path.nodes.last else { return values.map { _ in nil } }
        var pass = BackwardPass(writer: writer, node: writer.graph[last.id], active: path.values, rule: last.rule)
        pass.contributions[scalar] = [try pass.writer.scalar(1, as: writer.elementType(scalar))]
        for (id, rule) in path.nodes.reversed() { try pass.visit(id, rule) }
        let gradients = try values.map { try pass.total(of: $0) }
        writer = pass.writer
        return gradients
    }

    private init(writer: NodeWriter, node: Node, active: Set<ValueID>, rule: DifferentiableRule) {
        self.writer = writer
        self.node = node
        self.active = active
        self.rule = rule
    }

    private mutating func visit(_ id: NodeID, _ rule: DifferentiableRule) throws {
        node = graph[id]
        self.rule = rule
        guard node.outputs.contains(where: { $0.map { contributions[$0] != nil } ?? false }) else { return }
        let label = graph.label(of: node)
        writer.prefix = "\(label).gradient"
        writer.origin = Origin(pass: "autodiff", nodes: [label])
        try locating(node: label, operatorName: node.operator.qualifiedName) { try rule.payload.differentiate(in: &self) }
    }

    /// The sum of what the readers of a value contributed, in the order of the readers from last to first; `nil` for nothing.
    private mutating func total(of value: ValueID) throws -> ValueID? {
        guard let terms = contributions[value], let first = terms.first else { return nil }
        guard terms.count > 1 else { return first }
        writer.prefix = "\(graph[value].name).gradient"
        let sum =
            terms.count == 2 ? try writer.add(first, terms[1]) : try writer.emit(.variadic(Variadic(function: .sum)), terms)
        contributions[value] = [sum]
        return sum
    }

    // MARK: For rules

    /// The operand at a named position.
    func operand<Operand: RawRepresentable<Int>>(_ operand: Operand) throws -> ValueID { try self.operand(at: operand.rawValue) }

    func operand(at index: Int) throws -> ValueID {
        guard index < node.inputs.count, let id = node.inputs[index] else {
            throw CleaveError(.invalidGraph, "operand \(index) is left out, but it is required")
        }
        return id
    }

    /// The first output.
    func output() throws -> ValueID {
        guard let id = node.outputs.first ?? nil else { throw CleaveError(.invalidGraph, "the first output is left out") }
        return id
    }

    /// The gradient of the first output.
    /// - Throws: `CleaveError` when the loss depends on another one.
    mutating func outputGradient() throws -> ValueID {
        for (index, id) in node.outputs.enumerated().dropFirst() where id.map({ contributions[$0] != nil }) ?? false {
            throw CleaveError(.unsupported, "output \(index) is not differentiable, only the first is")
        }
        guard let gradient = try outputGradient(at: 0) else { throw CleaveError(.invalidGraph, "the first output has no gradient") }
        return gradient
    }

    /// The gradient of an output; `nil` when the loss does not depend on it.
    mutating func outputGradient(at index: Int) throws -> ValueID? {
        guard let id = node.outputs[index] else { return nil }
        let prefix = writer.prefix
        defer { writer.prefix = prefix }
        return try total(of: id)
    }

    /// Whether the operand's gradient is wanted.
    func needs<Operand: RawRepresentable<Int>>(_ operand: Operand) -> Bool { needs(at: operand.rawValue) }

    func needs(at index: Int) -> Bool {
        guard index < node.inputs.count, let id = node.inputs[index] else { return false }
        return active.contains(id) && rule.reaches(operand: index)
    }

    /// Contributes to an operand's gradient what `make` adds, summed over everything along which the operand was repeated. Nothing
    /// is added when the gradient is not wanted.
    mutating func give<Operand: RawRepresentable<Int>>(
        to operand: Operand, _ make: (inout NodeWriter) throws -> ValueID
    ) throws {
        try give(toOperandAt: operand.rawValue, make)
    }

    mutating func give(toOperandAt index: Int, _ make: (inout NodeWriter) throws -> ValueID) throws {
        guard needs(at: index), let id = node.inputs[index] else { return }
        let gradient = try make(&writer)
        contributions[id, default: []].append(try writer.unbroadcast(gradient, to: writer.shape(id)))
    }
}

/// The part of a graph that leads from some values to a scalar.
private struct ActivePath {
    /// In execution order.
    var nodes: [(id: NodeID, rule: DifferentiableRule)] = []
    var values: Set<ValueID>

    init(from sources: [ValueID], to scalar: ValueID, in graph: Graph) throws {
        var needed: Set<NodeID> = []
        var pending = [scalar]
        while let value = pending.popLast() {
            guard let node = graph.producer(of: value), needed.insert(node.id).inserted else { continue }
            pending += node.inputs.compactMap { $0 }
        }
        values = Set(sources)
        for id in graph.order where needed.contains(id) {
            let node = graph[id]
            let activeOperands = node.inputs.indices.filter { index in node.inputs[index].map { values.contains($0) } ?? false }
            guard !activeOperands.isEmpty else { continue }
            switch node.operator.gradientRule {
            case .constant: continue
            case .notDifferentiable(let reason):
                throw CleaveError(
                    .unsupported, "the operator is not differentiable: \(reason)",
                    at: .init(node: graph.label(of: node), operatorName: node.operator.qualifiedName),
                    suggestion: "freeze the parameters before this node")
            case .differentiable(let rule):
                guard activeOperands.contains(where: rule.reaches) else { continue }
                let outputs = node.outputs.compactMap { $0 }.filter { graph[$0].tensorType?.elementType.isFloatingPoint ?? false }
                guard !outputs.isEmpty else { continue }
                values.formUnion(outputs)
                nodes.append((id, rule))
            }
        }
    }
}

extension Graph {
    /// Adds nodes that compute the gradients of a scalar.
    /// - Parameter values: floating-point inputs, initializers or outputs of nodes.
    /// - Returns: one gradient per value, shaped like it; `nil` where the scalar does not change with it.
    /// - Throws: `CleaveError` for a scalar that is none, for shapes that are not static, and, naming the node, for a value that reaches
    ///   the scalar through an operator that is not differentiable.
    public mutating func addGradients(of scalar: ValueID, withRespectTo values: [ValueID]) throws -> [ValueID?] {
        guard self[scalar].tensorType?.knownShape == [] else {
            throw CleaveError(
                .invalidRequest, "gradients are those of a scalar, but the value is \(self[scalar].type?.description ?? "of unknown type")",
                at: .init(tensor: self[scalar].name))
        }
        let name = self[scalar].name
        return try edit { editor in
            var writer = NodeWriter(editor, prefix: name)
            defer { editor = writer.editor }
            return try BackwardPass.addGradients(of: scalar, withRespectTo: values, to: &writer)
        }
    }
}
