import Tensors

extension Histogram {
    /// The range with the least Σ count·(x − x̂)², x being the middle of a bin and x̂ what quantization makes of it.
    ///
    /// Both ends shrink together first, as far as to a fifth, and then each by itself around the best.
    func rangeOfLeastError(within whole: ValueRange, type: ElementType, symmetric: Bool) -> ValueRange {
        let points = occupied.filter { counts[$0] > 0 }.map { bin in
            (value: min(max(lowerEdge(bin) + width / 2, whole.low), whole.high), count: Double(counts[bin]))
        }
        func error(_ range: ValueRange) -> Double {
            let parameters = QuantizationParameters(covering: range, type: type, symmetric: symmetric)
            return points.reduce(0) { sum, point in
                let difference = point.value - parameters.rounded(point.value)
                return sum + point.count * difference * difference
            }
        }
        var best = (range: whole, error: error(whole))
        func attempt(_ range: ValueRange) {
            let error = error(range)
            if error < best.error { best = (range, error) }
        }
        for step in 1...40 {
            let share = 1 - 0.02 * Double(step)
            attempt(ValueRange(low: whole.low * share, high: whole.high * share))
        }
        guard !symmetric else { return best.range }
        for _ in 0..<2 {
            let middle = best.range
            for step in -8...8 where step != 0 {
                let share = 1 + 0.02 * Double(step)
                if middle.low < 0 { attempt(ValueRange(low: max(whole.low, middle.low * share), high: best.range.high)) }
            }
            for step in -8...8 where step != 0 {
                let share = 1 + 0.02 * Double(step)
                if middle.high > 0 { attempt(ValueRange(low: best.range.low, high: min(whole.high, middle.high * share))) }
            }
        }
        return best.range
    }
}
