import Tensors

/// `Det`: the determinant of every matrix, [*, M, M] → [*].
public struct Determinant: OperatorPayload {
    public enum Operand: Int, CaseIterable, Sendable {
        case input
    }

    public static let operandCount = 1...1
    public static let outputCount = 1...1

    public init() {}

    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .floats)
        try input.requireRank(atLeast: 2, "rows, columns")
        guard let shape = input.shape else { return [InferredValue(input.elementType, nil)] }
        let (rows, columns) = (shape[shape.count - 2], shape[shape.count - 1])
        guard !rows.isCertainlyDifferent(from: columns) else {
            throw CleaveError(.shapeMismatch, "the matrices are \(rows) × \(columns), expected square ones")
        }
        return [InferredValue(input.elementType, Array(shape.dropLast(2)))]
    }

    /// Not counted: the work depends on the algorithm.
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
