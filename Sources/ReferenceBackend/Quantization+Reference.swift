import GraphIR
import Tensors

/// Which scale an element of a tensor has.
private struct Granularity {
    private enum Kind {
        case perTensor
        case perAxis(length: Int, inner: Int)
        case blocked(length: Int, inner: Int, blockSize: Int, blocks: Int)
    }

    private let kind: Kind

    /// - Throws: `CleaveError` when the scale's shape fits neither the tensor, nor the axis, nor its blocks.
    init(shape: [Int], scaleShape: [Int], axis: Int, blockSize: Int) throws {
        if blockSize == 0, scaleShape.isEmpty || scaleShape == [1] {
            kind = .perTensor
            return
        }
        let axis = try Indexing.axis(axis, rank: shape.count)
        let view = AxisView(shape, axis: axis)
        let (length, inner) = (view.length, view.inner)
        if blockSize > 0 {
            var expected = shape
            expected[axis] = length / blockSize + (length.isMultiple(of: blockSize) ? 0 : 1)
            guard scaleShape == expected else {
                throw CleaveError(
                    .shapeMismatch, "scale has shape \(scaleShape), expected \(expected) for blocks of \(blockSize) along axis \(axis)")
            }
            kind = .blocked(length: length, inner: inner, blockSize: blockSize, blocks: expected[axis])
        } else {
            guard blockSize == 0, scaleShape == [length] else {
                throw CleaveError(
                    .shapeMismatch, "scale has shape \(scaleShape), expected a scalar or [\(length)], one per index of axis \(axis)")
            }
            kind = .perAxis(length: length, inner: inner)
        }
    }

    /// The offset of the scale of the element at `offset`.
    func scale(of offset: Int) -> Int {
        switch kind {
        case .perTensor: return 0
        case .perAxis(let length, let inner): return offset / inner % length
        case .blocked(let length, let inner, let blockSize, let blocks):
            let line = offset / inner
            return (line / length * blocks + line % length / blockSize) * inner + offset % inner
        }
    }
}

/// A scalar and a vector of one element are the same here.
private func requireSameShape(_ zeroPoint: Tensor, _ scale: Tensor) throws {
    guard zeroPoint.shape == scale.shape || (zeroPoint.count == 1 && scale.count == 1) else {
        throw CleaveError(.shapeMismatch, "the zero point has shape \(zeroPoint.shape), but scale has \(scale.shape)")
    }
}

extension QuantizeLinear: ReferenceKernel {
    /// The division is in the scale's type, as the specification has it; its result is rounded once.
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let scale = try arguments.required(Operand.scale)
        let zeroPoint = arguments.optional(Operand.zeroPoint)
        let type = zeroPoint?.elementType ?? outputType ?? .uint8
        if let outputType, outputType != type {
            throw CleaveError(.typeMismatch, "the zero point is \(type), but output_dtype is \(outputType)")
        }
        if let zeroPoint { try requireSameShape(zeroPoint, scale) }
        let granularity = try Granularity(shape: input.shape, scaleShape: scale.shape, axis: axis, blockSize: blockSize)
        let scales = try scale.reals()
        let zeros = try zeroPoint?.reals()
        let dividends = try Tensor(input.reals(), shape: input.shape, as: scale.elementType).reals()
        let quotients = try Tensor(
            dividends.indices.map { dividends[$0] / scales[granularity.scale(of: $0)] }, shape: input.shape, as: scale.elementType
        ).reals()
        let quantized = quotients.indices.map { offset in
            let quotient = type.isFloatingPoint ? quotients[offset] : quotients[offset].rounded(.toNearestOrEven)
            return zeros.map { quotient + $0[granularity.scale(of: offset)] } ?? quotient
        }
        return [try Tensor(quantized, shape: input.shape, as: type, saturatingFloat8: saturate)]
    }
}

extension DequantizeLinear: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let scale = try arguments.required(Operand.scale)
        let zeroPoint = arguments.optional(Operand.zeroPoint)
        if let zeroPoint {
            try input.elementType.requireSame(as: zeroPoint.elementType)
            try requireSameShape(zeroPoint, scale)
        }
        let granularity = try Granularity(shape: input.shape, scaleShape: scale.shape, axis: axis, blockSize: blockSize)
        let scales = try scale.reals()
        let zeros = try zeroPoint?.reals()
        let values = try input.reals().enumerated().map { offset, value in
            let place = granularity.scale(of: offset)
            return (value - (zeros?[place] ?? 0)) * scales[place]
        }
        return [try Tensor(values, shape: input.shape, as: scale.elementType)]
    }
}

extension DynamicQuantizeLinear: ReferenceKernel {
    /// In float32 throughout, as the specification's function body; a tensor of zeros has scale 1, as in ONNX Runtime.
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let values = try input.elements(as: Float.self)
        let low = values.reduce(0) { min($0, $1) }
        let high = values.reduce(0) { max($0, $1) }
        let scale = low == high ? 1 : (high - low) / 255
        func saturated(_ value: Float) -> UInt8 { UInt8(clamping: Double(value)) }
        let zeroPoint = saturated((-low / scale).rounded(.toNearestOrEven))
        let quantized = values.map { saturated(($0 / scale).rounded(.toNearestOrEven) + Float(zeroPoint)) }
        return [try Tensor(quantized, shape: input.shape), Tensor(scalar: scale), Tensor(scalar: zeroPoint)]
    }
}
