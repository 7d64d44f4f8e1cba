import Autodiff
import Execution
import Tensors
import Training

/// The history of a training run as a page of its own: curves and a table, without anything from elsewhere, in the light and the
/// dark of the reader's system.
public struct TrainingPage: Sendable {
    public var model: String
    public var data: String
    public var recipe: TrainingRecipe
    public var state: TrainingState

    /// The name of the page in a run's folder.
    public static let fileName = "report.html"

    public init(model: String, data: String, recipe: TrainingRecipe, state: TrainingState) {
        self.model = model
        self.data = data
        self.recipe = recipe
        self.state = state
    }

    public var html: String {
        let title = FilePath.name(of: model)
        return PageStyle.page(
            title: "\(title) · training",
            body: """
                <h1>\(title.escaped)</h1>
                <p>\(subtitle.escaped)</p>
                <div class="charts">
                \(charts.map(\.figure).joined(separator: "\n"))
                </div>
                \(table)
                <h2>Recipe</h2>
                \(recipeTable)
                """)
    }

    private var subtitle: String {
        let last = state.history.last
        var parts = [data, "\(state.epoch) of \(recipe.epochs) epochs"]
        if let last { parts.append("loss \(NumberFormat.element(last.loss))") }
        if let test = last?.validation { parts.append("top-1 \(NumberFormat.accuracy(test.top1))") }
        if let end = state.end { parts.append(end == .early ? "stopped early" : "done") }
        return parts.joined(separator: " · ")
    }

    private var charts: [LineChart] {
        func series(_ name: String, _ value: (EpochRecord) -> Double?) -> LineChart.Series {
            .init(name: name, points: state.history.compactMap { record in value(record).map { (Double(record.epoch), $0) } })
        }
        return [
            LineChart(title: "Loss", series: [series("training", \.loss), series("test") { $0.validation?.loss }]),
            LineChart(
                title: "Accuracy", series: [series("training", \.accuracy), series("test") { $0.validation?.top1 }], factor: 100,
                unit: " %"),
            LineChart(title: "Learning rate", series: [series("learning rate", \.learningRate)]),
            LineChart(title: "Images per second", series: [series("images per second", \.imagesPerSecond)]),
        ]
    }

    private var table: String {
        let rows = state.history.map { record in
            let best = record.epoch == state.bestEpoch ? " class=\"best\"" : ""
            return "<tr\(best)>" + record.texts.map { "<td>\($0.escaped)</td>" }.joined() + "</tr>"
        }
        let head = "<tr>" + EpochRecord.titles.map { "<th>\($0)</th>" }.joined() + "</tr>"
        return "<h2>Epochs</h2>\n<div class=\"scroll\"><table>\n" + ([head] + rows).joined(separator: "\n") + "\n</table></div>"
    }

    private var recipeTable: String {
        let rows = recipe.lines.map { "<tr><th>\($0.name.escaped)</th><td>\($0.value.escaped)</td></tr>" }
        return "<table class=\"words\">\n" + rows.joined(separator: "\n") + "\n</table>"
    }
}
