import GraphIR
import Tensors

@CaseList
var shapeCases: [OperatorCase] {
    OperatorCase(
        "shape", .shapeOf(ShapeOf(start: 0, end: nil)), opset: 15,
        operands: [
            tensor(.float32, [3, 4, 5], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        ],
        outputs: [tensor(.int64, [3], [3, 4, 5])], tolerance: 0)
    OperatorCase(
        "shape: negative bounds", .shapeOf(ShapeOf(start: -2, end: -1)), opset: 15,
        operands: [tensor(.float32, [3, 4, 0], [])],
        outputs: [tensor(.int64, [1], [4])], tolerance: 0)
    OperatorCase(
        "shape: of a scalar, bounds out of range", .shapeOf(ShapeOf(start: 1, end: 5)), opset: 15,
        operands: [tensor(.float32, [], [1])],
        outputs: [tensor(.int64, [0], [])], tolerance: 0)
    OperatorCase(
        "size", .sizeOf(SizeOf()), opset: 13,
        operands: [tensor(.float32, [2, 3], [1, 2, 3, 4, 5, 6])],
        outputs: [tensor(.int64, [], [6])], tolerance: 0)
    OperatorCase(
        "reshape: copied and open dimension", .reshape(Reshape(shape: nil, allowZero: false)), opset: 14,
        operands: [tensor(.float32, [2, 3, 2], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]), tensor(.int64, [2], [0, -1])],
        outputs: [tensor(.float32, [2, 6], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])], tolerance: 1e-05)
    OperatorCase(
        "reshape: zero allowed", .reshape(Reshape(shape: nil, allowZero: true)), opset: 14,
        operands: [tensor(.float32, [0, 3], []), tensor(.int64, [3], [3, 0, 2])],
        outputs: [tensor(.float32, [3, 0, 2], [])], tolerance: 1e-05)
    OperatorCase(
        "reshape: to a scalar", .reshape(Reshape(shape: nil, allowZero: false)), opset: 14,
        operands: [tensor(.int32, [1, 1], [5]), tensor(.int64, [0], [])],
        outputs: [tensor(.int32, [], [5])], tolerance: 0)
    OperatorCase(
        "flatten: axis 1", .flatten(Flatten(axis: 1)), opset: 13,
        operands: [tensor(.float32, [2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8])],
        outputs: [tensor(.float32, [2, 4], [1, 2, 3, 4, 5, 6, 7, 8])], tolerance: 1e-05)
    OperatorCase(
        "flatten: axis 0", .flatten(Flatten(axis: 0)), opset: 13,
        operands: [tensor(.float32, [2, 2], [1, 2, 3, 4])],
        outputs: [tensor(.float32, [1, 4], [1, 2, 3, 4])], tolerance: 1e-05)
    OperatorCase(
        "flatten: negative axis", .flatten(Flatten(axis: -1)), opset: 13,
        operands: [tensor(.float32, [2, 1, 3], [1, 2, 3, 4, 5, 6])],
        outputs: [tensor(.float32, [2, 3], [1, 2, 3, 4, 5, 6])], tolerance: 1e-05)
    OperatorCase(
        "squeeze: all", .squeeze(Squeeze(axes: nil)), opset: 13,
        operands: [tensor(.float32, [1, 2, 1], [1, 2])],
        outputs: [tensor(.float32, [2], [1, 2])], tolerance: 1e-05)
    OperatorCase(
        "squeeze: negative axis as operand", .squeeze(Squeeze(axes: nil)), opset: 13,
        operands: [tensor(.float32, [1, 2, 1], [1, 2]), tensor(.int64, [1], [-1])],
        outputs: [tensor(.float32, [1, 2], [1, 2])], tolerance: 1e-05)
    OperatorCase(
        "squeeze: attribute", .squeeze(Squeeze(axes: [0])), opset: 11,
        operands: [tensor(.float32, [1, 2, 1], [1, 2])],
        outputs: [tensor(.float32, [2, 1], [1, 2])], tolerance: 1e-05)
    OperatorCase(
        "unsqueeze: operand, both ends", .unsqueeze(Unsqueeze(axes: nil)), opset: 13,
        operands: [tensor(.float32, [2], [1, 2]), tensor(.int64, [2], [-1, 0])],
        outputs: [tensor(.float32, [1, 2, 1], [1, 2])], tolerance: 1e-05)
    OperatorCase(
        "unsqueeze: attribute", .unsqueeze(Unsqueeze(axes: [1])), opset: 11,
        operands: [tensor(.float32, [2, 2], [1, 2, 3, 4])],
        outputs: [tensor(.float32, [2, 1, 2], [1, 2, 3, 4])], tolerance: 1e-05)
    OperatorCase(
        "transpose: reversed", .transpose(Transpose(permutation: nil)), opset: 13,
        operands: [tensor(.float32, [1, 2, 3], [1, 2, 3, 4, 5, 6])],
        outputs: [tensor(.float32, [3, 2, 1], [1, 4, 2, 5, 3, 6])], tolerance: 1e-05)
    OperatorCase(
        "transpose: channels last", .transpose(Transpose(permutation: [0, 2, 3, 1])), opset: 13,
        operands: [tensor(.float32, [1, 2, 1, 3], [1, 2, 3, 4, 5, 6])],
        outputs: [tensor(.float32, [1, 1, 3, 2], [1, 4, 2, 5, 3, 6])], tolerance: 1e-05)
    OperatorCase(
        "identity", .identity(Identity()), opset: 16,
        operands: [tensor(.bool, [2], [1, 0])],
        outputs: [tensor(.bool, [2], [1, 0])], tolerance: 0)
    OperatorCase(
        "identity: numbers", .identity(Identity()), opset: 13,
        operands: [tensor(.float32, [2], [1.5, -2])],
        outputs: [tensor(.float32, [2], [1.5, -2])], tolerance: 0)
    OperatorCase(
        "dropout: inference, mask", .dropout(Dropout(ratio: nil, seed: nil, isTestLegacy: nil)), opset: 13,
        operands: [tensor(.float32, [2, 2], [1, 2, 3, 4]), tensor(.float32, [], [0.75])],
        outputs: [tensor(.float32, [2, 2], [1, 2, 3, 4]), tensor(.bool, [2, 2], [1, 1, 1, 1])], tolerance: 1e-05)
    OperatorCase(
        "dropout: attribute", .dropout(Dropout(ratio: 0.5, seed: nil, isTestLegacy: nil)), opset: 7,
        operands: [tensor(.float32, [3], [1, 2, 3])],
        outputs: [tensor(.float32, [3], [1, 2, 3])], tolerance: 1e-05)
}
