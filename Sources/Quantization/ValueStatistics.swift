import CKernels
import Tensors

/// What calibration has seen of one value of a network.
public struct ValueStatistics: Hashable, Sendable, Codable {
    /// Samples in which the value was seen.
    public internal(set) var samples: Int
    /// The smallest and the largest number of all.
    public internal(set) var low: Double
    public internal(set) var high: Double
    /// Means, over the samples, of each one's smallest and largest number.
    public internal(set) var meanLow: Double
    public internal(set) var meanHigh: Double
    /// `nil` when only extremes were asked for.
    public internal(set) var histogram: Histogram?
    /// The mean of every channel, dimension 1, where it was asked for and there is one.
    public internal(set) var channelMeans: [Double]?

    /// What to keep besides extremes.
    public struct Detail: OptionSet, Hashable, Sendable {
        public let rawValue: Int
        public init(rawValue: Int) { self.rawValue = rawValue }

        /// A histogram, which all methods but `minmax` and `moving-average` need.
        public static let histogram = Detail(rawValue: 1)
        /// The means of channels, by which biases are corrected.
        public static let channelMeans = Detail(rawValue: 2)
    }

    init(_ detail: Detail) {
        samples = 0
        (low, high, meanLow, meanHigh) = (.infinity, -.infinity, 0, 0)
        histogram = detail.contains(.histogram) ? Histogram() : nil
        channelMeans = detail.contains(.channelMeans) ? [] : nil
    }

    /// Adds a tensor of float32 with one sample per index of its first dimension, or a single one where `samples` is 1.
    /// - Throws: `InvalidNumber` when a number is not finite.
    mutating func add(_ tensor: Tensor, samples count: Int) throws {
        try tensor.withElements(of: Float.self) { numbers in
            guard let address = numbers.baseAddress, count > 0, !numbers.isEmpty else { return }
            let length = numbers.count / count
            var extents = [ck_extent](repeating: ck_extent(), count: count)
            ck_measure_extents(address, Int64(count), Int64(length), &extents)
            if let sample = extents.firstIndex(where: { $0.invalid >= 0 }) {
                throw InvalidNumber(sample: sample, value: numbers[sample * length + Int(extents[sample].invalid)])
            }
            addChannels(of: tensor, address, samples: count)
            for extent in extents { add(low: Double(extent.low), high: Double(extent.high)) }
            let magnitude = extents.reduce(Float(0)) { max($0, abs($1.low), abs($1.high)) }
            histogram?.add(numbers, magnitude: magnitude)
        }
    }

    private mutating func addChannels(of tensor: Tensor, _ numbers: UnsafePointer<Float>, samples count: Int) {
        guard var means = channelMeans else { return }
        guard tensor.rank >= 2, tensor.shape[0] == count, means.isEmpty || means.count == tensor.shape[1] else {
            channelMeans = nil
            return
        }
        let inner = tensor.shape[2...].reduce(1, *)
        var sums = [Double](repeating: 0, count: tensor.shape[1])
        ck_add_sums(numbers, Int64(count), Int64(sums.count), Int64(inner), &sums)
        if means.isEmpty { means = [Double](repeating: 0, count: sums.count) }
        let share = Double(count) / Double(samples + count)
        for channel in means.indices { means[channel] += (sums[channel] / Double(count * inner) - means[channel]) * share }
        channelMeans = means
    }

    private mutating func add(low: Double, high: Double) {
        samples += 1
        self.low = min(self.low, low)
        self.high = max(self.high, high)
        meanLow += (low - meanLow) / Double(samples)
        meanHigh += (high - meanHigh) / Double(samples)
    }

    /// A NaN or an infinity, and in which sample of the tensor.
    struct InvalidNumber: Error {
        var sample: Int
        var value: Float
    }

    /// Adds what another calibration has seen; means are weighted by samples. A histogram remains where both have one.
    mutating func merge(_ other: ValueStatistics) {
        guard other.samples > 0 else { return }
        let (total, overflow) = samples.addingReportingOverflow(other.samples)
        guard !overflow else { return }
        let share = Double(other.samples) / Double(total)
        meanLow += (other.meanLow - meanLow) * share
        meanHigh += (other.meanHigh - meanHigh) * share
        low = min(low, other.low)
        high = max(high, other.high)
        samples = total
        if let more = other.histogram { histogram?.merge(more) } else { histogram = nil }
        if let mine = channelMeans, let theirs = other.channelMeans, mine.count == theirs.count {
            channelMeans = zip(mine, theirs).map { $0 + ($1 - $0) * share }
        } else {
            channelMeans = nil
        }
    }

    /// Whether the numbers make sense; those of a file may not.
    var isSound: Bool {
        // Numbers are float32.
        samples > 0 && [low, high, meanLow, meanHigh].allSatisfy({ abs($0) <= Double(Float.greatestFiniteMagnitude) }) && low <= high
            && (channelMeans ?? []).allSatisfy(\.isFinite)
    }
}
