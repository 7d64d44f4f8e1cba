import GraphIR
import Tensors

@CaseList
var quantizationCases: [OperatorCase] {
    OperatorCase(
        "quantize: ties to even, saturation",
        .quantizeLinear(QuantizeLinear(axis: 1, saturate: true, blockSize: 0, outputType: nil)), opset: 13,
        operands: [tensor(.float32, [7], [0, 1, 3, 5, -1, 1000, -1000]), tensor(.float32, [], [2]), tensor(.uint8, [], [128])],
        outputs: [tensor(.uint8, [7], [128, 128, 130, 130, 128, 255, 0])], tolerance: 0)
    OperatorCase(
        "quantize: no zero point", .quantizeLinear(QuantizeLinear(axis: 1, saturate: true, blockSize: 0, outputType: nil)), opset: 13,
        operands: [tensor(.float32, [3], [0, 2.6, -1]), tensor(.float32, [], [0.5])],
        outputs: [tensor(.uint8, [3], [0, 5, 0])], tolerance: 0)
    OperatorCase(
        "quantize: per channel, int8", .quantizeLinear(QuantizeLinear(axis: 0, saturate: true, blockSize: 0, outputType: nil)), opset: 13,
        operands: [tensor(.float32, [2, 2], [1, -1, 10, -10]), tensor(.float32, [2], [0.5, 4]), tensor(.int8, [2], [0, 5])],
        outputs: [tensor(.int8, [2, 2], [2, -2, 7, 3])], tolerance: 0)
    OperatorCase(
        "quantize: negative axis", .quantizeLinear(QuantizeLinear(axis: -1, saturate: true, blockSize: 0, outputType: nil)), opset: 13,
        operands: [tensor(.float32, [2, 2], [1, -1, 10, -10]), tensor(.float32, [2], [0.5, 4]), tensor(.int8, [2], [0, 5])],
        outputs: [tensor(.int8, [2, 2], [2, 5, 20, 3])], tolerance: 0)
    OperatorCase(
        "quantize: blocks of 2", .quantizeLinear(QuantizeLinear(axis: 1, saturate: true, blockSize: 2, outputType: nil)), opset: 21,
        operands: [tensor(.float32, [1, 4], [1, 2, 30, 40]), tensor(.float32, [1, 2], [0.5, 10]), tensor(.uint8, [1, 2], [1, 2])],
        outputs: [tensor(.uint8, [1, 4], [3, 5, 5, 6])], tolerance: 0)
    OperatorCase(
        "quantize: output type given",
        .quantizeLinear(QuantizeLinear(axis: 1, saturate: true, blockSize: 0, outputType: .int16)), opset: 21,
        operands: [tensor(.float32, [2], [1000000, -3]), tensor(.float32, [], [2])],
        outputs: [tensor(.int16, [2], [32767, -2])], tolerance: 0)
    OperatorCase(
        "dequantize: uint8", .dequantizeLinear(DequantizeLinear(axis: 1, blockSize: 0)), opset: 13,
        operands: [tensor(.uint8, [4], [0, 3, 128, 255]), tensor(.float32, [], [2]), tensor(.uint8, [], [128])],
        outputs: [tensor(.float32, [4], [-256, -250, 0, 254])], tolerance: 1e-05)
    OperatorCase(
        "dequantize: per channel, no zero point", .dequantizeLinear(DequantizeLinear(axis: 0, blockSize: 0)), opset: 13,
        operands: [tensor(.int8, [2, 2], [1, -2, 3, -128]), tensor(.float32, [2], [0.5, 2])],
        outputs: [tensor(.float32, [2, 2], [0.5, -1, 6, -256])], tolerance: 1e-05)
    OperatorCase(
        "dequantize: int32 bias", .dequantizeLinear(DequantizeLinear(axis: 1, blockSize: 0)), opset: 13,
        operands: [tensor(.int32, [2], [-7, 100000]), tensor(.float32, [], [0.001])],
        outputs: [tensor(.float32, [2], [-0.007, 100.00001])], tolerance: 1e-05)
    OperatorCase(
        "dequantize: blocks of 2", .dequantizeLinear(DequantizeLinear(axis: 0, blockSize: 2)), opset: 21,
        operands: [tensor(.int8, [4, 1], [1, 2, 3, 4]), tensor(.float32, [2, 1], [0.5, 2]), tensor(.int8, [2, 1], [0, 1])],
        outputs: [tensor(.float32, [4, 1], [0.5, 1, 4, 6])], tolerance: 1e-05)
    OperatorCase(
        "dynamic quantize", .dynamicQuantizeLinear(DynamicQuantizeLinear()), opset: 11,
        operands: [tensor(.float32, [6], [0, 2, -3, -2.5, 1.34, 0.5])],
        outputs: [
            tensor(.uint8, [6], [153, 255, 0, 26, 221, 179]),
            tensor(.float32, [], [0.019607844]),
            tensor(.uint8, [], [153]),
        ], tolerance: 1e-05)
    OperatorCase(
        "dynamic quantize: positive range", .dynamicQuantizeLinear(DynamicQuantizeLinear()), opset: 11,
        operands: [tensor(.float32, [2, 3], [1, 2.1, 1.3, 2.5, 3.34, 4])],
        outputs: [
            tensor(.uint8, [2, 3], [64, 134, 83, 159, 213, 255]),
            tensor(.float32, [], [0.015686275]),
            tensor(.uint8, [], [0]),
        ], tolerance: 1e-05)
}
