import GraphIR
import Tensors

/// What training makes small; always the mean over the batch (and over positions, for logits [N, classes, d…]).
public enum Loss: Hashable, Codable, Sendable {
    /// −Σ q·log softmax(logits), where q is 1 − s + s/classes for the class that is right and s/classes for the others, s being the
    /// smoothing: 0 ≤ s < 1 (Szegedy et al., arXiv 1512.00567).
    case softmaxCrossEntropy(labelSmoothing: Double)
    /// The mean of (output − target)² over all elements.
    case meanSquaredError
    /// alpha·T²·KL(softmax(teacher/T) ‖ softmax(logits/T)) + (1 − alpha)·cross-entropy (Hinton et al., arXiv 1503.02531).
    case distillation(temperature: Double, alpha: Double, labelSmoothing: Double)

    /// Whether the output is scores of classes, so that a `Softmax` at its end belongs to the loss.
    public var isAboutClasses: Bool {
        switch self {
        case .softmaxCrossEntropy, .distillation: true
        case .meanSquaredError: false
        }
    }

    /// - Throws: `CleaveError` for a number out of range.
    public func check() throws {
        func checkSmoothing(_ smoothing: Double) throws {
            guard smoothing >= 0, smoothing < 1 else {
                throw CleaveError(.invalidRequest, "label smoothing is \(smoothing), expected 0 ≤ smoothing < 1")
            }
        }
        switch self {
        case .meanSquaredError: break
        case .softmaxCrossEntropy(let smoothing): try checkSmoothing(smoothing)
        case .distillation(let temperature, let alpha, let smoothing):
            guard temperature > 0, temperature.isFinite else {
                throw CleaveError(.invalidRequest, "temperature is \(temperature), expected a positive number")
            }
            guard alpha >= 0, alpha <= 1 else { throw CleaveError(.invalidRequest, "alpha is \(alpha), expected 0 to 1") }
            try checkSmoothing(smoothing)
        }
    }
}

/// The values that a loss adds to a graph.
struct LossValues {
    let loss: ValueID
    let target: ValueID
    let teacherLogits: ValueID?
}

extension NodeWriter {
    /// Adds a loss, and the inputs that it needs, behind `logits`.
    mutating func add(_ loss: Loss, of logits: ValueID) throws -> LossValues {
        let type = try elementType(logits)
        let shape = try shape(logits)
        switch loss {
        case .meanSquaredError:
            let target = try addInput("target", TensorType(type, lengths: shape))
            let difference = try subtract(logits, target)
            let mean = try reduce(.mean, multiply(difference, difference), axes: nil, keepDimensions: false, output: "loss")
            return LossValues(loss: mean, target: target, teacherLogits: nil)
        case .softmaxCrossEntropy(let smoothing):
            let target = try addInput("target", TensorType(.int64, lengths: shape.removing(at: 1)))
            let loss = try crossEntropy(logits, target, labelSmoothing: smoothing, output: "loss")
            return LossValues(loss: loss, target: target, teacherLogits: nil)
        case .distillation(let temperature, let alpha, let smoothing):
            let target = try addInput("target", TensorType(.int64, lengths: shape.removing(at: 1)))
            let teacher = try addInput("teacher_logits", TensorType(type, lengths: shape))
            let hard = try crossEntropy(logits, target, labelSmoothing: smoothing, output: nil)
            let soft = try divergence(logits, from: teacher, temperature: temperature)
            let total = try emit(
                .binary(Binary(function: .add, broadcastAxis: .numpy)),
                [scale(soft, by: alpha * temperature * temperature), scale(hard, by: 1 - alpha)], output: "loss")
            return LossValues(loss: total, target: target, teacherLogits: teacher)
        }
    }

    private mutating func crossEntropy(
        _ logits: ValueID, _ target: ValueID, labelSmoothing: Double, output: String?
    ) throws -> ValueID {
        let shape = try shape(logits)
        let rest = labelSmoothing / Double(shape[1])
        let wanted = try oneHot(target, classes: shape[1], off: rest, on: 1 - labelSmoothing + rest, type: elementType(logits))
        let sum = try sum(multiply(wanted, logSoftmax(logits)))
        let count = shape.removing(at: 1).reduce(1, *)
        return try emit(
            .binary(Binary(function: .mul, broadcastAxis: .numpy)), [sum, scalar(-1 / Double(count), as: elementType(logits))],
            output: output)
    }

    /// T²-less KL(softmax(teacher/T) ‖ softmax(logits/T)).
    private mutating func divergence(_ logits: ValueID, from teacher: ValueID, temperature: Double) throws -> ValueID {
        let count = try shape(logits).removing(at: 1).reduce(1, *)
        let wanted = try logSoftmax(scale(teacher, by: 1 / temperature))
        let given = try logSoftmax(scale(logits, by: 1 / temperature))
        let terms = try multiply(unary(.exp, wanted), subtract(wanted, given))
        return try scale(sum(terms), by: 1 / Double(count))
    }

    private mutating func sum(_ value: ValueID) throws -> ValueID {
        try reduce(.sum, value, axes: nil, keepDimensions: false, output: nil)
    }

    private mutating func logSoftmax(_ value: ValueID) throws -> ValueID {
        try emit(.softmax(Softmax(function: .logSoftmax, axis: 1, flattens: false)), [value])
    }
}
