import Foundation
import GraphIR
import Passes
import Tensors

extension Graph {
    /// The means of channels, by name of the value, as far as they follow from the network's batch norms, without any data.
    ///
    /// What a batch norm makes is taken to be normally distributed, with mean β and standard deviation |γ| in each channel; a `Relu` or
    /// `Clip` behind it cuts that off at its limits (M. Nagel et al., arXiv 1906.04721, section 4.2.1). Sums are taken to be of
    /// independent numbers. Convolutions, `Gemm` and average pools change the means as they change every number, padding apart. Of what
    /// else a network computes nothing is known.
    ///
    /// Batch norms have to be there: fold them afterwards. Values keep their names.
    public var batchNormMeans: [String: [Double]] {
        var known: [ValueID: ChannelDistribution] = [:]
        for node in nodes {
            guard let output = node.outputs.first ?? nil, let result = distribution(of: node, known) else { continue }
            known[output] = result
        }
        return Dictionary(known.map { (self[$0].name, $1.means) }) { first, _ in first }
    }

    /// Whether any layer of a prepared network has an input of which means are given.
    public func hasLayers(withInputsIn means: [String: [Double]]) -> Bool {
        nodes.contains { node in
            guard node.operator.takesBias, let input = node.inputs.first ?? nil else { return false }
            return means[self[input].name] != nil
        }
    }

    private func distribution(of node: Node, _ known: [ValueID: ChannelDistribution]) -> ChannelDistribution? {
        func operand(_ index: Int) -> ChannelDistribution? { index < node.inputs.count ? node.inputs[index].flatMap { known[$0] } : nil }
        switch node.operator {
        case .batchNorm(let payload):
            guard !payload.trainingMode, let means = constant(node.input(BatchNorm.Operand.bias))?.doubles(),
                let scale = constant(node.input(BatchNorm.Operand.scale))?.doubles(), scale.count == means.count,
                (means + scale).allSatisfy(\.isFinite)
            else { return nil }
            return ChannelDistribution(means: means, deviations: scale.map(abs))
        case .convolution: return product(of: node, operand(0), axis: 0)
        case .gemm(let payload):
            guard payload.alpha == 1, payload.beta == 1 || node.input(Gemm.Operand.c) == nil, !payload.transposeA else { return nil }
            return product(of: node, operand(0), axis: payload.transposeB ? 0 : 1)
        case .binary(let payload) where payload.function == .add && payload.broadcastAxis == .numpy:
            guard node.inputs.count == 2, let first = operand(0), let second = operand(1) else { return nil }
            return first.adding(second)
        case .variadic(let payload) where payload.function == .sum:
            let operands = node.inputs.indices.map { operand($0) }
            guard let first = operands.first ?? nil else { return nil }
            return operands.dropFirst().reduce(first) { sum, other in sum.flatMap { sum in other.flatMap { sum.adding($0) } } }
        case .reduction:
            guard case .match = MeanToGlobalPool().match(node, in: self) else { return nil }
            return operand(0)?.meansOnly
        case .averagePool: return operand(0)?.meansOnly
        case .globalPool(let payload): return payload.function == .average ? operand(0)?.meansOnly : nil
        case .identity, .dropout: return operand(0)
        case .flatten, .reshape, .squeeze:
            // Channels stay channels where there is one pixel.
            guard let operand = operand(0), let output = node.outputs.first ?? nil,
                let channels = self[output].tensorType?.shape?.last?.known, channels == operand.means.count,
                self[output].tensorType?.shape?.count == 2
            else { return nil }
            return operand
        default:
            guard let limits = ElementLimits(of: node, in: self) else { return nil }
            return operand(0)?.limited(to: limits)
        }
    }

    private func product(of node: Node, _ input: ChannelDistribution?, axis: Int) -> ChannelDistribution? {
        guard let input, let weight = constant(node.inputs.count > 1 ? node.inputs[1] : nil), weight.rank > axis,
            weight.elementType == .float32
        else { return nil }
        let sums = try? weight.withElements(of: Float.self) { elements in
            node.operator.product(withMeans: input.means, axis: axis, shape: weight.shape) { index, _ in Double(elements[index]) }
        }
        guard var means = sums ?? nil else { return nil }
        if let bias = node.inputs.count > 2 ? node.inputs[2] : nil {
            guard let values = constant(bias)?.doubles(), values.count == means.count || values.count == 1 else { return nil }
            for channel in means.indices { means[channel] += values[values.count == 1 ? 0 : channel] }
        }
        return means.allSatisfy(\.isFinite) ? ChannelDistribution(means: means) : nil
    }
}

/// What is known of the numbers in each channel.
private struct ChannelDistribution {
    var means: [Double]
    /// `nil` where only means are known.
    var deviations: [Double]?

    var meansOnly: ChannelDistribution { ChannelDistribution(means: means) }

    func adding(_ other: ChannelDistribution) -> ChannelDistribution? {
        guard means.count == other.means.count else { return nil }
        let deviations = deviations.flatMap { own in
            other.deviations.map { zip(own, $0).map { ($0 * $0 + $1 * $1).squareRoot() } }
        }
        return ChannelDistribution(means: zip(means, other.means).map(+), deviations: deviations)
    }

    func limited(to limits: ElementLimits) -> ChannelDistribution? {
        guard let deviations else { return nil }
        let results = zip(means, deviations).map { Self.limited(mean: $0, deviation: $1, limits) }
        return ChannelDistribution(means: results.map(\.mean), deviations: results.map(\.deviation))
    }

    /// Mean and standard deviation of min(max(x, a), b) for a normally distributed x.
    private static func limited(mean: Double, deviation: Double, _ limits: ElementLimits) -> (mean: Double, deviation: Double) {
        let (lower, upper) = (limits.minimum ?? -.infinity, limits.maximum ?? .infinity)
        guard deviation > 0 else { return (min(max(mean, lower), upper), 0) }
        let (alpha, beta) = ((lower - mean) / deviation, (upper - mean) / deviation)
        let below = distribution(alpha), above = 1 - distribution(beta), inside = max(0, 1 - below - above)
        /// A limit times how much lies beyond it; 0 where there is no limit.
        func share(_ limit: Double, _ probability: Double) -> Double { limit.isInfinite ? 0 : limit * probability }
        let (low, high) = (density(alpha), density(beta))
        let first = mean * inside + deviation * (low - high) + share(lower, below) + share(upper, above)
        let second = (mean * mean + deviation * deviation) * inside
            + deviation * (share(mean + lower, low) - share(mean + upper, high))
            + share(lower, share(lower, below)) + share(upper, share(upper, above))
        return (first, max(0, second - first * first).squareRoot())
    }

    /// φ(x), the standard normal density.
    private static func density(_ x: Double) -> Double { exp(-x * x / 2) / (2 * Double.pi).squareRoot() }
    /// Φ(x), the standard normal distribution function.
    private static func distribution(_ x: Double) -> Double { erfc(-x / 2.0.squareRoot()) / 2 }
}
