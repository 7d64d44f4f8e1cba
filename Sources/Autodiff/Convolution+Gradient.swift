import GraphIR
import Tensors

extension Convolution: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws {
        let gradient = try pass.outputGradient()
        let (input, weight) = (try pass.operand(Operand.input), try pass.operand(Operand.weight))
        try pass.give(to: Operand.input) {
            let operation = try ConvolutionInputGradient(forward: self, inputShape: $0.shape(input))
            return try $0.emit(.convolutionInputGradient(operation), [weight, gradient])
        }
        try pass.giveWeightGradient(of: self, input: input, outputGradient: gradient, weight: Operand.weight, bias: Operand.bias)
    }
}

extension BackwardPass {
    /// Gradients of weight and bias, together where both are wanted.
    fileprivate mutating func giveWeightGradient<Operand: RawRepresentable<Int>>(
        of convolution: Convolution, input: ValueID, outputGradient: ValueID, weight: Operand, bias: Operand
    ) throws {
        var biasGradient: ValueID?
        let wantsBias = needs(bias)
        let weightShape = try writer.shape(operand(weight))
        try give(to: weight) {
            let operation = ConvolutionWeightGradient(forward: convolution, weightShape: weightShape)
            let outputs = try $0.emit(
                .convolutionWeightGradient(operation), [input, outputGradient], wanted: [true, wantsBias])
            biasGradient = outputs[1]
            guard let gradient = outputs[0] else { throw CleaveError(.invalidGraph, "the gradient of the weight is left out") }
            return gradient
        }
        try give(to: bias) { try biasGradient ?? $0.sumPerChannel(outputGradient) }
    }
}

extension NodeWriter {
    /// The sum of [N, C, …] over everything but the channels, as a vector.
    mutating func sumPerChannel(_ value: ValueID) throws -> ValueID {
        let rank = try shape(value).count
        return try reduce(.sum, value, axes: (0..<rank).filter { $0 != 1 }, keepDimensions: false, output: nil)
    }
}

extension ConvolutionTranspose: DifferentiableOperator {
    /// The operator is the input gradient of a convolution that goes from its output to its input. So the gradient of its input is
    /// that convolution, and the gradient of its weight is that convolution's with input and output gradient exchanged.
    func differentiate(in pass: inout BackwardPass) throws {
        let gradient = try pass.outputGradient()
        let (input, weight) = (try pass.operand(Operand.input), try pass.operand(Operand.weight))
        let forward = try transposed(
            input: pass.writer.shape(input), weight: pass.writer.shape(weight), output: pass.writer.shape(pass.output()))
        try pass.give(to: Operand.input) { try $0.emit(.convolution(forward), [gradient, weight]) }
        let weightShape = try pass.writer.shape(weight)
        try pass.give(to: Operand.weight) {
            let operation = ConvolutionWeightGradient(forward: forward, weightShape: weightShape)
            return try $0.emit(.convolutionWeightGradient(operation), [gradient, input])
        }
        try pass.give(to: Operand.bias) { try $0.sumPerChannel(gradient) }
    }

    /// With the padding before the input as this operator cuts it off, and after it as much as makes the lengths fit.
    private func transposed(input: [Int], weight: [Int], output: [Int]) throws -> Convolution {
        let window = try window.resolved(kernel: Array(weight[2...]))
        var begins: [Int] = [], ends: [Int] = []
        for axis in window.kernel.indices {
            let (length, full) = (input[axis + 2], (input[axis + 2] - 1) * window.strides[axis] + window.extent(axis))
            let extra = outputPadding.isEmpty ? 0 : outputPadding[axis]
            var begin = window.pads(axis, length: length).begin
            if window.padding == .sameUpper || window.padding == .sameLower || outputShape != nil {
                let total = max(0, full + extra - output[axis + 2])
                begin = window.padding == .sameUpper ? total / 2 : total - total / 2
            }
            begins.append(begin)
            ends.append(full - output[axis + 2] - begin)
        }
        return Convolution(
            window: Window(
                kernel: window.kernel, strides: window.strides, dilations: window.dilations,
                padding: .explicit(begin: begins, end: ends)), groups: groups)
    }
}
