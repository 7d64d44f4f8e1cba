import GraphIR
import Tensors

extension Reduction: DifferentiableOperator {
    /// Equal extremes share the gradient, as with PyTorch's `amax`. A norm of zeros passes nothing on.
    func differentiate(in pass: inout BackwardPass) throws {
        let input = try pass.operand(Operand.input)
        let shape = try pass.writer.shape(input)
        let axes = try reducedAxes(pass, rank: shape.count)
        let kept = shape.indices.map { axes.contains($0) ? 1 : shape[$0] }
        let gradient = try pass.writer.reshape(pass.outputGradient(), to: kept)
        let y = try pass.writer.reshape(pass.output(), to: kept)
        try pass.give(to: Operand.input) { writer in
            switch function {
            case .sum: return try writer.expand(gradient, to: shape)
            case .mean:
                let count = axes.reduce(1) { $0 * shape[$1] }
                return try writer.expand(writer.scale(gradient, by: 1 / Double(count)), to: shape)
            case .l1: return try writer.multiply(gradient, writer.unary(.sign, input))
            case .sumSquare: return try writer.multiply(writer.scale(gradient, by: 2), input)
            case .logSumExp: return try writer.multiply(gradient, writer.unary(.exp, writer.subtract(input, y)))
            case .logSum: return try writer.expand(writer.multiply(gradient, writer.unary(.exp, writer.unary(.neg, y))), to: shape)
            case .l2:
                let zero = try writer.scalar(0, as: writer.elementType(y))
                return try writer.select(writer.binary(.equal, y, zero), zero, writer.multiply(gradient, writer.divide(input, y)))
            case .max, .min:
                let winners = try writer.cast(writer.binary(.equal, input, y), to: writer.elementType(y))
                return try writer.multiply(winners, writer.divide(gradient, writer.sum(winners, over: axes)))
            case .prod:
                let forward = Reduction(function: .prod, axes: axes, keepDimensions: true, keepsInputWithoutAxes: true)
                return try writer.emit(.productGradient(ProductGradient(forward: forward)), [input, gradient])
            }
        }
    }

    private func reducedAxes(_ pass: BackwardPass, rank: Int) throws -> [Int] {
        var given = axes ?? []
        if axes == nil, pass.node.input(Operand.axes) != nil {
            guard let known = pass.writer.integers(try pass.operand(Operand.axes)) else {
                throw CleaveError(.unsupported, "the axes are computed, expected constants")
            }
            given = known
        }
        if given.isEmpty { return keepsInputWithoutAxes ? [] : Array(0..<rank) }
        return given.map { $0 < 0 ? $0 + rank : $0 }
    }
}

extension CumulativeSum: DifferentiableOperator {
    /// The sum the other way round.
    func differentiate(in pass: inout BackwardPass) throws {
        let (axis, gradient) = (try pass.operand(Operand.axis), try pass.outputGradient())
        try pass.give(to: Operand.input) {
            try $0.emit(.cumulativeSum(CumulativeSum(exclusive: exclusive, reverse: !reverse)), [gradient, axis])
        }
    }
}

extension TopK: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws {
        let (input, gradient) = (try pass.operand(Operand.input), try pass.outputGradient())
        guard pass.node.outputs.count > 1, let indices = pass.node.outputs[1] else {
            throw CleaveError(.unsupported, "the second output is left out, but it says where the gradient goes")
        }
        let shape = try pass.writer.shape(input)
        try pass.give(to: Operand.input) {
            let axis = axis < 0 ? axis + shape.count : axis
            return try $0.emit(
                .scatterElements(ScatterElements(axis: axis, reduction: .none)),
                [$0.zeros(shape, as: $0.elementType(gradient)), indices, gradient])
        }
    }
}
