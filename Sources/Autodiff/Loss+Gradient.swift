import GraphIR
import Tensors

/// The loss of the class that is right, as both loss operators have it: Σ over positions of −w·log p, where w is the class's weight,
/// and 0 where the class is ignored.
private struct TargetLoss {
    var scores: ValueID
    var target: ValueID
    var weight: ValueID?
    var ignoredClass: Int?
    var reduction: LossReduction

    /// −w at the class that is right, times the gradient of the position's loss: [N, C, d…].
    func logProbabilityGradient(_ gradient: ValueID, _ writer: inout NodeWriter) throws -> ValueID {
        let type = try writer.elementType(scores)
        let shape = try writer.shape(scores)
        let positions = [shape[0], 1] + shape[2...]
        var target = target
        var factor: ValueID?
        if let ignoredClass {
            let targetType = try writer.elementType(target)
            let isIgnored = try writer.binary(.equal, target, writer.scalar(Double(ignoredClass), as: targetType))
            target = try writer.select(isIgnored, writer.scalar(0, as: targetType), target)
            factor = try writer.select(isIgnored, writer.scalar(0, as: type), writer.scalar(1, as: type))
        }
        if let weight {
            let chosen = try writer.emit(.gather(Gather(axis: 0)), [weight, target])
            factor = try factor.map { try writer.multiply($0, chosen) } ?? chosen
        }
        var share: ValueID
        switch reduction {
        case .none: share = try writer.reshape(gradient, to: positions)
        case .sum: share = gradient
        case .mean:
            if let factor {
                share = try writer.divide(gradient, writer.reduce(.sum, factor, axes: nil, keepDimensions: false, output: nil))
            } else {
                share = try writer.scale(gradient, by: 1 / Double(positions.reduce(1, *)))
            }
        }
        if let factor { share = try writer.multiply(share, writer.reshape(factor, to: positions)) }
        return try writer.multiply(writer.oneHot(target, classes: shape[1], off: 0, on: -1, type: type), share)
    }
}

extension NegativeLogLikelihoodLoss: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws {
        let gradient = try pass.outputGradient()
        let loss = TargetLoss(
            scores: try pass.operand(Operand.input), target: try pass.operand(Operand.target), weight: pass.node.input(Operand.weight),
            ignoredClass: ignoredClass, reduction: reduction)
        try pass.give(to: Operand.input) { try loss.logProbabilityGradient(gradient, &$0) }
    }
}

extension SoftmaxCrossEntropyLoss: DifferentiableOperator {
    /// With g the gradient of the log probabilities: dx = g − softmax(x)·Σ g over the classes.
    func differentiate(in pass: inout BackwardPass) throws {
        let (scores, gradient) = (try pass.operand(Operand.scores), try pass.outputGradient())
        let loss = TargetLoss(
            scores: scores, target: try pass.operand(Operand.target), weight: pass.node.input(Operand.weight),
            ignoredClass: ignoredClass, reduction: reduction)
        try pass.give(to: Operand.scores) {
            let inner = try loss.logProbabilityGradient(gradient, &$0)
            return try $0.subtract(inner, $0.multiply($0.softmax(scores, axis: 1), $0.sum(inner, over: [1])))
        }
    }
}
