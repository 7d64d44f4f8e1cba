import Tensors

/// `Gemm`: alpha·A·B + beta·C with A [M, K] and B [K, N], each transposed on request, and C broadcast to [M, N].
public struct Gemm: OperatorPayload {
    public var alpha: Float
    public var beta: Float
    public var transposeA: Bool
    public var transposeB: Bool
    /// Opset 6 only: whether C is broadcast (`broadcast` 1).
    public var broadcastsLegacy: Bool

    public enum Operand: Int, CaseIterable, Sendable {
        case a, b, c
    }

    public static let operandCount = 2...3
    public static let outputCount = 1...1

    public init(alpha: Float, beta: Float, transposeA: Bool, transposeB: Bool, broadcastsLegacy: Bool) {
        self.alpha = alpha
        self.beta = beta
        self.transposeA = transposeA
        self.transposeB = transposeB
        self.broadcastsLegacy = broadcastsLegacy
    }
}

/// `MatMul`, batched as `numpy.matmul`.
public struct MatMul: OperatorPayload {
    public enum Operand: Int, CaseIterable, Sendable {
        case a, b
    }

    public static let operandCount = 2...2
    public static let outputCount = 1...1

    public init() {}
}

/// `Einsum`: a sum of products in Einstein's notation.
public struct Einsum: OperatorPayload {
    /// As in `numpy.einsum`.
    public var equation: String

    public static let operandCount = 1...Int.max
    public static let outputCount = 1...1

    public init(equation: String) {
        self.equation = equation
    }
}

/// `MatMulInteger`: 8-bit operands, int32 output.
public struct MatMulInteger: OperatorPayload {
    public enum Operand: Int, CaseIterable, Sendable {
        case a, b, aZeroPoint, bZeroPoint
    }

    public static let operandCount = 2...4
    public static let outputCount = 1...1

    public init() {}
}

/// `QLinearMatMul`: matrix product of quantized tensors, requantized to the output scale.
public struct QLinearMatMul: OperatorPayload {
    public enum Operand: Int, CaseIterable, Sendable {
        case a, aScale, aZeroPoint, b, bScale, bZeroPoint, outputScale, outputZeroPoint
    }

    public static let operandCount = 8...8
    public static let outputCount = 1...1

    public init() {}
}

extension Gemm {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let a = try context.type(of: Operand.a, .numbers)
        let b = try context.type(of: Operand.b, .numbers)
        let c = try context.type(of: Operand.c, .numbers)
        try a.requireRank(2, "rows, columns")
        try b.requireRank(2, "rows, columns")
        let inner = (a.dimension(transposeA ? 0 : 1), b.dimension(transposeB ? 1 : 0))
        guard !inner.0.isCertainlyDifferent(from: inner.1) else {
            throw CleaveError(
                .shapeMismatch,
                "a \(text(of: a.shape ?? []))\(transposeA ? "ᵀ" : "") and "
                    + "b \(text(of: b.shape ?? []))\(transposeB ? "ᵀ" : "") do not fit: "
                    + "the inner lengths are \(inner.0) and \(inner.1)")
        }
        let shape = [a.dimension(transposeA ? 1 : 0), b.dimension(transposeB ? 0 : 1)]
        try requireBroadcastable(c, to: shape, of: "the product")
        return [InferredValue(try commonElementType([a, b, c]), shape)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? {
        guard let a = context.input(Operand.a)?.knownShape, a.count == 2 else { return nil }
        return product([context.outputElements(), a[transposeA ? 0 : 1]])
    }
}

/// The shape of `numpy.matmul`: matrices in the last two dimensions, the others broadcast, vectors promoted.
private func matrixProductShape(_ a: OperandType, _ b: OperandType) throws -> [Dimension]? {
    try a.requireRank(atLeast: 1, "columns")
    try b.requireRank(atLeast: 1, "rows")
    guard let left = a.shape, let right = b.shape else { return nil }
    let inner = (left[left.count - 1], right[max(0, right.count - 2)])
    let batch = broadcast(Array(left.dropLast(2)), Array(right.dropLast(2)))
    guard let batch, !inner.0.isCertainlyDifferent(from: inner.1) else {
        throw CleaveError(
            .shapeMismatch,
            "\(a.name) \(text(of: left)) and \(b.name) \(text(of: right)) do not fit: "
                + (batch == nil ? "their batch dimensions cannot be broadcast" : "the inner lengths are \(inner.0) and \(inner.1)"))
    }
    let rows = left.count > 1 ? [left[left.count - 2]] : []
    let columns = right.count > 1 ? [right[right.count - 1]] : []
    return batch + rows + columns
}

extension CostContext {
    /// Output elements × length of the dimension that is summed over.
    fileprivate func matrixProductMultiplyAccumulates<Operand: RawRepresentable<Int>>(left: Operand) -> Int? {
        guard let inner = input(left)?.knownShape?.last else { return nil }
        return product([outputElements(), inner])
    }
}

extension MatMul {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let a = try context.type(of: Operand.a, .numbers)
        let b = try context.type(of: Operand.b, .numbers)
        return [InferredValue(try commonElementType([a, b]), try matrixProductShape(a, b))]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { context.matrixProductMultiplyAccumulates(left: Operand.a) }
}

extension MatMulInteger {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let a = try context.type(of: Operand.a, .bytes)
        let b = try context.type(of: Operand.b, .bytes)
        try commonElementType([a, context.type(of: Operand.aZeroPoint, .bytes)])
        try commonElementType([b, context.type(of: Operand.bZeroPoint, .bytes)])
        return [InferredValue(.int32, try matrixProductShape(a, b))]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { context.matrixProductMultiplyAccumulates(left: Operand.a) }
}

extension QLinearMatMul {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let a = try context.type(of: Operand.a, .any)
        let b = try context.type(of: Operand.b, .any)
        let outputZeroPoint = try context.type(of: Operand.outputZeroPoint, .any)
        try commonElementType([a, context.type(of: Operand.aZeroPoint, .any)])
        try commonElementType([b, context.type(of: Operand.bZeroPoint, .any)])
        for scale in [Operand.aScale, .bScale, .outputScale] { _ = try context.type(of: scale, .floats) }
        return [InferredValue(outputZeroPoint.elementType, try matrixProductShape(a, b))]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { context.matrixProductMultiplyAccumulates(left: Operand.a) }
}

extension Einsum {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let operands = try context.allTypes(.numbers)
        let elementType = try commonElementType(operands)
        guard let equation = try parsed(ranks: operands.map(\.rank)) else { return [InferredValue(elementType, nil)] }
        let lengths = try equation.lengths(operands.map { $0.shape ?? [] })
        return [InferredValue(elementType, equation.output.map { lengths[$0] ?? .unknown })]
    }

    /// The equation for operands of the given ranks; `nil` when one of them is unknown.
    private func parsed(ranks: [Int?]) throws -> EinsumEquation? {
        let known = ranks.compactMap { $0 }
        return known.count == ranks.count ? try EinsumEquation(equation, ranks: known) : nil
    }

    /// The product of the lengths of all letters, once per multiplication of two operands.
    public func multiplyAccumulates(_ context: CostContext) -> Int? {
        if context.inputs.count < 2 { return 0 }
        let shapes = context.inputs.compactMap { $0?.shape }
        guard shapes.count == context.inputs.count, let equation = try? EinsumEquation(equation, ranks: shapes.map(\.count)),
            let lengths = try? equation.lengths(shapes)
        else { return nil }
        return product([context.inputs.count - 1] + lengths.values.map(\.known))
    }
}
