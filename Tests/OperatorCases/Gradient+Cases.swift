import GraphIR
import Tensors

/// The operators that only training graphs have; ONNX does not know them.
public let gradientOperatorCases: [OperatorCase] = gradientCases

@CaseList
var gradientCases: [OperatorCase] {
}
