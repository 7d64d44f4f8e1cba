import GraphIR
import ONNXFormat
import Tensors

/// What is wrong with a model, according to Cleave.
public struct CheckReport: Sendable {
    public var file: String
    /// `nil` when the file could not be read as a model.
    public var graph: (opset: Int, nodes: Int, values: Int)?
    public var faults: [CleaveError]

    public var isSound: Bool { faults.isEmpty }

    /// - Throws: `CleaveError` when the file cannot be opened; what is wrong inside it is in the report.
    public init(checking path: String) throws {
        file = path
        do {
            let graph = try Graph(onnx: path)
            self.graph = (graph.opset, graph.nodeCount, graph.values.reduce(0) { count, _ in count + 1 })
            faults = graph.faults
        } catch let error as CleaveError {
            if error.kind == .file { throw error }
            graph = nil
            faults = [error]
        }
    }
}

extension CheckReport: Report {
    public func text(style: TextStyle) -> String {
        var lines = [file.printable() + (graph.map { " · opset \($0.opset) · \(NumberFormat.quantity($0.nodes, "node"))" } ?? ""), ""]
        for fault in faults {
            lines.append("  " + style.apply(.bad, to: "fault") + "   " + fault.description.printable(limit: 1000))
            if let suggestion = fault.suggestion { lines.append("          " + suggestion.printable(limit: 1000)) }
        }
        if !faults.isEmpty { lines.append("") }
        lines.append(
            isSound ? style.apply(.good, to: "SOUND") : style.apply(.bad, to: "FAULTY") + ": \(NumberFormat.quantity(faults.count, "fault"))")
        return lines.joined(separator: "\n")
    }

    public var json: JSONValue {
        [
            "file": .string(file), "verdict": isSound ? "SOUND" : "FAULTY",
            "faults": .array(
                faults.map {
                    [
                        "problem": .string($0.problem), "node": .optional($0.location.node),
                        "operator": .optional($0.location.operatorName), "tensor": .optional($0.location.tensor),
                        "suggestion": .optional($0.suggestion),
                    ]
                }),
        ]
    }
}
