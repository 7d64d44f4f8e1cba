import GraphIR
import ONNXFormat
import Tensors

/// What is wrong with a model, according to Cleave and to the ONNX project's own library.
public struct CheckReport: Sendable {
    public enum Examiner: String, Hashable, Sendable {
        case cleave
        case libonnx
    }

    public struct Fault: Hashable, Sendable {
        public var foundBy: Examiner
        public var error: CleaveError
    }

    /// What could be read of the model.
    public struct Model: Hashable, Sendable {
        public var opset: Int
        public var nodeCount: Int
    }

    /// What all of this comes to.
    public enum Verdict: String, Hashable, Sendable {
        case sound = "SOUND"
        case faulty = "FAULTY"
        /// No fault is known, but an examiner failed, so that none of what it looks for is excluded.
        case undecided = "UNDECIDED"
    }

    public var file: String
    /// `nil` when the file could not be read as a model.
    public var model: Model?
    public var faults: [Fault]
    /// What is worth knowing of the model and no fault.
    public var remarks: [String]
    /// What libonnx said; `nil` when it was not asked, because Cleave could not read the model.
    public var libONNX: LibONNXReport?

    public var verdict: Verdict {
        if !faults.isEmpty { return .faulty }
        return unchecked.isEmpty ? .sound : .undecided
    }

    /// What libonnx was to look for and did not, because it failed, and why.
    private var unchecked: [String] {
        guard let libONNX else { return [] }
        return libONNX.parts.compactMap { part, verdict in
            if case .failed(let reason) = verdict { "libonnx's \(part) failed: \(reason)" } else { nil }
        }
    }

    /// Reads and checks the model at `path`.
    /// - Throws: `CleaveError` when the file cannot be opened; what is wrong inside it is in the report.
    public init(checking path: String) throws {
        file = path
        faults = []
        remarks = []
        do {
            let graph = try Graph(onnx: path)
            model = Model(opset: graph.opset, nodeCount: graph.nodeCount)
            faults = (graph.faults + (try graph.formatFaults())).map { Fault(foundBy: .cleave, error: $0) }
            remarks = try graph.remarks()
            let report = try graph.checkWithLibONNX()
            libONNX = report
            for case .rejected(let reason) in [report.checker, report.inference] {
                faults.append(Fault(foundBy: .libonnx, error: CleaveError(.invalidGraph, reason)))
            }
        } catch let error as CleaveError {
            if error.kind == .file { throw error }
            var fault = error
            fault.location.file = nil
            faults.append(Fault(foundBy: .cleave, error: fault))
        }
    }
}

extension CheckReport: Report {
    public func text(style: TextStyle) -> String {
        let facts = model.map { " · opset \($0.opset) · \(NumberFormat.quantity($0.nodeCount, "node"))" } ?? ""
        var table = Table([.left(""), .left("")])
        table.addRow(["Cleave", .init(words(of: .cleave, otherwise: model == nil ? "cannot be read" : "no faults"))])
        for (title, words) in libONNXWords { table.addRow([.init(title), .init(words)]) }
        var lines = [file.printable() + facts, ""] + table.lines(style: style) + [""]
        for fault in faults {
            lines.append("  " + style.apply(.bad, to: "fault") + "   " + fault.error.description.printable(limit: 1000))
            if let suggestion = fault.error.suggestion { lines.append("          " + suggestion.printable(limit: 1000)) }
        }
        lines += remarks.map { "  remark  " + $0.printable(limit: 1000) }
        if !faults.isEmpty || !remarks.isEmpty { lines.append("") }
        lines.append(verdictLine(style: style))
        return lines.joined(separator: "\n")
    }

    private func verdictLine(style: TextStyle) -> String {
        let word = style.apply(verdict == .sound ? .good : .bad, to: verdict.rawValue)
        switch verdict {
        case .sound: return word
        case .faulty: return word + ": " + NumberFormat.quantity(faults.count, "fault")
        case .undecided: return word + ": " + unchecked.joined(separator: "; ").printable(limit: 1000)
        }
    }

    private func words(of examiner: Examiner, otherwise: String) -> String {
        let count = faults.count { $0.foundBy == examiner }
        return count == 0 ? otherwise : NumberFormat.quantity(count, "fault")
    }

    private var libONNXWords: [(title: String, words: String)] {
        guard let libONNX else { return [("libonnx", "not asked: Cleave cannot read the model")] }
        var rows = libONNX.parts.map { part, verdict in
            ("libonnx \(libONNX.libraryVersion)", "\(part): \(verdict.words)")
        }
        if libONNX.checker == libONNX.inference, case .tooNew(let reason) = libONNX.checker {
            rows = [("libonnx \(libONNX.libraryVersion)", "not asked: \(reason)")]
        }
        for disagreement in libONNX.disagreements {
            rows.append(("", "'\(disagreement.value)' is \(disagreement.ours) to Cleave, \(disagreement.theirs) to libonnx"))
        }
        return rows
    }

    public var json: JSONValue {
        [
            "file": .string(file), "verdict": .string(verdict.rawValue), "remarks": .array(remarks.map { .string($0) }),
            "unchecked": .array(unchecked.map { .string($0) }),
            "faults": .array(
                faults.map { fault in
                    [
                        "found_by": .string(fault.foundBy.rawValue), "problem": .string(fault.error.problem),
                        "node": .optional(fault.error.location.node), "operator": .optional(fault.error.location.operatorName),
                        "tensor": .optional(fault.error.location.tensor), "suggestion": .optional(fault.error.suggestion),
                    ]
                }),
            "libonnx": libONNX.map { report in
                [
                    "version": .string(report.libraryVersion), "checker": .string(report.checker.words),
                    "shape_inference": .string(report.inference.words), "compared_types": .integer(report.comparedValues),
                    "disagreements": .array(
                        report.disagreements.map {
                            ["value": .string($0.value), "cleave": .string("\($0.ours)"), "libonnx": .string("\($0.theirs)")]
                        }),
                ]
            } ?? .null,
        ]
    }
}

extension LibONNXReport {
    fileprivate var parts: [(name: String, verdict: Verdict)] { [("checker", checker), ("shape inference", inference)] }
}

extension LibONNXReport.Verdict {
    var words: String {
        switch self {
        case .accepted: "no objection"
        case .rejected: "objects"
        case .tooNew(let reason): "not asked: \(reason)"
        case .failed(let reason): "failed: \(reason)"
        }
    }
}
