import Foundation
import GraphIR
import Tensors

/// Log probabilities [N, C, d…], the classes that were right [N, d…], and how the losses are put together.
private struct ClassLoss {
    var logProbabilities: [Double]
    var shape: [Int]
    var elementType: ElementType
    var target: Tensor
    var weight: Tensor?
    var ignoredClass: Int?
    var reduction: LossReduction

    /// −w[t]·log p[t], its sum, or its sum over that of the weights.
    /// - Throws: `CleaveError` when shapes do not fit, or a class is neither in range nor ignored.
    func evaluate() throws -> Tensor {
        guard shape.count >= 2, target.shape == [shape[0]] + shape[2...] else {
            throw CleaveError(
                .shapeMismatch, "scores have shape \(shape) and targets \(target.shape), expected [N, C, d…] and [N, d…]")
        }
        let classes = shape[1]
        let inner = Indexing.product(shape[2...])
        let weights = try weight?.reals()
        guard weights == nil || weights?.count == classes else {
            throw CleaveError(.shapeMismatch, "there are \(weights?.count ?? 0) weights, expected \(classes), one per class")
        }
        var losses: [Double] = []
        var totalWeight = 0.0
        for (place, category) in try target.indices().enumerated() {
            if category == ignoredClass {
                losses.append(0)
                continue
            }
            guard category >= 0, category < classes else {
                throw CleaveError(.invalidRequest, "a target is class \(category), expected 0 … \(classes - 1)")
            }
            let weight = weights?[category] ?? 1
            losses.append(-weight * logProbabilities[(place / inner * classes + category) * inner + place % inner])
            totalWeight += weight
        }
        switch reduction {
        case .none: return try Tensor(losses, shape: target.shape, as: elementType)
        case .sum: return try Tensor([losses.reduce(0, +)], shape: [], as: elementType)
        case .mean: return try Tensor([losses.reduce(0, +) / totalWeight], shape: [], as: elementType)
        }
    }
}

extension NegativeLogLikelihoodLoss: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let loss = ClassLoss(
            logProbabilities: try input.reals(), shape: input.shape, elementType: input.elementType,
            target: try arguments.required(Operand.target), weight: arguments.optional(Operand.weight),
            ignoredClass: ignoredClass, reduction: reduction)
        return [try loss.evaluate()]
    }
}

extension SoftmaxCrossEntropyLoss: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let scores = try arguments.required(Operand.scores)
        guard scores.rank >= 2 else {
            throw CleaveError(.shapeMismatch, "scores have shape \(scores.shape), expected [N, C, d…]")
        }
        var values = try scores.reals()
        let view = AxisView(scores.shape, axis: 1)
        view.forEachLine { start in
            let places = (0..<view.length).map { start + $0 * view.inner }
            let peak = places.reduce(-.infinity) { max($0, values[$1]) }
            let shift = peak + log(places.reduce(0) { $0 + exp(values[$1] - peak) })
            for place in places { values[place] -= shift }
        }
        let loss = ClassLoss(
            logProbabilities: values, shape: scores.shape, elementType: scores.elementType,
            target: try arguments.required(Operand.target), weight: arguments.optional(Operand.weight),
            ignoredClass: ignoredClass, reduction: reduction)
        let probabilities = arguments.outputCount > 1 ? try Tensor(values, shape: scores.shape, as: scores.elementType) : nil
        return [try loss.evaluate(), probabilities]
    }
}
