import GraphIR

/// Removes nodes whose outputs nobody needs, and constants that nobody reads.
///
/// Requires: nothing. Ensures: every node and every constant contributes to a graph output, to an operator that Cleave
/// does not know, or to a subgraph. Graph inputs stay, read or not: they are the interface. Operators that Cleave does not
/// know stay, as they may do more than make outputs.
public struct RemoveDeadCode: Pass {
    public init() {}

    public var name: String { "remove-dead-code" }
    public var fidelity: Fidelity { .exact }

    public func run(on graph: inout Graph) throws -> PassReport {
        var report = PassReport(pass: name, fidelity: fidelity, rewrites: [], skips: [])
        let outputs = Set(graph.outputs)
        let order = graph.order
        let constants = graph.values.filter { $0.source == .constant }.map(\.id)
        try graph.edit { editor in
            // A reader comes after what it reads, so that going backwards, all readers are settled.
            for id in order.reversed() {
                let node = editor.graph[id]
                if case .opaque = node.operator { continue }
                let isNeeded = node.outputs.contains { $0.map { outputs.contains($0) || editor.graph.useCount(of: $0) > 0 } ?? false }
                if isNeeded { continue }
                report.rewrites.append(.init(node: editor.graph.label(of: node), detail: "nobody needs its result"))
                editor.remove(id)
            }
            for id in constants where editor.graph.useCount(of: id) == 0 && !outputs.contains(id) {
                report.rewrites.append(.init(node: editor.graph[id].name, detail: "nobody reads the constant"))
                editor.removeValue(id)
            }
        }
        return report
    }
}
