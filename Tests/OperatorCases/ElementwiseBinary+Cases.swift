import GraphIR
import Tensors

@CaseList
var binaryCases: [OperatorCase] {
    OperatorCase(
        "add: row broadcast", .binary(Binary(function: .add, broadcastAxis: .numpy)), opset: 14,
        operands: [tensor(.float32, [2, 3], [1, -2, 3, 4, 5, -6]), tensor(.float32, [3], [2, -3, 0.5])],
        outputs: [tensor(.float32, [2, 3], [3, -5, 3.5, 6, 2, -5.5])], tolerance: 1e-05)
    OperatorCase(
        "sub: row broadcast", .binary(Binary(function: .sub, broadcastAxis: .numpy)), opset: 14,
        operands: [tensor(.float32, [2, 3], [1, -2, 3, 4, 5, -6]), tensor(.float32, [3], [2, -3, 0.5])],
        outputs: [tensor(.float32, [2, 3], [-1, 1, 2.5, 2, 8, -6.5])], tolerance: 1e-05)
    OperatorCase(
        "mul: row broadcast", .binary(Binary(function: .mul, broadcastAxis: .numpy)), opset: 14,
        operands: [tensor(.float32, [2, 3], [1, -2, 3, 4, 5, -6]), tensor(.float32, [3], [2, -3, 0.5])],
        outputs: [tensor(.float32, [2, 3], [2, 6, 1.5, 8, -15, -3])], tolerance: 1e-05)
    OperatorCase(
        "div: row broadcast", .binary(Binary(function: .div, broadcastAxis: .numpy)), opset: 14,
        operands: [tensor(.float32, [2, 3], [1, -2, 3, 4, 5, -6]), tensor(.float32, [3], [2, -3, 0.5])],
        outputs: [tensor(.float32, [2, 3], [0.5, 0.6666667, 6, 2, -1.6666666, -12])], tolerance: 1e-05)
    OperatorCase(
        "sub: both operands broadcast", .binary(Binary(function: .sub, broadcastAxis: .numpy)), opset: 14,
        operands: [tensor(.float32, [2, 1], [1, 2]), tensor(.float32, [1, 3], [10, 20, 30])],
        outputs: [tensor(.float32, [2, 3], [-9, -19, -29, -8, -18, -28])], tolerance: 1e-05)
    OperatorCase(
        "add: scalar on the left", .binary(Binary(function: .add, broadcastAxis: .numpy)), opset: 14,
        operands: [tensor(.float32, [], [1.5]), tensor(.float32, [2, 3], [1, -2, 3, 4, 5, -6])],
        outputs: [tensor(.float32, [2, 3], [2.5, -0.5, 4.5, 5.5, 6.5, -4.5])], tolerance: 1e-05)
    OperatorCase(
        "mul: empty", .binary(Binary(function: .mul, broadcastAxis: .numpy)), opset: 14,
        operands: [tensor(.float32, [0, 3], []), tensor(.float32, [3], [2, -3, 0.5])],
        outputs: [tensor(.float32, [0, 3], [])], tolerance: 1e-05)
    OperatorCase(
        "div: int32 rounds towards zero", .binary(Binary(function: .div, broadcastAxis: .numpy)), opset: 14,
        operands: [tensor(.int32, [2, 3], [7, -7, 9, 4, -1, 0]), tensor(.int32, [3], [2, 2, -4])],
        outputs: [tensor(.int32, [2, 3], [3, -3, -2, 2, 0, 0])], tolerance: 0)
    OperatorCase(
        "pow: negative base, exponents of another type", .binary(Binary(function: .pow, broadcastAxis: .numpy)), opset: 15,
        operands: [tensor(.float32, [3], [-2, 3, 0.5]), tensor(.int64, [3], [3, 2, -1])],
        outputs: [tensor(.float32, [3], [-8, 9, 2])], tolerance: 1e-05)
    OperatorCase(
        "mod: sign of the divisor", .binary(Binary(function: .mod, broadcastAxis: .numpy)), opset: 13,
        operands: [tensor(.int32, [2, 3], [7, -7, 9, 4, -1, 0]), tensor(.int32, [3], [2, 2, -4])],
        outputs: [tensor(.int32, [2, 3], [1, 1, -3, 0, 1, 0])], tolerance: 0)
    OperatorCase(
        "fmod: sign of the dividend", .binary(Binary(function: .fmod, broadcastAxis: .numpy)), opset: 13,
        operands: [tensor(.float32, [3], [-4.5, 7, 5.25]), tensor(.float32, [3], [2, -3, 8])],
        outputs: [tensor(.float32, [3], [-0.5, 1, 5.25])], tolerance: 1e-05)
    OperatorCase(
        "fmod: int32", .binary(Binary(function: .fmod, broadcastAxis: .numpy)), opset: 13,
        operands: [tensor(.int32, [2, 3], [7, -7, 9, 4, -1, 0]), tensor(.int32, [3], [2, 2, -4])],
        outputs: [tensor(.int32, [2, 3], [1, -1, 1, 0, -1, 0])], tolerance: 0)
    OperatorCase(
        "prelu: slope per channel", .binary(Binary(function: .prelu, broadcastAxis: .numpy)), opset: 16,
        operands: [tensor(.float32, [1, 2, 2], [-1, 2, -3, 4]), tensor(.float32, [2, 1], [0.5, 0.25])],
        outputs: [tensor(.float32, [1, 2, 2], [-0.5, 2, -0.75, 4])], tolerance: 1e-05)
    OperatorCase(
        "equal", .binary(Binary(function: .equal, broadcastAxis: .numpy)), opset: 16,
        operands: [tensor(.int64, [2, 3], [1, 2, 3, 3, 2, 1]), tensor(.int64, [1], [2])],
        outputs: [tensor(.bool, [2, 3], [0, 1, 0, 0, 1, 0])], tolerance: 0)
    OperatorCase(
        "less", .binary(Binary(function: .less, broadcastAxis: .numpy)), opset: 16,
        operands: [tensor(.int64, [2, 3], [1, 2, 3, 3, 2, 1]), tensor(.int64, [1], [2])],
        outputs: [tensor(.bool, [2, 3], [1, 0, 0, 0, 0, 1])], tolerance: 0)
    OperatorCase(
        "lessorequal", .binary(Binary(function: .lessOrEqual, broadcastAxis: .numpy)), opset: 16,
        operands: [tensor(.int64, [2, 3], [1, 2, 3, 3, 2, 1]), tensor(.int64, [1], [2])],
        outputs: [tensor(.bool, [2, 3], [1, 1, 0, 0, 1, 1])], tolerance: 0)
    OperatorCase(
        "greater", .binary(Binary(function: .greater, broadcastAxis: .numpy)), opset: 16,
        operands: [tensor(.int64, [2, 3], [1, 2, 3, 3, 2, 1]), tensor(.int64, [1], [2])],
        outputs: [tensor(.bool, [2, 3], [0, 0, 1, 1, 0, 0])], tolerance: 0)
    OperatorCase(
        "greaterorequal", .binary(Binary(function: .greaterOrEqual, broadcastAxis: .numpy)), opset: 16,
        operands: [tensor(.int64, [2, 3], [1, 2, 3, 3, 2, 1]), tensor(.int64, [1], [2])],
        outputs: [tensor(.bool, [2, 3], [0, 1, 1, 1, 1, 0])], tolerance: 0)
    OperatorCase(
        "equal: booleans", .binary(Binary(function: .equal, broadcastAxis: .numpy)), opset: 13,
        operands: [tensor(.bool, [2], [1, 0]), tensor(.bool, [2], [1, 1])],
        outputs: [tensor(.bool, [2], [1, 0])], tolerance: 0)
    OperatorCase(
        "less: nan", .binary(Binary(function: .less, broadcastAxis: .numpy)), opset: 13,
        operands: [tensor(.float32, [2], [.nan, 1]), tensor(.float32, [2], [1, .nan])],
        outputs: [tensor(.bool, [2], [0, 0])], tolerance: 0)
    OperatorCase(
        "and", .binary(Binary(function: .and, broadcastAxis: .numpy)), opset: 7,
        operands: [tensor(.bool, [2, 1], [1, 0]), tensor(.bool, [2], [1, 0])],
        outputs: [tensor(.bool, [2, 2], [1, 0, 0, 0])], tolerance: 0)
    OperatorCase(
        "or", .binary(Binary(function: .or, broadcastAxis: .numpy)), opset: 7,
        operands: [tensor(.bool, [2, 1], [1, 0]), tensor(.bool, [2], [1, 0])],
        outputs: [tensor(.bool, [2, 2], [1, 1, 1, 0])], tolerance: 0)
    OperatorCase(
        "xor", .binary(Binary(function: .xor, broadcastAxis: .numpy)), opset: 7,
        operands: [tensor(.bool, [2, 1], [1, 0]), tensor(.bool, [2], [1, 0])],
        outputs: [tensor(.bool, [2, 2], [0, 1, 1, 0])], tolerance: 0)
    OperatorCase(
        "bitwiseand", .binary(Binary(function: .bitwiseAnd, broadcastAxis: .numpy)), opset: 18,
        operands: [tensor(.int32, [2], [12, -5]), tensor(.int32, [1], [10])],
        outputs: [tensor(.int32, [2], [8, 10])], tolerance: 0)
    OperatorCase(
        "bitwiseor", .binary(Binary(function: .bitwiseOr, broadcastAxis: .numpy)), opset: 18,
        operands: [tensor(.int32, [2], [12, -5]), tensor(.int32, [1], [10])],
        outputs: [tensor(.int32, [2], [14, -5])], tolerance: 0)
    OperatorCase(
        "bitwisexor", .binary(Binary(function: .bitwiseXor, broadcastAxis: .numpy)), opset: 18,
        operands: [tensor(.int32, [2], [12, -5]), tensor(.int32, [1], [10])],
        outputs: [tensor(.int32, [2], [6, -15])], tolerance: 0)
    OperatorCase(
        "bitshift: left", .binary(Binary(function: .shiftLeft, broadcastAxis: .numpy)), opset: 11,
        operands: [tensor(.uint8, [3], [1, 200, 3]), tensor(.uint8, [3], [1, 1, 7])],
        outputs: [tensor(.uint8, [3], [2, 144, 128])], tolerance: 0)
    OperatorCase(
        "bitshift: right", .binary(Binary(function: .shiftRight, broadcastAxis: .numpy)), opset: 11,
        operands: [tensor(.uint32, [2], [16, 5]), tensor(.uint32, [2], [2, 0])],
        outputs: [tensor(.uint32, [2], [4, 5])], tolerance: 0)
    OperatorCase(
        "add: legacy, b from dimension 1 on", .binary(Binary(function: .add, broadcastAxis: .legacy(broadcast: true, axis: 1))), opset: 6,
        operands: [tensor(.float32, [1, 2, 2], [1, 2, 3, 4]), tensor(.float32, [2], [10, 20])],
        outputs: [tensor(.float32, [1, 2, 2], [11, 12, 23, 24])], tolerance: 1e-05)
    OperatorCase(
        "mul: legacy, b at the end", .binary(Binary(function: .mul, broadcastAxis: .legacy(broadcast: true, axis: nil))), opset: 6,
        operands: [tensor(.float32, [2, 2], [1, 2, 3, 4]), tensor(.float32, [2], [2, 3])],
        outputs: [tensor(.float32, [2, 2], [2, 6, 6, 12])], tolerance: 1e-05)
    OperatorCase(
        "sub: legacy, equal shapes", .binary(Binary(function: .sub, broadcastAxis: .legacy(broadcast: false, axis: nil))), opset: 6,
        operands: [tensor(.float32, [2], [1, 2]), tensor(.float32, [2], [2, 3])],
        outputs: [tensor(.float32, [2], [-1, -1])], tolerance: 1e-05)
}
