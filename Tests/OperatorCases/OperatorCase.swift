import GraphIR
import Tensors

/// One application of an operator with the result that it must have.
///
/// The table feeds every suite: inference, reference and fast kernels, ONNX round trip. Golden values come from outside
/// (arithmetic by hand, NumPy, ONNX Runtime and ONNX's own evaluator, which agreed), never from this project.
public struct OperatorCase: Sendable, CustomStringConvertible {
    /// Unique in the table: the operator, then what is special.
    public let name: String
    public let operation: Operator
    /// The version of ONNX's operator set whose form of the operator is used.
    public let opset: Int
    /// One entry per operand position; `nil` for a left-out one.
    public let operands: [Tensor?]
    public let outputs: [Tensor]
    /// How far a floating-point result may be from the golden one: |x − y| ≤ tolerance · max(1, |y|). Others must be equal.
    public let tolerance: Double

    init(_ name: String, _ operation: Operator, opset: Int, operands: [Tensor?], outputs: [Tensor], tolerance: Double) {
        self.name = name
        self.operation = operation
        self.opset = opset
        self.operands = operands
        self.outputs = outputs
        self.tolerance = tolerance
    }

    public var description: String { name }
}

/// Every case of every family.
public let allOperatorCases: [OperatorCase] =
    convolutionCases + poolingCases + normalizationCases + matMulCases + unaryCases + binaryCases + otherElementwiseCases
    + activationCases + reductionCases + indexingCases + shapeCases + slicingCases + constantCases + resamplingCases
    + quantizationCases + qLinearCases + lossCases + signalCases + randomCases + controlFlowCases

/// Collects the cases of one family; each is type-checked by itself.
@resultBuilder
enum CaseList {
    static func buildBlock(_ cases: OperatorCase...) -> [OperatorCase] { cases }
}

/// A tensor of the table, with its elements rounded to the type.
func tensor(_ elementType: ElementType, _ shape: [Int], _ elements: [Double]) -> Tensor {
    do {
        return try Tensor(elements, shape: shape, as: elementType)
    } catch {
        preconditionFailure("the table has a malformed tensor: \(error)")
    }
}
