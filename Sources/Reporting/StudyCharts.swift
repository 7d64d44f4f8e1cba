import Foundation
import Study
import Tensors

/// The drawings of a study's results.
struct StudyCharts {
    private let results: StudyResults
    private let rows: [(id: String, run: Int, row: Int)]

    init(_ results: StudyResults) {
        self.results = results
        rows = results.manifest.runs.enumerated().flatMap { run in
            run.element.rows.enumerated().map { ($1.id, run.offset, $0) }
        }
    }

    /// Training curves, one line per network, as far as there are any.
    var curves: [LineChart] {
        func chart(
            _ title: String, factor: Double = 1, unit: String = "", _ value: @escaping (StudyResults.Epoch) -> Double?
        ) -> LineChart? {
            let series = results.manifest.runs.map { run in
                LineChart.Series(
                    name: run.id,
                    points: (results.histories[run.id] ?? []).compactMap { epoch in value(epoch).map { (Double(epoch.epoch), $0) } })
            }
            return series.contains { !$0.points.isEmpty } ? LineChart(title: title, series: series, factor: factor, unit: unit) : nil
        }
        return [
            chart("Accuracy on the test images", factor: 100, unit: " %", \.testAccuracy), chart("Loss on the test images", \.testLoss),
            chart("Accuracy in training", factor: 100, unit: " %") { $0.accuracy }, chart("Loss in training") { $0.loss },
        ].compactMap { $0 }
    }

    /// Accuracy over size, and over latency for every batch, as far as it was measured.
    var scatters: [ScatterPlot] {
        func plot(_ title: String, _ axis: String, _ value: (RowRecord) -> Double?) -> ScatterPlot? {
            let points = rows.compactMap { row -> ScatterPlot.Point? in
                guard let record = results.records[row.id], let accuracy = record.evaluation?.top1, let x = value(record)
                else { return nil }
                return .init(name: row.id, x: x, y: accuracy * 100, series: row.run, marker: row.row)
            }
            guard !points.isEmpty else { return nil }
            return ScatterPlot(title: title, points: points, horizontalTitle: axis, verticalUnit: " %")
        }
        let size = plot("Accuracy and size", "MB") { Double($0.model.byteCount) / 1e6 }
        let latencies = results.batches.map { batch in
            let images = NumberFormat.quantity(batch, "image")
            return plot("Accuracy and latency of \(images)", "ms for \(images)") { $0.latency(batch).map { $0.median * 1e3 } }
        }
        return ([size] + latencies).compactMap { $0 }
    }

    /// What each layer of a row loses in integers, by itself; `nil` for a row in float.
    func losses(_ id: String) -> LineChart? {
        let points = (results.records[id]?.layers ?? []).enumerated().compactMap { index, layer in
            layer.signalToNoise.flatMap { $0.isFinite ? (x: Double(index + 1), y: $0) : nil }
        }
        guard !points.isEmpty else { return nil }
        return LineChart(title: id, series: [.init(name: "signal to noise", points: points)], unit: " dB", axis: "layer")
    }
}

/// What one row of a study costs and saves against another one.
struct StudyComparison {
    var row: String
    var base: String
    /// In percentage points; positive where the row is better.
    var accuracy: Double?
    /// Factors of the row to the base.
    var size: Double
    var parameters: Double?
    var multiplyAccumulates: Double?
    /// By batch.
    var latencies: [(batch: Int, factor: Double)]

    init(_ record: RowRecord, against base: RowRecord) {
        func ratio(_ value: Int?, _ other: Int?) -> Double? {
            guard let value, let other, other > 0 else { return nil }
            return Double(value) / Double(other)
        }
        row = record.row
        self.base = base.row
        accuracy = record.evaluation.flatMap { mine in base.evaluation.map { (mine.top1 - $0.top1) * 100 } }
        size = ratio(record.model.byteCount, base.model.byteCount) ?? .nan
        parameters = ratio(record.cost?.parameters, base.cost?.parameters)
        multiplyAccumulates = ratio(record.cost?.multiplyAccumulates, base.cost?.multiplyAccumulates)
        latencies = record.latencies.compactMap { latency in
            base.latency(latency.batch).map { (latency.batch, latency.median / $0.median) }
        }
    }

    static let titles = ["accuracy", "size", "parameters", "multiply-adds"]

    var texts: [String] {
        let points = accuracy.map { NumberFormat.points($0) } ?? "–"
        return [points, NumberFormat.ratio(size)] + [parameters, multiplyAccumulates].map { $0.map(NumberFormat.ratio) ?? "–" }
    }

    func text(batch: Int) -> String { latencies.first { $0.batch == batch }.map { NumberFormat.ratio($0.factor) } ?? "–" }

    /// Every other float row against the first one, and every row in integers against its own network in float, or the one that it was
    /// trained on from.
    static func all(_ results: StudyResults) -> (networks: [StudyComparison], integers: [StudyComparison]) {
        let runs = results.manifest.runs
        guard let first = runs.first, let base = results.floatRecord(first) else { return ([], integers(results)) }
        let floats = runs.dropFirst().filter { $0.continuedInIntegers == nil }
        let networks = floats.compactMap { results.floatRecord($0) }.map { StudyComparison($0, against: base) }
        return (networks, integers(results))
    }

    private static func integers(_ results: StudyResults) -> [StudyComparison] {
        results.manifest.runs.flatMap { run in
            if let source = run.continuedInIntegers {
                guard let base = results.records[source], let record = results.records[run.id] else { return [StudyComparison]() }
                return [StudyComparison(record, against: base)]
            }
            guard let base = results.floatRecord(run) else { return [] }
            return run.rows.dropFirst().compactMap { results.records[$0.id] }.map { StudyComparison($0, against: base) }
        }
    }
}

extension StudyManifest.Run {
    /// The network that it is trained on from, where it ends in integers.
    fileprivate var continuedInIntegers: String? { endsInIntegers ? facts.first { $0.name == "continue" }?.value : nil }
}

extension NumberFormat {
    /// `+0.12 points`, `−1.30 points`
    static func points(_ value: Double) -> String {
        let text = String(format: "%.2f", abs(value))
        return (text == "0.00" ? "±" : value < 0 ? "−" : "+") + text + " points"
    }
}
