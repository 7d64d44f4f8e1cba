import GraphIR

/// How to do without a node whose output always equals a value that is already there.
struct Bypass {
    enum Method {
        /// The readers of the output read the source.
        case rewire
        /// The output keeps its name; the node that makes the source makes it instead.
        case takeOver(producer: NodeID)
    }

    let output: ValueID
    let source: ValueID
    let method: Method
}

extension Graph {
    /// Plans to do without `output`, an output of the node at hand that always equals `source`.
    func bypass(_ output: ValueID, with source: ValueID) -> MatchResult<Bypass> {
        if !isVisible(output) { return .match(Bypass(output: output, source: source, method: .rewire)) }
        guard let producer = producer(of: source) else {
            return .skip(SkipReason("it gives '\(self[source].name)', which no node makes, the name that is seen outside"))
        }
        if isVisible(source) { return .skip(SkipReason("its operand and its result are both seen outside")) }
        if case .opaque = producer.operator {
            return .skip(SkipReason("its operand is made by \(producer.operator.name), which is left as it is"))
        }
        return .match(Bypass(output: output, source: source, method: .takeOver(producer: producer.id)))
    }
}

extension GraphEditor {
    /// Carries the plan out and removes `node`, whose other outputs nobody needs.
    mutating func apply(_ bypass: Bypass, removing node: Node, pass: String) throws {
        switch bypass.method {
        case .rewire:
            replaceUses(of: bypass.output, with: bypass.source)
            remove(node.id)
        case .takeOver(let id):
            let producer = graph[id]
            let outputs = producer.outputs.map { output -> Output in
                guard let output else { return .none }
                return .existing(output == bypass.source ? bypass.output : output)
            }
            try insert(
                producer.operator, inputs: producer.inputs, outputs: outputs, name: producer.name, before: id,
                origin: origin(of: [producer, node], pass: pass), captures: producer.captures, encoding: producer.encoding)
            remove(node.id)
            replaceUses(of: bypass.source, with: bypass.output)
            remove(id)
        }
    }
}
