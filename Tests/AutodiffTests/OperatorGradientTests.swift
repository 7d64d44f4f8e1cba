import GraphIR
import OperatorCases
import Tensors
import Testing

@testable import Autodiff

/// Every operator of the table that has a gradient, against central differences on the reference backend in float64.
@Suite struct OperatorGradientTests {
    static let differentiable = allOperatorCases.filter { row in
        guard case .differentiable = row.operation.gradientRule else { return false }
        return row.isDifferentiated
    }

    @Test(arguments: differentiable)
    func agreesWithFiniteDifferences(_ row: OperatorCase) throws {
        let function = try ScalarFunction(row)
        let weights = try function.weights()
        let gradients = try function.gradients(weights: weights)
        var checked = 0
        for (index, tensor) in function.operands.enumerated() {
            guard let tensor, tensor.elementType == .float64, case .differentiable(let rule) = row.operation.gradientRule,
                rule.reaches(operand: index)
            else { continue }
            let gradient = try #require(gradients[index], "operand \(index) has no gradient")
            try #require(gradient.shape == tensor.shape && gradient.elementType == .float64, "operand \(index)")
            let (values, slopes) = (try tensor.elements(as: Double.self), try gradient.elements(as: Double.self))
            for element in values.indices {
                let expected = try Slopes(step: 1e-4) { step in
                    var moved = values
                    moved[element] += step
                    var operands = function.operands
                    operands[index] = try Tensor(moved, shape: tensor.shape)
                    return try function.value(operands, weights: weights)
                }
                // Outside the domain of a function the sum leaves its value out, but 0 times its slope is no number.
                guard expected.isSmooth, slopes[element].isFinite || expected.central != 0 else { continue }
                checked += 1
                let difference = (slopes[element] - expected.central).magnitude
                #expect(
                    difference <= 1e-6 * max(1, expected.central.magnitude),
                    "operand \(index), element \(element): \(slopes[element]), expected \(expected.central)")
            }
        }
        #expect(checked > 0)
    }

    /// Whatever is neither in the table above nor without a derivative is missing a check.
    @Test func everyDifferentiableOperatorIsChecked() {
        let names = Set(Self.differentiable.map(\.operation.name))
        let missing = allOperatorCases.map(\.operation).filter { operation in
            guard case .differentiable = operation.gradientRule else { return false }
            return !names.contains(operation.name)
        }
        #expect(missing.map(\.name) == [])
    }

    @Test func reasonsAreSaid() {
        for row in allOperatorCases + gradientOperatorCases + integerOperatorCases {
            guard case .notDifferentiable(let reason) = row.operation.gradientRule else { continue }
            #expect(reason.count > 20 && !reason.hasSuffix("."), "\(row.operation.name): \(reason)")
        }
    }
}

extension OperatorCase {
    /// Whether the case computes with floating-point numbers at all, of which there are some.
    fileprivate var isDifferentiated: Bool {
        guard case .differentiable(let rule) = operation.gradientRule, let output = outputs.first else { return false }
        let hasOperand = operands.enumerated().contains { index, tensor in
            guard let tensor else { return false }
            return rule.reaches(operand: index) && tensor.elementType.isFloatingPoint && tensor.count > 0
        }
        return hasOperand && output.elementType.isFloatingPoint && output.count > 0
    }
}
