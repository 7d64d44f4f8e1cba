import Autodiff
import Datasets
import Foundation
import GraphIR
import Tensors

/// A network's scores for the images of a batch: [images, classes], dimensions of length 1 apart.
struct LabelScores {
    let classes: Int
    let values: [Double]

    /// - Throws: `CleaveError` for a tensor of another shape, or one that holds no numbers.
    init(_ tensor: Tensor, count: Int) throws {
        guard tensor.rank >= 2, tensor.shape[0] == count, tensor.shape[2...].allSatisfy({ $0 == 1 }), let values = tensor.doubles() else {
            throw CleaveError(
                .shapeMismatch, "the output is \(tensor), expected scores [\(count), classes]",
                suggestion: "labelled images are for networks with one score per class")
        }
        classes = tensor.shape[1]
        self.values = values
    }

    subscript(image: Int) -> ArraySlice<Double> { values[image * classes..<(image + 1) * classes] }

    /// The first class with the highest score; `nil` where no score is a number.
    func best(_ image: Int) -> Int? {
        let scores = self[image]
        return scores.indices.filter { !scores[$0].isNaN }.max { scores[$0] < scores[$1] || (scores[$0] == scores[$1] && $0 > $1) }
            .map { $0 - scores.startIndex }
    }

    /// How many classes come before the given one; of equal scores, the first does.
    func rank(of label: Int, _ image: Int) -> Int {
        let scores = self[image]
        let own = scores[scores.startIndex + label]
        guard !own.isNaN else { return classes }
        return scores.indices.count { scores[$0] > own || (scores[$0] == own && $0 - scores.startIndex < label) }
    }

    /// −log softmax(scores) at the label.
    func crossEntropy(_ label: Int, _ image: Int) -> Double {
        let scores = self[image]
        let largest = scores.max() ?? 0
        let sum = scores.reduce(0) { $0 + exp($1 - largest) }
        return log(sum) + largest - scores[scores.startIndex + label]
    }

    /// The mean of (score − target)² over the classes, the target being 1 for the label and 0 for the others.
    func squaredError(_ label: Int, _ image: Int) -> Double {
        let scores = self[image]
        let sum = scores.indices.reduce(0) { sum, index in
            let difference = scores[index] - (index - scores.startIndex == label ? 1 : 0)
            return sum + difference * difference
        }
        return sum / Double(classes)
    }
}

extension DatasetSplit {
    /// Checks that every label is one of `classCount` classes.
    /// - Throws: `CleaveError` naming the first image whose is not.
    func checkLabels(classCount: Int) throws {
        guard let index = labels.firstIndex(where: { $0 < 0 || Int($0) >= classCount }) else { return }
        throw CleaveError(
            .invalidRequest, "the label is \(labels[index]), expected 0…\(classCount - 1): the network has \(classCount) classes, "
                + "the data set \(classes.count)",
            at: .init(file: nameOfImage(index)), suggestion: "use a network that has a score for every class of the data set")
    }
}

/// What a loss compares the scores of labelled images with.
struct LabelTarget {
    let type: TensorType

    /// - Throws: `CleaveError` when the target is not one class per image, or one number per image and class.
    init(_ training: TrainingGraph) throws {
        guard let type = training.graph.value(named: training.inputs.target)?.tensorType, let shape = type.knownShape,
            type.elementType == .int64 ? shape.count == 1 : shape.count >= 2 && shape[2...].allSatisfy({ $0 == 1 })
        else {
            throw CleaveError(
                .unsupported, "the output is \(training.graph[training.logits].type?.description ?? "of unknown type"), expected one score "
                    + "per image and class", at: .init(tensor: training.graph[training.logits].name),
                suggestion: "labelled images are for networks that classify whole images")
        }
        self.type = type
    }

    /// Classes, or 1 for the class that is right and 0 for the others.
    func tensor(_ labels: [Int32]) throws -> Tensor {
        if type.elementType == .int64 { return Tensor(vector: labels.map { Int64($0) }) }
        let shape = type.knownShape ?? []
        var values = [Double](repeating: 0, count: shape.reduce(1, *))
        for (image, label) in labels.enumerated() { values[image * shape[1] + Int(label)] = 1 }
        return try Tensor(values, shape: shape, as: type.elementType)
    }
}
