import GraphIR
import Tensors

// Products of 8-bit numbers are exact in Double: |x·w| < 2¹⁷, so that sums stay below 2⁵³ for up to 2³⁶ terms.

extension Tensor {
    /// Elements minus their zero point, which is a scalar, or has one entry for every length of `axis`.
    fileprivate func centered(on zeroPoint: Tensor?, axis: Int) throws -> [Double] {
        let values = try reals()
        guard let zeroPoint else { return values }
        try elementType.requireSame(as: zeroPoint.elementType)
        return combine(values, try zeroPoint.parameters(along: axis, of: shape), -)
    }

    /// This scale or zero point for every element of `shape`: one for all, one per position along `axis`, or one per row or column.
    fileprivate func parameters(along axis: Int, of shape: [Int]) throws -> [Double] {
        if count == 1 { return try broadcast(reals(), shape: [], to: shape) }
        guard rank == 1 else { return try broadcast(reals(), shape: self.shape, to: shape) }
        guard axis < shape.count, count == shape[axis] else {
            throw CleaveError(
                .shapeMismatch,
                "a scale or zero point has shape \(self.shape), expected one element, or one for each of dimension \(axis) of \(shape)")
        }
        return try broadcast(reals(), shape: [count] + [Int](repeating: 1, count: shape.count - 1 - axis), to: shape)
    }
}

/// round(sum · factor) + zero point, saturated to `type`; the product is formed in Float, ties round to even.
private func requantize(_ sums: [Double], factors: [Double], zeroPoint: Tensor, shape: [Int]) throws -> Tensor {
    guard zeroPoint.count == 1 else {
        throw CleaveError(.shapeMismatch, "the output's zero point has shape \(zeroPoint.shape), expected a scalar")
    }
    let zero = try zeroPoint.reals()[0]
    let values = combine(sums, factors) { sum, factor in
        Double((Float(sum) * Float(factor)).rounded(.toNearestOrEven)) + zero
    }
    return try Tensor(values, shape: shape, as: zeroPoint.elementType)
}

/// s_x · s_w / s_y for every element of the output, in Float.
private func factors(_ left: [Double], _ right: [Double], _ output: Tensor) throws -> [Double] {
    guard output.count == 1 else {
        throw CleaveError(.shapeMismatch, "the output's scale has shape \(output.shape), expected a scalar")
    }
    let outputScale = Float(try output.reals()[0])
    return combine(left, right) { Double(Float($0) * Float($1) / outputScale) }
}

extension ConvInteger: ReferenceKernel {
    /// Padding stands for the input's zero point. Sums wrap around in int32.
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let weight = try arguments.required(Operand.weight)
        let shape = try ConvolutionShape(input: input.shape, weight: weight.shape, window: window, groups: groups)
        let sums = try shape.convolve(
            input.centered(on: arguments.optional(Operand.inputZeroPoint), axis: 1),
            weight.centered(on: arguments.optional(Operand.weightZeroPoint), axis: 0), bias: nil)
        return [try Tensor(sums.map { Int64(clamping: $0) }, shape: shape.outputShape, as: .int32)]
    }
}

extension QLinearConv: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let weight = try arguments.required(Operand.weight)
        let shape = try ConvolutionShape(input: input.shape, weight: weight.shape, window: window, groups: groups)
        let bias = try checkedBias(arguments.optional(Operand.bias), filters: shape.filters)
        let sums = try shape.convolve(
            input.centered(on: arguments.required(Operand.inputZeroPoint), axis: 1),
            weight.centered(on: arguments.required(Operand.weightZeroPoint), axis: 0), bias: bias)
        let inputScale = try arguments.required(Operand.inputScale)
        guard inputScale.count == 1 else {
            throw CleaveError(.shapeMismatch, "the input's scale has shape \(inputScale.shape), expected a scalar")
        }
        let scales = try factors(
            inputScale.parameters(along: 1, of: shape.outputShape),
            arguments.required(Operand.weightScale).parameters(along: 1, of: shape.outputShape), arguments.required(Operand.outputScale))
        return [
            try requantize(sums, factors: scales, zeroPoint: arguments.required(Operand.outputZeroPoint), shape: shape.outputShape)
        ]
    }
}

/// Row axis of a left operand, column axis of a right one: what a vector of quantization parameters runs along.
private func parameterAxes(_ a: [Int], _ b: [Int]) -> (rows: Int, columns: Int) { (max(0, a.count - 2), max(0, b.count - 1)) }

extension MatMulInteger: ReferenceKernel {
    /// Sums wrap around in int32.
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let a = try arguments.required(Operand.a), b = try arguments.required(Operand.b)
        let product = try MatrixProduct(a.shape, b.shape)
        let axes = parameterAxes(a.shape, b.shape)
        let sums = try product.multiply(
            a.centered(on: arguments.optional(Operand.aZeroPoint), axis: axes.rows),
            b.centered(on: arguments.optional(Operand.bZeroPoint), axis: axes.columns))
        return [try Tensor(sums.map { Int64(clamping: $0) }, shape: product.outputShape, as: .int32)]
    }
}

extension QLinearMatMul: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let a = try arguments.required(Operand.a), b = try arguments.required(Operand.b)
        let product = try MatrixProduct(a.shape, b.shape)
        let axes = parameterAxes(a.shape, b.shape)
        let sums = try product.multiply(
            a.centered(on: arguments.required(Operand.aZeroPoint), axis: axes.rows),
            b.centered(on: arguments.required(Operand.bZeroPoint), axis: axes.columns))
        let outputAxes = parameterAxes(product.outputShape, product.outputShape)
        let scales = try factors(
            arguments.required(Operand.aScale).parameters(along: outputAxes.rows, of: product.outputShape),
            arguments.required(Operand.bScale).parameters(along: outputAxes.columns, of: product.outputShape),
            arguments.required(Operand.outputScale))
        return [
            try requantize(sums, factors: scales, zeroPoint: arguments.required(Operand.outputZeroPoint), shape: product.outputShape)
        ]
    }
}
