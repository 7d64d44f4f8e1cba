import Tensors

/// The attributes of one kind of operator, as typed fields, and what they mean for types and cost.
///
/// There are deliberately no default implementations: a new operator answers every question itself.
public protocol OperatorPayload: Hashable, Sendable {
    /// How many operands a node may have, trailing ones left out; a left-out optional one in between is `nil`.
    static var operandCount: ClosedRange<Int> { get }
    static var outputCount: ClosedRange<Int> { get }

    /// What the outputs are, given the operands.
    ///
    /// Unknown operand types give unknown (or partly known) outputs, never an error.
    /// - Throws: `CleaveError` (`typeMismatch`, `shapeMismatch`, `invalidAttribute`) when no operand of the unknown parts could fit.
    func inferOutputs(_ context: InferenceContext) throws -> [InferredValue]

    /// Multiply-accumulate operations for the given operands and outputs; 0 for operators that do none,
    /// `nil` when a shape that matters is not known.
    func multiplyAccumulates(_ context: CostContext) -> Int?
}

/// An operator that Cleave does not know: name and attributes, kept as they were.
public struct OpaqueOperator: Hashable, Sendable {
    public var domain: String
    public var name: String
    /// Which of several functions of that name is meant (IR version 10 and later).
    public var overload: String

    public init(domain: String, name: String, overload: String) {
        self.domain = domain
        self.name = name
        self.overload = overload
    }
}

extension OpaqueOperator: OperatorPayload {
    public static let operandCount = 0...Int.max
    public static let outputCount = 0...Int.max

    public func inferOutputs(_ context: InferenceContext) -> [InferredValue] {
        [InferredValue](repeating: .unknown, count: context.outputCount)
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
