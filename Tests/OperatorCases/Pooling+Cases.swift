import GraphIR
import Tensors

@CaseList
var poolingCases: [OperatorCase] {
    OperatorCase(
        "average pool: 2x2, stride 2",
        .averagePool(AveragePool(window: Window(kernel: [2, 2], strides: [2, 2], dilations: [], padding: .explicit(begin: [], end: [])),
            ceilMode: false, countIncludePad: false)), opset: 17,
        operands: [tensor(.float32, [1, 1, 4, 4], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16])],
        outputs: [tensor(.float32, [1, 1, 2, 2], [3.5, 5.5, 11.5, 13.5])], tolerance: 1e-05)
    OperatorCase(
        "average pool: pads do not count",
        .averagePool(AveragePool(window: Window(kernel: [3, 3], strides: [], dilations: [], padding: .explicit(begin: [1, 1], end: [1,
            1])), ceilMode: false, countIncludePad: false)), opset: 17,
        operands: [tensor(.float32, [1, 1, 3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9])],
        outputs: [tensor(.float32, [1, 1, 3, 3], [3, 3.5, 4, 4.5, 5, 5.5, 6, 6.5, 7])], tolerance: 1e-05)
    OperatorCase(
        "average pool: pads count",
        .averagePool(AveragePool(window: Window(kernel: [3, 3], strides: [], dilations: [], padding: .explicit(begin: [1, 1], end: [1,
            1])), ceilMode: false, countIncludePad: true)), opset: 17,
        operands: [tensor(.float32, [1, 1, 3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9])],
        outputs: [
            tensor(.float32, [1, 1, 3, 3], [1.3333334, 2.3333333, 1.7777778, 3, 5, 3.6666667, 2.6666667, 4.3333335, 3.1111112]),
        ], tolerance: 1e-05)
    OperatorCase(
        "average pool: rounded up",
        .averagePool(AveragePool(window: Window(kernel: [2, 2], strides: [2, 2], dilations: [], padding: .explicit(begin: [], end: [])),
            ceilMode: true, countIncludePad: false)), opset: 17,
        operands: [
            tensor(.float32, [1, 1, 5, 5], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25]),
        ],
        outputs: [tensor(.float32, [1, 1, 3, 3], [4, 6, 7.5, 14, 16, 17.5, 21.5, 23.5, 25])], tolerance: 1e-05)
    OperatorCase(
        "average pool: same upper",
        .averagePool(AveragePool(window: Window(kernel: [2, 2], strides: [2, 2], dilations: [], padding: .sameUpper), ceilMode: false,
            countIncludePad: false)), opset: 17,
        operands: [tensor(.float32, [1, 1, 3, 4], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])],
        outputs: [tensor(.float32, [1, 1, 2, 2], [3.5, 5.5, 9.5, 11.5])], tolerance: 1e-05)
    OperatorCase(
        "average pool: dilation 2",
        .averagePool(AveragePool(window: Window(kernel: [2, 2], strides: [], dilations: [2, 2], padding: .explicit(begin: [], end: [])),
            ceilMode: false, countIncludePad: false)), opset: 19,
        operands: [tensor(.float32, [1, 1, 4, 4], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16])],
        outputs: [tensor(.float32, [1, 1, 2, 2], [6, 7, 10, 11])], tolerance: 1e-05)
    OperatorCase(
        "max pool: 3x3, stride 2, pads",
        .maxPool(MaxPool(window: Window(kernel: [3, 3], strides: [2, 2], dilations: [], padding: .explicit(begin: [1, 1], end: [1, 1])),
            ceilMode: false, columnMajorIndices: false)), opset: 17,
        operands: [
            tensor(.float32, [1, 1, 5, 5], [0, 0, 1, 2, -2, -1.5, 1.25, 2, -1, -0.75, 1.5, -0.25, -1, 1.5, -1, -0.5, 0.5, 0.25, -1.75,
                -2, 1.5, 1, 1.5, 0.25, 1.25]),
        ],
        outputs: [tensor(.float32, [1, 1, 3, 3], [1.25, 2, 2, 1.5, 2, 1.5, 1.5, 1.5, 1.25])], tolerance: 1e-05)
    OperatorCase(
        "max pool: indices over two channels",
        .maxPool(MaxPool(window: Window(kernel: [2, 2], strides: [], dilations: [], padding: .explicit(begin: [], end: [])),
            ceilMode: false, columnMajorIndices: false)), opset: 17,
        operands: [tensor(.float32, [1, 2, 3, 3], [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3])],
        outputs: [
            tensor(.float32, [1, 2, 2, 2], [5, 9, 6, 9, 9, 9, 9, 9]),
            tensor(.int64, [1, 2, 2, 2], [4, 5, 7, 5, 12, 14, 12, 14]),
        ], tolerance: 1e-05)
    OperatorCase(
        "max pool: column-major indices",
        .maxPool(MaxPool(window: Window(kernel: [2, 2], strides: [], dilations: [], padding: .explicit(begin: [], end: [])),
            ceilMode: false, columnMajorIndices: true)), opset: 17,
        operands: [tensor(.float32, [1, 1, 3, 3], [3, 1, 4, 1, 5, 9, 2, 6, 0])],
        outputs: [tensor(.float32, [1, 1, 2, 2], [5, 9, 6, 9]), tensor(.int64, [1, 1, 2, 2], [4, 7, 5, 7])], tolerance: 1e-05)
    OperatorCase(
        "max pool: dilation 2, rounded up",
        .maxPool(MaxPool(window: Window(kernel: [2, 2], strides: [3, 3], dilations: [2, 2], padding: .explicit(begin: [], end: [])),
            ceilMode: true, columnMajorIndices: false)), opset: 17,
        operands: [tensor(.float32, [1, 1, 4, 4], [3, 1, 4, 1, 5, 9, 2, 6, 0, 8, 7, -1, -2, -3, -4, -5])],
        outputs: [tensor(.float32, [1, 1, 2, 2], [7, 1, -2, -5])], tolerance: 1e-05)
    OperatorCase(
        "max pool: last window would start in the padding",
        .maxPool(MaxPool(window: Window(kernel: [2], strides: [3], dilations: [], padding: .explicit(begin: [0], end: [1])),
            ceilMode: true, columnMajorIndices: false)), opset: 17,
        operands: [tensor(.float32, [1, 1, 4], [1, 2, 3, 4])],
        outputs: [tensor(.float32, [1, 1, 2], [2, 4])], tolerance: 1e-05)
    OperatorCase(
        "max pool: int8",
        .maxPool(MaxPool(window: Window(kernel: [2], strides: [], dilations: [], padding: .explicit(begin: [], end: [])),
            ceilMode: false, columnMajorIndices: false)), opset: 12,
        operands: [tensor(.int8, [1, 1, 4], [-5, -7, 3, -128])],
        outputs: [tensor(.int8, [1, 1, 3], [-5, 3, 3])], tolerance: 0)
    OperatorCase(
        "lp pool: p = 2",
        .lpPool(LpPool(window: Window(kernel: [2, 2], strides: [], dilations: [], padding: .explicit(begin: [], end: [])),
            ceilMode: false, p: 2)), opset: 18,
        operands: [tensor(.float32, [1, 1, 3, 3], [3, 4, 0, -5, 12, 1, 2, 2, 1])],
        outputs: [tensor(.float32, [1, 1, 2, 2], [13.928389, 12.688578, 13.304134, 12.247449])], tolerance: 1e-05)
    OperatorCase(
        "lp pool: p = 1, pads",
        .lpPool(LpPool(window: Window(kernel: [2], strides: [2], dilations: [], padding: .explicit(begin: [1], end: [1])),
            ceilMode: false, p: 1)), opset: 18,
        operands: [tensor(.float32, [1, 1, 4], [1, -2, 3, -4])],
        outputs: [tensor(.float32, [1, 1, 3], [1, 5, 4])], tolerance: 1e-05)
    OperatorCase(
        "global average pool", .globalPool(GlobalPool(function: .average)), opset: 17,
        operands: [tensor(.float32, [1, 2, 2, 2], [1, 2, -3, 4, 5, 6, 7, -8])],
        outputs: [tensor(.float32, [1, 2, 1, 1], [1, 2.5])], tolerance: 1e-05)
    OperatorCase(
        "global max pool", .globalPool(GlobalPool(function: .max)), opset: 17,
        operands: [tensor(.float32, [1, 2, 2, 2], [1, 2, -3, 4, 5, 6, 7, -8])],
        outputs: [tensor(.float32, [1, 2, 1, 1], [4, 7])], tolerance: 1e-05)
    OperatorCase(
        "global lp pool", .globalPool(GlobalPool(function: .lp(p: 2))), opset: 17,
        operands: [tensor(.float32, [1, 2, 2, 2], [1, 2, -3, 4, 5, 6, 7, -8])],
        outputs: [tensor(.float32, [1, 2, 1, 1], [5.477226, 13.190906])], tolerance: 1e-05)
    OperatorCase(
        "global average pool in one dimension", .globalPool(GlobalPool(function: .average)), opset: 17,
        operands: [tensor(.float32, [1, 1, 3], [1, 2, 6])],
        outputs: [tensor(.float32, [1, 1, 1], [3])], tolerance: 1e-05)
    OperatorCase(
        "max unpool",
        .maxUnpool(MaxUnpool(window: Window(kernel: [2, 2], strides: [2, 2], dilations: [], padding: .explicit(begin: [], end: [])))),
            opset: 11,
        operands: [tensor(.float32, [1, 1, 2, 2], [1, 2, 3, 4]), tensor(.int64, [1, 1, 2, 2], [5, 7, 13, 15])],
        outputs: [tensor(.float32, [1, 1, 4, 4], [0, 0, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 3, 0, 4])], tolerance: 1e-05)
    OperatorCase(
        "max unpool: output shape given",
        .maxUnpool(MaxUnpool(window: Window(kernel: [2], strides: [2], dilations: [], padding: .explicit(begin: [], end: [])))),
            opset: 11,
        operands: [tensor(.float32, [1, 1, 2], [5, 6]), tensor(.int64, [1, 1, 2], [1, 3]), tensor(.int64, [3], [1, 1, 5])],
        outputs: [tensor(.float32, [1, 1, 5], [0, 5, 0, 6, 0])], tolerance: 1e-05)
    OperatorCase(
        "roi align: average, half pixel",
        .roiAlign(RoiAlign(mode: .average, outputHeight: 2, outputWidth: 2, samplingRatio: 2, spatialScale: 1, halfPixel: true)),
            opset: 16,
        operands: [
            tensor(.float32, [1, 1, 5, 5], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24]),
            tensor(.float32, [2, 4], [0, 0, 4, 4, 1, 1, 3, 2]),
            tensor(.int64, [2], [0, 0]),
        ],
        outputs: [tensor(.float32, [2, 1, 2, 2], [3, 5, 13, 15, 4.75, 5.75, 7.25, 8.25])], tolerance: 1e-05)
    OperatorCase(
        "roi align: average, no shift",
        .roiAlign(RoiAlign(mode: .average, outputHeight: 2, outputWidth: 2, samplingRatio: 2, spatialScale: 1, halfPixel: false)),
            opset: 10,
        operands: [
            tensor(.float32, [1, 1, 5, 5], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24]),
            tensor(.float32, [2, 4], [0, 0, 4, 4, 1, 1, 3, 2]),
            tensor(.int64, [2], [0, 0]),
        ],
        outputs: [tensor(.float32, [2, 1, 2, 2], [6, 8, 16, 18, 7.75, 8.75, 10.25, 11.25])], tolerance: 1e-05)
}
