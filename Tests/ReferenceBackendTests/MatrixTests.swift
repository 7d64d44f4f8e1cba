import GraphIR
import Tensors
import Testing

struct MatrixTests {
    @Test(
        arguments: [
            ([2, 3], [3, 2], [2, 2], [22, 28, 49, 64]), ([3], [3], [], [14]), ([3], [3, 2], [2], [22, 28]), ([2, 3], [3], [2], [14, 32]),
            ([2, 1, 2], [2, 1], [2, 1, 1], [5, 11]), ([1, 2], [2, 2, 1], [2, 1, 1], [5, 11]),
        ] as [([Int], [Int], [Int], [Double])])
    func matMulFollowsNumPy(_ a: [Int], _ b: [Int], _ shape: [Int], _ expected: [Double]) throws {
        for type in [ElementType.float32, .float64, .int32, .uint64] {
            try expect(
                output(of: .matMul(MatMul()), counting(a, as: type), counting(b, as: type)),
                equals: Tensor(expected, shape: shape, as: type))
        }
    }

    @Test func emptyInnerDimensionSumsToZero() throws {
        let result = try output(of: .matMul(MatMul()), Tensor([Float](), shape: [2, 0]), Tensor([Float](), shape: [0, 3]))
        try expect(result, equals: floats([0, 0, 0, 0, 0, 0], [2, 3]))
    }

    @Test func integerProductsWrapAround() throws {
        let big = try Tensor([Int32.max, 1], shape: [1, 2])
        try expect(
            output(of: .matMul(MatMul()), big, Tensor([Int32]([1, 1]), shape: [2, 1])), equals: Tensor([Int32.min], shape: [1, 1]))
    }

    @Test func refusesDifferentInnerLengths() throws {
        #expect(throws: CleaveError.self) { try output(of: .matMul(MatMul()), counting([2, 3]), counting([2, 3])) }
        #expect(throws: CleaveError.self) { try output(of: .matMul(MatMul()), counting([]), counting([1])) }
    }

    @Test func gemmTransposesScalesAndAdds() throws {
        let operation = Gemm(alpha: 0.5, beta: 2, transposeA: true, transposeB: true, broadcastsLegacy: false)
        let result = try output(
            of: .gemm(operation), floats([1, 2, 3, 4], [2, 2]), floats([5, 6, 7, 8, 9, 10], [3, 2]), floats([1, 2, 3], [3]))
        // Aᵀ·Bᵀ = [[23, 31, 39], [34, 46, 58]]
        try expect(result, equals: floats([13.5, 19.5, 25.5, 19, 27, 35], [2, 3]))
    }

    @Test func gemmOnIntegersIsExact() throws {
        let operation = Gemm(alpha: 1, beta: 1, transposeA: false, transposeB: false, broadcastsLegacy: false)
        let result = try output(
            of: .gemm(operation), Tensor([Int64(1) << 53, 1], shape: [1, 2]), Tensor([Int64(1), 1], shape: [2, 1]), Tensor(scalar: Int64(4))
        )
        try expect(result, equals: Tensor([(Int64(1) << 53) + 5], shape: [1, 1]))
        #expect(try result.elements(as: Int64.self) == [(Int64(1) << 53) + 5])
    }

    @Test(
        arguments: [
            ("ij->ji", [[2, 3]], [3, 2], [1, 4, 2, 5, 3, 6]), ("ba", [[2, 3]], [3, 2], [1, 4, 2, 5, 3, 6]),
            ("ii->i", [[2, 2]], [2], [1, 4]),
            ("ii", [[2, 2]], [], [5]), ("ij->", [[2, 2]], [], [10]), ("i,i", [[3], [3]], [], [14]),
            ("i,j->ij", [[2], [2]], [2, 2], [1, 2, 2, 4]),
            ("...ii->...i", [[2, 2, 2]], [2, 2], [1, 4, 5, 8]), (" ... i j , j k -> ... i k ", [[1, 1, 2], [2, 1]], [1, 1, 1], [5]),
            ("a...,a...->...", [[2, 2], [2, 1]], [2], [7, 10]), ("ij,jk,kl->il", [[1, 2], [2, 1], [1, 1]], [1, 1], [5]),
            ("bi,i...->b...", [[1, 2], [2, 1, 1]], [1, 1, 1], [5]),
        ] as [(String, [[Int]], [Int], [Double])])
    func einsum(_ equation: String, _ shapes: [[Int]], _ shape: [Int], _ expected: [Double]) throws {
        let operands = try shapes.map { try counting($0) }
        let result = try outputs(of: .einsum(Einsum(equation: equation)), operands)[0]
        try expect(result, equals: Tensor(expected, shape: shape, as: .float32))
    }

    @Test(
        arguments: [
            ("ij,jk->ik", [[2, 2]]), ("ij->ij", [[2]]), ("ij,jk", [[2, 3], [2, 3]]), ("ij->ik", [[2, 2]]), ("ij->ii", [[2, 2]]),
            ("i.j", [[2, 2]]),
            ("i->j->k", [[2]]), ("......", [[2]]),
        ] as [(String, [[Int]])])
    func refusesMalformedEquations(_ equation: String, _ shapes: [[Int]]) throws {
        #expect(throws: CleaveError.self) { try outputs(of: .einsum(Einsum(equation: equation)), shapes.map { try counting($0) }) }
    }

    @Test func quantizedMatMulHasParametersPerRowAndColumn() throws {
        let a = try Tensor([UInt8]([10, 12, 20, 24]), shape: [2, 2]), b = try Tensor([Int8]([1, 2, 3, 4]), shape: [2, 2])
        let sums = try output(
            of: .matMulInteger(MatMulInteger()), a, b, Tensor(vector: [UInt8(10), 20]), Tensor(vector: [Int8(1), 2]))
        // A − rows = [[0, 2], [0, 4]], B − columns = [[0, 0], [2, 2]]
        try expect(sums, equals: Tensor([Int32]([4, 4, 8, 8]), shape: [2, 2]))
        let quantized = try output(
            of: .qLinearMatMul(QLinearMatMul()), a, Tensor(vector: [Float(1), 0.25]), Tensor(vector: [UInt8(10), 20]), b,
            Tensor(vector: [Float(0.5), 1]), Tensor(vector: [Int8(1), 2]), Tensor(scalar: Float(1)), Tensor(scalar: UInt8(128)))
        try expect(quantized, equals: Tensor([UInt8]([130, 132, 129, 130]), shape: [2, 2]))
    }
}
