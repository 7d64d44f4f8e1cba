/// How a network is trained for the int8 network that it becomes.
public struct QuantizationAwareness: Hashable, Codable, Sendable {
    /// Where the scales come from while training.
    public enum Ranges: String, CaseIterable, Hashable, Codable, Sendable {
        /// Scales, and the lower ends of ranges that do not begin at 0, are parameters that follow their gradients (LSQ: Esser et al.,
        /// arXiv 1902.08153; LSQ+: Bhalgat et al., arXiv 2004.09576).
        case learned
        /// Activations have the moving average of the batches' ranges, weights their own largest magnitude (Jacob et al., arXiv
        /// 1712.05877).
        case movingAverage = "moving-average"
    }

    public var target: QuantizationTarget
    public var format: QuantizationFormat
    public var ranges: Ranges
    /// Labels of nodes that stay in float; `*` stands for any characters, `?` for one.
    public var excluded: [String]
    /// Whether weights have 7 bits.
    public var reducesRange: Bool

    public init(
        target: QuantizationTarget = .onnxruntime, format: QuantizationFormat = .qdq, ranges: Ranges = .learned, excluded: [String] = [],
        reducesRange: Bool = false
    ) {
        self.target = target
        self.format = format
        self.ranges = ranges
        self.excluded = excluded
        self.reducesRange = reducesRange
    }

    /// How the trained network is quantized.
    public var options: QuantizationOptions {
        QuantizationOptions(target: target, format: format, method: method, excluded: excluded, reducesRange: reducesRange)
    }

    /// How the ranges that training begins with follow from what calibration has seen.
    public var method: RangeMethod {
        switch ranges {
        case .learned: .meanSquaredError
        case .movingAverage: .movingAverage
        }
    }

    /// How much of a moving average is kept at every batch.
    static let momentum: Float = 0.99
}

/// The scales that training has found.
struct TrainedScales: Sendable {
    /// A weight, and the dimension that counts its output channels.
    struct Weight: Hashable, Sendable {
        var weight: String
        var axis: Int
    }

    /// By the value that gives the range.
    var activations: [String: QuantizationParameters]
    var weights: [Weight: [Float]]
}
