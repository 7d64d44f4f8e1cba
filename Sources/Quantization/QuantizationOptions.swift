/// How a network is quantized.
public struct QuantizationOptions: Hashable, Sendable {
    public var target: QuantizationTarget
    public var format: QuantizationFormat
    public var method: RangeMethod
    /// Labels of nodes that stay in float; `*` stands for any characters, `?` for one.
    public var excluded: [String]
    /// Whether weights have 7 bits: where a processor without VNNI adds pairs of products in int16, wider ones overflow.
    public var reducesRange: Bool
    /// Whether inputs and outputs of the model are integers, too.
    public var hasIntegerInterface: Bool

    public init(
        target: QuantizationTarget = .onnxruntime, format: QuantizationFormat = .qdq, method: RangeMethod = .minMax,
        excluded: [String] = [], reducesRange: Bool = false, hasIntegerInterface: Bool = false
    ) {
        self.target = target
        self.format = format
        self.method = method
        self.excluded = excluded
        self.reducesRange = reducesRange
        self.hasIntegerInterface = hasIntegerInterface
    }
}
