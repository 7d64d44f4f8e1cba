import GraphIR
import Tensors

@CaseList
var otherElementwiseCases: [OperatorCase] {
    OperatorCase(
        "isinf: both signs", .isInfinite(IsInfinite(detectsNegative: true, detectsPositive: true)), opset: 10,
        operands: [tensor(.float32, [4], [-.infinity, .infinity, .nan, 1])],
        outputs: [tensor(.bool, [4], [1, 1, 0, 0])], tolerance: 0)
    OperatorCase(
        "isinf: negative only", .isInfinite(IsInfinite(detectsNegative: true, detectsPositive: false)), opset: 10,
        operands: [tensor(.float32, [4], [-.infinity, .infinity, .nan, 1])],
        outputs: [tensor(.bool, [4], [1, 0, 0, 0])], tolerance: 0)
    OperatorCase(
        "sum: three operands, broadcast", .variadic(Variadic(function: .sum)), opset: 13,
        operands: [tensor(.float32, [2, 3], [1, -2, 3, 4, 5, -6]), tensor(.float32, [3], [2, -3, 0.5]), tensor(.float32, [1], [1])],
        outputs: [tensor(.float32, [2, 3], [4, -4, 4.5, 7, 3, -4.5])], tolerance: 1e-05)
    OperatorCase(
        "max: three operands, broadcast", .variadic(Variadic(function: .max)), opset: 13,
        operands: [tensor(.float32, [2, 3], [1, -2, 3, 4, 5, -6]), tensor(.float32, [3], [2, -3, 0.5]), tensor(.float32, [1], [1])],
        outputs: [tensor(.float32, [2, 3], [2, 1, 3, 4, 5, 1])], tolerance: 1e-05)
    OperatorCase(
        "min: three operands, broadcast", .variadic(Variadic(function: .min)), opset: 13,
        operands: [tensor(.float32, [2, 3], [1, -2, 3, 4, 5, -6]), tensor(.float32, [3], [2, -3, 0.5]), tensor(.float32, [1], [1])],
        outputs: [tensor(.float32, [2, 3], [1, -3, 0.5, 1, -3, -6])], tolerance: 1e-05)
    OperatorCase(
        "mean: three operands, broadcast", .variadic(Variadic(function: .mean)), opset: 13,
        operands: [tensor(.float32, [2, 3], [1, -2, 3, 4, 5, -6]), tensor(.float32, [3], [2, -3, 0.5]), tensor(.float32, [1], [1])],
        outputs: [tensor(.float32, [2, 3], [1.3333334, -1.3333334, 1.5, 2.3333335, 1, -1.5])], tolerance: 1e-05)
    OperatorCase(
        "max: one operand", .variadic(Variadic(function: .max)), opset: 13,
        operands: [tensor(.float32, [2, 3], [1, -2, 3, 4, 5, -6])],
        outputs: [tensor(.float32, [2, 3], [1, -2, 3, 4, 5, -6])], tolerance: 1e-05)
    OperatorCase(
        "min: int64", .variadic(Variadic(function: .min)), opset: 13,
        operands: [tensor(.int64, [3], [1, 5, -3]), tensor(.int64, [1], [2])],
        outputs: [tensor(.int64, [3], [1, 2, -3])], tolerance: 0)
    OperatorCase(
        "where: three shapes", .select(Where()), opset: 16,
        operands: [tensor(.bool, [2, 1], [1, 0]), tensor(.float32, [3], [1, 2, 3]), tensor(.float32, [], [-1])],
        outputs: [tensor(.float32, [2, 3], [1, 2, 3, -1, -1, -1])], tolerance: 1e-05)
    OperatorCase(
        "where: int64", .select(Where()), opset: 16,
        operands: [tensor(.bool, [2], [1, 0]), tensor(.int64, [2], [1, 2]), tensor(.int64, [2], [3, 4])],
        outputs: [tensor(.int64, [2], [1, 4])], tolerance: 0)
    OperatorCase(
        "clip: attributes", .clip(Clip(minimum: -1, maximum: 2)), opset: 6,
        operands: [tensor(.float32, [2, 3], [1, -2, 3, 4, 5, -6])],
        outputs: [tensor(.float32, [2, 3], [1, -1, 2, 2, 2, -1])], tolerance: 1e-05)
    OperatorCase(
        "clip: operands", .clip(Clip(minimum: nil, maximum: nil)), opset: 13,
        operands: [tensor(.float32, [2, 3], [1, -2, 3, 4, 5, -6]), tensor(.float32, [], [0]), tensor(.float32, [], [3])],
        outputs: [tensor(.float32, [2, 3], [1, 0, 3, 3, 3, 0])], tolerance: 1e-05)
    OperatorCase(
        "clip: upper limit only, int32", .clip(Clip(minimum: nil, maximum: nil)), opset: 13,
        operands: [tensor(.int32, [2, 3], [7, -7, 9, 4, -1, 0]), nil, tensor(.int32, [], [5])],
        outputs: [tensor(.int32, [2, 3], [5, -7, 5, 4, -1, 0])], tolerance: 0)
    OperatorCase(
        "clip: lower limit above the upper", .clip(Clip(minimum: nil, maximum: nil)), opset: 13,
        operands: [tensor(.float32, [2, 3], [1, -2, 3, 4, 5, -6]), tensor(.float32, [], [3]), tensor(.float32, [], [0])],
        outputs: [tensor(.float32, [2, 3], [0, 0, 0, 0, 0, 0])], tolerance: 1e-05)
    OperatorCase(
        "cast: float32 to int32 rounds towards zero", .cast(Cast(to: .int32, saturate: true)), opset: 13,
        operands: [tensor(.float32, [3], [-1.75, 0.5, 2.9])],
        outputs: [tensor(.int32, [3], [-1, 0, 2])], tolerance: 0)
    OperatorCase(
        "cast: float32 to bool", .cast(Cast(to: .bool, saturate: true)), opset: 13,
        operands: [tensor(.float32, [3], [0, -0.5, 3])],
        outputs: [tensor(.bool, [3], [0, 1, 1])], tolerance: 0)
    OperatorCase(
        "cast: bool to float32", .cast(Cast(to: .float32, saturate: true)), opset: 13,
        operands: [tensor(.bool, [2], [1, 0])],
        outputs: [tensor(.float32, [2], [1, 0])], tolerance: 1e-05)
    OperatorCase(
        "cast: int64 to uint8 keeps the low bits", .cast(Cast(to: .uint8, saturate: true)), opset: 13,
        operands: [tensor(.int64, [3], [255, 256, -1])],
        outputs: [tensor(.uint8, [3], [255, 0, 255])], tolerance: 0)
    OperatorCase(
        "cast: float32 to float16", .cast(Cast(to: .float16, saturate: true)), opset: 13,
        operands: [tensor(.float32, [3], [1.0009766, -3.14159, 70000])],
        outputs: [tensor(.float16, [3], [1.001, -3.14, .infinity])], tolerance: 1e-05)
    OperatorCase(
        "castlike: int32 to float64", .castLike(CastLike(saturate: true)), opset: 15,
        operands: [tensor(.int32, [1, 2], [1, -2]), tensor(.float64, [], [0])],
        outputs: [tensor(.float64, [1, 2], [1, -2])], tolerance: 1e-05)
    OperatorCase(
        "castlike: float32 to float64", .castLike(CastLike(saturate: true)), opset: 15,
        operands: [tensor(.float32, [1, 2], [1.5, -2]), tensor(.float64, [], [0])],
        outputs: [tensor(.float64, [1, 2], [1.5, -2])], tolerance: 1e-05)
}
