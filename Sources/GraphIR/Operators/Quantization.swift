import Tensors

/// `QuantizeLinear`: saturate(round(x / scale) + zeroPoint), ties to even.
public struct QuantizeLinear: OperatorPayload {
    /// Channel dimension of a per-channel scale.
    public var axis: Int
    /// Whether float8 saturates.
    public var saturate: Bool
    /// Elements that share a scale along the axis; 0 for per-tensor or per-channel.
    public var blockSize: Int
    /// When there is no zero point to tell it (since opset 21).
    public var outputType: ElementType?

    public enum Operand: Int, CaseIterable, Sendable {
        case input, scale, zeroPoint
    }

    public static let operandCount = 2...3
    public static let outputCount = 1...1

    public init(axis: Int, saturate: Bool, blockSize: Int, outputType: ElementType?) {
        self.axis = axis
        self.saturate = saturate
        self.blockSize = blockSize
        self.outputType = outputType
    }
}

/// `DequantizeLinear`: (x − zeroPoint)·scale.
public struct DequantizeLinear: OperatorPayload {
    /// Channel dimension of a per-channel scale.
    public var axis: Int
    /// Elements that share a scale along the axis; 0 for per-tensor or per-channel.
    public var blockSize: Int

    public enum Operand: Int, CaseIterable, Sendable {
        case input, scale, zeroPoint
    }

    public static let operandCount = 2...3
    public static let outputCount = 1...1

    public init(axis: Int, blockSize: Int) {
        self.axis = axis
        self.blockSize = blockSize
    }
}

/// `DynamicQuantizeLinear`: uint8 with scale and zero point of the tensor's own range.
public struct DynamicQuantizeLinear: OperatorPayload {
    public enum Operand: Int, CaseIterable, Sendable {
        case input
    }

    public static let operandCount = 1...1
    public static let outputCount = 3...3

    public init() {}
}

/// A scale (or zero point) is a scalar, a vector along `axis`, or with blocks as the input with the axis divided.
func checkScale(_ scale: OperandType, input: OperandType, axis: Int, blockSize: Int) throws {
    guard blockSize >= 0 else { throw CleaveError(.invalidAttribute, "block_size is \(blockSize), expected a number from 0 up") }
    guard let shape = input.shape, let own = scale.shape else { return }
    if blockSize > 0 {
        try scale.requireRank(shape.count, "as the input has")
        let axis = try normalizedAxis(axis, rank: shape.count)
        let expected = shape.indices.map { $0 == axis ? shape[$0].dividedCeiling(by: blockSize) : shape[$0] }
        guard !zip(own, expected).contains(where: { $0.isCertainlyDifferent(from: $1) }) else {
            throw CleaveError(
                .shapeMismatch, "\(scale.name) has shape \(text(of: own)), expected \(text(of: expected)) for blocks of \(blockSize)")
        }
    } else if !own.isEmpty, own != [1] {
        try scale.requireRank(1, "one element per slice along the axis")
        if shape.isEmpty || own[0] == .unknown { return }
        try scale.requireVector(shape[try normalizedAxis(axis, rank: shape.count)], per: "slice along the axis")
    }
}

extension QuantizeLinear {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .numbers)
        let scale = try context.type(of: Operand.scale, .any)
        let zeroPoint = try context.type(of: Operand.zeroPoint, .any)
        try checkScale(scale, input: input, axis: axis, blockSize: blockSize)
        try checkScale(zeroPoint, input: input, axis: axis, blockSize: blockSize)
        if let outputType, let given = zeroPoint.elementType, outputType != given {
            throw CleaveError(.typeMismatch, "zero point has elements of \(given), but output_dtype is \(outputType)")
        }
        let isOpen = context.has(Operand.zeroPoint) && zeroPoint.elementType == nil
        return [InferredValue(zeroPoint.elementType ?? outputType ?? (isOpen ? nil : .uint8), input.shape)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension DequantizeLinear {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .any)
        let scale = try context.type(of: Operand.scale, .floats)
        let zeroPoint = try context.type(of: Operand.zeroPoint, .any)
        try commonElementType([input, zeroPoint])
        try checkScale(scale, input: input, axis: axis, blockSize: blockSize)
        try checkScale(zeroPoint, input: input, axis: axis, blockSize: blockSize)
        return [InferredValue(scale.elementType, input.shape)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension DynamicQuantizeLinear {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .floats)
        return [InferredValue(.uint8, input.shape), InferredValue(.float32, []), InferredValue(.uint8, [])]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}
