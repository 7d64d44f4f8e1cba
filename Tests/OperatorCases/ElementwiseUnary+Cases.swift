import GraphIR
import Tensors

@CaseList
var unaryCases: [OperatorCase] {
    OperatorCase(
        "abs", .unary(Unary(function: .abs)), opset: 18,
        operands: [tensor(.float32, [2, 3], [-1.5, -0.5, -0.0, 0.5, 1.5, 2.5])],
        outputs: [tensor(.float32, [2, 3], [1.5, 0.5, 0, 0.5, 1.5, 2.5])], tolerance: 1e-05)
    OperatorCase(
        "acos", .unary(Unary(function: .acos)), opset: 18,
        operands: [tensor(.float32, [5], [-1, -0.5, 0, 0.25, 0.75])],
        outputs: [tensor(.float32, [5], [3.1415927, 2.0943952, 1.5707964, 1.318116, 0.7227343])], tolerance: 1e-05)
    OperatorCase(
        "acosh", .unary(Unary(function: .acosh)), opset: 18,
        operands: [tensor(.float32, [4], [1, 1.5, 2, 10])],
        outputs: [tensor(.float32, [4], [0, 0.9624237, 1.316958, 2.993223])], tolerance: 1e-05)
    OperatorCase(
        "asin", .unary(Unary(function: .asin)), opset: 18,
        operands: [tensor(.float32, [5], [-1, -0.5, 0, 0.25, 0.75])],
        outputs: [tensor(.float32, [5], [-1.5707964, -0.52359873, 0, 0.25268027, 0.8480621])], tolerance: 1e-05)
    OperatorCase(
        "asinh", .unary(Unary(function: .asinh)), opset: 18,
        operands: [tensor(.float32, [2, 3], [-1.5, -0.5, -0.0, 0.5, 1.5, 2.5])],
        outputs: [tensor(.float32, [2, 3], [-1.1947632, -0.48121184, -0.0, 0.48121184, 1.1947632, 1.6472312])], tolerance: 1e-05)
    OperatorCase(
        "atan", .unary(Unary(function: .atan)), opset: 18,
        operands: [tensor(.float32, [2, 3], [-1.5, -0.5, -0.0, 0.5, 1.5, 2.5])],
        outputs: [tensor(.float32, [2, 3], [-0.9827938, -0.46364754, -0.0, 0.46364754, 0.98279375, 1.19029])], tolerance: 1e-05)
    OperatorCase(
        "atanh", .unary(Unary(function: .atanh)), opset: 18,
        operands: [tensor(.float32, [4], [-0.75, -0.5, 0, 0.25])],
        outputs: [tensor(.float32, [4], [-0.9729551, -0.54930615, 0, 0.25541282])], tolerance: 1e-05)
    OperatorCase(
        "bitwisenot", .unary(Unary(function: .bitwiseNot)), opset: 18,
        operands: [tensor(.int32, [3], [0, 1, -5])],
        outputs: [tensor(.int32, [3], [-1, -2, 4])], tolerance: 0)
    OperatorCase(
        "ceil", .unary(Unary(function: .ceil)), opset: 18,
        operands: [tensor(.float32, [2, 3], [-1.5, -0.5, -0.0, 0.5, 1.5, 2.5])],
        outputs: [tensor(.float32, [2, 3], [-1, -0.0, -0.0, 1, 2, 3])], tolerance: 1e-05)
    OperatorCase(
        "cos", .unary(Unary(function: .cos)), opset: 18,
        operands: [tensor(.float32, [2, 3], [-1.5, -0.5, -0.0, 0.5, 1.5, 2.5])],
        outputs: [tensor(.float32, [2, 3], [0.0707372, 0.87758255, 1, 0.87758255, 0.0707372, -0.8011436])], tolerance: 1e-05)
    OperatorCase(
        "cosh", .unary(Unary(function: .cosh)), opset: 18,
        operands: [tensor(.float32, [2, 3], [-1.5, -0.5, -0.0, 0.5, 1.5, 2.5])],
        outputs: [tensor(.float32, [2, 3], [2.3524096, 1.127626, 1, 1.127626, 2.3524096, 6.1322894])], tolerance: 1e-05)
    OperatorCase(
        "erf", .unary(Unary(function: .erf)), opset: 18,
        operands: [tensor(.float32, [2, 3], [-1.5, -0.5, -0.0, 0.5, 1.5, 2.5])],
        outputs: [tensor(.float32, [2, 3], [-0.96610516, -0.5204999, -0.0, 0.5204999, 0.96610516, 0.9995931])], tolerance: 1e-05)
    OperatorCase(
        "exp", .unary(Unary(function: .exp)), opset: 18,
        operands: [tensor(.float32, [2, 3], [-1.5, -0.5, -0.0, 0.5, 1.5, 2.5])],
        outputs: [tensor(.float32, [2, 3], [0.22313017, 0.60653067, 1, 1.6487212, 4.481689, 12.182494])], tolerance: 1e-05)
    OperatorCase(
        "floor", .unary(Unary(function: .floor)), opset: 18,
        operands: [tensor(.float32, [2, 3], [-1.5, -0.5, -0.0, 0.5, 1.5, 2.5])],
        outputs: [tensor(.float32, [2, 3], [-2, -1, -0.0, 0, 1, 2])], tolerance: 1e-05)
    OperatorCase(
        "isnan", .unary(Unary(function: .isNaN)), opset: 18,
        operands: [tensor(.float32, [3], [.nan, 0, .infinity])],
        outputs: [tensor(.bool, [3], [1, 0, 0])], tolerance: 0)
    OperatorCase(
        "log", .unary(Unary(function: .log)), opset: 18,
        operands: [tensor(.float32, [4], [1, 1.5, 2, 10])],
        outputs: [tensor(.float32, [4], [0, 0.4054651, 0.6931472, 2.3025851])], tolerance: 1e-05)
    OperatorCase(
        "neg", .unary(Unary(function: .neg)), opset: 18,
        operands: [tensor(.float32, [2, 3], [-1.5, -0.5, -0.0, 0.5, 1.5, 2.5])],
        outputs: [tensor(.float32, [2, 3], [1.5, 0.5, 0, -0.5, -1.5, -2.5])], tolerance: 1e-05)
    OperatorCase(
        "not", .unary(Unary(function: .not)), opset: 18,
        operands: [tensor(.bool, [2], [1, 0])],
        outputs: [tensor(.bool, [2], [0, 1])], tolerance: 0)
    OperatorCase(
        "reciprocal", .unary(Unary(function: .reciprocal)), opset: 18,
        operands: [tensor(.float32, [4], [-4, 0.5, 1, 8])],
        outputs: [tensor(.float32, [4], [-0.25, 2, 1, 0.125])], tolerance: 1e-05)
    OperatorCase(
        "round", .unary(Unary(function: .round)), opset: 18,
        operands: [tensor(.float32, [2, 3], [-1.5, -0.5, -0.0, 0.5, 1.5, 2.5])],
        outputs: [tensor(.float32, [2, 3], [-2, -0.0, -0.0, 0, 2, 2])], tolerance: 1e-05)
    OperatorCase(
        "sign", .unary(Unary(function: .sign)), opset: 18,
        operands: [tensor(.float32, [2, 3], [-1.5, -0.5, -0.0, 0.5, 1.5, 2.5])],
        outputs: [tensor(.float32, [2, 3], [-1, -1, 0, 1, 1, 1])], tolerance: 1e-05)
    OperatorCase(
        "sin", .unary(Unary(function: .sin)), opset: 18,
        operands: [tensor(.float32, [2, 3], [-1.5, -0.5, -0.0, 0.5, 1.5, 2.5])],
        outputs: [tensor(.float32, [2, 3], [-0.997495, -0.47942555, -0.0, 0.47942555, 0.997495, 0.5984721])], tolerance: 1e-05)
    OperatorCase(
        "sinh", .unary(Unary(function: .sinh)), opset: 18,
        operands: [tensor(.float32, [2, 3], [-1.5, -0.5, -0.0, 0.5, 1.5, 2.5])],
        outputs: [tensor(.float32, [2, 3], [-2.1292794, -0.5210953, -0.0, 0.5210953, 2.1292794, 6.0502048])], tolerance: 1e-05)
    OperatorCase(
        "sqrt", .unary(Unary(function: .sqrt)), opset: 18,
        operands: [tensor(.float32, [4], [0, 0.25, 1, 2])],
        outputs: [tensor(.float32, [4], [0, 0.5, 1, 1.4142135])], tolerance: 1e-05)
    OperatorCase(
        "tan", .unary(Unary(function: .tan)), opset: 18,
        operands: [tensor(.float32, [2, 3], [-1.5, -0.5, -0.0, 0.5, 1.5, 2.5])],
        outputs: [tensor(.float32, [2, 3], [-14.10142, -0.5463025, -0.0, 0.5463025, 14.10142, -0.74702233])], tolerance: 1e-05)
    OperatorCase(
        "abs: int8", .unary(Unary(function: .abs)), opset: 13,
        operands: [tensor(.int8, [3], [-127, 0, 5])],
        outputs: [tensor(.int8, [3], [127, 0, 5])], tolerance: 0)
    OperatorCase(
        "neg: int64 scalar", .unary(Unary(function: .neg)), opset: 13,
        operands: [tensor(.int64, [], [7])],
        outputs: [tensor(.int64, [], [-7])], tolerance: 0)
}
