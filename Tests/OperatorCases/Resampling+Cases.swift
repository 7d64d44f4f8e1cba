import GraphIR
import Tensors

@CaseList
var resamplingCases: [OperatorCase] {
    OperatorCase(
        "resize: nearest by scales",
        .resize(Resize(mode: .nearest, coordinates: .halfPixel, nearestMode: .roundPreferFloor, cubicCoefficient: -0.75,
            excludeOutside: false, extrapolationValue: 0, antialias: false, axes: nil, aspectRatioPolicy: .stretch)), opset: 13,
        operands: [tensor(.float32, [1, 1, 2, 2], [1, 2, 3, 4]), nil, tensor(.float32, [4], [1, 1, 2, 3])],
        outputs: [
            tensor(.float32, [1, 1, 4, 6], [1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 3, 3, 3, 4, 4, 4]),
        ], tolerance: 1e-05)
    OperatorCase(
        "resize: nearest, asymmetric, floor, downwards",
        .resize(Resize(mode: .nearest, coordinates: .asymmetric, nearestMode: .floor, cubicCoefficient: -0.75, excludeOutside: false,
            extrapolationValue: 0, antialias: false, axes: nil, aspectRatioPolicy: .stretch)), opset: 13,
        operands: [tensor(.float32, [1, 1, 2, 4], [1, 2, 3, 4, 5, 6, 7, 8]), nil, tensor(.float32, [4], [1, 1, 0.6, 0.6])],
        outputs: [tensor(.float32, [1, 1, 1, 2], [1, 2])], tolerance: 1e-05)
    OperatorCase(
        "resize: linear to sizes",
        .resize(Resize(mode: .linear, coordinates: .halfPixel, nearestMode: .roundPreferFloor, cubicCoefficient: -0.75,
            excludeOutside: false, extrapolationValue: 0, antialias: false, axes: nil, aspectRatioPolicy: .stretch)), opset: 13,
        operands: [tensor(.float32, [1, 1, 2, 2], [1, 2, 3, 4]), nil, nil, tensor(.int64, [4], [1, 1, 3, 3])],
        outputs: [tensor(.float32, [1, 1, 3, 3], [1, 1.5, 2, 2, 2.5, 3, 3, 3.5, 4])], tolerance: 1e-05)
    OperatorCase(
        "resize: linear, aligned corners",
        .resize(Resize(mode: .linear, coordinates: .alignCorners, nearestMode: .roundPreferFloor, cubicCoefficient: -0.75,
            excludeOutside: false, extrapolationValue: 0, antialias: false, axes: nil, aspectRatioPolicy: .stretch)), opset: 13,
        operands: [tensor(.float32, [1, 1, 2, 2], [1, 2, 3, 4]), nil, tensor(.float32, [4], [1, 1, 2, 2])],
        outputs: [
            tensor(.float32, [1, 1, 4, 4], [1, 1.3333333, 1.6666667, 2, 1.6666666, 2, 2.3333335, 2.6666667, 2.3333333, 2.6666665, 3,
                3.3333335, 3, 3.3333333, 3.6666665, 4]),
        ], tolerance: 1e-05)
    OperatorCase(
        "resize: cubic",
        .resize(Resize(mode: .cubic, coordinates: .halfPixel, nearestMode: .roundPreferFloor, cubicCoefficient: -0.75,
            excludeOutside: false, extrapolationValue: 0, antialias: false, axes: nil, aspectRatioPolicy: .stretch)), opset: 13,
        operands: [
            tensor(.float32, [1, 1, 4, 4], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]),
            nil,
            tensor(.float32, [4], [1, 1, 0.75, 1]),
        ],
        outputs: [
            tensor(.float32, [1, 1, 3, 4], [1.5046296, 2.5046296, 3.50463, 4.50463, 7, 8, 9, 10, 12.495373, 13.495373, 14.495373,
                15.495373]),
        ], tolerance: 1e-05)
    OperatorCase(
        "resize: axes, not larger",
        .resize(Resize(mode: .nearest, coordinates: .halfPixel, nearestMode: .roundPreferFloor, cubicCoefficient: -0.75,
            excludeOutside: false, extrapolationValue: 0, antialias: false, axes: [2, 3], aspectRatioPolicy: .notLarger)), opset: 18,
        operands: [tensor(.float32, [1, 1, 2, 3], [1, 2, 3, 4, 5, 6]), nil, nil, tensor(.int64, [2], [4, 4])],
        outputs: [tensor(.float32, [1, 1, 3, 4], [1, 2, 2, 3, 4, 5, 5, 6, 4, 5, 5, 6])], tolerance: 1e-05)
    OperatorCase(
        "resize: linear, antialiased",
        .resize(Resize(mode: .linear, coordinates: .halfPixel, nearestMode: .roundPreferFloor, cubicCoefficient: -0.75,
            excludeOutside: false, extrapolationValue: 0, antialias: true, axes: nil, aspectRatioPolicy: .stretch)), opset: 18,
        operands: [
            tensor(.float32, [1, 1, 4, 4], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]),
            nil,
            tensor(.float32, [4], [1, 1, 0.5, 0.5]),
        ],
        outputs: [tensor(.float32, [1, 1, 2, 2], [4.125, 5.875, 11.125, 12.875])], tolerance: 1e-05)
    OperatorCase(
        "resize: crop",
        .resize(Resize(mode: .linear, coordinates: .tfCropAndResize, nearestMode: .roundPreferFloor, cubicCoefficient: -0.75,
            excludeOutside: false, extrapolationValue: 0, antialias: false, axes: nil, aspectRatioPolicy: .stretch)), opset: 13,
        operands: [
            tensor(.float32, [1, 1, 3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9]),
            tensor(.float32, [8], [0, 0, 0.5, 0.5, 1, 1, 1, 1]),
            nil,
            tensor(.int64, [4], [1, 1, 2, 2]),
        ],
        outputs: [tensor(.float32, [1, 1, 2, 2], [5, 6, 8, 9])], tolerance: 1e-05)
    OperatorCase(
        "resize: opset 10, scales as second operand",
        .resize(Resize(mode: .nearest, coordinates: .asymmetric, nearestMode: .floor, cubicCoefficient: -0.75, excludeOutside: false,
            extrapolationValue: 0, antialias: false, axes: nil, aspectRatioPolicy: .stretch)), opset: 10,
        operands: [tensor(.float32, [1, 1, 2, 2], [1, 2, 3, 4]), tensor(.float32, [4], [1, 1, 2, 2])],
        outputs: [tensor(.float32, [1, 1, 4, 4], [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4])], tolerance: 1e-05)
    OperatorCase(
        "upsample: attribute", .upsample(Upsample(mode: .nearest, scales: [1, 1, 2, 1])), opset: 7,
        operands: [tensor(.float32, [1, 1, 2, 2], [1, 2, 3, 4])],
        outputs: [tensor(.float32, [1, 1, 4, 2], [1, 2, 1, 2, 3, 4, 3, 4])], tolerance: 1e-05)
    OperatorCase(
        "upsample: operand, linear", .upsample(Upsample(mode: .linear, scales: nil)), opset: 9,
        operands: [tensor(.float32, [1, 1, 2, 2], [1, 2, 3, 4]), tensor(.float32, [4], [1, 1, 2, 2])],
        outputs: [tensor(.float32, [1, 1, 4, 4], [1, 1.5, 2, 2, 2, 2.5, 3, 3, 3, 3.5, 4, 4, 3, 3.5, 4, 4])], tolerance: 1e-05)
    OperatorCase(
        "upsample: operand, nearest", .upsample(Upsample(mode: .nearest, scales: nil)), opset: 9,
        operands: [tensor(.float32, [1, 1, 2, 2], [1, 2, 3, 4]), tensor(.float32, [4], [1, 1, 1, 3])],
        outputs: [tensor(.float32, [1, 1, 2, 6], [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4])], tolerance: 1e-05)
    OperatorCase(
        "grid sample: linear, zeros", .gridSample(GridSample(mode: .linear, padding: .zeros, alignCorners: false)), opset: 20,
        operands: [
            tensor(.float32, [1, 1, 3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9]),
            tensor(.float32, [1, 2, 2, 2], [-1, -1, 0, 0.25, 1, 1, 1.5, -0.5]),
        ],
        outputs: [tensor(.float32, [1, 1, 2, 2], [0.25, 6.125, 2.25, 0])], tolerance: 1e-05)
    OperatorCase(
        "grid sample: nearest, border", .gridSample(GridSample(mode: .nearest, padding: .border, alignCorners: false)), opset: 20,
        operands: [
            tensor(.float32, [1, 1, 3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9]),
            tensor(.float32, [1, 2, 2, 2], [-1, -1, 0, 0.25, 1, 1, 1.5, -0.5]),
        ],
        outputs: [tensor(.float32, [1, 1, 2, 2], [1, 5, 9, 3])], tolerance: 1e-05)
    OperatorCase(
        "grid sample: cubic, reflection", .gridSample(GridSample(mode: .cubic, padding: .reflection, alignCorners: true)), opset: 20,
        operands: [
            tensor(.float32, [1, 1, 3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9]),
            tensor(.float32, [1, 2, 2, 2], [-1, -1, 0, 0.25, 1, 1, 1.5, -0.5]),
        ],
        outputs: [tensor(.float32, [1, 1, 2, 2], [1, 6.1015625, 9, 3.625])], tolerance: 1e-05)
}
