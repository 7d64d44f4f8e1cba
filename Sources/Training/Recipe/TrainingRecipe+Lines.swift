import Autodiff
import Execution

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
        if skipsUnreadable { lines.append(("unreadable images", "left out")) }
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
