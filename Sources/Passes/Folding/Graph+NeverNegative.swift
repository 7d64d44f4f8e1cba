import GraphIR

extension Graph {
    /// Whether no element of the value is negative on any run, as far as the nodes shortly before it show. NaN is not negative.
    func isNeverNegative(_ id: ValueID) -> Bool {
        var budget = 32
        return isNeverNegative(id, budget: &budget)
    }

    /// - Parameter budget: how many more nodes to look at.
    private func isNeverNegative(_ id: ValueID, budget: inout Int) -> Bool {
        budget -= 1
        guard budget > 0, let producer = producer(of: id), let output = producer.outputs.first, output == id else { return false }
        switch producer.operator {
        case .activation(let activation):
            switch activation.function {
            case .relu, .sigmoid, .softplus, .hardSigmoid: return true
            case .thresholdedRelu(let alpha): return alpha >= 0
            case .tanh, .softsign, .hardSwish, .mish, .leakyRelu, .elu, .selu, .celu, .shrink, .gelu: return false
            }
        case .softmax(let softmax): return softmax.function != .logSoftmax
        case .unary(let unary): return unary.function == .abs || unary.function == .exp || unary.function == .sqrt
        case .clip(let clip):
            // Where the limits cross, the upper one wins.
            let minimum = clip.minimum.map(Double.init) ?? constant(producer.input(Clip.Operand.minimum))?.doubles()?.first
            let maximum = clip.maximum.map(Double.init) ?? constant(producer.input(Clip.Operand.maximum))?.doubles()?.first
            let hasMaximum = clip.maximum != nil || producer.input(Clip.Operand.maximum) != nil
            return (minimum ?? -1) >= 0 && (!hasMaximum || (maximum ?? -1) >= 0)
        case .maxPool, .averagePool, .globalPool, .identity, .dropout, .reshape, .flatten, .squeeze, .unsqueeze, .transpose, .slice,
            .depthToSpace, .spaceToDepth:
            return areNeverNegative(producer.inputs.prefix(1), budget: &budget)
        case .concat, .variadic: return areNeverNegative(producer.inputs[...], budget: &budget)
        case .binary(let binary) where binary.function == .add || binary.function == .mul:
            return areNeverNegative(producer.inputs[...], budget: &budget)
        default: return false
        }
    }

    private func areNeverNegative(_ ids: ArraySlice<ValueID?>, budget: inout Int) -> Bool {
        for id in ids {
            guard let id, isNeverNegative(id, budget: &budget) else { return false }
        }
        return true
    }
}
