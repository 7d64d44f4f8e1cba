import Tensors
import Training

/// What came of a training run.
public struct TrainingSummary: Sendable {
    public var model: String
    public var data: String
    public var imageCount: Int
    public var recipe: TrainingRecipe
    public var parameters: (trained: Int, frozen: Int)
    public var state: TrainingState
    /// Images that could not be read and were left out.
    public var unreadable: [String]
    /// The model that was written, and its size in bytes.
    public var output: (path: String, size: Int)
    /// Of this process.
    public var seconds: Double

    public init(
        model: String, data: String, trainer: Trainer, output: (path: String, size: Int), seconds: Double
    ) {
        self.model = model
        self.data = data
        imageCount = trainer.trainingSplit.count
        recipe = trainer.recipe
        parameters = trainer.parameterCounts
        state = trainer.state
        unreadable = trainer.unreadable.map(\.error.description)
        self.output = output
        self.seconds = seconds
    }

    /// The epoch whose weights were written.
    private var writtenEpoch: EpochRecord? { state.bestEpoch.map { state.history[$0 - 1] } ?? state.history.last }
}

extension TrainingSummary: Report {
    private static let unreadableLimit = 10

    public func text(style: TextStyle) -> String {
        var lines = ["\(model.printable()) · \(data.printable()) · \(NumberFormat.quantity(imageCount, "image"))", ""]
        lines += table.lines(style: style)
        lines.append("")
        let frozen = parameters.frozen > 0 ? ", \(NumberFormat.count(parameters.frozen)) frozen" : ""
        lines.append("\(NumberFormat.count(parameters.trained)) parameters trained\(frozen)")
        if state.end == .early, let best = state.bestEpoch {
            lines.append("stopped early: the loss was lowest after epoch \(best), whose weights are kept")
        }
        if !unreadable.isEmpty {
            lines.append(style.apply(.warning, to: "LEFT OUT") + ": \(NumberFormat.quantity(unreadable.count, "unreadable image"))")
            lines += unreadable.prefix(Self.unreadableLimit).map { "  \($0.printable())" }
        }
        if let test = writtenEpoch?.validation {
            lines.append(
                "test loss \(NumberFormat.element(test.loss)) · top-1 \(style.apply(.strong, to: NumberFormat.accuracy(test.top1))) · "
                    + "top-5 \(NumberFormat.accuracy(test.top5))")
        }
        lines.append("\(output.path.printable()) written, \(NumberFormat.bytes(output.size)), \(NumberFormat.seconds(seconds))")
        return lines.joined(separator: "\n")
    }

    private var table: Table {
        var table = Table(EpochRecord.titles.map { .right($0) })
        for record in state.history {
            let emphasis: Emphasis = record.epoch == writtenEpoch?.epoch ? .strong : .plain
            table.addRow(record.texts.map { .init($0, emphasis) })
        }
        return table
    }

    public var json: JSONValue {
        [
            "model": .string(model), "data": .string(data), "images": .integer(imageCount), "epochs": .integer(recipe.epochs),
            "batch_size": .integer(recipe.batchSize), "accumulate": .integer(recipe.accumulation),
            "schedule": .string(recipe.schedule.description), "augment": .string(recipe.augmentation.description),
            "normalize": .string(recipe.normalization.description), "seed": .string("\(recipe.seed)"),
            "trained_parameters": .integer(parameters.trained), "frozen_parameters": .integer(parameters.frozen),
            "quantized_for": .optional(recipe.awareness?.target.rawValue), "ranges": .optional(recipe.awareness?.ranges.rawValue),
            "end": .optional(state.end?.rawValue), "best_epoch": .optional(state.bestEpoch),
            "history": .array(state.history.map(Self.json)), "unreadable": .strings(unreadable), "written": .string(output.path),
            "bytes": .integer(output.size), "seconds": .number(seconds),
        ]
    }

    private static func json(_ record: EpochRecord) -> JSONValue {
        [
            "epoch": .integer(record.epoch), "loss": .number(record.loss), "accuracy": .number(record.accuracy),
            "learning_rate": .number(record.learningRate), "seconds": .number(record.seconds),
            "images_per_second": .number(record.imagesPerSecond), "test_loss": .optional(record.validation?.loss),
            "test_top1": .optional(record.validation?.top1), "test_top5": .optional(record.validation?.top5),
        ]
    }
}

extension TrainingProgress {
    /// `epoch 3 of 30   step 120 of 390   1234 images/s   2 min 05 s left   loss 1.234   accuracy 56.78 %   rate 0.01`
    public var line: String {
        let position = "epoch \(epoch) of \(epochs)"
        switch phase {
        case .validating:
            return "\(position)   validating   \(NumberFormat.grouped(step)) of \(NumberFormat.grouped(steps)) images"
        case .training:
            return [
                position, "step \(NumberFormat.grouped(step)) of \(NumberFormat.grouped(steps))",
                "\(NumberFormat.significant(imagesPerSecond)) images/s", "\(NumberFormat.seconds(secondsLeft)) left",
                "loss \(NumberFormat.element(loss))", "accuracy \(NumberFormat.accuracy(accuracy))",
                "rate \(NumberFormat.element(learningRate))",
            ].joined(separator: "   ")
        }
    }
}

extension EpochRecord {
    /// What `texts` are.
    static let titles = ["epoch", "loss", "accuracy", "test loss", "top-1", "top-5", "rate", "images/s", "time"]

    /// A row of a table.
    var texts: [String] {
        let test = validation.map { [NumberFormat.element($0.loss), NumberFormat.accuracy($0.top1), NumberFormat.accuracy($0.top5)] }
        return ["\(epoch)", NumberFormat.element(loss), NumberFormat.accuracy(accuracy)] + (test ?? ["–", "–", "–"])
            + [NumberFormat.element(learningRate), NumberFormat.significant(imagesPerSecond), NumberFormat.seconds(seconds)]
    }

    /// `epoch 3 of 30   loss 1.234   accuracy 56.78 %   test loss 1.101   top-1 60.12 %   1234 images/s   rate 0.01   2 min 05 s`
    public func line(of epochs: Int) -> String {
        var parts = ["epoch \(epoch) of \(epochs)", "loss \(NumberFormat.element(loss))", "accuracy \(NumberFormat.accuracy(accuracy))"]
        if let validation {
            parts += ["test loss \(NumberFormat.element(validation.loss))", "top-1 \(NumberFormat.accuracy(validation.top1))"]
        }
        parts += ["\(NumberFormat.significant(imagesPerSecond)) images/s", "rate \(NumberFormat.element(learningRate))"]
        parts.append(NumberFormat.seconds(seconds))
        return parts.joined(separator: "   ")
    }
}
