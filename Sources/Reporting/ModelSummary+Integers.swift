import Quantization
import Tensors

extension ModelSummary {
    /// Per runtime how many layers run in integers, and for one of them which do not, why, and what to do.
    func lintLines(style: TextStyle) -> [String] {
        var table = Table([.left("runtime"), .right("in integers"), .right("in float")])
        for lint in lints {
            table.addRow([
                .init(lint.target.title), .init("\(lint.integerCount)"),
                .init("\(lint.findings.count)", lint.findings.isEmpty ? .good : .warning),
            ])
        }
        var lines = ["  convolutions, products and additions that run in integers", ""] + table.lines(style: style)
        let chosen = lints.first { $0.target == lintTarget } ?? lints.min { $0.findings.count < $1.findings.count }
        guard let lint = chosen, !lint.findings.isEmpty else { return lines }
        var findings = Table([
            .left("node"), .left("operator"), .words("why \(lint.target.title) leaves it in float"), .words("what to do"),
        ])
        for finding in lint.findings.prefix(Self.shownFindings) {
            findings.addRow([.init(finding.node), .init(finding.operatorName), .init(finding.reason), .init(finding.advice)])
        }
        lines += [""] + findings.lines(style: style)
        let hidden = lint.findings.count - Self.shownFindings
        if hidden > 0 { lines += ["", "  and \(hidden) more: --json has all of them"] }
        return lines
    }

    private static let shownFindings = 20
}

extension IntegerLint {
    var json: JSONValue {
        [
            "target": .string(target.rawValue), "integer": .integer(integerCount),
            "float": .array(
                findings.map {
                    [
                        "node": .string($0.node), "operator": .string($0.operatorName), "reason": .string($0.reason),
                        "advice": .string($0.advice),
                    ]
                }),
        ]
    }
}
