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
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(title.escaped) · training</title>
            <style>
            \(Self.style)
            </style>
            </head>
            <body>
            <h1>\(title.escaped)</h1>
            <p>\(subtitle.escaped)</p>
            <div class="charts">
            \(charts.map(\.svg).joined(separator: "\n"))
            </div>
            \(table)
            <h2>Recipe</h2>
            \(recipeTable)
            </body>
            </html>

            """
    }

    private static let style = """
        :root { color-scheme: light dark; --paper: #ffffff; --ink: #1d2228; --faint: #69727d; --grid: #dfe3e8;
          --series-1: #1f6fb5; --series-2: #c2571a; }
        @media (prefers-color-scheme: dark) { :root { --paper: #14181d; --ink: #e4e8ec; --faint: #98a2ad; --grid: #313943;
          --series-1: #6db3f2; --series-2: #f29a5c; } }
        body { margin: 2rem auto; max-width: 75rem; padding: 0 1rem; background: var(--paper); color: var(--ink);
          font: 16px/1.5 system-ui, sans-serif; }
        h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 0.5rem; }
        p, figcaption, th { color: var(--faint); }
        .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(24rem, 1fr)); gap: 1rem; }
        figure { margin: 0; } figcaption { margin-left: 1rem; }
        svg { width: 100%; height: auto; } svg text { fill: var(--faint); font-size: 12px; }
        .grid { stroke: var(--grid); } polyline { fill: none; stroke-width: 2; stroke-linejoin: round; }
        polyline.series-1 { stroke: var(--series-1); } polyline.series-2 { stroke: var(--series-2); stroke-dasharray: 6 3; }
        circle.series-1 { fill: var(--series-1); } circle.series-2 { fill: var(--series-2); }
        .key-1 { color: var(--series-1); } .key-2 { color: var(--series-2); }
        .key-1::before { content: "— "; } .key-2::before { content: "-- "; }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
        th, td { text-align: right; padding: 0.15rem 0.75rem; border-bottom: 1px solid var(--grid); font-weight: normal; }
        th:first-child, td:first-child { padding-left: 0; } .words td, .words th { text-align: left; }
        .best td { font-weight: bold; }
        """

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
        return "<h2>Epochs</h2>\n<table>\n" + ([head] + rows).joined(separator: "\n") + "\n</table>"
    }

    private var recipeTable: String {
        let rows = recipe.lines.map { "<tr><th>\($0.name.escaped)</th><td>\($0.value.escaped)</td></tr>" }
        return "<table class=\"words\">\n" + rows.joined(separator: "\n") + "\n</table>"
    }
}

extension TrainingRecipe {
    /// What the recipe says, as the command line has it.
    public var lines: [(name: String, value: String)] {
        var lines = [
            ("epochs", "\(epochs)"), ("batch size", accumulation > 1 ? "\(batchSize), \(accumulation) of them per update" : "\(batchSize)"),
            ("optimizer", optimizerText), ("learning rate", "\(learningRate)"), ("schedule", schedule.description),
        ]
        if warmUp > 0 { lines.append(("warm-up", "\(warmUp) epochs")) }
        if weightDecay > 0 { lines.append(("weight decay", "\(weightDecay)")) }
        if let maximalGradientNorm { lines.append(("gradient norm", "at most \(maximalGradientNorm)")) }
        lines.append(("loss", lossText))
        if let averageDecay { lines.append(("moving average", "\(averageDecay)")) }
        if let patience { lines.append(("early stop", "after \(patience) epochs")) }
        if !frozen.isEmpty { lines.append(("frozen", frozen.map(\.text).joined(separator: ", "))) }
        if let initialization { lines.append(("initial weights", initialization.rawValue)) }
        if let awareness {
            lines.append(("8 bits", "for \(awareness.target.title), \(awareness.ranges.rawValue) ranges"))
            if !awareness.excluded.isEmpty { lines.append(("in float", awareness.excluded.joined(separator: ", "))) }
        }
        lines += [
            ("augmentation", augmentation.description), ("normalization", normalization.description),
            ("order", shuffles ? "shuffled" : "as in the files"), ("seed", "\(seed)"),
        ]
        return lines
    }

    private var optimizerText: String {
        switch optimizer {
        case .sgd(let momentum, let nesterov): "\(nesterov ? "nesterov" : "sgd"), momentum \(momentum)"
        case .adam(let moments): "adam, beta \(moments.beta1) and \(moments.beta2), epsilon \(moments.epsilon)"
        case .adamW(let moments): "adamw, beta \(moments.beta1) and \(moments.beta2), epsilon \(moments.epsilon)"
        }
    }

    private var lossText: String {
        func smoothed(_ smoothing: Double) -> String { smoothing > 0 ? ", label smoothing \(smoothing)" : "" }
        switch loss {
        case .softmaxCrossEntropy(let smoothing): return "softmax cross-entropy" + smoothed(smoothing)
        case .meanSquaredError: return "mean squared error"
        case .distillation(let temperature, let alpha, let smoothing):
            return "distillation, temperature \(temperature), alpha \(alpha)" + smoothed(smoothing)
        }
    }
}
