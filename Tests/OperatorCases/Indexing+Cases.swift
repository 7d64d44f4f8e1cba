import GraphIR
import Tensors

@CaseList
var indexingCases: [OperatorCase] {
    OperatorCase(
        "gather: rows, negative index", .gather(Gather(axis: 0)), opset: 13,
        operands: [tensor(.float32, [3, 2], [1, 2, 3, 4, 5, 6]), tensor(.int64, [2, 2], [0, -1, 1, 0])],
        outputs: [tensor(.float32, [2, 2, 2], [1, 2, 5, 6, 3, 4, 1, 2])], tolerance: 1e-05)
    OperatorCase(
        "gather: scalar index, negative axis", .gather(Gather(axis: -1)), opset: 13,
        operands: [tensor(.float32, [3, 2], [1, 2, 3, 4, 5, 6]), tensor(.int32, [], [1])],
        outputs: [tensor(.float32, [3], [2, 4, 6])], tolerance: 1e-05)
    OperatorCase(
        "gather: no index", .gather(Gather(axis: 0)), opset: 13,
        operands: [tensor(.float32, [3, 2], [1, 2, 3, 4, 5, 6]), tensor(.int64, [0], [])],
        outputs: [tensor(.float32, [0, 2], [])], tolerance: 1e-05)
    OperatorCase(
        "gather elements", .gatherElements(GatherElements(axis: 1)), opset: 13,
        operands: [tensor(.float32, [2, 2], [1, 2, 3, 4]), tensor(.int64, [2, 2], [0, 0, -1, 0])],
        outputs: [tensor(.float32, [2, 2], [1, 1, 4, 3])], tolerance: 1e-05)
    OperatorCase(
        "gather nd: elements", .gatherND(GatherND(batchDimensions: 0)), opset: 13,
        operands: [tensor(.int32, [2, 2], [0, 1, 2, 3]), tensor(.int64, [2, 2], [0, 0, 1, -1])],
        outputs: [tensor(.int32, [2], [0, 3])], tolerance: 0)
    OperatorCase(
        "gather nd: batch dimension", .gatherND(GatherND(batchDimensions: 1)), opset: 13,
        operands: [tensor(.float32, [2, 2, 2], [0, 1, 2, 3, 4, 5, 6, 7]), tensor(.int64, [2, 1], [1, 0])],
        outputs: [tensor(.float32, [2, 2], [2, 3, 4, 5])], tolerance: 1e-05)
    OperatorCase(
        "scatter elements: replace, negative axis and index", .scatterElements(ScatterElements(axis: -1, reduction: .none)), opset: 16,
        operands: [tensor(.float32, [1, 5], [1, 2, 3, 4, 5]), tensor(.int64, [1, 2], [1, -2]), tensor(.float32, [1, 2], [1.5, 2.5])],
        outputs: [tensor(.float32, [1, 5], [1, 1.5, 3, 2.5, 5])], tolerance: 1e-05)
    OperatorCase(
        "scatter elements: add repeatedly", .scatterElements(ScatterElements(axis: 0, reduction: .add)), opset: 16,
        operands: [tensor(.float32, [2, 2], [1, 1, 1, 1]), tensor(.int64, [2, 2], [0, 1, 0, 0]), tensor(.float32, [2, 2], [1, 2, 3, 4])],
        outputs: [tensor(.float32, [2, 2], [5, 5, 1, 3])], tolerance: 1e-05)
    OperatorCase(
        "scatter elements: max", .scatterElements(ScatterElements(axis: 0, reduction: .max)), opset: 18,
        operands: [tensor(.float32, [3], [1, 5, 3]), tensor(.int64, [2], [0, 1]), tensor(.float32, [2], [4, 2])],
        outputs: [tensor(.float32, [3], [4, 5, 3])], tolerance: 1e-05)
    OperatorCase(
        "scatter nd: elements of a vector", .scatterND(ScatterND(reduction: .none)), opset: 16,
        operands: [tensor(.float32, [6], [1, 2, 3, 4, 5, 6]), tensor(.int64, [3, 1], [4, 3, 1]), tensor(.float32, [3], [9, 10, 11])],
        outputs: [tensor(.float32, [6], [1, 11, 3, 10, 9, 6])], tolerance: 1e-05)
    OperatorCase(
        "scatter nd: rows", .scatterND(ScatterND(reduction: .none)), opset: 16,
        operands: [tensor(.float32, [3, 2], [0, 0, 0, 0, 0, 0]), tensor(.int64, [2, 1], [2, 0]), tensor(.float32, [2, 2], [1, 2, 3, 4])],
        outputs: [tensor(.float32, [3, 2], [3, 4, 0, 0, 1, 2])], tolerance: 1e-05)
    OperatorCase(
        "scatter nd: multiply", .scatterND(ScatterND(reduction: .mul)), opset: 16,
        operands: [tensor(.float32, [3], [1, 2, 3]), tensor(.int64, [2, 1], [1, 1]), tensor(.float32, [2], [5, 10])],
        outputs: [tensor(.float32, [3], [1, 100, 3])], tolerance: 1e-05)
    OperatorCase(
        "one hot: last axis, negative index", .oneHot(OneHot(axis: -1)), opset: 11,
        operands: [tensor(.int64, [3], [0, 2, -1]), tensor(.int64, [], [3]), tensor(.float32, [2], [-1, 5])],
        outputs: [tensor(.float32, [3, 3], [5, -1, -1, -1, -1, 5, -1, -1, 5])], tolerance: 1e-05)
    OperatorCase(
        "one hot: first axis, out of range", .oneHot(OneHot(axis: 0)), opset: 11,
        operands: [tensor(.int64, [2], [1, 7]), tensor(.int64, [1], [2]), tensor(.float32, [2], [0, 1])],
        outputs: [tensor(.float32, [2, 2], [0, 0, 1, 0])], tolerance: 1e-05)
    OperatorCase(
        "non zero", .nonZero(NonZero()), opset: 13,
        operands: [tensor(.float32, [2, 2], [1, 0, 0, 2])],
        outputs: [tensor(.int64, [2, 2], [0, 1, 0, 1])], tolerance: 0)
    OperatorCase(
        "non zero: nothing", .nonZero(NonZero()), opset: 13,
        operands: [tensor(.bool, [2], [0, 0])],
        outputs: [tensor(.int64, [1, 0], [])], tolerance: 0)
    OperatorCase(
        "compress: rows", .compress(Compress(axis: 0)), opset: 11,
        operands: [tensor(.float32, [3, 2], [1, 2, 3, 4, 5, 6]), tensor(.bool, [3], [0, 1, 1])],
        outputs: [tensor(.float32, [2, 2], [3, 4, 5, 6])], tolerance: 1e-05)
    OperatorCase(
        "compress: flattened, short condition", .compress(Compress(axis: nil)), opset: 11,
        operands: [tensor(.float32, [3, 2], [1, 2, 3, 4, 5, 6]), tensor(.bool, [4], [0, 1, 0, 1])],
        outputs: [tensor(.float32, [2], [2, 4])], tolerance: 1e-05)
    OperatorCase(
        "reverse sequence: time first", .reverseSequence(ReverseSequence(batchAxis: 1, timeAxis: 0)), opset: 10,
        operands: [tensor(.float32, [3, 2], [1, 2, 3, 4, 5, 6]), tensor(.int64, [2], [3, 2])],
        outputs: [tensor(.float32, [3, 2], [5, 4, 3, 2, 1, 6])], tolerance: 1e-05)
    OperatorCase(
        "reverse sequence: batch first", .reverseSequence(ReverseSequence(batchAxis: 0, timeAxis: 1)), opset: 10,
        operands: [tensor(.float32, [2, 3], [1, 2, 3, 4, 5, 6]), tensor(.int64, [2], [1, 2])],
        outputs: [tensor(.float32, [2, 3], [1, 2, 3, 5, 4, 6])], tolerance: 1e-05)
    OperatorCase(
        "trilu: upper", .trilu(Trilu(upper: true)), opset: 14,
        operands: [tensor(.float32, [3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9])],
        outputs: [tensor(.float32, [3, 3], [1, 2, 3, 0, 5, 6, 0, 0, 9])], tolerance: 1e-05)
    OperatorCase(
        "trilu: lower, diagonal -1", .trilu(Trilu(upper: false)), opset: 14,
        operands: [tensor(.float32, [3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9]), tensor(.int64, [], [-1])],
        outputs: [tensor(.float32, [3, 3], [0, 0, 0, 4, 0, 0, 7, 8, 0])], tolerance: 1e-05)
    OperatorCase(
        "unique: sorted, all outputs", .unique(Unique(axis: nil, sorted: true)), opset: 11,
        operands: [tensor(.float32, [6], [2, 1, 1, 3, 4, 3])],
        outputs: [
            tensor(.float32, [4], [1, 2, 3, 4]),
            tensor(.int64, [4], [1, 0, 3, 4]),
            tensor(.int64, [6], [1, 0, 0, 2, 3, 2]),
            tensor(.int64, [4], [2, 1, 2, 1]),
        ], tolerance: 1e-05)
    OperatorCase(
        "unique: order of appearance", .unique(Unique(axis: nil, sorted: false)), opset: 11,
        operands: [tensor(.float32, [2, 3], [2, 1, 1, 3, 4, 3])],
        outputs: [
            tensor(.float32, [4], [2, 1, 3, 4]),
            tensor(.int64, [4], [0, 1, 3, 4]),
            tensor(.int64, [6], [0, 1, 1, 2, 3, 2]),
            tensor(.int64, [4], [1, 2, 2, 1]),
        ], tolerance: 1e-05)
    OperatorCase(
        "unique: rows", .unique(Unique(axis: 0, sorted: true)), opset: 11,
        operands: [tensor(.float32, [3, 3], [1, 0, 0, 1, 0, 0, 2, 3, 4])],
        outputs: [
            tensor(.float32, [2, 3], [1, 0, 0, 2, 3, 4]),
            tensor(.int64, [2], [0, 2]),
            tensor(.int64, [3], [0, 0, 1]),
            tensor(.int64, [2], [2, 1]),
        ], tolerance: 1e-05)
    OperatorCase(
        "non max suppression: corners", .nonMaxSuppression(NonMaxSuppression(centerPointBox: false)), opset: 11,
        operands: [
            tensor(.float32, [1, 3, 4], [0, 0, 1, 1, 0, 0.1, 1, 1.1, 0, 10, 1, 11]),
            tensor(.float32, [1, 1, 3], [0.9, 0.75, 0.6]),
            tensor(.int64, [1], [3]),
            tensor(.float32, [1], [0.5]),
            tensor(.float32, [1], [0]),
        ],
        outputs: [tensor(.int64, [2, 3], [0, 0, 0, 0, 0, 2])], tolerance: 0)
    OperatorCase(
        "non max suppression: centers, one box per class", .nonMaxSuppression(NonMaxSuppression(centerPointBox: true)), opset: 11,
        operands: [
            tensor(.float32, [1, 2, 4], [0.5, 0.5, 1, 1, 0.5, 0.6, 1, 1]),
            tensor(.float32, [1, 1, 2], [0.3, 0.8]),
            tensor(.int64, [1], [1]),
            tensor(.float32, [1], [0.5]),
        ],
        outputs: [tensor(.int64, [1, 3], [0, 0, 1])], tolerance: 0)
    OperatorCase(
        "non max suppression: no limit given selects none", .nonMaxSuppression(NonMaxSuppression(centerPointBox: false)), opset: 11,
        operands: [
            tensor(.float32, [1, 3, 4], [0, 0, 1, 1, 0, 0.1, 1, 1.1, 0, 10, 1, 11]),
            tensor(.float32, [1, 1, 3], [0.9, 0.75, 0.6]),
        ],
        outputs: [tensor(.int64, [0, 3], [])], tolerance: 0)
}
