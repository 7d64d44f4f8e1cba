import GraphIR
import Tensors

extension BatchNorm: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws {
        let gradient = try pass.outputGradient()
        var operands: [ValueID?] = [try pass.operand(Operand.input), try pass.operand(Operand.scale), gradient]
        if !trainingMode { operands += [try pass.operand(Operand.mean), try pass.operand(Operand.variance)] }
        try pass.giveTogether(.batchNormGradient(BatchNormGradient(forward: self)), operands, to: [Operand.input, .scale, .bias])
    }
}

extension BackwardPass {
    /// Gives several operands the outputs of one node.
    mutating func giveTogether<Operand: RawRepresentable<Int>>(
        _ operation: Operator, _ inputs: [ValueID?], to operands: [Operand]
    ) throws {
        let outputs = try writer.emit(operation, inputs, wanted: operands.map(needs))
        for (operand, output) in zip(operands, outputs) {
            guard let output else { continue }
            try give(to: operand) { _ in output }
        }
    }
}

extension InstanceNorm: DifferentiableOperator {
    /// As group normalization with one group per channel.
    func differentiate(in pass: inout BackwardPass) throws {
        let (input, scale, gradient) = (try pass.operand(Operand.input), try pass.operand(Operand.scale), try pass.outputGradient())
        let forward = try GroupNorm(
            groups: pass.writer.shape(input)[1], epsilon: epsilon, stashType: ElementType.float32.rawValue, affinePerGroup: false)
        try pass.giveTogether(
            .groupNormGradient(GroupNormGradient(forward: forward)), [input, scale, gradient], to: [Operand.input, .scale, .bias])
    }
}

extension GroupNorm: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws {
        let (input, scale, gradient) = (try pass.operand(Operand.input), try pass.operand(Operand.scale), try pass.outputGradient())
        try pass.giveTogether(
            .groupNormGradient(GroupNormGradient(forward: self)), [input, scale, gradient], to: [Operand.input, .scale, .bias])
    }
}

extension LayerNorm: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws {
        let (input, scale, gradient) = (try pass.operand(Operand.input), try pass.operand(Operand.scale), try pass.outputGradient())
        if pass.needs(Operand.input) || pass.needs(Operand.scale) {
            try pass.giveTogether(
                .layerNormGradient(LayerNormGradient(forward: self)), [input, scale, gradient], to: [Operand.input, .scale])
        }
        try pass.give(to: Operand.bias) { _ in gradient }
    }
}

extension RMSNorm: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws {
        let (input, scale, gradient) = (try pass.operand(Operand.input), try pass.operand(Operand.scale), try pass.outputGradient())
        try pass.giveTogether(
            .rmsNormGradient(RMSNormGradient(forward: self)), [input, scale, gradient], to: [Operand.input, .scale])
    }
}

extension LocalResponseNorm: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws {
        let (input, gradient) = (try pass.operand(Operand.input), try pass.outputGradient())
        try pass.give(to: Operand.input) {
            try $0.emit(.localResponseNormGradient(LocalResponseNormGradient(forward: self)), [input, gradient])
        }
    }
}

extension LpNorm: DifferentiableOperator {
    /// With y = x/‖x‖: dx = (dy − ∂‖x‖/∂x · Σ dy·y) / ‖x‖, where ∂‖x‖/∂x is sign(x) for p = 1 and y for p = 2. A line of zeros is not
    /// divided, and passes its gradient on.
    func differentiate(in pass: inout BackwardPass) throws {
        let (input, output, gradient) = (try pass.operand(Operand.input), try pass.output(), try pass.outputGradient())
        let rank = try pass.writer.shape(input).count
        let axis = axis < 0 ? axis + rank : axis
        try pass.give(to: Operand.input) {
            let norm = try $0.reduce(p == 1 ? .l1 : .l2, input, axes: [axis], keepDimensions: true, output: nil)
            let type = try $0.elementType(input)
            let isZero = try $0.binary(.equal, norm, $0.scalar(0, as: type))
            let divisor = try $0.select(isZero, $0.scalar(1, as: type), norm)
            let slope = p == 1 ? try $0.unary(.sign, input) : output
            let projection = try $0.sum($0.multiply(gradient, output), over: [axis])
            return try $0.divide($0.subtract(gradient, $0.multiply(slope, projection)), divisor)
        }
    }
}

extension MeanVarianceNorm: DifferentiableOperator {
    /// With d = x − mean, s = √mean(d²) and D = s + 10⁻⁹: dx = (dy − mean(dy))/D − d·mean(dy·d)/(s·D²).
    func differentiate(in pass: inout BackwardPass) throws {
        let (input, gradient) = (try pass.operand(Operand.input), try pass.outputGradient())
        let rank = try pass.writer.shape(input).count
        let axes = axes.map { $0 < 0 ? $0 + rank : $0 }
        try pass.give(to: Operand.input) {
            let centered = try $0.subtract(input, $0.mean(input, over: axes))
            let deviation = try $0.unary(.sqrt, $0.mean($0.multiply(centered, centered), over: axes))
            let divisor = try $0.offset(deviation, by: 1e-9)
            let direct = try $0.divide($0.subtract(gradient, $0.mean(gradient, over: axes)), divisor)
            let slope = try $0.divide(
                $0.mean($0.multiply(gradient, centered), over: axes), $0.multiply(deviation, $0.multiply(divisor, divisor)))
            return try $0.subtract(direct, $0.multiply(centered, slope))
        }
    }
}
