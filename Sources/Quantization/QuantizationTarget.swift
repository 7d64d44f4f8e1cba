import Tensors

/// The runtime that an int8 model is for, and what its integer kernels ask of the graph.
public enum QuantizationTarget: String, CaseIterable, Hashable, Codable, Sendable {
    /// ONNX Runtime on processors: uint8 activations with a zero point, int8 weights, int32 bias.
    case onnxruntime
    /// TensorRT: int8 with zero point 0 everywhere, the bias in float, no Q/DQ between a layer and what is fused into it.
    case tensorrt
    /// OpenVINO: uint8 activations with a zero point, int8 weights, the bias in float.
    case openvino
    /// TensorFlow Lite: int8 activations with a zero point, int32 bias; pools and concatenations keep the scale of their inputs.
    case tflite

    /// As people write it.
    public var title: String {
        switch self {
        case .onnxruntime: "ONNX Runtime"
        case .tensorrt: "TensorRT"
        case .openvino: "OpenVINO"
        case .tflite: "TensorFlow Lite"
        }
    }

    /// The element type of quantized activations.
    public var activationType: ElementType {
        switch self {
        case .onnxruntime, .openvino: .uint8
        case .tensorrt, .tflite: .int8
        }
    }

    /// Whether the zero point of activations has to be 0.
    public var isSymmetric: Bool { self == .tensorrt }

    /// Whether biases are int32 of the scale s_x·s_w.
    public var hasIntegerBias: Bool {
        switch self {
        case .onnxruntime, .tflite: true
        case .tensorrt, .openvino: false
        }
    }

    /// Whether the result of every integer operator is quantized, and not only what such an operator reads.
    public var quantizesResults: Bool { self != .tensorrt }

    /// Whether a pool's output has the scale of its input, and all inputs of a concatenation have one.
    public var sharesRanges: Bool { self == .tflite }

    /// Whether transposed convolutions run in integers.
    public var hasTransposedConvolution: Bool { self != .onnxruntime }
}

/// How integer arithmetic is written in ONNX.
public enum QuantizationFormat: String, CaseIterable, Hashable, Codable, Sendable {
    /// Float operators between DequantizeLinear and QuantizeLinear, which runtimes fuse.
    case qdq
    /// Integer operators: `QLinearConv`, `QLinearMatMul`, and those of ONNX Runtime.
    case qoperator
}
