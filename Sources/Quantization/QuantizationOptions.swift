/// How a network is quantized.
public struct QuantizationOptions: Hashable, Sendable {
    public var target: QuantizationTarget
    public var format: QuantizationFormat
    public var method: RangeMethod
    /// Labels of nodes that stay in float; `*` stands for any characters, `?` for one.
    public var excluded: [String]
    /// Labels of further nodes that stay in float, letter by letter.
    public var floatLayers: [String]
    /// Whether weights have 7 bits: where a processor without VNNI adds pairs of products in int16, wider ones overflow.
    public var reducesRange: Bool
    /// Whether inputs and outputs of the model are integers, too.
    public var hasIntegerInterface: Bool
    /// Whether biases make up for what rounding the weights adds to a layer's result on average.
    public var correctsBias: Bool
    /// By name of a layer's input, what its channels are on average, for correcting biases; where it is empty, what calibration
    /// measured. `Graph.batchNormMeans` finds them without data.
    public var channelMeans: [String: [Double]] = [:]
    /// Per label of a layer and output channel, what its result is off by on average, so that its bias takes it away: see
    /// `biasShifts(of:_:options:samples:backend:progress:)`.
    public var biasShifts: [String: [Double]] = [:]

    /// What calibration has to keep for these options.
    public var neededDetail: ValueStatistics.Detail {
        var detail: ValueStatistics.Detail = []
        if method.needsHistogram { detail.insert(.histogram) }
        if correctsBias, channelMeans.isEmpty { detail.insert(.channelMeans) }
        return detail
    }

    /// Whether a node stays in float on request.
    func excludes(_ label: String) -> Bool { floatLayers.contains(label) || excluded.contains { wildcard($0, matches: label) } }

    public init(
        target: QuantizationTarget = .onnxruntime, format: QuantizationFormat = .qdq, method: RangeMethod = .minMax,
        excluded: [String] = [], floatLayers: [String] = [], reducesRange: Bool = false, hasIntegerInterface: Bool = false,
        correctsBias: Bool = false
    ) {
        self.target = target
        self.format = format
        self.method = method
        self.excluded = excluded
        self.floatLayers = floatLayers
        self.reducesRange = reducesRange
        self.hasIntegerInterface = hasIntegerInterface
        self.correctsBias = correctsBias
    }
}
