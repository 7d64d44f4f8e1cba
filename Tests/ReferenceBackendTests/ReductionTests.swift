import GraphIR
import Tensors
import Testing

struct ReductionTests {
    private func reduce(
        _ function: Reduction.Function, _ x: Tensor, axes: [Int]? = nil, keep: Bool = false, noop: Bool = false
    ) throws -> Tensor {
        try output(of: .reduction(Reduction(function: function, axes: axes, keepDimensions: keep, keepsInputWithoutAxes: noop)), x)
    }

    @Test(arguments: Reduction.Function.allCases)
    func reducesTheMiddleAxis(_ function: Reduction.Function) throws {
        let expected: [Float] =
            switch function {
            case .l1, .sum: [4, 6, 12, 14]
            case .l2: [10, 20, 74, 100].map { Float($0).squareRoot() }
            case .sumSquare: [10, 20, 74, 100]
            case .logSum: [1.3862944, 1.7917595, 2.4849066, 2.6390573]
            case .logSumExp: [3.126928, 4.126928, 7.126928, 8.126928]
            case .max: [3, 4, 7, 8]
            case .min: [1, 2, 5, 6]
            case .mean: [2, 3, 6, 7]
            case .prod: [3, 8, 35, 48]
            }
        let x = try counting([2, 2, 2])
        try expect(reduce(function, x, axes: [1], keep: true), equals: floats(expected, [2, 1, 2]), tolerance: 1e-6)
        try expect(reduce(function, x, axes: [-2]), equals: floats(expected, [2, 2]), tolerance: 1e-6)
    }

    @Test(
        arguments: [
            (.sum, 0), (.l1, 0), (.l2, 0), (.sumSquare, 0), (.prod, 1), (.max, -.infinity), (.min, .infinity), (.mean, .nan),
            (.logSum, -.infinity),
            (.logSumExp, -.infinity),
        ] as [(Reduction.Function, Float)])
    func nothingReducesToTheNeutralElement(_ function: Reduction.Function, _ expected: Float) throws {
        try expect(reduce(function, Tensor([Float](), shape: [2, 0]), axes: [1]), equals: floats([expected, expected], [2]))
    }

    @Test func noAxesMeanAllOrNone() throws {
        let x = try counting([2, 2])
        try expect(reduce(.sum, x), equals: floats([10], []))
        try expect(reduce(.sum, x, keep: true), equals: floats([10], [1, 1]))
        try expect(reduce(.sumSquare, x, axes: [], noop: true), equals: floats([1, 4, 9, 16], [2, 2]))
        let operation = Reduction(function: .sum, axes: nil, keepDimensions: false, keepsInputWithoutAxes: false)
        try expect(output(of: .reduction(operation), x, Tensor(vector: [Int64(0)])), equals: floats([4, 6], [2]))
        try expect(reduce(.sum, counting([])), equals: floats([1], []))
    }

    @Test func integersAreExact() throws {
        let x = Tensor(vector: [(Int64(1) << 53) + 1, 2])
        #expect(try reduce(.sum, x) == Tensor(scalar: (Int64(1) << 53) + 3))
        #expect(try reduce(.sum, Tensor(vector: [Int32.max, 1])) == Tensor(scalar: Int32.min))
        #expect(try reduce(.mean, Tensor(vector: [Int32(1), 2])) == Tensor(scalar: Int32(1)))
        #expect(try reduce(.l1, Tensor(vector: [Int32(-3), 2])) == Tensor(scalar: Int32(5)))
        #expect(try reduce(.max, Tensor(vector: [UInt64.max, 2])) == Tensor(scalar: UInt64.max))
        #expect(try reduce(.min, Tensor(vector: [true, false])) == Tensor(scalar: false))
        #expect(try reduce(.max, Tensor([Int8](), shape: [0])) == Tensor(scalar: Int8.min))
    }

    @Test func logSumExpIsStable() throws {
        try expect(reduce(.logSumExp, floats([1000, 1000], [2])), equals: floats([1000.6931], []), tolerance: 1e-4)
        try expect(reduce(.logSumExp, floats([-.infinity, -.infinity], [2])), equals: floats([-.infinity], []))
        try expect(reduce(.logSumExp, floats([.infinity, 1], [2])), equals: floats([.infinity], []))
        try expect(reduce(.logSumExp, floats([.nan, 1], [2])), equals: floats([.nan], []))
    }

    @Test(arguments: [[2], [-3], [0, 0], [0, -2]])
    func refusesWrongAxes(_ axes: [Int]) throws {
        #expect(throws: CleaveError.self) { try reduce(.sum, counting([2, 2]), axes: axes) }
    }

    @Test func argMaxBreaksTies() throws {
        func find(_ function: ArgReduction.Function, _ x: Tensor, last: Bool, axis: Int = 0, keep: Bool = false) throws -> Tensor {
            try output(of: .argReduction(ArgReduction(function: function, axis: axis, keepDimensions: keep, selectsLastIndex: last)), x)
        }
        let x = try floats([2, 2, 1, 1], [4])
        #expect(try find(.max, x, last: false) == Tensor(scalar: Int64(0)))
        #expect(try find(.max, x, last: true) == Tensor(scalar: Int64(1)))
        #expect(try find(.min, x, last: true) == Tensor(scalar: Int64(3)))
        #expect(try find(.max, floats([1, .nan, .nan], [3]), last: false) == Tensor(scalar: Int64(1)))
        #expect(try find(.min, floats([1, .nan, .nan], [3]), last: true) == Tensor(scalar: Int64(2)))
        #expect(try find(.max, counting([2, 3]), last: false, axis: -2, keep: true) == Tensor([Int64(1), 1, 1], shape: [1, 3]))
        #expect(throws: CleaveError.self) { try find(.max, Tensor([Float](), shape: [0]), last: false) }
    }

    @Test func cumulativeSums() throws {
        func run(exclusive: Bool, reverse: Bool, axis: Int32 = 0) throws -> Tensor {
            try output(of: .cumulativeSum(CumulativeSum(exclusive: exclusive, reverse: reverse)), counting([3]), Tensor(scalar: axis))
        }
        try expect(run(exclusive: false, reverse: false), equals: floats([1, 3, 6], [3]))
        try expect(run(exclusive: true, reverse: false, axis: -1), equals: floats([0, 1, 3], [3]))
        try expect(run(exclusive: false, reverse: true), equals: floats([6, 5, 3], [3]))
        try expect(run(exclusive: true, reverse: true), equals: floats([5, 3, 0], [3]))
        #expect(throws: CleaveError.self) { try run(exclusive: false, reverse: false, axis: 1) }
    }
}
