import Foundation
import Tensors
import Testing

@testable import Quantization

struct HistogramTests {
    private func histogram(_ numbers: [Float]) -> Histogram {
        var histogram = Histogram()
        numbers.withUnsafeBufferPointer { histogram.add($0, magnitude: numbers.reduce(0) { max($0, abs($1)) }) }
        return histogram
    }

    private func numbers(_ count: Int, seed: UInt64, scale: Double) -> [Float] {
        var random = SeededRandom(seed: seed)
        return (0..<count).map { _ in Float(random.uniform(-scale, scale)) }
    }

    @Test func everyNumberIsInItsBin() {
        let numbers = numbers(20_001, seed: 1, scale: 3) + [0, 3.9999, -4]
        let result = histogram(numbers)
        #expect(result.total == numbers.count)
        // The largest magnitude is 4: half of the bins have to reach beyond it, and no further than twice as far.
        #expect(result.width == 8 / 2048.0)
        var expected = [UInt64](repeating: 0, count: Histogram.binCount)
        for number in numbers { expected[Int((Double(number) / result.width).rounded(.down)) + Histogram.binCount / 2] += 1 }
        #expect(result.counts == expected)
    }

    @Test func orderAndPartsDoNotMatter() {
        let parts = [numbers(777, seed: 1, scale: 0.01), numbers(10_000, seed: 2, scale: 50), [0, 0], numbers(333, seed: 3, scale: 1)]
        let whole = histogram(parts.flatMap { $0 })
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]] {
            var merged = Histogram()
            for index in order { merged.merge(histogram(parts[index])) }
            #expect(merged == whole)
            var grown = Histogram()
            for index in order {
                parts[index].withUnsafeBufferPointer { grown.add($0, magnitude: parts[index].reduce(0) { max($0, abs($1)) }) }
            }
            #expect(grown == whole)
        }
    }

    @Test func extremesOfFloatAreCounted() {
        let result = histogram([.greatestFiniteMagnitude, -.greatestFiniteMagnitude, .leastNonzeroMagnitude, 0])
        #expect(result.total == 4)
        #expect(result.counts[Histogram.binCount / 2] == 2)
    }

    @Test func survivesJSON() throws {
        let original = histogram(numbers(500, seed: 4, scale: 2))
        let data = try JSONEncoder().encode(original)
        #expect(try JSONDecoder().decode(Histogram.self, from: data) == original)
        for text in [
            #"{"exponent": 0, "first": 4095, "counts": [1, 2]}"#, #"{"exponent": 4000, "first": 0, "counts": [1]}"#,
            #"{"exponent": 0, "first": -1, "counts": [1]}"#, #"{"exponent": 0, "first": 0, "counts": [18446744073709551615, 1]}"#,
        ] {
            #expect(throws: DecodingError.self) { try JSONDecoder().decode(Histogram.self, from: Data(text.utf8)) }
        }
    }

    private func statistics(_ values: [Float], samples: Int = 1) throws -> ValueStatistics {
        var statistics = ValueStatistics([.histogram, .channelMeans])
        try statistics.add(try Tensor(values, shape: [samples, values.count / samples]), samples: samples)
        return statistics
    }

    private func range(_ method: RangeMethod, _ values: [Float], samples: Int = 1) throws -> ValueRange {
        try method.range(of: statistics(values, samples: samples), type: .uint8, symmetric: false)
    }

    @Test func methodsChooseRanges() throws {
        var values = numbers(100_000, seed: 6, scale: 1).map { $0 * $0 * $0 }
        values[17] = 40
        values[99] = -1.5
        #expect(try range(.minMax, values) == ValueRange(low: -1.5, high: 40))
        let percentile = try range(.percentile(99.9), values)
        #expect(percentile.high < 1.1 && percentile.high > 0.9 && percentile.low > -1.1 && percentile.low < -0.9)
        #expect(try range(.percentile(100), values) == ValueRange(low: -1.5, high: 40))
        let entropy = try range(.entropy, values)
        #expect(entropy.high < 5 && entropy.high > 0.3)
        // A single number far out costs less than coarser steps for all others.
        let error = try range(.meanSquaredError, values)
        #expect(error.high < 40 && error.high >= 0.2 * 40 && error.low >= -1.5)
        let mean = try range(.movingAverage, [0, 1, -2, 4, -1, 7], samples: 3)
        #expect(mean.low == -1 && mean.high == 4)
    }

    @Test func fewNumbersKeepTheirRangeUnderEntropy() throws {
        let values = numbers(80, seed: 9, scale: 5)
        let (low, high) = (Double(values.min() ?? 0), Double(values.max() ?? 0))
        #expect(try range(.entropy, values) == ValueRange(low: low, high: high))
    }

    @Test func methodsAreParsed() throws {
        for text in ["minmax", "moving-average", "percentile=99.5", "entropy", "mse"] {
            #expect(try RangeMethod(parsing: text).description == text)
        }
        #expect(try RangeMethod(parsing: "percentile") == .percentile(99.99))
        for text in ["", "percentile=", "percentile=20", "percentile=nan", "kl", "mse=3"] {
            #expect(throws: CleaveError.self) { try RangeMethod(parsing: text) }
        }
    }

    @Test func methodsWithoutHistogramsSaySo() throws {
        var bare = ValueStatistics([])
        try bare.add(try Tensor([Float(1), 2], shape: [1, 2]), samples: 1)
        let error = #expect(throws: CleaveError.self) { try RangeMethod.entropy.range(of: bare, type: .uint8, symmetric: false) }
        #expect(error?.problem.contains("needs a histogram") == true)
    }
}
