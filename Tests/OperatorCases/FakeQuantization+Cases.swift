import GraphIR
import Tensors

private func rounding(
    _ minimum: Int, _ maximum: Int, axis: Int = 0, unit: Float = 1, _ gradient: FakeQuantize.Gradient = .learned
) -> FakeQuantize {
    FakeQuantize(minimum: minimum, maximum: maximum, axis: axis, unit: unit, gradient: gradient)
}

/// Worked out by hand: all numbers are exact in binary.
@CaseList
var fakeQuantizationCases: [OperatorCase] {
    OperatorCase(
        "fake quantize: ties to even, limits, one scale", .fakeQuantize(rounding(-4, 3)), opset: 17,
        operands: [
            tensor(.float32, [2, 5], [0.25, 0.75, 1.25, -0.25, -0.75, 1.5, 1.75, 9, -2.25, -7]), tensor(.float32, [], [0.5]),
        ],
        outputs: [tensor(.float32, [2, 5], [0, 1, 1, 0, -1, 1.5, 1.5, 1.5, -2, -2])], tolerance: 0)
    OperatorCase(
        "fake quantize: the range from low on, in units", .fakeQuantize(rounding(0, 7, unit: 0.5)), opset: 17,
        operands: [
            tensor(.float64, [6], [-3, -1.25, -0.8, 0.3, 2.4, 40]), tensor(.float64, [], [1]), tensor(.float64, [], [-2.2]),
        ],
        // s = 0.5, low = −1.1: from −2 to 5 steps.
        outputs: [tensor(.float64, [6], [-1, -1, -1, 0.5, 2.5, 2.5])], tolerance: 0)
    OperatorCase(
        "fake quantize: a low above 0 counts as 0", .fakeQuantize(rounding(0, 7)), opset: 17,
        operands: [tensor(.float32, [3], [-3, 1.25, 9]), tensor(.float32, [], [0.5]), tensor(.float32, [], [3])],
        outputs: [tensor(.float32, [3], [0, 1, 3.5])], tolerance: 0)
    OperatorCase(
        "fake quantize: a scale per channel", .fakeQuantize(rounding(-127, 127, axis: 1)), opset: 17,
        operands: [tensor(.float32, [2, 3, 2], [1, 2, 1, 2, 1, 2, -1, -2, 300, -300, 0.5, 0.75]), tensor(.float32, [3], [1, 2, 0.25])],
        outputs: [tensor(.float32, [2, 3, 2], [1, 2, 0, 2, 1, 2, -1, -2, 254, -254, 0.5, 0.75])], tolerance: 0)
    OperatorCase(
        "fake quantize: a scale of 0", .fakeQuantize(rounding(-127, 127, .clipped)), opset: 17,
        operands: [tensor(.float32, [2], [0, 1]), tensor(.float32, [], [0])], outputs: [tensor(.float32, [2], [0, 0])], tolerance: 1e-30)
    OperatorCase(
        "gradients of fake quantize: one scale", .fakeQuantizeGradient(FakeQuantizeGradient(forward: rounding(-4, 3))), opset: 17,
        operands: [
            tensor(.float32, [6], [0.25, 0.75, 1.125, 9, -2.25, -7]), tensor(.float32, [6], [1, 2, 4, 8, 16, 32]),
            tensor(.float32, [], [0.5]),
        ],
        // Steps: 0.5 → 0, 1.5 → 2, 2.25 → 2, 18 > 3, −4.5 → −4, −14 < −4.
        outputs: [
            tensor(.float32, [6], [1, 2, 4, 0, 16, 0]), tensor(.float32, [], [-0.5 + 1 - 1 + 24 + 8 - 128]),
        ], tolerance: 0)
    OperatorCase(
        "gradients of fake quantize: low, in units", .fakeQuantizeGradient(FakeQuantizeGradient(forward: rounding(0, 7, unit: 0.5))),
        opset: 17,
        operands: [
            tensor(.float32, [4], [-3, 0.625, 9, 2]), tensor(.float32, [4], [1, 2, 4, 8]), tensor(.float32, [], [1]),
            tensor(.float32, [], [-2.25]),
        ],
        // s = 0.5, low = −1.125, so −2.25 steps, from −2 to 5. Below: −2 + 2.25; 1.25 → 1; above: 5 + 2.25; 4.
        outputs: [
            tensor(.float32, [4], [0, 2, 0, 8]), tensor(.float32, [], [0.5 * (0.25 - 0.5 + 29)]), tensor(.float32, [], [0.5 * 5]),
        ], tolerance: 0)
    OperatorCase(
        "gradients of fake quantize: a scale per channel",
        .fakeQuantizeGradient(FakeQuantizeGradient(forward: rounding(-2, 2, axis: 0))), opset: 17,
        operands: [
            tensor(.float32, [2, 3], [0.25, 5, -1, 0.25, 5, -1]), tensor(.float32, [2, 3], [1, 2, 4, 8, 16, 32]),
            tensor(.float32, [2], [1, 2]),
        ],
        outputs: [
            tensor(.float32, [2, 3], [1, 0, 4, 8, 16, 32]), tensor(.float32, [2], [-0.25 + 4, -1 - 8 + 16]),
        ], tolerance: 0)
    OperatorCase(
        "symmetric scale: rows", .symmetricScale(SymmetricScale(axis: 0, maximum: 4)), opset: 17,
        operands: [tensor(.float32, [2, 3], [1, -3, 2, 0.5, 0.25, 0])], outputs: [tensor(.float32, [2], [0.75, 0.125])], tolerance: 0)
    OperatorCase(
        "symmetric scale: columns", .symmetricScale(SymmetricScale(axis: -1, maximum: 2)), opset: 17,
        operands: [tensor(.float64, [2, 3], [1, -3, 2, 0.5, 0.25, 0])], outputs: [tensor(.float64, [3], [0.5, 1.5, 1])], tolerance: 0)
    OperatorCase(
        "moving range", .movingRange(MovingRange(momentum: 0.75)), opset: 17,
        operands: [tensor(.float32, [2, 2], [1, 3, -2, 0.5]), tensor(.float32, [], [-1]), tensor(.float32, [], [2])],
        outputs: [tensor(.float32, [], [-1.25]), tensor(.float32, [], [2.25])], tolerance: 0)
    OperatorCase(
        "moving range: of positive numbers it begins at 0", .movingRange(MovingRange(momentum: 0.5)), opset: 17,
        operands: [tensor(.float64, [2], [1, 3]), tensor(.float64, [], [-1]), tensor(.float64, [], [2])],
        outputs: [tensor(.float64, [], [-0.5]), tensor(.float64, [], [2.5])], tolerance: 0)
}
