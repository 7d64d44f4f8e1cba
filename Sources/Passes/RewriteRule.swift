import GraphIR
import Tensors

/// A local rewrite. Matching is pure and finished before anything changes.
public protocol RewriteRule: Sendable {
    /// Everything that `apply` needs to know.
    associatedtype Match

    /// In kebab-case: `fold-batch-norm`.
    var name: String { get }
    var fidelity: Fidelity { get }

    /// Whether the rule applies at `node`.
    func match(_ node: Node, in graph: Graph) throws -> MatchResult<Match>

    /// Rewrites; the names, types and shapes of graph inputs and outputs stay.
    /// - Returns: what became of the node, in a few words for the report.
    func apply(_ match: Match, at node: Node, to editor: inout GraphEditor) throws -> String
}

public enum MatchResult<Match> {
    case match(Match)
    /// The rule is about nodes like this one, but leaves it alone.
    case skip(SkipReason)
    /// The rule is not about nodes like this one.
    case unrelated
}

extension MatchResult {
    /// The same with another match.
    func map<Other>(_ transform: (Match) -> Other) -> MatchResult<Other> {
        switch self {
        case .match(let match): .match(transform(match))
        case .skip(let reason): .skip(reason)
        case .unrelated: .unrelated
        }
    }
}

/// Applies one rule to every node, in execution order, in one transaction; stops when the task is cancelled.
public struct RewritePass<Rule: RewriteRule>: Pass {
    public var rule: Rule

    public init(_ rule: Rule) { self.rule = rule }

    public var name: String { rule.name }
    public var fidelity: Fidelity { rule.fidelity }

    public func run(on graph: inout Graph) throws -> PassReport {
        var report = PassReport(pass: name, fidelity: fidelity, rewrites: [], skips: [])
        let order = graph.order
        try graph.edit { editor in
            for id in order where editor.graph.contains(id) {
                try checkCancellation()
                let node = editor.graph[id]
                // The label may be that of an output, which may be gone when an error is caught.
                var label: String?
                do {
                    switch try rule.match(node, in: editor.graph) {
                    case .match(let match):
                        let name = editor.graph.label(of: node)
                        label = name
                        let detail = try rule.apply(match, at: node, to: &editor)
                        report.rewrites.append(.init(node: name, detail: detail))
                    case .skip(let reason):
                        report.skips.append(.init(node: editor.graph.label(of: node), reason: reason))
                    case .unrelated: break
                    }
                } catch let error as CleaveError {
                    throw error.at(node: label ?? editor.graph.label(of: node), operatorName: node.operator.name)
                }
            }
        }
        return report
    }
}
