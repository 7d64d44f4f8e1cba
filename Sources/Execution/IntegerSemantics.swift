/// How backends compute what lies between `DequantizeLinear` and `QuantizeLinear`.
public enum IntegerSemantics: String, CaseIterable, Sendable {
    /// As the graph says: dequantized, computed in float, quantized.
    case qdq
    /// In integers; sums are rounded once, by float32(sum)·float32(s_x·s_w/s_y), ties to even: as ONNX Runtime.
    case fused
    /// In integers; sums are rounded by TFLite's multipliers of 31 bits and shifts.
    case tflite
}
