import Tensors
import Testing

@testable import Passes

@Suite struct DecompositionTests {
    static let shapes = [[5, 3, 3, 3], [3, 5, 3, 3], [4, 4, 1, 3], [4, 2, 5, 2], [1, 1, 3, 3], [2, 7, 7, 3], [20, 2, 3, 3]]

    static func weight(_ shape: [Int], _ type: ElementType = .float64, scale: Double = 1, seed: UInt64 = 3) throws -> Tensor {
        var random = SeededRandom(seed: seed)
        return try Tensor((0..<(try Tensor.elementCount(of: shape))).map { _ in scale * random.normal() }, shape: shape, as: type)
    }

    /// The weight that two spatial factors make up: W[o, i, y, x] = Σ_k first[k, i, …]·second[o, k, …].
    static func product(_ factors: SeparatedWeights, _ order: SpatialOrder, shape: [Int]) throws -> [Double] {
        let first = try #require(factors.first.doubles())
        let second = try #require(factors.second.doubles())
        let (rank, height, width) = (factors.first.shape[0], shape[2], shape[3])
        var result: [Double] = []
        for filter in 0..<shape[0] {
            for channel in 0..<shape[1] {
                for y in 0..<height {
                    for x in 0..<width {
                        let sum = (0..<rank).reduce(0.0) { sum, term in
                            let (a, b) =
                                order == .verticalFirst
                                ? ((term * shape[1] + channel) * height + y, (filter * rank + term) * width + x)
                                : ((term * shape[1] + channel) * width + x, (filter * rank + term) * height + y)
                            return sum + first[a] * second[b]
                        }
                        result.append(sum)
                    }
                }
            }
        }
        return result
    }

    /// The weight that depthwise kernels and a pointwise convolution make up.
    static func product(_ factors: SeparatedWeights, shape: [Int]) throws -> [Double] {
        let depthwise = try #require(factors.first.doubles())
        let pointwise = try #require(factors.second.doubles())
        let (channels, area) = (shape[1], shape[2] * shape[3])
        let terms = factors.first.shape[0] / channels
        var result: [Double] = []
        for filter in 0..<shape[0] {
            for channel in 0..<channels {
                for position in 0..<area {
                    result.append(
                        (0..<terms).reduce(0.0) { sum, term in
                            let joint = channel * terms + term
                            return sum + depthwise[joint * area + position] * pointwise[filter * terms * channels + joint]
                        })
                }
            }
        }
        return result
    }

    static func squaredDistance(_ left: [Double], _ right: [Double]) -> Double {
        #expect(left.count == right.count)
        return zip(left, right).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    }

    @Test(arguments: shapes, SpatialOrder.allCases)
    func spatialErrorIsTheTailOfTheSpectrumAtEveryRank(shape: [Int], order: SpatialOrder) throws {
        let weight = try Self.weight(shape)
        let values = try #require(weight.doubles())
        let norm = values.reduce(0) { $0 + $1 * $1 }
        let decomposition = try SpatialDecomposition(weight, order: order)
        let expectedRank =
            order == .verticalFirst ? min(shape[1] * shape[2], shape[0] * shape[3]) : min(shape[1] * shape[3], shape[0] * shape[2])
        #expect(decomposition.fullRank == expectedRank)
        for rank in 1...decomposition.fullRank {
            let factors = try decomposition.weights(rank: rank)
            #expect(factors.first.shape == [rank, shape[1]] + (order == .verticalFirst ? [shape[2], 1] : [1, shape[3]]))
            #expect(factors.second.shape == [shape[0], rank] + (order == .verticalFirst ? [1, shape[3]] : [shape[2], 1]))
            let error = Self.squaredDistance(try Self.product(factors, order, shape: shape), values)
            #expect(abs(error - decomposition.squaredError(rank: rank)) < 1e-12 * norm)
            #expect(abs(decomposition.keptEnergy(rank: rank) - (1 - error / norm)) < 1e-12)
        }
        #expect(decomposition.squaredError(rank: decomposition.fullRank) == 0)
    }

    @Test(arguments: shapes)
    func depthwiseErrorIsTheTailOfTheSpectraAtEveryNumberOfTerms(shape: [Int]) throws {
        let weight = try Self.weight(shape)
        let values = try #require(weight.doubles())
        let norm = values.reduce(0) { $0 + $1 * $1 }
        let decomposition = try DepthwiseDecomposition(weight)
        #expect(decomposition.fullRank == min(shape[2] * shape[3], shape[0]))
        for terms in 1...decomposition.fullRank {
            let factors = try decomposition.weights(rank: terms)
            #expect(factors.first.shape == [terms * shape[1], 1, shape[2], shape[3]])
            #expect(factors.second.shape == [shape[0], terms * shape[1], 1, 1])
            let error = Self.squaredDistance(try Self.product(factors, shape: shape), values)
            #expect(abs(error - decomposition.squaredError(rank: terms)) < 1e-12 * norm)
        }
    }

    /// No approximation of that rank is better (Eckart and Young): the factors of a weight that is of low rank recover it.
    @Test(arguments: [1e-30, 1, 1e30])
    func aWeightOfLowRankIsRecoveredWhateverItsScale(scale: Double) throws {
        let shape = [6, 5, 3, 3]
        var factors = try SpatialDecomposition(Self.weight(shape), order: .horizontalFirst).weights(rank: 2)
        // Singular values six orders of magnitude apart.
        let first = try #require(factors.first.doubles()).enumerated().map { $0 < 15 ? $1 : 1e-6 * $1 }
        factors.first = try Tensor(first, shape: factors.first.shape)
        let lowRank = try Self.product(factors, .horizontalFirst, shape: shape).map { $0 * scale }
        let decomposition = try SpatialDecomposition(Tensor(lowRank, shape: shape), order: .horizontalFirst)
        let recovered = try Self.product(decomposition.weights(rank: 2), .horizontalFirst, shape: shape)
        #expect(Self.squaredDistance(recovered, lowRank).squareRoot() < 1e-8 * scale)
        #expect(decomposition.rank(keeping: 1 - 1e-10) == 1)
    }

    @Test func bothFactorsCarryTheSameNorm() throws {
        let factors = try SpatialDecomposition(Self.weight([4, 4, 3, 3]), order: .verticalFirst).weights(rank: 1)
        let norms = try [factors.first, factors.second].map { try #require($0.doubles()).reduce(0) { $0 + $1 * $1 } }
        #expect(abs(norms[0] - norms[1]) < 1e-12 * norms[0])
    }

    @Test func energyChoosesTheSmallestRankThatKeepsIt() throws {
        let decomposition = try SpatialDecomposition(Self.weight([8, 8, 3, 3]), order: .verticalFirst)
        var last = 0
        for share in [0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 1] {
            let rank = decomposition.rank(keeping: share)
            #expect(rank >= last)
            #expect(decomposition.keptEnergy(rank: rank) >= share)
            if rank > 1 { #expect(decomposition.keptEnergy(rank: rank - 1) < share) }
            last = rank
        }
        #expect(last == decomposition.fullRank)
    }

    @Test func zerosHaveADecomposition() throws {
        let zeros = try Tensor(repeating: 0, shape: [3, 2, 3, 3], as: .float32)
        let spatial = try SpatialDecomposition(zeros, order: .verticalFirst)
        #expect(spatial.keptEnergy(rank: 1) == 1 && spatial.rank(keeping: 0.9) == 1)
        #expect(try spatial.weights(rank: 2).first == Tensor(repeating: 0, shape: [2, 2, 3, 1], as: .float32))
        let depthwise = try DepthwiseDecomposition(zeros)
        #expect(depthwise.keptEnergy(rank: 1) == 1)
        #expect(try depthwise.weights(rank: 3).second == Tensor(repeating: 0, shape: [3, 6, 1, 1], as: .float32))
    }

    @Test(arguments: [ElementType.float32, .float16, .bfloat16])
    func factorsAreRoundedOnceToTheWeightsType(type: ElementType) throws {
        let weight = try Self.weight([4, 3, 3, 3], type)
        let values = try #require(weight.doubles())
        let epsilon = type == .float32 ? 0x1p-23 : type == .float16 ? 0x1p-10 : 0x1p-7
        let factors = try SpatialDecomposition(weight, order: .verticalFirst).weights(rank: 9)
        #expect(factors.first.elementType == type && factors.second.elementType == type)
        let error = Self.squaredDistance(try Self.product(factors, .verticalFirst, shape: weight.shape), values)
        let norm = values.reduce(0) { $0 + $1 * $1 }
        #expect((error / norm).squareRoot() < 2 * epsilon)
    }

    @Test func numbersThatAreNoneAreNamed() throws {
        var values = [Double](repeating: 1, count: 2 * 3 * 3 * 3)
        values[(1 * 3 + 2) * 9 + 0 * 3 + 1] = .nan
        let nan = try Tensor(values, shape: [2, 3, 3, 3], as: .float32)
        #expect { try SpatialDecomposition(nan, order: .verticalFirst) } throws: { error in
            (error as? CleaveError)?.kind == .invalidNumbers
                && (error as? CleaveError)?.problem == "the weight is NaN at [1, 2, 0, 1], expected finite numbers"
        }
        values[0] = -.infinity
        let infinite = try Tensor(values, shape: [2, 3, 3, 3], as: .float32)
        #expect { try DepthwiseDecomposition(infinite) } throws: { error in
            (error as? CleaveError)?.problem == "the weight is infinite at [0, 0, 0, 0], expected finite numbers"
        }
    }

    @Test func shapesThatAreNoConvolutionsAreRefused() throws {
        #expect(throws: CleaveError.self) { try SpatialDecomposition(Self.weight([3, 3, 3]), order: .verticalFirst) }
        #expect(throws: CleaveError.self) { try DepthwiseDecomposition(Tensor([Float](), shape: [0, 3, 3, 3])) }
        #expect(throws: CleaveError.self) { try DepthwiseDecomposition(Tensor([Int64](repeating: 1, count: 9), shape: [1, 1, 3, 3])) }
    }
}

@Suite struct LinearAlgebraTests {
    @Test(arguments: [(1, 1), (1, 5), (5, 1), (7, 4), (4, 7), (30, 30)])
    func singularValuesAreThoseOfAKnownMatrix(rows: Int, columns: Int) throws {
        // Householder reflections of both sides of a diagonal matrix.
        let count = min(rows, columns)
        let expected = (0..<count).map { 10 / Double(1 + $0) }
        func reflection(_ order: Int) -> [[Double]] {
            let vector = (0..<order).map { Double($0 + 1) }
            let norm = vector.reduce(0) { $0 + $1 * $1 }
            return (0..<order).map { row in (0..<order).map { ($0 == row ? 1 : 0) - 2 * vector[row] * vector[$0] / norm } }
        }
        let (left, right) = (reflection(rows), reflection(columns))
        let elements = (0..<rows).flatMap { row in
            (0..<columns).map { column in (0..<count).reduce(0) { $0 + left[row][$1] * expected[$1] * right[$1][column] } }
        }
        let matrix = Matrix(rows: rows, columns: columns, elements: elements)
        let spectrum = try SingularSpectrum(matrix)
        #expect(spectrum.fullRank == count)
        for (actual, expected) in zip(spectrum.singularValues, expected) { #expect(abs(actual - expected) < 1e-12) }
        let factors = try spectrum.factors(of: matrix, rank: count)
        for row in 0..<rows {
            for column in 0..<columns {
                let terms = (0..<count).map { factors.left.elements[$0 * rows + row] * factors.right.elements[$0 * columns + column] }
                #expect(abs(terms.reduce(0, +) - elements[row * columns + column]) < 1e-12)
            }
        }
    }

    @Test func repeatedSingularValuesKeepTheirVectorsOrthogonal() throws {
        let order = 40
        let identity = Matrix(rows: order, columns: order, elements: (0..<order * order).map { $0 % (order + 1) == 0 ? 1 : 0 })
        let vectors = try SymmetricEigenproblem(upperTriangleOf: identity).leadingEigenvectors(order / 2)
        let gram = try vectors.times(vectors, transposed: true)
        for row in 0..<order / 2 {
            for column in 0..<order / 2 { #expect(abs(gram.elements[row * order / 2 + column] - (row == column ? 1 : 0)) < 1e-13) }
        }
    }

    @Test func absurdlyLargeProblemsAreRefused() throws {
        let side = Matrix.largestOrder + 1
        #expect(try Matrix(rows: side, columns: 1, elements: [Double](repeating: 1, count: side)).smallerGram().elements == [Double(side)])
        #expect(throws: CleaveError.self) { try Matrix.checkOrder(side) }
    }
}
