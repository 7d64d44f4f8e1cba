import GraphIR
import Tensors

@CaseList
var matMulCases: [OperatorCase] {
    OperatorCase(
        "gemm: bias per column", .gemm(Gemm(alpha: 1, beta: 1, transposeA: false, transposeB: false, broadcastsLegacy: false)), opset: 13,
        operands: [
            tensor(.float32, [2, 3], [1, 2, 3, 4, 5, 6]),
            tensor(.float32, [3, 2], [0, 1, 2, 3, 4, 5]),
            tensor(.float32, [2], [10, 20]),
        ],
        outputs: [tensor(.float32, [2, 2], [26, 42, 44, 69])], tolerance: 1e-05)
    OperatorCase(
        "gemm: both transposed, alpha, beta, column bias",
        .gemm(Gemm(alpha: 0.5, beta: 2, transposeA: true, transposeB: true, broadcastsLegacy: false)), opset: 13,
        operands: [
            tensor(.float32, [3, 2], [1, 2, 3, 4, 5, 6]),
            tensor(.float32, [4, 3], [-2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
            tensor(.float32, [2, 1], [1, 2]),
        ],
        outputs: [tensor(.float32, [2, 4], [-0.5, 13, 26.5, 40, 0, 18, 36, 54])], tolerance: 1e-05)
    OperatorCase(
        "gemm: no bias, int32", .gemm(Gemm(alpha: 1, beta: 1, transposeA: false, transposeB: false, broadcastsLegacy: false)), opset: 13,
        operands: [tensor(.int32, [2, 2], [1, 2, 3, 4]), tensor(.int32, [2, 2], [-1, 0, 1, 2])],
        outputs: [tensor(.int32, [2, 2], [1, 4, 1, 8])], tolerance: 0)
    OperatorCase(
        "gemm: scalar bias", .gemm(Gemm(alpha: 1, beta: 1, transposeA: false, transposeB: false, broadcastsLegacy: false)), opset: 13,
        operands: [tensor(.float32, [1, 2], [1, 2]), tensor(.float32, [2, 1], [1, 2]), tensor(.float32, [], [3])],
        outputs: [tensor(.float32, [1, 1], [8])], tolerance: 1e-05)
    OperatorCase(
        "gemm: legacy broadcast", .gemm(Gemm(alpha: 1, beta: 1, transposeA: false, transposeB: true, broadcastsLegacy: true)), opset: 6,
        operands: [
            tensor(.float32, [2, 2], [1, 2, 3, 4]),
            tensor(.float32, [3, 2], [1, 2, 3, 4, 5, 6]),
            tensor(.float32, [3], [1, 2, 3]),
        ],
        outputs: [tensor(.float32, [2, 3], [6, 13, 20, 12, 27, 42])], tolerance: 1e-05)
    OperatorCase(
        "matmul: two matrices", .matMul(MatMul()), opset: 13,
        operands: [tensor(.float32, [2, 3], [1, 2, 3, 4, 5, 6]), tensor(.float32, [3, 2], [-1, 0, 1, 2, 3, 4])],
        outputs: [tensor(.float32, [2, 2], [10, 16, 19, 34])], tolerance: 1e-05)
    OperatorCase(
        "matmul: batches broadcast", .matMul(MatMul()), opset: 13,
        operands: [
            tensor(.float32, [2, 1, 2, 2], [-0.25, 1.5, 2, -1, -1.75, 0.5, 0.75, 1.25]),
            tensor(.float32, [3, 2, 1], [1.25, 2, -1, -1.25, 1.25, 1.5]),
        ],
        outputs: [
            tensor(.float32, [2, 3, 2, 1], [2.6875, 0.5, -1.625, -0.75, 1.9375, 1, -1.1875, 3.4375, 1.125, -2.3125, -1.4375, 2.8125]),
        ], tolerance: 1e-05)
    OperatorCase(
        "matmul: vector times matrices", .matMul(MatMul()), opset: 13,
        operands: [tensor(.float32, [2], [1, 2]), tensor(.float32, [2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8])],
        outputs: [tensor(.float32, [2, 2], [7, 10, 19, 22])], tolerance: 1e-05)
    OperatorCase(
        "matmul: two vectors", .matMul(MatMul()), opset: 13,
        operands: [tensor(.float32, [3], [1, 2, 3]), tensor(.float32, [3], [4, 5, 6])],
        outputs: [tensor(.float32, [], [32])], tolerance: 1e-05)
    OperatorCase(
        "matmul: inner length 0", .matMul(MatMul()), opset: 13,
        operands: [tensor(.float32, [2, 0], []), tensor(.float32, [0, 2], [])],
        outputs: [tensor(.float32, [2, 2], [0, 0, 0, 0])], tolerance: 1e-05)
    OperatorCase(
        "einsum: batched product", .einsum(Einsum(equation: "bij, bjk -> bik")), opset: 12,
        operands: [
            tensor(.float32, [2, 2, 3], [-1.5, -1.5, 1.25, 0, 0.5, 0.5, 1, -2, 0, -1.5, -0.5, 1.75]),
            tensor(.float32, [2, 3, 1], [0.5, -1, 2, 2, -1.75, -1.25]),
        ],
        outputs: [tensor(.float32, [2, 2, 1], [3.25, 0.5, 5.5, -4.3125])], tolerance: 1e-05)
    OperatorCase(
        "einsum: diagonal of matrices behind an ellipsis", .einsum(Einsum(equation: "...ii->...i")), opset: 12,
        operands: [tensor(.float32, [2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8])],
        outputs: [tensor(.float32, [2, 2], [1, 4, 5, 8])], tolerance: 1e-05)
    OperatorCase(
        "einsum: implicit output", .einsum(Einsum(equation: "ij,jk")), opset: 12,
        operands: [tensor(.float32, [2, 2], [1, 2, 3, 4]), tensor(.float32, [2, 2], [-1, 0, 1, 2])],
        outputs: [tensor(.float32, [2, 2], [1, 4, 1, 8])], tolerance: 1e-05)
    OperatorCase(
        "einsum: sum of everything", .einsum(Einsum(equation: "ij->")), opset: 12,
        operands: [tensor(.float32, [2, 3], [1, 2, 3, 4, 5, 6])],
        outputs: [tensor(.float32, [], [21])], tolerance: 1e-05)
    OperatorCase(
        "integer matmul: zero points", .matMulInteger(MatMulInteger()), opset: 10,
        operands: [
            tensor(.uint8, [2, 3], [10, 11, 12, 13, 14, 15]),
            tensor(.uint8, [3, 2], [100, 101, 102, 103, 104, 105]),
            tensor(.uint8, [], [12]),
            tensor(.uint8, [], [101]),
        ],
        outputs: [tensor(.int32, [2, 2], [1, -2, 10, 16])], tolerance: 0)
    OperatorCase(
        "integer matmul: zero point per row of a", .matMulInteger(MatMulInteger()), opset: 10,
        operands: [
            tensor(.uint8, [2, 3], [11, 7, 3, 10, 6, 2]),
            tensor(.uint8, [3, 2], [1, 4, 2, 5, 3, 6]),
            tensor(.uint8, [2], [12, 1]),
            tensor(.uint8, [], [0]),
        ],
        outputs: [tensor(.int32, [2, 2], [-38, -83, 22, 67])], tolerance: 0)
    OperatorCase(
        "quantized matmul", .qLinearMatMul(QLinearMatMul()), opset: 10,
        operands: [
            tensor(.uint8, [2, 3], [208, 236, 0, 238, 3, 214]),
            tensor(.float32, [], [0.0066]),
            tensor(.uint8, [], [113]),
            tensor(.uint8, [3, 2], [152, 51, 60, 26, 0, 246]),
            tensor(.float32, [], [0.00705]),
            tensor(.uint8, [], [114]),
            tensor(.float32, [], [0.0107]),
            tensor(.uint8, [], [118]),
        ],
        outputs: [tensor(.uint8, [2, 2], [161, 0, 114, 184])], tolerance: 0)
}
