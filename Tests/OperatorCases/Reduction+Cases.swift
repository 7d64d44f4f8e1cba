import GraphIR
import Tensors

@CaseList
var reductionCases: [OperatorCase] {
    OperatorCase(
        "l1: axes 0 and 2, kept",
        .reduction(Reduction(function: .l1, axes: [0, 2], keepDimensions: true, keepsInputWithoutAxes: false)), opset: 12,
        operands: [tensor(.float32, [2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8])],
        outputs: [tensor(.float32, [1, 2, 1], [14, 22])], tolerance: 1e-05)
    OperatorCase(
        "l2: axes 0 and 2, kept",
        .reduction(Reduction(function: .l2, axes: [0, 2], keepDimensions: true, keepsInputWithoutAxes: false)), opset: 12,
        operands: [tensor(.float32, [2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8])],
        outputs: [tensor(.float32, [1, 2, 1], [8.124039, 11.74734])], tolerance: 1e-05)
    OperatorCase(
        "logsum: axes 0 and 2, kept",
        .reduction(Reduction(function: .logSum, axes: [0, 2], keepDimensions: true, keepsInputWithoutAxes: false)), opset: 12,
        operands: [tensor(.float32, [2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8])],
        outputs: [tensor(.float32, [1, 2, 1], [2.6390574, 3.0910425])], tolerance: 1e-05)
    OperatorCase(
        "logsumexp: axes 0 and 2, kept",
        .reduction(Reduction(function: .logSumExp, axes: [0, 2], keepDimensions: true, keepsInputWithoutAxes: false)), opset: 12,
        operands: [tensor(.float32, [2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8])],
        outputs: [tensor(.float32, [1, 2, 1], [6.3314114, 8.331411])], tolerance: 1e-05)
    OperatorCase(
        "max: axes 0 and 2, kept",
        .reduction(Reduction(function: .max, axes: [0, 2], keepDimensions: true, keepsInputWithoutAxes: false)), opset: 12,
        operands: [tensor(.float32, [2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8])],
        outputs: [tensor(.float32, [1, 2, 1], [6, 8])], tolerance: 1e-05)
    OperatorCase(
        "mean: axes 0 and 2, kept",
        .reduction(Reduction(function: .mean, axes: [0, 2], keepDimensions: true, keepsInputWithoutAxes: false)), opset: 12,
        operands: [tensor(.float32, [2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8])],
        outputs: [tensor(.float32, [1, 2, 1], [3.5, 5.5])], tolerance: 1e-05)
    OperatorCase(
        "min: axes 0 and 2, kept",
        .reduction(Reduction(function: .min, axes: [0, 2], keepDimensions: true, keepsInputWithoutAxes: false)), opset: 12,
        operands: [tensor(.float32, [2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8])],
        outputs: [tensor(.float32, [1, 2, 1], [1, 3])], tolerance: 1e-05)
    OperatorCase(
        "prod: axes 0 and 2, kept",
        .reduction(Reduction(function: .prod, axes: [0, 2], keepDimensions: true, keepsInputWithoutAxes: false)), opset: 12,
        operands: [tensor(.float32, [2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8])],
        outputs: [tensor(.float32, [1, 2, 1], [60, 672])], tolerance: 1e-05)
    OperatorCase(
        "sumsquare: axes 0 and 2, kept",
        .reduction(Reduction(function: .sumSquare, axes: [0, 2], keepDimensions: true, keepsInputWithoutAxes: false)), opset: 12,
        operands: [tensor(.float32, [2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8])],
        outputs: [tensor(.float32, [1, 2, 1], [66, 138])], tolerance: 1e-05)
    OperatorCase(
        "sum: negative axis, dropped",
        .reduction(Reduction(function: .sum, axes: [-1], keepDimensions: false, keepsInputWithoutAxes: false)), opset: 12,
        operands: [tensor(.float32, [2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8])],
        outputs: [tensor(.float32, [2, 2], [3, 7, 11, 15])], tolerance: 1e-05)
    OperatorCase(
        "sum: axes as operand",
        .reduction(Reduction(function: .sum, axes: nil, keepDimensions: true, keepsInputWithoutAxes: false)), opset: 13,
        operands: [tensor(.float32, [2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]), tensor(.int64, [1], [1])],
        outputs: [tensor(.float32, [2, 1, 2], [4, 6, 12, 14])], tolerance: 1e-05)
    OperatorCase(
        "sum: no axes means all",
        .reduction(Reduction(function: .sum, axes: nil, keepDimensions: false, keepsInputWithoutAxes: false)), opset: 13,
        operands: [tensor(.float32, [2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8])],
        outputs: [tensor(.float32, [], [36])], tolerance: 1e-05)
    OperatorCase(
        "sum: empty axes, input kept",
        .reduction(Reduction(function: .sum, axes: nil, keepDimensions: true, keepsInputWithoutAxes: true)), opset: 13,
        operands: [tensor(.float32, [2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]), tensor(.int64, [0], [])],
        outputs: [tensor(.float32, [2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8])], tolerance: 1e-05)
    OperatorCase(
        "sum: of nothing",
        .reduction(Reduction(function: .sum, axes: nil, keepDimensions: true, keepsInputWithoutAxes: false)), opset: 13,
        operands: [tensor(.float32, [2, 0], []), tensor(.int64, [1], [1])],
        outputs: [tensor(.float32, [2, 1], [0, 0])], tolerance: 1e-05)
    OperatorCase(
        "max: int32", .reduction(Reduction(function: .max, axes: [1], keepDimensions: false, keepsInputWithoutAxes: false)), opset: 12,
        operands: [tensor(.int32, [2, 2], [1, -5, -7, -9])],
        outputs: [tensor(.int32, [2], [1, -7])], tolerance: 0)
    OperatorCase(
        "argmax: first of equals",
        .argReduction(ArgReduction(function: .max, axis: 1, keepDimensions: true, selectsLastIndex: false)), opset: 13,
        operands: [tensor(.float32, [2, 3], [2, 2, 1, 3, 10, 10])],
        outputs: [tensor(.int64, [2, 1], [0, 1])], tolerance: 0)
    OperatorCase(
        "argmax: last of equals, dropped",
        .argReduction(ArgReduction(function: .max, axis: -1, keepDimensions: false, selectsLastIndex: true)), opset: 13,
        operands: [tensor(.float32, [2, 3], [2, 2, 1, 3, 10, 10])],
        outputs: [tensor(.int64, [2], [1, 2])], tolerance: 0)
    OperatorCase(
        "argmin: first dimension",
        .argReduction(ArgReduction(function: .min, axis: 0, keepDimensions: false, selectsLastIndex: false)), opset: 13,
        operands: [tensor(.float32, [2, 3], [2, 2, 1, 3, 10, 10])],
        outputs: [tensor(.int64, [3], [0, 0, 0])], tolerance: 0)
    OperatorCase(
        "cumsum: axis 0", .cumulativeSum(CumulativeSum(exclusive: false, reverse: false)), opset: 14,
        operands: [tensor(.float32, [2, 3], [1, 2, 3, 4, 5, 6]), tensor(.int32, [], [0])],
        outputs: [tensor(.float32, [2, 3], [1, 2, 3, 5, 7, 9])], tolerance: 1e-05)
    OperatorCase(
        "cumsum: exclusive, reverse, negative axis", .cumulativeSum(CumulativeSum(exclusive: true, reverse: true)), opset: 14,
        operands: [tensor(.float32, [2, 3], [1, 2, 3, 4, 5, 6]), tensor(.int64, [], [-1])],
        outputs: [tensor(.float32, [2, 3], [5, 3, 0, 11, 6, 0])], tolerance: 1e-05)
    OperatorCase(
        "top k: two largest", .topK(TopK(axis: -1, largest: true, sorted: true, k: nil)), opset: 11,
        operands: [tensor(.float32, [2, 3], [3, 1, 4, 1, 5, 9]), tensor(.int64, [1], [2])],
        outputs: [tensor(.float32, [2, 2], [4, 3, 9, 5]), tensor(.int64, [2, 2], [2, 0, 2, 1])], tolerance: 1e-05)
    OperatorCase(
        "top k: smallest along axis 0, ties by index", .topK(TopK(axis: 0, largest: false, sorted: true, k: nil)), opset: 11,
        operands: [tensor(.float32, [3, 2], [3, 1, 1, 3, 1, 0]), tensor(.int64, [1], [2])],
        outputs: [tensor(.float32, [2, 2], [1, 0, 1, 1]), tensor(.int64, [2, 2], [1, 2, 2, 0])], tolerance: 1e-05)
    OperatorCase(
        "top k: attribute", .topK(TopK(axis: 1, largest: true, sorted: true, k: 1)), opset: 9,
        operands: [tensor(.float32, [1, 3], [3, 1, 4])],
        outputs: [tensor(.float32, [1, 1], [4]), tensor(.int64, [1, 1], [2])], tolerance: 1e-05)
}
