import GraphIR
import Tensors
import Testing

struct NormalizationTests {
    private func batchNorm(training: Bool, count: Int) throws -> [Tensor] {
        let operation = BatchNorm(epsilon: 0, momentum: 0.75, trainingMode: training)
        return try outputs(
            of: .batchNorm(operation),
            [
                floats([1, 3, 10, 10, 5, 7, 30, 30], [2, 2, 2]), floats([1, 2], [2]), floats([0, 1], [2]), floats([2, 10], [2]),
                floats([4, 25], [2]),
            ], count: count)
    }

    @Test func batchNormUsesTheGivenStatistics() throws {
        try expect(batchNorm(training: false, count: 1)[0], equals: floats([-0.5, 0.5, 1, 1, 1.5, 2.5, 9, 9], [2, 2, 2]))
    }

    /// Channel 0 has mean 4 and population variance 5, channel 1 has 20 and 100.
    @Test func trainingUpdatesTheRunningStatistics() throws {
        let results = try batchNorm(training: true, count: 3)
        let root = Float(5).squareRoot()
        try expect(results[0], equals: floats([-3 / root, -1 / root, -1, -1, 1 / root, 3 / root, 3, 3], [2, 2, 2]), tolerance: 1e-6)
        try expect(results[1], equals: floats([0.75 * 2 + 0.25 * 4, 0.75 * 10 + 0.25 * 20], [2]))
        try expect(results[2], equals: floats([0.75 * 4 + 0.25 * 5, 0.75 * 25 + 0.25 * 100], [2]))
    }

    @Test func olderTrainingAlsoReturnsTheBatchStatistics() throws {
        let results = try batchNorm(training: true, count: 5)
        try expect(results[3], equals: floats([4, 20], [2]))
        try expect(results[4], equals: floats([5, 100], [2]))
    }

    @Test func layerNormReturnsItsStatistics() throws {
        let operation = LayerNorm(axis: -1, epsilon: 0, stashType: 1)
        let x = try Tensor([Float16]([1, 3, 10, 30]), shape: [2, 2])
        let scale = try Tensor([Float16]([1, 2]), shape: [2]), bias = try Tensor([Float16]([0, 5]), shape: [2])
        let results = try outputs(of: .layerNorm(operation), [x, scale, bias], count: 3)
        try expect(results[0], equals: Tensor([Float16]([-1, 7, -1, 7]), shape: [2, 2]))
        try expect(results[1], equals: floats([2, 20], [2, 1]))
        try expect(results[2], equals: floats([1, 0.1], [2, 1]))
    }

    @Test func groupNormScalesPerGroupOrPerChannel() throws {
        let x = try floats([1, 3, 10, 30], [1, 4, 1])
        func run(_ scale: [Float], perGroup: Bool) throws -> Tensor {
            let operation = GroupNorm(groups: 2, epsilon: 0, stashType: 1, affinePerGroup: perGroup)
            return try output(
                of: .groupNorm(operation), x, Tensor(vector: scale), Tensor(vector: [Float](repeating: 1, count: scale.count)))
        }
        try expect(run([2, 3], perGroup: true), equals: floats([-1, 3, -2, 4], [1, 4, 1]), tolerance: 1e-6)
        try expect(run([2, 3, 4, 5], perGroup: false), equals: floats([-1, 4, -3, 6], [1, 4, 1]), tolerance: 1e-6)
        #expect(throws: CleaveError.self) { try run([2, 3], perGroup: false) }
    }

    @Test func instanceNormTakesEachPlaneByItself() throws {
        let result = try output(
            of: .instanceNorm(InstanceNorm(epsilon: 0)), floats([1, 3, 10, 30, 5, 7, 0, 8], [2, 2, 2]), floats([1, 2], [2]),
            floats([0, 1], [2]))
        try expect(result, equals: floats([-1, 1, -1, 3, -1, 1, -1, 3], [2, 2, 2]), tolerance: 1e-6)
    }

    @Test func rootMeanSquareNorm() throws {
        let result = try output(of: .rmsNorm(RMSNorm(axis: -1, epsilon: 0, stashType: 1)), floats([1, 7], [1, 2]), floats([1, 2], [2]))
        try expect(result, equals: floats([0.2, 2.8], [1, 2]), tolerance: 1e-6)
    }

    /// Size 2 reaches one channel ahead, none back.
    @Test func localResponseNormWindow() throws {
        let result = try output(
            of: .localResponseNorm(LocalResponseNorm(size: 2, alpha: 2, beta: 1, bias: 1)), floats([1, 2, 3], [1, 3, 1]))
        try expect(result, equals: floats([1.0 / 6, 2.0 / 14, 3.0 / 10], [1, 3, 1]), tolerance: 1e-7)
    }

    @Test func lpNormLeavesZerosAlone() throws {
        let result = try output(of: .lpNorm(LpNorm(axis: 0, p: 2)), floats([3, 0, 4, 0], [2, 2]))
        try expect(result, equals: floats([0.6, 0, 0.8, 0], [2, 2]))
    }

    @Test func meanVarianceNormOverGivenAxes() throws {
        let result = try output(of: .meanVarianceNorm(MeanVarianceNorm(axes: [0])), floats([1, 10, 3, 30], [2, 2]))
        try expect(result, equals: floats([-1, -1, 1, 1], [2, 2]), tolerance: 1e-6)
    }
}
