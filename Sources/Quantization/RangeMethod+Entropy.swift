import Foundation

extension Histogram {
    /// Levels that a magnitude has when it is quantized to 8 bits.
    private static let levels = 128
    /// Numbers that a bin has to hold on average.
    private static let numbersPerBin = 8.0

    /// Limits all magnitudes to the threshold whose quantized distribution diverges least from the true one, Σ p·ln(p/q).
    ///
    /// For every threshold, the bins up to it are the distribution p, with what lies beyond added to the last of them; q has the
    /// same bins merged into 128 levels, each spread evenly over those of its bins that hold anything.
    ///
    /// Few numbers leave most bins empty, and then nothing can be said: bins are merged until they hold enough on average, and where
    /// fewer than two bins would remain for every level, the whole range is kept.
    func rangeOfLeastDivergence(within whole: ValueRange) -> ValueRange {
        let half = Self.binCount / 2
        var magnitudes = (0..<half).map { Double(counts[half + $0]) + Double(counts[half - 1 - $0]) }
        var width = width
        while let last = magnitudes.lastIndex(where: { $0 > 0 }), Double(total) < Self.numbersPerBin * Double(last + 1), magnitudes.count > 1 {
            magnitudes = stride(from: 0, to: magnitudes.count - 1, by: 2).map { magnitudes[$0] + magnitudes[$0 + 1] }
            width *= 2
        }
        guard let last = magnitudes.lastIndex(where: { $0 > 0 }), last >= 2 * Self.levels else { return whole }
        // A peak at 0, which any scale represents exactly, must not decide.
        if magnitudes.count > 1 { magnitudes[0] = min(magnitudes[0], magnitudes[1]) }
        var beyond = magnitudes[(Self.levels)...].reduce(0, +)
        var best = (divergence: Double.infinity, bins: last + 1)
        for bins in Self.levels...last + 1 {
            if bins > Self.levels { beyond -= magnitudes[bins - 1] }
            let divergence = Self.divergence(magnitudes[..<bins], beyond: max(0, beyond))
            if divergence < best.divergence { best = (divergence, bins) }
        }
        let threshold = Double(best.bins) * width
        return ValueRange(low: max(whole.low, -threshold), high: min(whole.high, threshold))
    }

    private static func divergence(_ magnitudes: ArraySlice<Double>, beyond: Double) -> Double {
        let count = magnitudes.count
        let total = magnitudes.reduce(beyond, +)
        guard total > 0 else { return .infinity }
        var sum = 0.0
        for level in 0..<levels {
            let bins = level * count / levels..<(level + 1) * count / levels
            var mass = 0.0
            var filled = 0
            for bin in bins where magnitudes[bin] > 0 {
                mass += magnitudes[bin]
                filled += 1
            }
            let isLast = level == levels - 1
            // What lies beyond is at the edge for p, but unknown to q.
            if isLast, beyond > 0, filled == 0 || magnitudes[count - 1] == 0 { return .infinity }
            guard filled > 0 else { continue }
            let even = mass / Double(filled)
            for bin in bins where magnitudes[bin] > 0 {
                let p = magnitudes[bin] + (bin == count - 1 ? beyond : 0)
                sum += p / total * log(p / even * (total - beyond) / total)
            }
        }
        return sum
    }
}
