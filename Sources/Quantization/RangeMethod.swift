import Tensors

/// How the range of an activation follows from what calibration has seen.
public enum RangeMethod: Hashable, Sendable, CustomStringConvertible {
    /// From the smallest number to the largest.
    case minMax
    /// From the mean of the samples' smallest numbers to that of their largest ones.
    case movingAverage
    /// What remains when (100 − P)/2 percent of the numbers are cut off on each side.
    case percentile(Double)
    /// The magnitude at which the quantized distribution tells least from the original one (Kullback-Leibler divergence; S. Migacz,
    /// "8-bit Inference with TensorRT", GTC 2017).
    case entropy
    /// The range with the least mean squared error of quantization.
    case meanSquaredError

    /// What `percentile` without a number stands for.
    public static let defaultPercentile = 99.99

    /// `minmax`, `moving-average`, `percentile=99.99`, `entropy` or `mse`.
    /// - Throws: `CleaveError` for anything else.
    public init(parsing text: String) throws {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        switch (parts[0], parts.count > 1 ? parts[1] : nil) {
        case ("minmax", nil): self = .minMax
        case ("moving-average", nil): self = .movingAverage
        case ("percentile", nil): self = .percentile(Self.defaultPercentile)
        case ("percentile", let number?):
            guard let value = Double(number), value > 50, value <= 100 else {
                throw CleaveError(
                    .invalidRequest, "the percentile is '\(number)', expected a number above 50 and at most 100",
                    suggestion: "try percentile=\(Self.defaultPercentile)")
            }
            self = .percentile(value)
        case ("entropy", nil): self = .entropy
        case ("mse", nil): self = .meanSquaredError
        default:
            throw CleaveError(
                .invalidRequest, "the method is '\(text)', expected minmax, moving-average, percentile=P, entropy or mse")
        }
    }

    public var description: String {
        switch self {
        case .minMax: "minmax"
        case .movingAverage: "moving-average"
        case .percentile(let value): "percentile=\(value == value.rounded() ? String(Int(value)) : String(value))"
        case .entropy: "entropy"
        case .meanSquaredError: "mse"
        }
    }

    /// Whether extremes are not enough.
    public var needsHistogram: Bool {
        switch self {
        case .minMax, .movingAverage: false
        case .percentile, .entropy, .meanSquaredError: true
        }
    }

    /// The range for a tensor quantized to `type`.
    /// - Throws: `CleaveError` when the statistics have no histogram, but the method needs one.
    func range(of statistics: ValueStatistics, type: ElementType, symmetric: Bool) throws -> ValueRange {
        let whole = ValueRange(low: statistics.low, high: statistics.high)
        switch self {
        case .minMax: return whole
        case .movingAverage: return ValueRange(low: statistics.meanLow, high: statistics.meanHigh)
        case .percentile, .entropy, .meanSquaredError: break
        }
        guard let histogram = statistics.histogram else {
            throw CleaveError(
                .invalidRequest, "the ranges have extremes only, but the method \(self) needs a histogram",
                suggestion: "calibrate again with `cleave calibrate`, or choose --method minmax")
        }
        // All numbers are alike: there is nothing to choose.
        guard whole.low < whole.high else { return whole }
        switch self {
        case .percentile(let share): return histogram.range(withinPercent: share, of: whole)
        case .entropy: return histogram.rangeOfLeastDivergence(within: whole)
        case .meanSquaredError: return histogram.rangeOfLeastError(within: whole, type: type, symmetric: symmetric)
        case .minMax, .movingAverage: return whole
        }
    }
}

extension Histogram {
    /// The smallest range of whole bins outside of which no more than (100 − share)/2 percent lie on either side.
    func range(withinPercent share: Double, of whole: ValueRange) -> ValueRange {
        let cut = Double(total) * (100 - share) / 200
        func edge(_ bins: some Sequence<Int>) -> Int? {
            var passed = 0.0
            for bin in bins {
                passed += Double(counts[bin])
                if passed > cut { return bin }
            }
            return nil
        }
        guard let first = edge(occupied), let last = edge(occupied.reversed()) else { return whole }
        return ValueRange(low: max(whole.low, lowerEdge(first)), high: min(whole.high, lowerEdge(last + 1)))
    }
}
