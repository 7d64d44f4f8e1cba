import Tensors

/// Measured values: at least one, and every one a number.
public struct Distribution: Hashable, Sendable {
    /// In ascending order.
    public let values: [Double]

    /// `nil` when there are no values, or one is infinite or no number.
    public init?(_ values: [Double]) {
        guard !values.isEmpty, values.allSatisfy(\.isFinite) else { return nil }
        self.values = values.sorted()
    }

    /// - Throws: `CleaveError` where there is no distribution.
    init(measured values: [Double]) throws {
        guard let distribution = Distribution(values) else {
            throw CleaveError(.unsupported, "a turn without times cannot be measured")
        }
        self = distribution
    }

    /// The value that a share of all values is below, interpolated between neighbours in rank (definition 7 of Hyndman and
    /// Fan, "Sample Quantiles in Statistical Packages", 1996; NumPy's default).
    /// - Parameter share: from 0, the smallest value, to 1, the largest.
    public func quantile(_ share: Double) -> Double {
        let position = min(max(share, 0), 1) * Double(values.count - 1)
        let lower = Int(position)
        guard lower + 1 < values.count else { return values[lower] }
        return values[lower] + (position - Double(lower)) * (values[lower + 1] - values[lower])
    }

    public var median: Double { quantile(0.5) }
    public var p10: Double { quantile(0.1) }
    public var p90: Double { quantile(0.9) }
    public var smallest: Double { values[0] }
    public var largest: Double { values[values.count - 1] }

    /// (p90 − p10) / median; 0 when the median is 0.
    public var spread: Double { median == 0 ? 0 : (p90 - p10) / median }
}
