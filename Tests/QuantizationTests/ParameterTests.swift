import Tensors
import Testing

@testable import Quantization

struct ParameterTests {
    private func parameters(
        _ low: Double, _ high: Double, _ type: ElementType = .uint8, symmetric: Bool = false
    ) -> QuantizationParameters {
        QuantizationParameters(covering: ValueRange(low: low, high: high), type: type, symmetric: symmetric)
    }

    @Test func rangesContainZero() {
        #expect(parameters(0, 255) == QuantizationParameters(scale: 1, zeroPoint: 0, type: .uint8))
        #expect(parameters(2, 255) == parameters(0, 255))
        #expect(parameters(-255, -3) == QuantizationParameters(scale: 1, zeroPoint: 255, type: .uint8))
        #expect(parameters(-128, 127, .int8) == QuantizationParameters(scale: 1, zeroPoint: 0, type: .int8))
        #expect(parameters(-63.5, 127, .int8, symmetric: true) == QuantizationParameters(scale: 1, zeroPoint: 0, type: .int8))
        // −0.5 … 1: the zero point is 85 exactly.
        #expect(parameters(-0.5, 1).zeroPoint == 85)
        for (low, high) in [(-0.3, 0.9), (-7, 0.001), (0, 1e-30), (-1e30, 1e30)] {
            #expect(parameters(low, high).rounded(0) == 0)
        }
    }

    @Test func degenerateRangesAreHarmless() {
        let unit = QuantizationParameters(scale: 1, zeroPoint: 0, type: .uint8)
        #expect(parameters(0, 0) == unit)
        #expect(parameters(0, 1e-40) == unit)
        #expect(parameters(-1e308, 1e308) == unit)
        // A constant is represented exactly but for its rounding to Float.
        #expect(abs(parameters(3, 3).rounded(3) - 3) < 1e-6)
        #expect(abs(parameters(-3, -3).rounded(-3) + 3) < 1e-6)
    }

    @Test func tiesRoundToEven() {
        let steps = QuantizationParameters(scale: 2, zeroPoint: 10, type: .uint8)
        #expect([1, 3, 5, -1, -3, 1000, -1000].map(steps.rounded) == [0, 4, 4, 0, -4, 490, -20])
    }

    @Test func limitsAreAbsorbedWhereRoundingDoesThemAnyway() {
        #expect(parameters(0, 4).absorbs(minimum: 0, maximum: nil))
        #expect(parameters(0, 4).absorbs(minimum: 0, maximum: 6))
        #expect(parameters(0, 6).absorbs(minimum: 0, maximum: 6))
        #expect(!parameters(0, 6).absorbs(minimum: 0, maximum: 5))
        #expect(!parameters(-0.5, 4).absorbs(minimum: 0, maximum: nil))
        #expect(!parameters(0, 4, .int8, symmetric: true).absorbs(minimum: 0, maximum: nil))
        #expect(parameters(0, 4, .int8).absorbs(minimum: 0, maximum: nil))
    }

    private let quantizer = WeightQuantizer(limit: 127, minimizesError: false, hasIntegerBias: true)

    private func quantize(
        _ values: [Float], _ shape: [Int], axis: Int = 0, bias: [Float]? = nil, inputScale: Float = 0.5, _ quantizer: WeightQuantizer? = nil
    ) throws -> QuantizedWeight {
        try (quantizer ?? self.quantizer).quantize(
            Tensor(values, shape: shape), axis: axis, bias: bias.map { Tensor(vector: $0) }, inputScale: inputScale, correction: nil)
    }

    @Test func weightsHaveAScalePerChannel() throws {
        let rows = try quantize([127, -64, 1, 2.54, 0.02, -1], [2, 3])
        #expect(rows.scales == [1, Float(2.54 / 127)])
        #expect(try rows.weight.elements(as: Int8.self) == [127, -64, 1, 127, 1, -50])
        let columns = try quantize([127, 2.54, -64, 0.02], [2, 2], axis: 1)
        #expect(try columns.weight.elements(as: Int8.self) == [127, 127, -64, 1])
        var narrow = quantizer
        narrow.limit = 63
        #expect(try quantize([63, -21], [1, 2], narrow).weight.elements(as: Int8.self) == [63, -21])
    }

    @Test func biasHasTheScaleOfTheProducts() throws {
        let result = try quantize([127, 254], [2, 1], bias: [3, -5.2], inputScale: 0.5)
        #expect(result.biasScales == [0.5, 1])
        #expect(try result.bias?.elements(as: Int32.self) == [6, -5])
        #expect(result.raisedChannels.isEmpty)
        var float = quantizer
        float.hasIntegerBias = false
        #expect(try quantize([127], [1, 1], bias: [3], float).bias?.elements(as: Float.self) == [3])
    }

    @Test func tinyScalesAreRaisedUntilTheBiasFits() throws {
        let result = try quantize([1e-12, 127], [2, 1], bias: [1000, 1], inputScale: 0.01)
        #expect(result.raisedChannels == [0])
        let bias = try #require(try result.bias?.elements(as: Int32.self))
        let scales = try #require(result.biasScales)
        #expect(abs(Double(bias[0]) * Double(scales[0]) - 1000) < 1e-3)
        #expect(abs(Int(bias[0])) <= 1 << 30)
    }

    @Test func channelsWithoutWeightsKeepTheirBias() throws {
        let result = try quantize([0, 0, 1, 1], [2, 2], bias: [0.123456, 0], inputScale: 0.5)
        #expect(try result.weight.elements(as: Int8.self) == [0, 0, 127, 127])
        let bias = try #require(try result.bias?.elements(as: Int32.self))
        let scales = try #require(result.biasScales)
        #expect(abs(Double(bias[0]) * Double(scales[0]) - 0.123456) < 1e-6)
        #expect(try quantize([0, 0], [1, 2], bias: [0]).scales == [1])
    }

    @Test func theLeastErrorIsNoLarger() throws {
        var random = SeededRandom(seed: 3)
        let values = (0..<300).map { _ in Float(random.uniform(-1, 1) * random.uniform(0, 1) * random.uniform(0, 1)) } + [1.2]
        func error(_ result: QuantizedWeight) throws -> Double {
            let codes = try result.weight.elements(as: Int8.self)
            return zip(codes, values).reduce(0) { sum, pair in
                let difference = Double(pair.0) * Double(result.scales[0]) - Double(pair.1)
                return sum + difference * difference
            }
        }
        var coarse = quantizer
        coarse.limit = 15
        var optimal = coarse
        optimal.minimizesError = true
        let (plain, better) = (try quantize(values, [1, 301], coarse), try quantize(values, [1, 301], optimal))
        #expect(try error(better) < error(plain))
    }
}
