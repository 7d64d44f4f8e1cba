import Testing

@testable import Tensors

@Suite struct TensorComparisonTests {
    static let tolerance = TensorComparison.Tolerance(absolute: 1e-3, relative: 1e-2)

    static func compare(
        _ actual: [Float], _ expected: [Float], shape: [Int]? = nil, _ tolerance: TensorComparison.Tolerance = tolerance
    ) throws -> TensorComparison {
        TensorComparison(
            try Tensor(actual, shape: shape ?? [actual.count]), expected: try Tensor(expected, shape: shape ?? [expected.count]),
            tolerance: tolerance)
    }

    @Test func aSentinelDoesNotHideTheRest() throws {
        let share = TensorComparison.Tolerance(absolute: 0, relative: 1e-4, shareOfLargest: 1e-5)
        #expect(try !Self.compare([-1, -2, -3, 1e30], [1, 2, 3, 1e30], share).isEqual)
        #expect(try Self.compare([1.00001, 1e-7, 3, 4], [1, 0, 3, 4], share).isEqual)
    }

    @Test func equalTensors() throws {
        let comparison = try Self.compare([1, -2, 3], [1, -2, 3], .none)
        #expect(comparison.isEqual)
        #expect(comparison.isBitExact)
        #expect(comparison.maximumAbsoluteError == 0)
        #expect(comparison.maximumRelativeError == 0)
        #expect(comparison.signalToNoise == .infinity)
        #expect(comparison.cosineSimilarity == 1)
        #expect(comparison.argMaxAgreement == 1)
        #expect(comparison.worst == nil)
        #expect(comparison.elementCount == 3)
    }

    @Test func aCosineIsAtMostOne() throws {
        for count in 1...60 {
            let values = (0..<count).map { 0.1 + 0.37 * Float($0) }
            #expect(try Self.compare(values.map { 3 * $0 }, values).cosineSimilarity <= 1, "\(count)")
            #expect(try Self.compare(values.map { -3 * $0 }, values).cosineSimilarity >= -1, "\(count)")
        }
    }

    @Test func keepsTheTolerancesThatItUsed() throws {
        var comparison = TensorComparison(tolerance: .init(absolute: 0, relative: 1e-2, shareOfLargest: 1e-3))
        #expect(comparison.absoluteTolerances == nil)
        for largest in [Float(2), 5, 1] {
            let tensor = try Tensor([largest, largest / 2], shape: [2])
            comparison.add(tensor, expected: tensor)
        }
        #expect(comparison.absoluteTolerances == 1e-3...5e-3)
        #expect(try Self.compare([1], [1]).absoluteTolerances == 1e-3...1e-3)
    }

    @Test func knowsWhenTheExpectedNumbersSayNothing() throws {
        #expect(try Self.compare([7, 7], [7, 7]).isUninformative)
        #expect(try Self.compare([.nan, .nan], [.nan, .nan]).isUninformative)
        #expect(try !Self.compare([7, 7], [7, 7.001]).isUninformative)
        #expect(try !Self.compare([7, .nan], [7, .nan]).isUninformative)
        #expect(try !Self.compare([7], [7]).isUninformative)
        #expect(!TensorComparison(Tensor(vector: [true, false]), expected: Tensor(vector: [true, false]), tolerance: .none).isUninformative)
    }

    @Test func measuresErrors() throws {
        // By hand: errors 0, 0.5, 0, 0.1 against 1, 2, 3, −4.
        let comparison = try Self.compare([1, 2.5, 3, -4.1], [1, 2, 3, -4], shape: [2, 2])
        #expect(!comparison.isEqual)
        #expect(!comparison.isBitExact)
        #expect(comparison.exceedingCount == 2)
        #expect(comparison.maximumAbsoluteError == 0.5)
        #expect(abs(comparison.maximumRelativeError - 0.5 / 2.1) < 1e-12)
        #expect(abs(comparison.signalToNoise - 20.6215) < 1e-3)
        #expect(abs(comparison.cosineSimilarity - 0.997052) < 1e-6)
        #expect(comparison.worst == .init(pair: 0, index: [0, 1], actual: 2.5, expected: 2))
        #expect(comparison.argMaxAgreement == 1)
    }

    @Test func toleranceIsThatOfAllClose() throws {
        // 1e-3 + 1e-2·100 = 1.001
        #expect(try Self.compare([101.0009], [100]).isEqual)
        #expect(try !Self.compare([101.0011], [100]).isEqual)
        #expect(try Self.compare([0.00099], [0]).isEqual)
        #expect(try !Self.compare([0.0011], [0]).isEqual)
        let beyond = try Self.compare([101.0011], [100])
        #expect(beyond.maximumRelativeError > Self.tolerance.relative)
        #expect(try Self.compare([101.0009], [100]).maximumRelativeError <= Self.tolerance.relative)
        #expect(try Self.compare([1.5], [1], .none).maximumRelativeError == 0.5)
        #expect(try Self.compare([1.5], [0], .none).maximumRelativeError == .infinity)
    }

    @Test func notANumberIsNoNumber() throws {
        let missing = try Self.compare([.nan, 2], [1, 2])
        #expect(!missing.isEqual)
        #expect(missing.maximumAbsoluteError == .infinity)
        #expect(missing.exceedingCount == 1)
        #expect(missing.signalToNoise == -.infinity)
        #expect(missing.worst?.index == [0])
        #expect(missing.worst?.actual.isNaN == true)
        #expect(try !Self.compare([1, 2], [.nan, 2]).isEqual)
        #expect(try !Self.compare([1, 2], [.nan, 2], .init(absolute: .infinity, relative: 0)).isEqual)
        #expect(try !Self.compare([.infinity], [.nan]).isEqual)
        #expect(try Self.compare([.nan, 2], [.nan, 2], .none).isEqual)
    }

    @Test func infinitiesEqualThemselves() throws {
        #expect(try Self.compare([.infinity, -.infinity], [.infinity, -.infinity], .none).isEqual)
        #expect(try !Self.compare([.infinity], [-.infinity]).isEqual)
        #expect(try !Self.compare([.greatestFiniteMagnitude], [.infinity]).isEqual)
        #expect(try !Self.compare([.infinity], [.greatestFiniteMagnitude]).isEqual)
        #expect(try Self.compare([.infinity, 1], [.infinity, 1]).cosineSimilarity == 1)
        #expect(try Self.compare([.nan, 1], [1, 1]).cosineSimilarity.isNaN)
        #expect(try Self.compare([1, 1], [.infinity, 1]).cosineSimilarity.isNaN)
    }

    @Test func refusesWhatCannotBeCompared() throws {
        let tensor = Tensor(vector: [1, 2] as [Float])
        func mismatch(_ actual: Tensor?, _ expected: Tensor?) -> TensorComparison {
            TensorComparison(actual, expected: expected, tolerance: Self.tolerance)
        }
        #expect(mismatch(nil, tensor).mismatch == .missing)
        #expect(mismatch(tensor, nil).mismatch == .unexpected)
        let shape = mismatch(try tensor.reshaped([1, 2]), tensor)
        #expect(shape.mismatch == .shape([1, 2], expected: [2]))
        #expect(shape.mismatch?.description == "shape [1, 2], expected [2]")
        #expect(mismatch(Tensor(vector: [1, 2] as [Double]), tensor).mismatch == .elementType(.float64, expected: .float32))
        for comparison in [mismatch(nil, tensor), mismatch(tensor, nil), shape] {
            #expect(!comparison.isEqual)
            #expect(!comparison.isBitExact)
        }
        #expect(!TensorComparison(tolerance: Self.tolerance).isEqual)
        // A pair that fits does not make up for one that does not.
        var several = shape
        several.add(tensor, expected: tensor)
        #expect(!several.isEqual)
    }

    @Test func emptyTensorsAreEqual() throws {
        let empty = try Self.compare([], [], shape: [0, 3])
        #expect(empty.isEqual)
        #expect(empty.isBitExact)
        #expect(empty.argMaxAgreement == nil)
        #expect(empty.cosineSimilarity == 1)
        #expect(try Self.compare([], [], shape: [2, 0]).argMaxAgreement == nil)
    }

    @Test func findsTheArgMaxOfRows() throws {
        let actual: [Float] = [1, 2, 3, 9, 8, 7, 5, 5, 4]
        let expected: [Float] = [1, 2, 4, 7, 8, 9, 5, 5, 5]
        #expect(try Self.compare(actual, expected, shape: [3, 3]).argMaxAgreement == 2.0 / 3)
        // [1, 3, 3]: rows run along the middle dimension; the maxima of the columns are at 1, 1, 1 and 1, 1, 2.
        #expect(try Self.compare(actual, [1, 2, 4, 7, 8, 1, 5, 5, 5], shape: [1, 3, 3]).argMaxAgreement == 2.0 / 3)
        #expect(try Self.compare([1, 2], [1, 2], shape: [2, 1]).argMaxAgreement == nil)
        #expect(try Self.compare([1], [1], shape: []).argMaxAgreement == nil)
        #expect(try Self.compare([.nan, 2], [1, 2], shape: [1, 2]).argMaxAgreement == 0)
        #expect(try Self.compare([3, .nan, 2], [1, .nan, 2], shape: [1, 3]).argMaxAgreement == 1)
    }

    @Test func sumsOverPairs() throws {
        var comparison = TensorComparison(tolerance: Self.tolerance)
        for (actual, expected) in [([1, 2], [1, 2]), ([1, 3], [1, 2]), ([1, 2.5], [1, 2])] as [([Float], [Float])] {
            comparison.add(Tensor(vector: actual), expected: Tensor(vector: expected))
        }
        #expect(comparison.pairCount == 3)
        #expect(comparison.elementCount == 6)
        #expect(comparison.exceedingCount == 2)
        #expect(comparison.worst == .init(pair: 1, index: [1], actual: 3, expected: 2))
        #expect(comparison.maximumAbsoluteError == 1)
    }

    @Test func seesTheLastBitOfLargeIntegers() throws {
        let large = Int64(1) << 62
        let signed = TensorComparison(Tensor(vector: [large + 1]), expected: Tensor(vector: [large]), tolerance: .none)
        #expect(!signed.isEqual)
        #expect(signed.maximumAbsoluteError == 1)
        let unsigned = TensorComparison(Tensor(vector: [UInt64.max - 1]), expected: Tensor(vector: [UInt64.max]), tolerance: .none)
        #expect(unsigned.maximumAbsoluteError == 1)
        let extremes = TensorComparison(Tensor(vector: [Int64.min]), expected: Tensor(vector: [Int64.max]), tolerance: .none)
        #expect(extremes.maximumAbsoluteError == 0x1p64)
    }

    @Test func comparesStringsAndComplexNumbers() throws {
        let left = try Tensor(shape: [2], strings: [[1], [2]])
        let right = try Tensor(shape: [2], strings: [[1], [3]])
        #expect(TensorComparison(left, expected: left, tolerance: .none).isEqual)
        let strings = TensorComparison(left, expected: right, tolerance: Self.tolerance)
        #expect(strings.exceedingCount == 1)
        #expect(strings.worst?.index == [1])
        func complex(_ parts: [Float]) throws -> Tensor {
            try Tensor(shape: [parts.count / 2], elementType: .complex64, storage: parts.withUnsafeBytes { TensorStorage(copying: $0) })
        }
        #expect(TensorComparison(try complex([1, 2, 3, 4]), expected: try complex([1, 2, 3, 4]), tolerance: .none).isEqual)
        let numbers = TensorComparison(try complex([1, 2, 3, 5]), expected: try complex([1, 2, 3, 4]), tolerance: .none)
        #expect(numbers.worst == .init(pair: 0, index: [1], actual: 5, expected: 4))
        #expect(!numbers.isEqual)
    }

    @Test(arguments: ElementType.allCases.filter { $0.bitWidth > 0 && $0 != .complex64 && $0 != .complex128 })
    func seesADifferenceInEveryType(type: ElementType) throws {
        let expected = try Tensor([1.0, 1, 1, 1], shape: [2, 2], as: type)
        let actual = try Tensor([1.0, 1, 0, 1], shape: [2, 2], as: type)
        let same = TensorComparison(expected, expected: expected, tolerance: .none)
        #expect(same.isEqual && same.isBitExact)
        let different = TensorComparison(actual, expected: expected, tolerance: Self.tolerance)
        #expect(different.exceedingCount == 1)
        #expect(different.worst?.index == [1, 0])
    }
}
