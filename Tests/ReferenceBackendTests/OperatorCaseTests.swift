import OperatorCases
import ReferenceBackend
import Tensors
import Testing

/// The table of operator cases on the reference kernels.
struct OperatorCaseTests {
    @Test(arguments: allOperatorCases + gradientOperatorCases + integerOperatorCases)
    func computesTheGoldenValues(_ row: OperatorCase) throws {
        let results = try evaluate(row.operation, operands: row.operands, outputCount: row.outputs.count, opset: row.opset)
        try #require(results.count >= row.outputs.count)
        for (result, expected) in zip(results, row.outputs) {
            let actual = try #require(result)
            try #require(actual.shape == expected.shape && actual.elementType == expected.elementType, "\(actual), expected \(expected)")
            if expected.elementType == .string {
                #expect(actual.strings == expected.strings)
                continue
            }
            let pairs = zip(try #require(actual.doubles()), try #require(expected.doubles()))
            let tolerance = expected.elementType.isFloatingPoint ? row.tolerance : 0
            for (index, (left, right)) in pairs.enumerated() {
                let isSame = left == right || (left.isNaN && right.isNaN)
                let isClose = isSame || (left - right).magnitude <= tolerance * max(1, right.magnitude)
                #expect(isClose, "element \(index) is \(left), expected \(right)")
            }
        }
    }
}
