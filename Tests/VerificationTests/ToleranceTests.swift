import Tensors
import Testing

@testable import Verification

struct ToleranceTests {
    private func compare(_ actual: Tensor, _ expected: Tensor, _ tolerance: Tolerance = Tolerance()) -> TensorComparison {
        TensorComparison(actual, expected: expected, tolerance: tolerance.resolved(for: expected.elementType))
    }

    private func isEqual(_ values: [Float], _ expected: [Float], _ tolerance: Tolerance = Tolerance()) -> Bool {
        compare(Tensor(vector: values), Tensor(vector: expected), tolerance).isEqual
    }

    @Test func theDefaultFollowsTheMagnitudeOfTheTensor() {
        // 1e-5 · 100 near zero, and 1e-4 · 100 more at the largest element.
        #expect(isEqual([100, 0.0009], [100, 0]))
        #expect(!isEqual([100, 0.0011], [100, 0]))
        #expect(isEqual([100.0109, 0], [100, 0]))
        #expect(!isEqual([100.0112, 0], [100, 0]))
        #expect(!isEqual([1, 0.0009], [1, 0]))
        #expect(isEqual([0, 0], [0, 0]))
        #expect(!isEqual([0, 1e-30], [0, 0]))
    }

    @Test func anInfinityIsNoMagnitude() {
        #expect(isEqual([.infinity, 1], [.infinity, 1]))
        #expect(!isEqual([.infinity, 1.001], [.infinity, 1]))
    }

    @Test func theRelativeErrorDecidesTheVerdict() {
        for error in stride(from: Float(0.0001), through: 0.03, by: 0.0007) {
            let comparison = compare(Tensor(vector: [100 + error, -50 - error / 3]), Tensor(vector: [Float(100), -50]))
            #expect(comparison.isEqual == (comparison.maximumRelativeError <= 1e-4))
        }
    }

    @Test func everySampleIsJudgedByItsOwnMagnitude() {
        var comparison = compare(Tensor(vector: [Float(1000), 0.001]), Tensor(vector: [Float(1000), 0]))
        #expect(comparison.isEqual)
        comparison.add(Tensor(vector: [Float(1), 0.001]), expected: Tensor(vector: [Float(1), 0]))
        #expect(!comparison.isEqual)
        #expect(comparison.worst?.pair == 1)
    }

    @Test func givenPartsWin() {
        #expect(isEqual([100, 0.4], [100, 0], Tolerance(absolute: 0.5)))
        #expect(!isEqual([100, 0.6], [100, 0], Tolerance(absolute: 0.5)))
        #expect(!isEqual([100, 0.0009], [100, 0], Tolerance(absolute: 0)))
        #expect(isEqual([105], [100], Tolerance(relative: 0.05)))
        #expect(!isEqual([105], [100], Tolerance(absolute: 0, relative: 0.04)))
    }

    @Test func integersMustBeTheSameUnlessToldOtherwise() {
        let (value, expected) = (Tensor(vector: [Int32(1_000_001)]), Tensor(vector: [Int32(1_000_000)]))
        #expect(!compare(value, expected).isEqual)
        #expect(compare(value, expected, Tolerance(absolute: 1)).isEqual)
        #expect(compare(expected, expected).isEqual)
    }

    @Test func narrowTypesAreJudgedByTheirPrecision() throws {
        func isEqual(_ value: Double, _ type: ElementType) throws -> Bool {
            compare(try Tensor([value], shape: [1], as: type), try Tensor([1], shape: [1], as: type)).isEqual
        }
        #expect(try isEqual(1.005, .float16))
        #expect(try !isEqual(1.02, .float16))
        #expect(try isEqual(1.05, .bfloat16))
        #expect(try !isEqual(1.25, .bfloat16))
        #expect(try !isEqual(1.005, .float32))
    }
}
