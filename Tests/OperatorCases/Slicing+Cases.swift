import GraphIR
import Tensors

@CaseList
var slicingCases: [OperatorCase] {
    OperatorCase(
        "expand: both directions", .expand(Expand()), opset: 13,
        operands: [tensor(.float32, [3, 1], [1, 2, 3]), tensor(.int64, [3], [2, 1, 2])],
        outputs: [tensor(.float32, [2, 3, 2], [1, 1, 2, 2, 3, 3, 1, 1, 2, 2, 3, 3])], tolerance: 1e-05)
    OperatorCase(
        "expand: to a shorter shape", .expand(Expand()), opset: 13,
        operands: [tensor(.float32, [2, 2], [1, 2, 3, 4]), tensor(.int64, [1], [1])],
        outputs: [tensor(.float32, [2, 2], [1, 2, 3, 4])], tolerance: 1e-05)
    OperatorCase(
        "tile", .tile(Tile()), opset: 13,
        operands: [tensor(.float32, [2, 2], [1, 2, 3, 4]), tensor(.int64, [2], [1, 2])],
        outputs: [tensor(.float32, [2, 4], [1, 2, 1, 2, 3, 4, 3, 4])], tolerance: 1e-05)
    OperatorCase(
        "tile: zero times", .tile(Tile()), opset: 13,
        operands: [tensor(.float32, [2], [1, 2]), tensor(.int64, [1], [0])],
        outputs: [tensor(.float32, [0], [])], tolerance: 1e-05)
    OperatorCase(
        "concat: axis 1, three operands", .concat(Concat(axis: 1)), opset: 13,
        operands: [tensor(.float32, [2, 1], [1, 2]), tensor(.float32, [2, 2], [10, 11, 12, 13]), tensor(.float32, [2, 1], [20, 21])],
        outputs: [tensor(.float32, [2, 4], [1, 10, 11, 20, 2, 12, 13, 21])], tolerance: 1e-05)
    OperatorCase(
        "concat: negative axis, empty operand", .concat(Concat(axis: -2)), opset: 13,
        operands: [tensor(.float32, [1, 2], [1, 2]), tensor(.float32, [0, 2], [])],
        outputs: [tensor(.float32, [1, 2], [1, 2])], tolerance: 1e-05)
    OperatorCase(
        "split: evenly", .split(Split(axis: 0, sizes: nil, outputCount: nil)), opset: 13,
        operands: [tensor(.float32, [4], [1, 2, 3, 4])],
        outputs: [tensor(.float32, [2], [1, 2]), tensor(.float32, [2], [3, 4])], tolerance: 1e-05)
    OperatorCase(
        "split: sizes as operand, negative axis", .split(Split(axis: -1, sizes: nil, outputCount: nil)), opset: 13,
        operands: [tensor(.float32, [2, 3], [1, 2, 3, 4, 5, 6]), tensor(.int64, [2], [1, 2])],
        outputs: [tensor(.float32, [2, 1], [1, 4]), tensor(.float32, [2, 2], [2, 3, 5, 6])], tolerance: 1e-05)
    OperatorCase(
        "split: sizes as attribute", .split(Split(axis: 1, sizes: [2, 0, 1], outputCount: nil)), opset: 11,
        operands: [tensor(.float32, [1, 3], [1, 2, 3])],
        outputs: [tensor(.float32, [1, 2], [1, 2]), tensor(.float32, [1, 0], []), tensor(.float32, [1, 1], [3])], tolerance: 1e-05)
    OperatorCase(
        "split: last piece is smaller", .split(Split(axis: 0, sizes: nil, outputCount: 3)), opset: 18,
        operands: [tensor(.float32, [7], [1, 2, 3, 4, 5, 6, 7])],
        outputs: [tensor(.float32, [3], [1, 2, 3]), tensor(.float32, [3], [4, 5, 6]), tensor(.float32, [1], [7])], tolerance: 1e-05)
    OperatorCase(
        "slice: negative bounds, step 2", .slice(StridedSlice(bounds: nil)), opset: 13,
        operands: [
            tensor(.float32, [3, 5], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]),
            tensor(.int64, [2], [0, -4]),
            tensor(.int64, [2], [2, -1]),
            tensor(.int64, [2], [0, 1]),
            tensor(.int64, [2], [1, 2]),
        ],
        outputs: [tensor(.float32, [2, 2], [2, 4, 7, 9])], tolerance: 1e-05)
    OperatorCase(
        "slice: reversed", .slice(StridedSlice(bounds: nil)), opset: 13,
        operands: [
            tensor(.float32, [4], [1, 2, 3, 4]),
            tensor(.int64, [1], [-1]),
            tensor(.int64, [1], [-9223372036854775808]),
            tensor(.int64, [1], [0]),
            tensor(.int64, [1], [-1]),
        ],
        outputs: [tensor(.float32, [4], [4, 3, 2, 1])], tolerance: 1e-05)
    // ONNX clamps a start before the first element to it, where NumPy takes nothing; as in ONNX Runtime.
    OperatorCase(
        "slice: reversed from before the first element", .slice(StridedSlice(bounds: nil)), opset: 13,
        operands: [
            tensor(.float32, [3, 4], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
            tensor(.int64, [2], [-10, -9]),
            tensor(.int64, [2], [-20, -4]),
            tensor(.int64, [2], [1, 0]),
            tensor(.int64, [2], [-1, -2]),
        ],
        outputs: [tensor(.float32, [1, 1], [0])], tolerance: 1e-05)
    OperatorCase(
        "slice: bounds are clamped, axes in order", .slice(StridedSlice(bounds: nil)), opset: 13,
        operands: [
            tensor(.float32, [2, 3], [1, 2, 3, 4, 5, 6]),
            tensor(.int64, [2], [1, -9]),
            tensor(.int64, [2], [9223372036854775807, 2]),
        ],
        outputs: [tensor(.float32, [1, 2], [4, 5])], tolerance: 1e-05)
    OperatorCase(
        "slice: empty", .slice(StridedSlice(bounds: nil)), opset: 13,
        operands: [tensor(.float32, [3], [1, 2, 3]), tensor(.int64, [1], [2]), tensor(.int64, [1], [1])],
        outputs: [tensor(.float32, [0], [])], tolerance: 1e-05)
    OperatorCase(
        "slice: attributes", .slice(StridedSlice(bounds: .init(starts: [1], ends: [3], axes: [1]))), opset: 9,
        operands: [tensor(.float32, [2, 4], [1, 2, 3, 4, 5, 6, 7, 8])],
        outputs: [tensor(.float32, [2, 2], [2, 3, 6, 7])], tolerance: 1e-05)
    OperatorCase(
        "pad: constant value", .pad(Pad(mode: .constant, pads: nil, value: 0)), opset: 13,
        operands: [tensor(.float32, [2, 2], [1, 2, 3, 4]), tensor(.int64, [4], [0, 1, 1, 0]), tensor(.float32, [], [9])],
        outputs: [tensor(.float32, [3, 3], [9, 1, 2, 9, 3, 4, 9, 9, 9])], tolerance: 1e-05)
    OperatorCase(
        "pad: reflect", .pad(Pad(mode: .reflect, pads: nil, value: 0)), opset: 13,
        operands: [tensor(.float32, [1, 4], [1, 2, 3, 4]), tensor(.int64, [4], [0, 2, 0, 1])],
        outputs: [tensor(.float32, [1, 7], [3, 2, 1, 2, 3, 4, 3])], tolerance: 1e-05)
    OperatorCase(
        "pad: edge", .pad(Pad(mode: .edge, pads: nil, value: 0)), opset: 13,
        operands: [tensor(.float32, [2, 2], [1, 2, 3, 4]), tensor(.int64, [4], [1, 0, 0, 2])],
        outputs: [tensor(.float32, [3, 4], [1, 2, 2, 2, 1, 2, 2, 2, 3, 4, 4, 4])], tolerance: 1e-05)
    OperatorCase(
        "pad: wrap", .pad(Pad(mode: .wrap, pads: nil, value: 0)), opset: 19,
        operands: [tensor(.float32, [1, 4], [1, 2, 3, 4]), tensor(.int64, [4], [0, 1, 0, 3])],
        outputs: [tensor(.float32, [1, 8], [4, 1, 2, 3, 4, 1, 2, 3])], tolerance: 1e-05)
    OperatorCase(
        "pad: negative pads crop", .pad(Pad(mode: .constant, pads: nil, value: 0)), opset: 13,
        operands: [tensor(.float32, [2, 3], [1, 2, 3, 4, 5, 6]), tensor(.int64, [4], [0, -1, 0, 1])],
        outputs: [tensor(.float32, [2, 3], [2, 3, 0, 5, 6, 0])], tolerance: 1e-05)
    OperatorCase(
        "pad: axes as operand", .pad(Pad(mode: .constant, pads: nil, value: 0)), opset: 18,
        operands: [tensor(.float32, [2, 2], [1, 2, 3, 4]), tensor(.int64, [2], [1, 0]), nil, tensor(.int64, [1], [-1])],
        outputs: [tensor(.float32, [2, 3], [0, 1, 2, 0, 3, 4])], tolerance: 1e-05)
    OperatorCase(
        "pad: attributes", .pad(Pad(mode: .constant, pads: [0, 1, 0, 0], value: 2.5)), opset: 10,
        operands: [tensor(.float32, [2, 2], [1, 2, 3, 4])],
        outputs: [tensor(.float32, [2, 3], [2.5, 1, 2, 2.5, 3, 4])], tolerance: 1e-05)
    OperatorCase(
        "depth to space: depth, column, row", .depthToSpace(DepthToSpace(blockSize: 2, mode: .depthColumnRow)), opset: 13,
        operands: [tensor(.float32, [1, 8, 1, 2], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])],
        outputs: [tensor(.float32, [1, 2, 2, 4], [0, 4, 1, 5, 8, 12, 9, 13, 2, 6, 3, 7, 10, 14, 11, 15])], tolerance: 1e-05)
    OperatorCase(
        "depth to space: column, row, depth", .depthToSpace(DepthToSpace(blockSize: 2, mode: .columnRowDepth)), opset: 13,
        operands: [tensor(.float32, [1, 8, 1, 2], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])],
        outputs: [tensor(.float32, [1, 2, 2, 4], [0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15])], tolerance: 1e-05)
    OperatorCase(
        "space to depth", .spaceToDepth(SpaceToDepth(blockSize: 2)), opset: 13,
        operands: [tensor(.float32, [1, 2, 2, 4], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])],
        outputs: [tensor(.float32, [1, 8, 1, 2], [0, 2, 8, 10, 1, 3, 9, 11, 4, 6, 12, 14, 5, 7, 13, 15])], tolerance: 1e-05)
}
