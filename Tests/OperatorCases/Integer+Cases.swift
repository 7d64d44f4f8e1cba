import GraphIR
import Tensors

/// The operators that graphs have only while a backend runs them. Golden values are worked out by hand.
public let integerOperatorCases: [OperatorCase] = integerCases

private func affine(_ scale: Float, _ zeroPoint: Int32) -> IntegerOperator.Affine { .init(scale: scale, zeroPoint: zeroPoint) }

private func integer(
    _ function: IntegerOperator.Function, _ operands: [IntegerOperator.Affine], _ result: IntegerOperator.Affine,
    _ limits: ClosedRange<Int32>, rounding: IntegerOperator.Rounding = .float32
) -> Operator {
    .integer(
        IntegerOperator(
            function: function, rounding: rounding, operands: operands,
            result: .init(elementType: limits.lowerBound < 0 ? .int8 : .uint8, affine: result, limits: limits)))
}

private let pairs = Window(kernel: [], strides: [1, 2], dilations: [], padding: .explicit(begin: [0, 1], end: [0, 1]))
private let square = Window(kernel: [2, 2], strides: [], dilations: [], padding: .explicit(begin: [], end: []))

@CaseList
var integerCases: [OperatorCase] {
    // Distances from 10, padding is 0: 0·1 + 2·2 − 5 = −1, −4·1 + 6·2 − 5 = 3, and −5; over 2, ties to even: 0, 2, −2.
    OperatorCase(
        "integer convolution: padding is the zero point",
        integer(
            .convolution(Convolution(window: pairs, groups: 1), .init(scales: [0.5], zeroPoints: [0])), [affine(1, 10)], affine(1, 100),
            0...255), opset: 17,
        operands: [
            tensor(.uint8, [1, 1, 1, 4], [12, 6, 16, 10]), tensor(.int8, [1, 1, 1, 2], [1, 2]), tensor(.int32, [1], [-5]),
        ],
        outputs: [tensor(.uint8, [1, 1, 1, 3], [100, 102, 98])], tolerance: 0)
    // Sums 5 and −7 over 2: halves up.
    OperatorCase(
        "integer product: TFLite's rounding",
        integer(
            .product(transposesWeight: false, .init(scales: [0.5], zeroPoints: [1])), [affine(0.25, 8)], affine(0.25, 10), 0...255,
            rounding: .fixedPoint), opset: 17,
        operands: [tensor(.uint8, [1, 1], [10]), tensor(.int8, [1, 2], [4, -2]), tensor(.int32, [2], [-1, -1])],
        outputs: [tensor(.uint8, [1, 2], [13, 7])], tolerance: 0)
    // 2.5 + 3·0.25 = 3.25; −2.5 + 0.75 = −1.75 is cut off at the zero point.
    OperatorCase(
        "integer product: residual and limits",
        integer(
            .product(transposesWeight: true, .init(scales: [0.5, 0.25], zeroPoints: [0])), [affine(1, 0), affine(0.25, 1)], affine(1, 3),
            3...127), opset: 17,
        operands: [
            tensor(.uint8, [1, 1], [1]), tensor(.int8, [2, 1], [5, -10]), nil, tensor(.int8, [1, 2], [4, 4]),
        ],
        outputs: [tensor(.uint8, [1, 2], [6, 3])], tolerance: 0)
    // 8·0.25 + 4·0.125 = 2.5, and 253·0.25 + 0.5 = 63.75.
    OperatorCase(
        "integer addition", integer(.add, [affine(0.5, 2), affine(0.25, 3)], affine(2, 100), 0...255), opset: 17,
        operands: [tensor(.uint8, [2], [10, 255]), tensor(.uint8, [1], [7])], outputs: [tensor(.uint8, [2], [102, 164])], tolerance: 0)
    OperatorCase(
        "integer multiplication", integer(.multiply, [affine(0.5, 1), affine(0.5, 0)], affine(0.5, -120), -128...127), opset: 17,
        operands: [tensor(.uint8, [3], [4, 255, 0]), tensor(.uint8, [3], [5, 5, 200])],
        outputs: [tensor(.int8, [3], [-112, 127, -128])], tolerance: 0)
    // Distances from 1 are 1.5 and −4 on average; 2.5 is a tie.
    OperatorCase(
        "integer average pool",
        integer(
            .averagePool(AveragePool(window: square, ceilMode: false, countIncludePad: false)), [affine(0.5, 1)], affine(0.5, 1),
            -128...127), opset: 17,
        operands: [tensor(.int8, [1, 1, 2, 3], [1, 2, -8, 3, 4, -10])], outputs: [tensor(.int8, [1, 1, 1, 2], [2, -3])], tolerance: 0)
    OperatorCase(
        "integer global average: another scale", integer(.globalAverage, [affine(0.5, 1)], affine(0.25, 7), -128...127), opset: 17,
        operands: [tensor(.int8, [1, 2, 2, 1], [1, 4, -127, 126])], outputs: [tensor(.int8, [1, 2, 1, 1], [10, 4])], tolerance: 0)
    OperatorCase(
        "integer table", integer(.table((0..<256).map { Int32($0 / 2) }), [affine(1, 0)], affine(2, 0), 0...255), opset: 17,
        operands: [tensor(.int8, [3], [-128, 0, 127])], outputs: [tensor(.uint8, [3], [0, 64, 127])], tolerance: 0)
}
