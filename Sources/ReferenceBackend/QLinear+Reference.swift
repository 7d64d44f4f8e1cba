import GraphIR
import Tensors

/// Errors are about the integer operator, which the caller knows.
private func evaluateOnFloats(_ operation: Operator, _ operands: [Tensor?], opset: Int) throws -> [Tensor?] {
    do {
        return try evaluate(operation, operands: operands, outputCount: 1, opset: opset)
    } catch var error as CleaveError {
        error.location.operatorName = nil
        throw error
    }
}

extension QLinear: ReferenceKernel {
    /// Operands are dequantized, the float operator runs, and its result is quantized, all in Double: one rounding at the end.
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        func operand(_ place: Int) -> Tensor? { place < arguments.operands.count ? arguments.operands[place] : nil }
        let places = quantizedOperands(of: arguments.operands.count)
        var floats: [Tensor?] = []
        var scales: [[Double]] = []
        for place in places {
            guard let tensor = operand(place), let scale = operand(place + 1) else {
                throw CleaveError(.invalidGraph, "operand \(place) or its scale is left out, but both are required")
            }
            let real = try Self.dequantized(tensor, scale: scale, zeroPoint: operand(place + 2), axis: channelAxis(of: place, tensor))
            floats.append(real.tensor)
            scales.append(real.scale)
        }
        if let biasOperand, let bias = operand(biasOperand) {
            let factors = scales.reduce([1.0]) { result, next in
                next.count == 1 ? result.map { $0 * next[0] } : next.map { $0 * (result.first ?? 1) }
            }
            let values = try bias.integers().enumerated().map { Double($1) * factors[factors.count == 1 ? 0 : $0 % factors.count] }
            floats.append(try Tensor(values, shape: bias.shape))
        }
        let results = try evaluateOnFloats(floatOperator, floats, opset: max(arguments.opset, 13))
        guard let result = results.first.flatMap({ $0 }) else { return [nil] }
        guard let scale = operand(outputParameters.scale) else { return [try Tensor(result.reals(), shape: result.shape, as: .float32)] }
        let zeroPoint = operand(outputParameters.zeroPoint)
        let type = zeroPoint?.elementType ?? operand(places[0])?.elementType ?? .uint8
        guard scale.count == 1, (zeroPoint?.count ?? 1) == 1 else {
            throw CleaveError(.shapeMismatch, "the output's scale has shape \(scale.shape), expected a scalar")
        }
        let (step, zero) = (try scale.reals()[0], try zeroPoint?.reals()[0] ?? 0)
        return [try Tensor(result.reals().map { ($0 / step).rounded(.toNearestOrEven) + zero }, shape: result.shape, as: type)]
    }

    /// The dimension of an operand that scales per channel run along: the columns of the product's second operand.
    private func channelAxis(of place: Int, _ tensor: Tensor) -> Int {
        if case .gemm(_, _, let transposeB) = function, place == 3, transposeB { 0 } else { max(0, tensor.rank - 1) }
    }

    /// (q − zeroPoint)·scale as float64; a scale has one element, or one for each position along `axis`.
    private static func dequantized(
        _ tensor: Tensor, scale: Tensor, zeroPoint: Tensor?, axis: Int
    ) throws -> (tensor: Tensor, scale: [Double]) {
        if let zeroPoint { try tensor.elementType.requireSame(as: zeroPoint.elementType) }
        let scales = try scale.reals()
        let zeros = try zeroPoint?.reals() ?? [0]
        let channels = tensor.rank == 0 ? 1 : tensor.shape[axis]
        let inner = tensor.shape.dropFirst(axis + 1).reduce(1, *)
        for (count, what) in [(scales.count, "scale"), (zeros.count, "zero point")] where count != 1 && count != channels {
            throw CleaveError(.shapeMismatch, "a \(what) has \(count) elements, expected 1 or \(channels), one per column")
        }
        let values = try tensor.reals().enumerated().map { index, value in
            let channel = index / inner % channels
            return (value - zeros[zeros.count == 1 ? 0 : channel]) * scales[scales.count == 1 ? 0 : channel]
        }
        return (try Tensor(values, shape: tensor.shape), scales)
    }
}
