import Foundation
import GraphIR
import ReferenceBackend
import Tensors
import Testing

/// Corners of operators that choose, make up or interpolate elements, and of those that quantize them.
@Suite struct SelectionTests {
    @Test func topKIsExactAndStable() throws {
        let large = Int64(1) << 62
        let values = Tensor(vector: [large, large + 1, large, -1])
        let results = try outputs(of: .topK(TopK(axis: 0, largest: true, sorted: true, k: 3)), [values], count: 2)
        #expect(try results[0].elements(as: Int64.self) == [large + 1, large, large])
        #expect(try results[1].elements(as: Int64.self) == [1, 0, 2])
        let unsigned = Tensor(vector: [1, UInt64.max, 2])
        let largest = try outputs(of: .topK(TopK(axis: 0, largest: true, sorted: true, k: 1)), [unsigned], count: 2)
        #expect(try largest[0].elements(as: UInt64.self) == [.max])
        let signed = Tensor(vector: [0, -0.0, -.infinity, .nan, 1] as [Float])
        let order = try outputs(of: .topK(TopK(axis: 0, largest: false, sorted: true, k: 5)), [signed], count: 2)
        #expect(try order[1].elements(as: Int64.self) == [2, 0, 1, 4, 3])
        let none = try outputs(of: .topK(TopK(axis: 0, largest: true, sorted: true, k: 0)), [signed], count: 2)
        #expect(none.map(\.shape) == [[0], [0]])
    }

    @Test func scattersInOrder() throws {
        let base = Tensor(vector: [5, 5] as [Int8])
        let indices = Tensor(vector: [0, 0, 0] as [Int64])
        let updates = Tensor(vector: [100, 100, -3] as [Int8])
        func scattered(_ reduction: ScatterReduction) throws -> [Int8] {
            try output(of: .scatterElements(ScatterElements(axis: 0, reduction: reduction)), base, indices, updates).elements()
        }
        #expect(try scattered(.none) == [-3, 5])
        // 5 + 100 + 100 − 3 = 202, and 5 · 100 · 100 · −3 = −150,000, both modulo 256.
        #expect(try scattered(.add) == [-54, 5])
        #expect(try scattered(.mul) == [16, 5])
        #expect(try scattered(.max) == [100, 5])
        #expect(try scattered(.min) == [-3, 5])
    }

    @Test func makesRangesAtTheEdges() throws {
        func range(_ values: Int64...) throws -> [Int64] {
            let operands = values.map { Tensor(scalar: $0) }
            return try outputs(of: .range(NumberRange()), operands)[0].elements()
        }
        #expect(try range(.max - 2, .max, 1) == [.max - 2, .max - 1])
        #expect(try range(.min, .max, .max) == [.min, -1, .max - 1])
        #expect(try range(5, .min, .min) == [5, .min + 5])
        #expect(try range(0, 0, 3) == [])
        #expect(try range(3, 0, 1) == [])
    }

    @Test func survivesExtremeDiagonals() throws {
        for diagonal in [Int.min, .max] {
            let eye = try output(of: .eyeLike(EyeLike(elementType: .int8, diagonal: diagonal)), counting([2, 3]))
            #expect(try eye.elements(as: Int8.self) == [0, 0, 0, 0, 0, 0])
            let k = Tensor(scalar: Int64(diagonal))
            let upper = try output(of: .trilu(Trilu(upper: true)), counting([2, 2]), k)
            #expect(try upper.elements(as: Float.self) == (diagonal < 0 ? [1, 2, 3, 4] : [0, 0, 0, 0]))
        }
    }

    @Test func findsNonZerosOfScalars() throws {
        #expect(try output(of: .nonZero(NonZero()), Tensor(scalar: Float(3))).shape == [0, 1])
        #expect(try output(of: .nonZero(NonZero()), Tensor(scalar: Float(0))).shape == [0, 0])
        #expect(try output(of: .nonZero(NonZero()), counting([2, 0])).shape == [2, 0])
    }

    @Test func dropsOutRepeatably() throws {
        let input = try Tensor([Float](repeating: 3, count: 1000), shape: [10, 100])
        func run(_ seed: Int, ratio: Float, training: Bool = true, opset: Int = 13) throws -> [Tensor] {
            try outputs(
                of: .dropout(Dropout(ratio: nil, seed: seed, isTestLegacy: nil)),
                [input, Tensor(scalar: ratio), Tensor(scalar: training)], count: 2, opset: opset)
        }
        let first = try run(1, ratio: 0.25)
        let mask = try first[1].elements(as: Bool.self)
        #expect(try first[0].elements(as: Float.self) == mask.map { $0 ? 4 : 0 })
        #expect(abs(mask.count { $0 } - 750) < 60)
        #expect(try run(1, ratio: 0.25) == first)
        #expect(try run(2, ratio: 0.25) != first)
        for results in [try run(1, ratio: 0), try run(1, ratio: 0.25, training: false)] {
            #expect(results[0] == input)
            #expect(try results[1].elements(as: Bool.self).allSatisfy { $0 })
        }
        let old = try outputs(of: .dropout(Dropout(ratio: 0.5, seed: nil, isTestLegacy: nil)), [input], count: 2, opset: 7)
        #expect(old[1].elementType == .float32)
        #expect(old[0] == input)
        // Opset 6 has an attribute for it.
        let older = try outputs(of: .dropout(Dropout(ratio: 0.25, seed: nil, isTestLegacy: false)), [input], count: 2, opset: 6)
        #expect(try older[0].elements(as: Float.self) == older[1].elements(as: Float.self).map { 4 * $0 })
        #expect(abs(try older[1].elements(as: Float.self).reduce(0, +) - 750) < 60)
        #expect(try outputs(of: .dropout(Dropout(ratio: 0.25, seed: nil, isTestLegacy: true)), [input], count: 1, opset: 6) == [input])
    }

    @Test func suppressesWithoutTrapping() throws {
        let boxes = try Tensor([0, 0, 1, 1, 0, 0, 1, 1, .nan, 0, 1, 1] as [Float], shape: [1, 3, 4])
        let scores = try Tensor([0.5, 0.5, .nan] as [Float], shape: [1, 1, 3])
        let operation = Operator.nonMaxSuppression(NonMaxSuppression(centerPointBox: false))
        #expect(try output(of: operation, boxes, scores, Tensor(scalar: Int64(5))).elements(as: Int64.self) == [0, 0, 0])
        #expect(try output(of: operation, boxes, scores, Tensor(scalar: Int64(-1))).shape == [0, 3])
        #expect(try output(of: operation, boxes, scores).shape == [0, 3])
    }

    @Test func samplesGridsOfAnyNumber() throws {
        let input = try floats([1, 2, 3, 4], [1, 1, 2, 2])
        let points: [Float] = [.nan, 0, .infinity, 0, -.infinity, 1e30, 3e38, -3e38]
        let grid = try Tensor(points, shape: [1, 1, 4, 2])
        for mode in GridSample.Mode.allCases {
            for padding in GridSample.PaddingMode.allCases {
                for align in [false, true] {
                    let operation = Operator.gridSample(GridSample(mode: mode, padding: padding, alignCorners: align))
                    let sampled = try output(of: operation, input, grid, opset: 20).elements(as: Float.self)
                    #expect(sampled.allSatisfy { $0.isFinite && $0 >= 0 && $0 <= 4 }, "\(mode) \(padding) \(align): \(sampled)")
                }
            }
        }
        let single = Operator.gridSample(GridSample(mode: .linear, padding: .reflection, alignCorners: true))
        #expect(try output(of: single, floats([7], [1, 1, 1, 1]), grid, opset: 20).elements(as: Float.self) == [7, 7, 7, 7])
    }

    @Test func alignsBoxesOfAnyNumber() throws {
        let boxes = try Tensor([.nan, 0, 1, 1, 0, 0, -5, -5, -9, -9, -8, -8] as [Float], shape: [3, 4])
        for mode in [RoiAlign.Mode.average, .max] {
            let operation = Operator.roiAlign(
                RoiAlign(mode: mode, outputHeight: 1, outputWidth: 2, samplingRatio: 0, spatialScale: 1, halfPixel: true))
            let result = try output(of: operation, counting([1, 1, 3, 3]), boxes, Tensor(vector: [0, 0, 0] as [Int64]))
            #expect(try result.elements(as: Float.self) == [0, 0, 0, 0, 0, 0])
        }
    }

    @Test func quantizesEveryNumber() throws {
        let values = Tensor(vector: [.nan, .infinity, -.infinity, 1e30, 0.5, 1.5, 2.5, -0.5] as [Float])
        func quantized(_ type: ElementType, scale: Float = 1) throws -> [Double]? {
            try output(
                of: .quantizeLinear(QuantizeLinear(axis: 0, saturate: true, blockSize: 0, outputType: type)), values, Tensor(scalar: scale),
                opset: 21
            ).doubles()
        }
        #expect(try quantized(.int8) == [0, 127, -128, 127, 0, 2, 2, 0])
        #expect(try quantized(.uint4) == [0, 15, 0, 15, 0, 2, 2, 0])
        #expect(try quantized(.int2, scale: 0) == [0, 1, -2, 1, 1, 1, 1, -2])
        #expect(try quantized(.float8e5m2)?.dropFirst() == [57344, -57344, 57344, 0.5, 1.5, 2.5, -0.5])
        let zeros = try outputs(of: .dynamicQuantizeLinear(DynamicQuantizeLinear()), [floats([0, 0], [2])], count: 3)
        #expect(try zeros[0].elements(as: UInt8.self) == [0, 0])
        #expect(try zeros[1].elements(as: Float.self) == [1])
        let empty = try outputs(of: .dynamicQuantizeLinear(DynamicQuantizeLinear()), [floats([], [0])], count: 3)
        #expect(empty[0].shape == [0])
    }

    @Test func ignoresAClassEverywhere() throws {
        let scores = try floats([1, 2, 3, 4], [2, 2])
        let loss = try output(
            of: .softmaxCrossEntropyLoss(SoftmaxCrossEntropyLoss(reduction: .mean, ignoredClass: 9)), scores,
            Tensor(vector: [9, 1] as [Int64]))
        #expect(abs(try loss.elements(as: Float.self)[0] - Float(log(1 + exp(-1.0)))) < 1e-6)
        let none = try output(
            of: .softmaxCrossEntropyLoss(SoftmaxCrossEntropyLoss(reduction: .mean, ignoredClass: 9)), scores,
            Tensor(vector: [9, 9] as [Int64]))
        #expect(try none.elements(as: Float.self)[0].isNaN)
    }

    @Test func resamplesIntegersByRounding() throws {
        let resize = Resize(
            mode: .linear, coordinates: .asymmetric, nearestMode: .floor, cubicCoefficient: -0.75, excludeOutside: false,
            extrapolationValue: 0, antialias: false, axes: nil, aspectRatioPolicy: .stretch)
        let result = try output(of: .resize(resize), Tensor(vector: [0, 3, 8] as [UInt8]), nil, Tensor(vector: [2] as [Float]))
        // 0, 1.5, 3, 5.5, 8, 8
        #expect(try result.elements(as: UInt8.self) == [0, 2, 3, 6, 8, 8])
    }
}
