import Tensors

/// ⌊length · scale⌋ in float32, as ONNX computes it; of a symbolic length for scales that are whole numbers or their reciprocals.
private func scaled(_ length: Dimension, by scale: Float) -> Dimension {
    if scale == 1 { return length }
    if let known = length.known {
        return Int(exactly: (Float(known) * scale).rounded(.down)).map { .known($0) } ?? .unknown
    }
    if let whole = Int(exactly: scale) { return length * .known(whole) }
    if let divisor = Int(exactly: 1 / scale) { return length.dividedFlooring(by: .known(divisor)) }
    return .unknown
}

/// - Throws: `CleaveError` when there is not one positive scale per axis.
private func checkScales(_ scales: [Float], expected: Int) throws {
    guard scales.count == expected else {
        throw CleaveError(.shapeMismatch, "scales has \(count(scales.count, "element")), expected \(expected), one per dimension")
    }
    guard let bad = scales.first(where: { !($0 > 0) || !$0.isFinite }) else { return }
    throw CleaveError(.invalidAttribute, "one of the scales is \(bad), expected positive numbers")
}

extension InferenceContext {
    /// Scales that are constant, or whole numbers that exporters put together from constants.
    fileprivate func scales<Operand: RawRepresentable<Int>>(_ operand: Operand) -> [Float]? {
        constant(operand)?.doubles()?.map { Float($0) } ?? knownContents(operand)?.map { Float($0) }
    }
}

extension Resize {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .numbersAndBooleans)
        guard let shape = input.shape else { return [InferredValue(input.elementType, nil)] }
        let axes = try axes.map { try normalizedAxes($0, rank: shape.count) } ?? Array(shape.indices)
        var output = shape
        for (axis, length) in zip(axes, try outputLengths(axes.map { shape[$0] }, context)) { output[axis] = length }
        return [InferredValue(input.elementType, output)]
    }

    private func outputLengths(_ lengths: [Dimension], _ context: InferenceContext) throws -> [Dimension] {
        let usesOldOrder = context.opset < 11
        if !usesOldOrder, context.has(Operand.sizes), context.tensor(Operand.sizes)?.shape != [0] {
            guard let sizes = try context.vector(Operand.sizes, "one length per axis") else { return lengths.map { _ in .unknown } }
            guard sizes.count == lengths.count else {
                throw CleaveError(.shapeMismatch, "sizes has \(count(sizes.count, "element")), expected \(lengths.count), one per axis")
            }
            return keepingAspectRatio(lengths, sizes)
        }
        let operand = usesOldOrder ? Operand.roi : .scales
        guard context.has(operand) else {
            throw CleaveError(.invalidGraph, "neither scales nor sizes are given, expected one of them")
        }
        guard let scales = context.scales(operand) else { return lengths.map { _ in .unknown } }
        try checkScales(scales, expected: lengths.count)
        // The specification's text multiplies a cropped length by the region's; ONNX's own inference and ONNX Runtime do not.
        return zip(lengths, scales).map { scaled($0, by: $1) }
    }

    /// With a policy other than `stretch`, the sizes only bound the one scale that all axes share.
    private func keepingAspectRatio(_ lengths: [Dimension], _ sizes: [Dimension]) -> [Dimension] {
        if aspectRatioPolicy == .stretch { return sizes }
        let known = zip(lengths, sizes).compactMap { length, size in
            if let length = length.known, let size = size.known, length > 0 { (length: length, size: size) } else { nil }
        }
        let scales = known.map { Float($0.size) / Float($0.length) }
        guard known.count == lengths.count, let scale = aspectRatioPolicy == .notLarger ? scales.min() : scales.max()
        else { return lengths.map { _ in .unknown } }
        return known.map { Int(exactly: (Float($0.length) * scale).rounded()).map { .known($0) } ?? .unknown }
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension Upsample {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .any)
        guard let shape = input.shape else { return [InferredValue(input.elementType, nil)] }
        guard let scales = scales ?? context.scales(Operand.scales) else {
            return [InferredValue(input.elementType, shape.map { _ in .unknown })]
        }
        try checkScales(scales, expected: shape.count)
        return [InferredValue(input.elementType, zip(shape, scales).map { scaled($0, by: $1) })]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension GridSample {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .any)
        let grid = try context.type(of: Operand.grid, .floats)
        try input.requireRank(atLeast: 3, "batch, channels, spatial …")
        guard let rank = input.rank ?? grid.rank else { return [InferredValue(input.elementType, nil)] }
        try grid.requireRank(rank, "batch, \(ConvolutionShape.spatialNames(rank - 2)), coordinates")
        guard !grid.dimension(rank - 1).isCertainlyDifferent(from: .known(rank - 2)) else {
            throw CleaveError(.shapeMismatch, "grid has \(grid.dimension(rank - 1)) coordinates per point, expected \(rank - 2)")
        }
        guard let batch = unified(input.dimension(0), grid.dimension(0)) else {
            throw CleaveError(.shapeMismatch, "input has batch \(input.dimension(0)), but grid has \(grid.dimension(0)): expected the same")
        }
        return [InferredValue(input.elementType, [batch, input.dimension(1)] + (1..<rank - 1).map { grid.dimension($0) })]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}
