import Study
import Tensors

/// The table of a study, as far as its rows are measured.
public struct StudySummary: Sendable {
    public var results: StudyResults
    /// The results folder.
    public var folder: String
    /// What is left to do, for a person; `nil` when nothing is.
    public var remark: String?

    public init(_ results: StudyResults, folder: String, remark: String? = nil) {
        self.results = results
        self.folder = folder
        self.remark = remark
    }
}

/// The columns of a study's table, in the order of the table, as far as the study measures them.
struct StudyTable {
    struct Column {
        var title: String
        /// What a row has in it; `nil` for nothing yet.
        var text: (RowRecord) -> String?
    }

    let columns: [Column]
    private let results: StudyResults

    init(_ results: StudyResults) {
        self.results = results
        let measures = Set(results.manifest.measures)
        var columns = [Column(title: "epochs") { $0.epochsText }]
        func add(_ measure: StudyMeasure, _ title: String, _ text: @escaping (RowRecord) -> String?) {
            if measures.contains(measure) { columns.append(Column(title: title, text: text)) }
        }
        add(.loss, "loss") { $0.evaluation.map { NumberFormat.element($0.loss) } }
        add(.accuracy, "accuracy") { $0.evaluation.map { NumberFormat.accuracy($0.top1) } }
        add(.size, "size") { NumberFormat.bytes($0.model.byteCount) }
        add(.parameters, "parameters") { $0.cost.map { NumberFormat.count($0.parameters) } }
        add(.macs, "multiply-adds") { $0.cost?.multiplyAccumulates.map(NumberFormat.count) }
        for batch in results.batches {
            add(.latency, "latency, \(NumberFormat.quantity(batch, "image"))") { record in
                record.latency(batch).map { NumberFormat.duration($0.median) + ($0.warnings.isEmpty ? "" : " *") }
            }
        }
        self.columns = columns
    }

    /// Rows with their texts; a row that is not measured has none.
    var rows: [(row: StudyManifest.Row, run: StudyManifest.Run, texts: [String?])] {
        results.manifest.runs.flatMap { run in
            run.rows.map { row in
                let record = results.records[row.id]
                return (row, run, columns.map { column in record.flatMap(column.text) })
            }
        }
    }

    /// What `*` stands for; `nil` where there is none.
    var footnote: String? {
        let isBusy = results.records.values.contains { record in record.latencies.contains { !$0.warnings.isEmpty } }
        return isBusy ? "* measured on a machine that was busy with something else, or with times that spread widely" : nil
    }
}

extension StudyResults {
    /// Sizes of batches that latency was measured for.
    var batches: [Int] { Set(records.values.flatMap { $0.latencies.map(\.batch) }).sorted() }

    /// The record of the float row of a run.
    func floatRecord(_ run: StudyManifest.Run) -> RowRecord? { records[run.id] }

    var rowIDs: [String] { manifest.runs.flatMap { $0.rows.map(\.id) } }
}

extension RowRecord {
    func latency(_ batch: Int) -> Latency? { latencies.first { $0.batch == batch } }

    /// `30`, `12 of 30`, `–` for a network that is not trained.
    var epochsText: String {
        guard training.plannedEpochs > 0 else { return "–" }
        let epochs = NumberFormat.epochs(training.epochs)
        return training.isComplete ? epochs : "\(epochs) of \(training.plannedEpochs)"
    }
}

extension StudySummary: Report {
    public func text(style: TextStyle) -> String {
        let layout = StudyTable(results)
        var table = Table([.left("row")] + layout.columns.map { .right($0.title) })
        for (row, _, texts) in layout.rows { table.addRow([.init(row.id, .strong)] + texts.map { .init($0 ?? "–") }) }
        var lines = ["\(results.manifest.title.printable()) · \(folder.printable())", ""] + table.lines(style: style)
        let notes = [layout.footnote, remark].compactMap { $0 }
        if !notes.isEmpty { lines += [""] + notes }
        lines += results.damaged.map { style.apply(.warning, to: "warning:") + " \($0.printable()) is half-written, or not one of a study" }
        return lines.joined(separator: "\n")
    }

    public var json: JSONValue {
        let rows: [JSONValue] = results.manifest.runs.flatMap { run in
            run.rows.map { row -> JSONValue in
                let record = results.records[row.id]
                return [
                    "row": .string(row.id), "network": .string(run.id), "title": .string(run.title),
                    "quantization": .optional(row.quantization), "epochs": .optional(record?.training.epochs),
                    "planned_epochs": .optional(run.epochs), "loss": .optional(record?.evaluation?.loss),
                    "top1": .optional(record?.evaluation?.top1), "top5": .optional(record?.evaluation?.top5),
                    "bytes": .optional(record?.model.byteCount), "parameters": .optional(record?.cost?.parameters),
                    "trainable_parameters": .optional(record?.cost?.trainableParameters),
                    "multiply_accumulates": .optional(record?.cost?.multiplyAccumulates),
                    "latency": .array((record?.latencies ?? []).map(Self.json)),
                ]
            }
        }
        return [
            "study": .string(results.manifest.title), "folder": .string(folder), "rows": .array(rows), "remark": .optional(remark),
            "damaged": .strings(results.damaged),
        ]
    }

    private static func json(_ latency: RowRecord.Latency) -> JSONValue {
        [
            "batch": .integer(latency.batch), "median": .number(latency.median), "p10": .number(latency.p10), "p90": .number(latency.p90),
            "runs": .integer(latency.runs), "threads": .integer(latency.threads), "warnings": .strings(latency.warnings),
        ]
    }
}

extension StudyPlan: Report {
    public func text(style: TextStyle) -> String {
        var table = Table([.left(""), .left(""), .left("")])
        for step in steps {
            let (text, emphasis): (String, Emphasis) =
                switch step.state {
                case .done: ("done", .good)
                case .begun(let what): (what, .warning)
                case .todo: ("to do", .faint)
                }
            table.addRow([.init(step.action.rawValue, .faint), .init(step.subject, .strong), .init(text, emphasis)])
        }
        let done = steps.count { $0.state == .done }
        return (["\(title.printable()) · \(done) of \(NumberFormat.quantity(steps.count, "step")) done", ""] + table.lines(style: style))
            .joined(separator: "\n")
    }

    public var json: JSONValue {
        let steps = steps.map { step -> JSONValue in
            let (state, detail): (String, String?) =
                switch step.state {
                case .done: ("done", nil)
                case .begun(let what): ("begun", what)
                case .todo: ("todo", nil)
                }
            return [
                "action": .string(step.action.rawValue), "subject": .string(step.subject), "state": .string(state),
                "detail": .optional(detail),
            ]
        }
        return ["study": .string(title), "steps": .array(steps)]
    }
}
