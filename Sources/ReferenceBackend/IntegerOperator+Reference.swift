import GraphIR
import Tensors

// Sums are formed in Double, where products of 8-bit numbers are exact, and wrap around in int32.

extension IntegerOperator: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        try requireIntegers(arguments)
        switch function {
        case .convolution(let convolution, let filters):
            let weight = try arguments.required(Operand.weight)
            let shape = try ConvolutionShape(
                input: input.shape, weight: weight.shape, window: convolution.window, groups: convolution.groups)
            try require(filters, channels: shape.filters)
            let bias = try checkedBias(arguments.optional(Operand.bias), filters: shape.filters)
            let sums = try shape.convolve(
                centered(input, operands[0]), centered(weight, filters, axis: 0), bias: bias)
            return [try requantized(sums, filters, channels: shape.filters, inner: shape.placed.outputCount, shape.outputShape, arguments)]
        case .product(let transposesWeight, let filters):
            return [try multiply(input, transposesWeight, filters, arguments)]
        case .add: return [try combine(arguments, sum)]
        case .multiply: return [try combine(arguments, product)]
        case .averagePool(let pool): return [try average(input, pool)]
        case .globalAverage: return [try globalAverage(input)]
        case .table(let entries): return [try lookUp(input, entries)]
        }
    }

    /// Operands are 8-bit integers, a bias int32.
    private func requireIntegers(_ arguments: KernelArguments) throws {
        for (place, operand) in arguments.operands.enumerated() {
            guard let type = operand?.elementType else { continue }
            let isBias = place == Operand.bias.rawValue
            guard isBias ? type == .int32 : type == .int8 || type == .uint8 else {
                throw CleaveError(
                    .typeMismatch, "operand \(place) has elements of \(type), expected \(isBias ? "int32" : "int8 or uint8")")
            }
        }
    }

    /// One scale and zero point for all filters, or one for each.
    private func require(_ filters: Filters, channels: Int) throws {
        for count in [filters.scales.count, filters.zeroPoints.count] where count != 1 && count != channels {
            throw CleaveError(.invalidAttribute, "there are \(count) scales or zero points, expected 1 or \(channels), one per filter")
        }
    }

    private func centered(_ tensor: Tensor, _ affine: Affine) throws -> [Double] {
        let zero = Double(affine.zeroPoint)
        return try tensor.reals().map { $0 - zero }
    }

    private func centered(_ weight: Tensor, _ filters: Filters, axis: Int) throws -> [Double] {
        let inner = weight.shape[(axis + 1)...].reduce(1, *), length = weight.shape[axis]
        return try weight.reals().enumerated().map { index, value in
            value - Double(filters.zeroPoints[filters.zeroPoints.count == 1 ? 0 : index / inner % length])
        }
    }

    // MARK: Sums of products

    private func multiply(
        _ input: Tensor, _ transposesWeight: Bool, _ filters: Filters, _ arguments: KernelArguments
    ) throws -> Tensor {
        let weight = try arguments.required(Operand.weight)
        guard weight.rank == 2, input.rank >= 1 else {
            throw CleaveError(.shapeMismatch, "the weight has shape \(weight.shape), expected two dimensions")
        }
        let columns = weight.shape[transposesWeight ? 0 : 1], depth = weight.shape[transposesWeight ? 1 : 0]
        guard input.shape.last == depth else {
            throw CleaveError(.shapeMismatch, "shapes are \(input.shape) and \(weight.shape), expected an inner length of \(depth)")
        }
        try require(filters, channels: columns)
        var values = try centered(weight, filters, axis: transposesWeight ? 0 : 1)
        if transposesWeight {
            let rows = values
            for row in 0..<depth {
                for column in 0..<columns { values[row * columns + column] = rows[column * depth + row] }
            }
        }
        let bias = try checkedBias(arguments.optional(Operand.bias), filters: columns)
        let product = try MatrixProduct([input.shape.dropLast().reduce(1, *), depth], [depth, columns])
        var sums = product.multiply(try centered(input, operands[0]), values)
        if let bias {
            for index in sums.indices { sums[index] += bias[index % columns] }
        }
        return try requantized(sums, filters, channels: columns, inner: 1, input.shape.dropLast() + [columns], arguments)
    }

    /// Rounds sums to the result, with the residual added before that.
    private func requantized(
        _ sums: [Double], _ filters: Filters, channels: Int, inner: Int, _ shape: [Int], _ arguments: KernelArguments
    ) throws -> Tensor {
        let wrapped = sums.map { Int32(truncatingIfNeeded: Int64($0)) }
        func channel(_ index: Int) -> Int { filters.scales.count == 1 ? 0 : index / inner % channels }
        if rounding == .fixedPoint, result.elementType != .float32 {
            let multipliers = multipliers(filters)
            return try tensor(
                wrapped.enumerated().map { index, sum in
                    let multiplier = multipliers[channel(index)]
                    return limited(Int64(roundsProductsOnce ? multiplier.roundingOnce(sum) : multiplier(sum)))
                }, shape)
        }
        let factors = factors(filters)
        var values = wrapped.enumerated().map { Float($1) * factors[channel($0)] }
        if let residual = arguments.optional(Operand.residual), operands.count > 1 {
            guard residual.shape == shape else {
                throw CleaveError(.shapeMismatch, "the residual has shape \(residual.shape), expected \(shape)")
            }
            let ratio = ratio(ofOperand: 1)
            for (index, distance) in try centered(residual, operands[1]).enumerated() { values[index] += Float(distance) * ratio }
        }
        if result.elementType == .float32 { return try Tensor(values, shape: shape) }
        return try tensor(values.map { limited(rounding: $0) }, shape)
    }

    private func tensor(_ values: [Int32], _ shape: [Int]) throws -> Tensor {
        try Tensor(values.map { Int64($0) }, shape: shape, as: result.elementType)
    }

    // MARK: Two operands

    private func combine(_ arguments: KernelArguments, _ body: (Int32, Int32) -> Int32) throws -> Tensor {
        let a = try arguments.required(Operand.input), b = try arguments.required(Operand.weight)
        let shape = try broadcastShape([a.shape, b.shape])
        let left = try broadcast(centered(a, operands[0]), shape: a.shape, to: shape)
        let right = try broadcast(centered(b, operands[1]), shape: b.shape, to: shape)
        return try tensor(zip(left, right).map { body(Int32($0), Int32($1)) }, shape)
    }

    /// float32: round(a·(s_a/s_y) + (b·(s_b/s_y) + shift)) of the integers themselves, each product fused with its sum; fixed point:
    /// TFLite's addition with 20 more bits.
    private func sum(_ a: Int32, _ b: Int32) -> Int32 {
        guard rounding == .fixedPoint else {
            let second = additionShift.addingProduct(Float(b + operands[1].zeroPoint), ratio(ofOperand: 1))
            return limited(roundingWhole: second.addingProduct(Float(a + operands[0].zeroPoint), ratio(ofOperand: 0)))
        }
        let multipliers = additionMultipliers
        return limited(Int64(multipliers.sum(multipliers.first(a << 20) &+ multipliers.second(b << 20))))
    }

    /// float32: round((a·b)·(s_a·s_b/s_y) + z_y).
    private func product(_ a: Int32, _ b: Int32) -> Int32 {
        guard rounding == .fixedPoint else {
            return limited(roundingWhole: Float(a * b) * productFactor + Float(result.affine.zeroPoint))
        }
        return limited(Int64(productMultiplier(a * b)))
    }

    // MARK: Means

    /// float32: operands are dequantized, summed in the order of the taps, divided, and quantized. Fixed point, where
    /// `averagesIntegers`: the integers' mean, halves away from zero.
    private func average(_ input: Tensor, _ pool: AveragePool) throws -> Tensor {
        let (scale, zero) = (operands[0].scale, operands[0].zeroPoint)
        let isInteger = averagesIntegers(pool)
        let values = try input.reals().map { isInteger ? $0 : Double(Float($0 - Double(zero)) * scale) }
        let planes = try PooledPlanes(
            Tensor(values, shape: input.shape), pool.window, ceilMode: pool.ceilMode)
        let sums = planes.fold(from: 0) { isInteger ? $0 + $1 : Double(Float($0) + Float($1)) }
        let placed = planes.placed
        let taps = placed.outputShape.indices.map { placed.tapCounts(axis: $0, includingPadding: pool.countIncludePad) }
        var counts: [Int] = []
        forEachPosition(in: placed.outputShape) { position in counts.append(zip(taps, position).reduce(1) { $0 * $1.0[$1.1] }) }
        return try tensor(
            sums.enumerated().map { index, sum in
                let count = counts[index % placed.outputCount]
                guard count > 0 else { return limited(0) }
                guard isInteger else {
                    return limited(roundingWhole: Float(sum) / Float(count) / result.affine.scale + Float(result.affine.zeroPoint))
                }
                return limited(Int64((sum / Double(count)).rounded(.toNearestOrAwayFromZero)) - Int64(zero))
            }, planes.shape)
    }

    private func globalAverage(_ input: Tensor) throws -> Tensor {
        guard input.rank >= 2 else { throw CleaveError(.shapeMismatch, "the input has shape \(input.shape), expected [N, C, …]") }
        let count = input.shape[2...].reduce(1, *), values = try centered(input, operands[0])
        let shape = Array(input.shape.prefix(2)) + input.shape.dropFirst(2).map { _ in 1 }
        let multiplier = meanMultiplier(count: count), factor = meanFactor(count: count)
        return try tensor(
            (0..<shape.reduce(1, *)).map { plane in
                let sum = Int32(truncatingIfNeeded: Int64(values[plane * count..<(plane + 1) * count].reduce(0, +)))
                return rounding == .fixedPoint ? limited(Int64(multiplier(sum))) : limited(rounding: Float(sum) * factor)
            }, shape)
    }

    private func lookUp(_ input: Tensor, _ entries: [Int32]) throws -> Tensor {
        let first: Int64 = input.elementType == .int8 ? 128 : 0
        guard entries.count == 256 else {
            throw CleaveError(.invalidAttribute, "the table has \(entries.count) entries, expected 256, one for every integer")
        }
        return try tensor(input.integers().map { entries[Int($0 + first)] }, input.shape)
    }
}
