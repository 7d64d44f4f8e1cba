import Datasets
import Tensors
import Training

/// How well a model classifies a data set.
public struct EvaluationSummary: Sendable {
    public var model: String
    public var data: String
    public var normalization: String
    public var evaluation: Evaluation

    public init(model: String, data: String, normalization: Normalization, evaluation: Evaluation) {
        self.model = model
        self.data = data
        self.normalization = normalization.description
        self.evaluation = evaluation
    }
}

extension EvaluationSummary: Report {
    private static let classLimit = 40
    /// The largest confusion matrix that a terminal has room for.
    private static let matrixLimit = 12
    private static let mistakeLimit = 10
    /// Beyond this, JSON has the mistakes only.
    private static let jsonMatrixLimit = 1000

    public func text(style: TextStyle) -> String {
        let confusion = evaluation.confusion
        var lines = [
            "\(model.printable()) · \(data.printable()), \(evaluation.split) · \(NumberFormat.quantity(evaluation.count, "image")) · "
                + "normalize \(normalization)", "",
        ]
        lines += classTable.lines(style: style)
        if evaluation.classes.count > Self.classLimit {
            lines.append("  … and \(evaluation.classes.count - Self.classLimit) more classes (--json has them all)")
        }
        lines.append("")
        if evaluation.classes.count <= Self.matrixLimit {
            lines += ["rows: the class, columns: what it is taken for", ""] + matrix.lines(style: style)
        } else {
            lines += ["mistaken most often", ""] + mistakes.lines(style: style)
        }
        lines.append("")
        if evaluation.unscoredCount > 0 {
            lines.append(
                style.apply(.bad, to: "NO NUMBERS") + ": the scores of \(NumberFormat.quantity(evaluation.unscoredCount, "image")) are not numbers")
        }
        if !evaluation.unreadable.isEmpty {
            lines += [style.apply(.warning, to: "LEFT OUT") + ": \(NumberFormat.quantity(evaluation.unreadable.count, "unreadable image"))"]
            lines += evaluation.unreadable.prefix(Self.mistakeLimit).map { "  \($0.error.description.printable())" }
        }
        let speed = "\(NumberFormat.significant(evaluation.imagesPerSecond)) images/s"
        lines.append(
            "loss \(NumberFormat.element(evaluation.loss)) · top-1 \(style.apply(.strong, to: percent(evaluation.top1))) "
                + "(\(NumberFormat.grouped(confusion.correctCount)) of \(NumberFormat.grouped(evaluation.count))) · "
                + "top-5 \(percent(evaluation.top5)) · \(speed)")
        return lines.joined(separator: "\n")
    }

    /// Accuracies are told to a hundredth of a percent: it is one image of ten thousand.
    private func percent(_ share: Double) -> String { NumberFormat.accuracy(share) }

    private var classTable: Table {
        var table = Table([.right("label"), .left("class"), .right("images"), .right("recall"), .right("precision")])
        let (labels, answers) = (evaluation.confusion.labelCounts, evaluation.confusion.answerCounts)
        for (label, name) in evaluation.classes.enumerated().prefix(Self.classLimit) {
            let right = evaluation.confusion[label, label]
            func share(_ whole: Int) -> Table.Cell { .init(whole > 0 ? NumberFormat.percent(Double(right) / Double(whole)) : "–") }
            table.addRow([.init("\(label)"), .init(name), .init(NumberFormat.grouped(labels[label])), share(labels[label]), share(answers[label])])
        }
        return table
    }

    private var matrix: Table {
        let count = evaluation.classes.count
        var table = Table([.left("")] + (0..<count).map { .right("\($0)") })
        for label in 0..<count {
            table.addRow(
                [.init("\(label) \(evaluation.classes[label])")]
                    + (0..<count).map { answer in
                        let images = evaluation.confusion[label, answer]
                        return .init(images == 0 ? "·" : "\(images)", images == 0 ? .faint : (label == answer ? .good : .plain))
                    })
        }
        return table
    }

    private var mistakes: Table {
        var table = Table([.left("class"), .left("taken for"), .right("images")])
        for mistake in evaluation.confusion.mistakes(limit: Self.mistakeLimit) {
            table.addRow([
                .init(evaluation.classes[mistake.label]), .init(evaluation.classes[mistake.answer]), .init(NumberFormat.grouped(mistake.count)),
            ])
        }
        return table
    }

    public var json: JSONValue {
        let (labels, answers) = (evaluation.confusion.labelCounts, evaluation.confusion.answerCounts)
        let count = evaluation.classes.count
        let rows: JSONValue = count > Self.jsonMatrixLimit ? .null
            : .array((0..<count).map { label in .integers((0..<count).map { evaluation.confusion[label, $0] }) })
        func share(_ part: Int, _ whole: Int) -> JSONValue { whole > 0 ? .number(Double(part) / Double(whole)) : .null }
        return [
            "model": .string(model), "data": .string(data), "split": .string(evaluation.split), "normalize": .string(normalization),
            "images": .integer(evaluation.count), "loss": .number(evaluation.loss), "top1": .number(evaluation.top1),
            "top5": .number(evaluation.top5), "correct": .integer(evaluation.confusion.correctCount),
            "unscored": .integer(evaluation.unscoredCount), "seconds": .number(evaluation.seconds),
            "images_per_second": .number(evaluation.imagesPerSecond),
            "classes": .array(
                (0..<count).map { label in
                    let right = evaluation.confusion[label, label]
                    return [
                        "label": .integer(label), "class": .string(evaluation.classes[label]), "images": .integer(labels[label]),
                        "correct": .integer(right), "recall": share(right, labels[label]), "precision": share(right, answers[label]),
                    ]
                }),
            "confusion": rows,
            "unreadable": .strings(evaluation.unreadable.map(\.error.description)),
        ]
    }
}
