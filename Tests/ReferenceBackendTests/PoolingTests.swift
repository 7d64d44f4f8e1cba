import GraphIR
import Tensors
import Testing

struct PoolingTests {
    @Test func averageCountsPaddingOnRequestOnly() throws {
        let x = try floats([1, 2, 3, 4], [1, 1, 4])
        func run(countIncludePad: Bool) throws -> Tensor {
            let pool = AveragePool(
                window: window(kernel: [3], strides: [2], begin: [1], end: [1]), ceilMode: false, countIncludePad: countIncludePad)
            return try output(of: .averagePool(pool), x)
        }
        try expect(run(countIncludePad: false), equals: floats([1.5, 3], [1, 1, 2]))
        try expect(run(countIncludePad: true), equals: floats([1, 3], [1, 1, 2]))
    }

    /// The part of the last window that lies beyond the padding is neither summed nor counted.
    @Test func ceilModeDoesNotCountBeyondThePadding() throws {
        let x = try floats([1, 2, 3, 4], [1, 1, 4])
        for include in [false, true] {
            let pool = AveragePool(window: window(kernel: [3], strides: [2]), ceilMode: true, countIncludePad: include)
            try expect(output(of: .averagePool(pool), x), equals: floats([2, 3.5], [1, 1, 2]))
        }
        let padded = AveragePool(window: window(kernel: [3], strides: [2], begin: [0], end: [1]), ceilMode: true, countIncludePad: true)
        try expect(output(of: .averagePool(padded), x), equals: floats([2, 7.0 / 3], [1, 1, 2]), tolerance: 1e-6)
    }

    @Test func dilatedAverage() throws {
        let pool = AveragePool(window: window(kernel: [2, 2], dilations: [2, 2]), ceilMode: false, countIncludePad: false)
        try expect(output(of: .averagePool(pool), counting([1, 1, 3, 4])), equals: floats([6, 7], [1, 1, 1, 2]))
    }

    @Test func maximumIndicesCountOverTheWholeTensor() throws {
        let x = try counting([2, 1, 2, 3])
        func indices(columnMajor: Bool) throws -> Tensor {
            let pool = MaxPool(window: window(kernel: [2, 2]), ceilMode: false, columnMajorIndices: columnMajor)
            return try outputs(of: .maxPool(pool), [x], count: 2)[1]
        }
        try expect(indices(columnMajor: false), equals: Tensor([Int64]([4, 5, 10, 11]), shape: [2, 1, 1, 2]))
        try expect(indices(columnMajor: true), equals: Tensor([Int64]([3, 5, 9, 11]), shape: [2, 1, 1, 2]))
    }

    @Test func theFirstOfEqualMaximaIsTakenAndNaNWins() throws {
        let pool = MaxPool(window: window(kernel: [2]), ceilMode: false, columnMajorIndices: false)
        let results = try outputs(of: .maxPool(pool), [floats([3, 3, .nan, 1], [1, 1, 4])], count: 2)
        try expect(results[0], equals: floats([3, .nan, .nan], [1, 1, 3]))
        try expect(results[1], equals: Tensor([Int64]([0, 2, 2]), shape: [1, 1, 3]))
    }

    @Test func paddingIsNeverTheMaximum() throws {
        let pool = MaxPool(window: window(kernel: [2], begin: [1], end: [0]), ceilMode: false, columnMajorIndices: false)
        try expect(output(of: .maxPool(pool), floats([-5, -7], [1, 1, 2])), equals: floats([-5, -5], [1, 1, 2]))
        let bytes = try Tensor([Int8]([-128, -7]), shape: [1, 1, 2])
        try expect(output(of: .maxPool(pool), bytes), equals: Tensor([Int8]([-128, -7]), shape: [1, 1, 2]))
    }

    @Test func unpoolingPutsMaximaBack() throws {
        let x = try floats([1, 9, 2, 3, 4, 5, 8, 6, 7, 0, 1, 2, 3, 4, 5, 10], [1, 1, 4, 4])
        let size = window(kernel: [2, 2], strides: [2, 2])
        let pooled = try outputs(of: .maxPool(MaxPool(window: size, ceilMode: false, columnMajorIndices: false)), [x], count: 2)
        let unpool = Operator.maxUnpool(MaxUnpool(window: size))
        try expect(
            output(of: unpool, pooled[0], pooled[1]), equals: floats([0, 9, 0, 0, 0, 0, 8, 0, 7, 0, 0, 0, 0, 0, 0, 10], [1, 1, 4, 4]))
        let wider = try output(of: unpool, pooled[0], pooled[1], Tensor(vector: [Int64(1), 1, 5, 5])).elements(as: Float.self)
        #expect([1, 7, 10, 18].map { wider[$0] } == [9, 8, 7, 10])
        #expect(throws: CleaveError.self) {
            try output(of: unpool, pooled[0], Tensor([Int64]([0, 1, 2, 16]), shape: [1, 1, 2, 2]))
        }
    }

    @Test func normsOfWindows() throws {
        let x = try floats([3, -4, 0], [1, 1, 3])
        let second = LpPool(window: window(kernel: [2]), ceilMode: false, p: 2),
            first = LpPool(window: window(kernel: [2]), ceilMode: false, p: 1)
        try expect(output(of: .lpPool(second), x), equals: floats([5, 4], [1, 1, 2]))
        try expect(output(of: .lpPool(first), x), equals: floats([7, 4], [1, 1, 2]))
        let third = GlobalPool(function: .lp(p: 3))
        try expect(output(of: .globalPool(third), x), equals: floats([4.4979414], [1, 1, 1]), tolerance: 1e-6)
    }

    @Test func globalPools() throws {
        let x = try floats([1, 2, .nan, 4, 5, 9], [1, 2, 1, 3])
        try expect(output(of: .globalPool(GlobalPool(function: .average)), x), equals: floats([.nan, 6], [1, 2, 1, 1]))
        try expect(output(of: .globalPool(GlobalPool(function: .max)), x), equals: floats([.nan, 9], [1, 2, 1, 1]))
    }

    @Test func refusesAKernelOfAnotherRank() throws {
        let pool = MaxPool(window: window(kernel: [2]), ceilMode: false, columnMajorIndices: false)
        #expect(throws: CleaveError.self) { try output(of: .maxPool(pool), counting([1, 1, 4, 4])) }
        #expect(throws: CleaveError.self) { try output(of: .maxPool(pool), counting([4, 4])) }
    }
}
