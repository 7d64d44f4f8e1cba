import GraphIR
import Tensors

@CaseList
var constantCases: [OperatorCase] {
    OperatorCase(
        "constant: tensor", .constant(Constant(value: .init(tensor: tensor(.float32, [2], [1.5, -2]), form: .tensor))), opset: 13,
        operands: [],
        outputs: [tensor(.float32, [2], [1.5, -2])], tolerance: 1e-05)
    OperatorCase(
        "constant: ints", .constant(Constant(value: .init(tensor: tensor(.int64, [3], [1, 0, -1]), form: .ints))), opset: 13,
        operands: [],
        outputs: [tensor(.int64, [3], [1, 0, -1])], tolerance: 0)
    OperatorCase(
        "constant of shape: float zeros", .constantOfShape(ConstantOfShape(value: nil)), opset: 9,
        operands: [tensor(.int64, [2], [2, 2])],
        outputs: [tensor(.float32, [2, 2], [0, 0, 0, 0])], tolerance: 1e-05)
    OperatorCase(
        "constant of shape: int64", .constantOfShape(ConstantOfShape(value: tensor(.int64, [1], [-1]))), opset: 9,
        operands: [tensor(.int64, [1], [3])],
        outputs: [tensor(.int64, [3], [-1, -1, -1])], tolerance: 0)
    OperatorCase(
        "constant of shape: scalar", .constantOfShape(ConstantOfShape(value: tensor(.float32, [1], [7]))), opset: 9,
        operands: [tensor(.int64, [0], [])],
        outputs: [tensor(.float32, [], [7])], tolerance: 1e-05)
    OperatorCase(
        "eye like: above the diagonal", .eyeLike(EyeLike(elementType: .float32, diagonal: 1)), opset: 9,
        operands: [tensor(.int32, [2, 3], [0, 0, 0, 0, 0, 0])],
        outputs: [tensor(.float32, [2, 3], [0, 1, 0, 0, 0, 1])], tolerance: 1e-05)
    OperatorCase(
        "eye like: type of the operand", .eyeLike(EyeLike(elementType: nil, diagonal: -1)), opset: 9,
        operands: [tensor(.int32, [3, 2], [0, 0, 0, 0, 0, 0])],
        outputs: [tensor(.int32, [3, 2], [0, 0, 1, 0, 0, 1])], tolerance: 0)
    OperatorCase(
        "range: int64 downwards", .range(NumberRange()), opset: 11,
        operands: [tensor(.int64, [], [10]), tensor(.int64, [], [4]), tensor(.int64, [], [-4])],
        outputs: [tensor(.int64, [2], [10, 6])], tolerance: 0)
    OperatorCase(
        "range: float32", .range(NumberRange()), opset: 11,
        operands: [tensor(.float32, [], [1]), tensor(.float32, [], [2.25]), tensor(.float32, [], [0.5])],
        outputs: [tensor(.float32, [3], [1, 1.5, 2])], tolerance: 1e-05)
    OperatorCase(
        "range: empty", .range(NumberRange()), opset: 11,
        operands: [tensor(.int32, [], [3]), tensor(.int32, [], [3]), tensor(.int32, [], [1])],
        outputs: [tensor(.int32, [0], [])], tolerance: 0)
}
