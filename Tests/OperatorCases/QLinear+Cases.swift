import GraphIR
import Tensors

private let left = tensor(.uint8, [2, 3], [0, 10, 200, 255, 128, 7])
private let right = tensor(.uint8, [1, 3], [3, 250, 100])
private let plane = tensor(.uint8, [1, 1, 4, 4], [0, 254, 3, 40, 50, 60, 70, 81, 9, 8, 7, 6, 100, 101, 103, 110])
private func scale(_ value: Double) -> Tensor { tensor(.float32, [], [value]) }
private func zero(_ value: Double) -> Tensor { tensor(.uint8, [], [value]) }

private func pool(_ window: Window, countIncludePad: Bool) -> Operator {
    .qLinear(QLinear(function: .averagePool(AveragePool(window: window, ceilMode: false, countIncludePad: countIncludePad))))
}

@CaseList
var qLinearCases: [OperatorCase] {
    OperatorCase(
        "qlinear add: broadcast", .qLinear(QLinear(function: .add)), opset: 13,
        operands: [left, scale(0.1), zero(128), right, scale(0.05), zero(10), scale(0.2), zero(90)],
        outputs: [tensor(.uint8, [2, 3], [24, 91, 148, 152, 150, 52])], tolerance: 0)
    OperatorCase(
        "qlinear mul: broadcast", .qLinear(QLinear(function: .mul)), opset: 13,
        operands: [left, scale(0.1), zero(128), right, scale(0.05), zero(10), scale(0.7), zero(90)],
        outputs: [tensor(.uint8, [2, 3], [96, 0, 136, 84, 90, 12])], tolerance: 0)
    OperatorCase(
        "qlinear average pool",
        pool(Window(kernel: [2, 2], strides: [2, 2], dilations: [], padding: .explicit(begin: [], end: [])), countIncludePad: false),
        opset: 13, operands: [plane, scale(0.5), zero(20), scale(0.25), zero(3)],
        outputs: [tensor(.uint8, [1, 1, 2, 2], [145, 60, 72, 76])], tolerance: 0)
    OperatorCase(
        "qlinear average pool: padding counts as 0",
        pool(
            Window(kernel: [3, 3], strides: [2, 2], dilations: [], padding: .explicit(begin: [1, 1], end: [0, 0])), countIncludePad: true),
        opset: 13, operands: [plane, scale(0.5), zero(20), scale(0.6), zero(30)],
        outputs: [tensor(.uint8, [1, 1, 2, 2], [56, 66, 49, 64])], tolerance: 0)
    OperatorCase(
        "qlinear global average pool: saturation", .qLinear(QLinear(function: .globalAveragePool)), opset: 13,
        operands: [
            tensor(.uint8, [1, 2, 2, 2], [10, 20, 31, 43, 250, 240, 255, 255]), scale(0.5), zero(20), scale(0.3), zero(5),
        ],
        outputs: [tensor(.uint8, [1, 2, 1, 1], [15, 255])], tolerance: 0)
    OperatorCase(
        "qlinear concat", .qLinear(QLinear(function: .concat(axis: 0))), opset: 13,
        operands: [scale(0.2), zero(40), left, scale(0.1), zero(128), right, scale(0.05), zero(10)],
        outputs: [tensor(.uint8, [3, 3], [0, 0, 76, 104, 40, 0, 38, 100, 62])], tolerance: 0)
    OperatorCase(
        "qlinear gemm: a scale per column", .qLinear(QLinear(function: .gemm(alpha: 1, transposeA: false, transposeB: true))), opset: 13,
        operands: [
            tensor(.uint8, [2, 3], [1, 200, 30, 255, 0, 128]), scale(0.02), zero(100), tensor(.int8, [2, 3], [1, -2, 127, -127, 50, 6]),
            tensor(.float32, [2], [0.01, 0.003]), tensor(.int8, [2], [0, 0]), tensor(.int32, [2], [1000, -5000]), scale(0.05), zero(60),
        ],
        outputs: [tensor(.uint8, [2, 2], [27, 75, 80, 25])], tolerance: 0)
    OperatorCase(
        "qlinear gemm: float result", .qLinear(QLinear(function: .gemm(alpha: 2, transposeA: false, transposeB: false))), opset: 13,
        operands: [
            tensor(.uint8, [2, 3], [1, 200, 30, 255, 0, 128]), scale(0.02), zero(100), tensor(.int8, [3, 2], [1, -127, -2, 50, 127, 6]),
            scale(0.01), tensor(.int8, [], [0]),
        ],
        outputs: [tensor(.float32, [2, 2], [-3.6756, 6.8612, 1.5644, -9.8068])], tolerance: 1e-5)
}
