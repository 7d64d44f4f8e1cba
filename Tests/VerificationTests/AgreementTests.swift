import Foundation
import Tensors
import Testing

@testable import Verification

struct AgreementTests {
    private func compare(
        _ values: [Float], _ originals: [Float], shape: [Int]? = nil, tolerance: Tolerance = Tolerance()
    ) throws -> Agreement {
        var agreement = Agreement()
        let shape = shape ?? [values.count]
        agreement.add(try Tensor(values, shape: shape), original: try Tensor(originals, shape: shape), tolerance: tolerance)
        return agreement
    }

    @Test func measuresErrors() throws {
        let agreement = try compare([1, 2.5, -4], [1, 2, -4], tolerance: Tolerance(absolute: 0, relative: 0.1))
        #expect(!agreement.isEqual)
        #expect(agreement.differentCount == 1)
        #expect(agreement.maximumAbsoluteError == 0.5)
        #expect(abs(agreement.maximumRelativeError - 0.25) < 1e-12)
        #expect(abs(agreement.signalToNoise - 10 * log10(21 / 0.25)) < 1e-9)
        #expect(abs(agreement.cosine - 22 / (21.0 * 23.25).squareRoot()) < 1e-12)
        #expect(agreement.worst?.index == [1])
        #expect(agreement.worst?.value == 2.5)
        #expect(agreement.worst?.original == 2)
    }

    @Test func identicalTensorsHaveNoNoise() throws {
        let agreement = try compare([1, 2, 3], [1, 2, 3])
        #expect(agreement.isEqual)
        #expect(agreement.signalToNoise == .infinity)
        #expect(abs(agreement.cosine - 1) < 1e-12)
        #expect(agreement.maximumRelativeError == 0)
    }

    /// The rule of the documentation, on both sides of its edge.
    @Test(arguments: [(1.0009, true), (1.0011, false)])
    func toleranceIsNumPys(value: Double, isEqual: Bool) throws {
        let agreement = try compare([Float(value)], [1], tolerance: Tolerance(absolute: 5e-4, relative: 5e-4))
        #expect(agreement.isEqual == isEqual)
        #expect((agreement.maximumRelativeError <= 5e-4) == isEqual)
    }

    @Test func defaultToleranceFollowsTheMagnitudeOfTheTensor() throws {
        #expect(try compare([100, 0.0009], [100, 0]).isEqual)
        #expect(try !compare([1, 0.0009], [1, 0]).isEqual)
    }

    @Test func integersMustBeTheSame() throws {
        var agreement = Agreement()
        agreement.add(Tensor(vector: [Int32(1_000_001)]), original: Tensor(vector: [Int32(1_000_000)]), tolerance: Tolerance())
        #expect(!agreement.isEqual)
        var tolerant = Agreement()
        tolerant.add(
            Tensor(vector: [Int32(1_000_001)]), original: Tensor(vector: [Int32(1_000_000)]), tolerance: Tolerance(absolute: 1))
        #expect(tolerant.isEqual)
    }

    @Test func integersBeyondDoublesAreTold() throws {
        var agreement = Agreement()
        let large = Int64(1) << 60
        agreement.add(Tensor(vector: [large + 1]), original: Tensor(vector: [large]), tolerance: Tolerance())
        #expect(!agreement.isEqual)
    }

    @Test func notANumberEqualsOnlyItself() throws {
        #expect(try compare([.nan, 1], [.nan, 1]).isEqual)
        for (value, original) in [(Float.nan, Float(0)), (0, .nan), (.infinity, .nan), (.infinity, 1), (.infinity, -.infinity)] {
            let agreement = try compare([value, 1], [original, 1], tolerance: Tolerance(absolute: 1e30, relative: 1e30))
            #expect(!agreement.isEqual, "\(value) for \(original)")
            #expect(agreement.maximumAbsoluteError == .infinity)
            #expect(agreement.signalToNoise == -.infinity)
            #expect(agreement.worst?.index == [0])
        }
        #expect(try compare([.infinity], [.infinity]).isEqual)
    }

    @Test func otherShapesAndTypesAreMismatches() throws {
        var agreement = Agreement()
        agreement.add(Tensor(vector: [Float(1)]), original: try Tensor([Float(1)], shape: [1, 1]), tolerance: Tolerance())
        #expect(agreement.mismatch == "float32[1], expected float32[1, 1]")
        #expect(!agreement.isEqual)
        var types = Agreement()
        types.add(Tensor(vector: [Float(1)]), original: Tensor(vector: [Double(1)]), tolerance: Tolerance(absolute: 1, relative: 1))
        #expect(!types.isEqual)
    }

    @Test func aMismatchStaysWhenALaterSampleFits() throws {
        var agreement = Agreement()
        agreement.add(Tensor(vector: [Float(1)]), original: Tensor(vector: [Float(1), 2]), tolerance: Tolerance())
        agreement.add(Tensor(vector: [Float(1)]), original: Tensor(vector: [Float(1)]), tolerance: Tolerance())
        #expect(!agreement.isEqual)
        #expect(agreement.sampleCount == 2)
    }

    @Test func countsEqualArgMaxAlongTheClasses() throws {
        let rows = try compare([1, 2, 3, 4, 9, 5], [1, 2, 3, 6, 4, 5], shape: [2, 3])
        #expect(rows.equalArgMax == 0.5)
        // [1, 2, 2]: the classes are dimension 1, so each of two places has two.
        let places = try compare([1, 5, 2, 4], [1, 4, 2, 5], shape: [1, 2, 2])
        #expect(places.equalArgMax == 0.5)
        #expect(try compare([1, 2], [1, 2], shape: [2, 1]).equalArgMax == nil)
    }

    @Test func gathersSamples() throws {
        var agreement = Agreement()
        let tolerance = Tolerance(absolute: 0.5, relative: 0)
        agreement.add(Tensor(vector: [Float(1), 2]), original: Tensor(vector: [Float(1), 2.25]), tolerance: tolerance)
        agreement.add(Tensor(vector: [Float(1), 3]), original: Tensor(vector: [Float(2), 3]), tolerance: tolerance)
        #expect(agreement.elementCount == 4)
        #expect(agreement.differentCount == 1)
        #expect(agreement.worst?.sample == 1)
        #expect(agreement.worst?.index == [0])
        let signal = 1 + 2.25 * 2.25 + 4 + 9.0
        #expect(abs(agreement.signalToNoise - 10 * log10(signal / (0.0625 + 1))) < 1e-9)
    }

    @Test func stringsAreTheSameOrNot() throws {
        let original = try Tensor(shape: [2], strings: [Array("a".utf8), Array("b".utf8)])
        var agreement = Agreement()
        agreement.add(original, original: original, tolerance: Tolerance())
        #expect(agreement.isEqual)
        agreement.add(
            try Tensor(shape: [2], strings: [Array("a".utf8), Array("c".utf8)]), original: original, tolerance: Tolerance())
        #expect(agreement.differentCount == 1)
    }
}
