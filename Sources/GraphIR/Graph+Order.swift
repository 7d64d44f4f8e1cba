import Tensors

extension Graph {
    /// An order in which the nodes can run, as close to `preferred` as that allows.
    /// - Throws: `CleaveError` when nodes form a cycle, naming them.
    func topologicalOrder(preferring preferred: [NodeID]) throws -> [NodeID] {
        if isTopological(preferred) { return preferred }
        var state = [UInt8](repeating: 0, count: nodeTable.count)
        var result: [NodeID] = []
        result.reserveCapacity(preferred.count)
        for root in preferred where state[root.index] == 0 {
            var stack: [(node: NodeID, next: Int)] = [(root, 0)]
            state[root.index] = 1
            while let (id, next) = stack.last {
                let node = self[id]
                let operands = node.inputs.count + node.captures.count
                guard next < operands else {
                    state[id.index] = 2
                    result.append(id)
                    stack.removeLast()
                    continue
                }
                stack[stack.count - 1].next += 1
                let value = next < node.inputs.count ? node.inputs[next] : node.captures[next - node.inputs.count]
                guard let value, let producer = producer(of: value)?.id else { continue }
                switch state[producer.index] {
                case 0:
                    state[producer.index] = 1
                    stack.append((producer, 0))
                case 1: throw cycle(of: stack.map(\.node).drop { $0 != producer }, through: value)
                default: break
                }
            }
        }
        return result
    }

    /// - Parameter nodes: every one of them reads what the next one makes, and the last one what the first makes.
    private func cycle(of nodes: ArraySlice<NodeID>, through value: ValueID) -> CleaveError {
        let others = nodes.dropFirst().reversed().map { "'\(label(of: self[$0]))'" }
        let shown = others.prefix(8).joined(separator: ", ") + (others.count > 8 ? " and \(others.count - 8) more" : "")
        let first = nodes.first.map { self[$0] }
        return CleaveError(
            .invalidGraph,
            "the node needs its own output\(others.isEmpty ? "" : ", by way of \(shown)"): the graph has a cycle, expected an acyclic one",
            at: .init(node: first.map(label), operatorName: first?.operator.name, tensor: self[value].name),
            suggestion: "recurrence is written with Loop or Scan: export the model again")
    }

    private func isTopological(_ order: [NodeID]) -> Bool {
        var done = [Bool](repeating: false, count: nodeTable.count)
        for id in order {
            let node = self[id]
            for value in node.inputs {
                if let value, !isMade(value, by: done) { return false }
            }
            guard node.captures.allSatisfy({ isMade($0, by: done) }) else { return false }
            done[id.index] = true
        }
        return true
    }

    private func isMade(_ value: ValueID, by done: [Bool]) -> Bool {
        if case .node(let producer, _)? = valueTable[value.index]?.source { done[producer.index] } else { true }
    }
}
