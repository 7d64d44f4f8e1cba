import GraphIR
import Tensors

@CaseList
var convolutionCases: [OperatorCase] {
    OperatorCase(
        "conv: 3x3, two filters, bias",
        .convolution(Convolution(window: Window(kernel: [3, 3], strides: [], dilations: [], padding: .explicit(begin: [], end: [])),
            groups: 1)), opset: 17,
        operands: [
            tensor(.float32, [1, 1, 4, 4], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]),
            tensor(.float32, [2, 1, 3, 3], [1.5, 0.5, 0, -1, -0.75, -2, -1.75, -2, -1.5, 1.25, 0.75, 1.75, 0, 0.5, 2, 1, 0.5, 0.25]),
            tensor(.float32, [2], [0.5, -1]),
        ],
        outputs: [tensor(.float32, [1, 2, 2, 2], [-72.75, -79.75, -100.75, -107.75, 40.75, 48.75, 72.75, 80.75])], tolerance: 1e-05)
    OperatorCase(
        "conv: asymmetric pads, stride 2",
        .convolution(Convolution(window: Window(kernel: [], strides: [2, 2], dilations: [], padding: .explicit(begin: [0, 0], end: [1,
            1])), groups: 1)), opset: 17,
        operands: [
            tensor(.float32, [1, 2, 4, 4], [0, 0, 1, 2, -2, -1.5, 1.25, 2, -1, -0.75, 1.5, -0.25, -1, 1.5, -1, -0.5, 0.5, 0.25, -1.75,
                -2, 1.5, 1, 1.5, 0.25, 1.25, -0.75, -0.25, 1.25, -1.5, -0.75, -1.5, -0.25]),
            tensor(.float32, [1, 2, 3, 3], [1.5, -1, -1.75, -0.75, -0.25, 1.25, -0.25, -1.75, -0.75, 0.5, 1.25, 1, 2, -1.25, 1.5, -2,
                0.25, -1]),
        ],
        outputs: [tensor(.float32, [1, 1, 2, 2], [2.5, -1.75, -9.125, 2.125])], tolerance: 1e-05)
    OperatorCase(
        "conv: dilation 2, two groups",
        .convolution(Convolution(window: Window(kernel: [], strides: [], dilations: [2, 2], padding: .explicit(begin: [], end: [])),
            groups: 2)), opset: 17,
        operands: [
            tensor(.float32, [1, 2, 5, 5], [1.25, -1.75, -1.25, -1, -1.25, 1.25, 1.5, 0.25, -2, -1.75, -0.75, -0.25, 0.5, 0, -1, -1.5,
                0.75, 1, -2, -1.75, -0.25, -0.5, 1.75, 0, -0.25, -0.25, 0.75, 0.25, -1.5, 1, 1, 2, 1.25, -1, -0.75, 0.75, 0.75, 0.75,
                1.5, -1, 1.75, -2, -1.75, 2, 2, -0.75, -1.5, -0.75, -2, 1.75]),
            tensor(.float32, [2, 1, 2, 2], [1, 2, 1.5, 0, 1.75, 2, 2, -1.75]),
        ],
        outputs: [
            tensor(.float32, [1, 2, 3, 3], [-2.375, -4.125, -3, -0.5, -1.375, -1.75, -0.125, -1, 1.125, 0.25, -2.8125, 5.6875, 10.8125,
                -6, -6.3125, 2.625, 4.8125, -5.25]),
        ], tolerance: 1e-05)
    OperatorCase(
        "conv: depthwise in one dimension, multiplier 2",
        .convolution(Convolution(window: Window(kernel: [], strides: [], dilations: [], padding: .explicit(begin: [1], end: [1])),
            groups: 2)), opset: 17,
        operands: [
            tensor(.float32, [2, 2, 4], [0.75, 1.25, -2, 1.25, -0.25, 0, 0.5, -1, 2, -2, -1, -0.5, 0.25, -0.5, -1.5, -2]),
            tensor(.float32, [4, 1, 3], [-0.25, 0.25, 0, -0.75, 2, -0.5, 0.75, -0.5, -0.25, 2, -1.25, 0.5]),
            tensor(.float32, [4], [0, 1, 2, 3]),
        ],
        outputs: [
            tensor(.float32, [2, 4, 4], [0.1875, 0.125, -0.8125, 0.8125, 1.875, 3.9375, -4.5625, 5, 2.125, 1.6875, 2, 2.875, 3.3125,
                2.75, 1.875, 5.25, 0.5, -1, 0.25, 0.125, 6, -4, 0.75, 0.75, 2, 2.8125, 2.875, 1.875, 2.4375, 3.375, 2.875, 2.5]),
        ], tolerance: 1e-05)
    OperatorCase(
        "conv: same upper, even kernel, stride 2",
        .convolution(Convolution(window: Window(kernel: [2, 4], strides: [2, 2], dilations: [], padding: .sameUpper), groups: 1)),
            opset: 17,
        operands: [
            tensor(.float32, [1, 1, 5, 4], [2, 0.5, 0.75, 1.75, 0.25, 1.25, 1.5, -1.25, -2, -0.75, -1, 1.5, 1.75, -2, 0, 1.25, -1.5,
                1.25, -1.5, -0.25]),
            tensor(.float32, [1, 1, 2, 4], [1, -0.75, -1.25, 2, -1.5, -0.75, 0.5, 1.25]),
        ],
        outputs: [tensor(.float32, [1, 1, 3, 2], [1.6875, -5.875, -1.875, 1.75, -3.4375, 2.6875])], tolerance: 1e-05)
    OperatorCase(
        "conv: same lower, even kernel",
        .convolution(Convolution(window: Window(kernel: [2, 2], strides: [], dilations: [], padding: .sameLower), groups: 1)), opset: 17,
        operands: [
            tensor(.float32, [1, 1, 3, 3], [-0.25, 1.5, 2, -1, -1.75, 0.5, 0.75, 1.25, 0.5]),
            tensor(.float32, [1, 1, 2, 2], [1.25, 2, -1, -1.25]),
        ],
        outputs: [tensor(.float32, [1, 1, 3, 3], [0.3125, -1.625, -4, 0.75, 5.875, 7, -2.9375, -7.0625, -3.0625])], tolerance: 1e-05)
    OperatorCase(
        "conv: three dimensions, non-cubic kernel",
        .convolution(Convolution(window: Window(kernel: [], strides: [], dilations: [], padding: .explicit(begin: [0, 0, 1], end: [0, 0,
            1])), groups: 1)), opset: 17,
        operands: [
            tensor(.float32, [1, 1, 2, 3, 3], [-1.5, -1.5, 1.25, 0, 0.5, 0.5, 1, -2, 0, -1.5, -0.5, 1.75, 0.25, -1.75, 0.25, -1.5, 1, 2]),
            tensor(.float32, [1, 1, 2, 1, 3], [0.5, -1, 2, 2, -1.75, -1.25]),
        ],
        outputs: [
            tensor(.float32, [1, 1, 1, 3, 3], [1.75, -1.0625, -6.0625, 2.75, 3.75, -4.1875, -3.625, -4.75, -2.5]),
        ], tolerance: 1e-05)
    OperatorCase(
        "conv: empty batch",
        .convolution(Convolution(window: Window(kernel: [], strides: [], dilations: [], padding: .explicit(begin: [], end: [])),
            groups: 1)), opset: 17,
        operands: [tensor(.float32, [0, 1, 3, 3], []), tensor(.float32, [2, 1, 2, 2], [1.5, 0.5, 0, -1, -0.75, -2, -1.75, -2])],
        outputs: [tensor(.float32, [0, 2, 2, 2], [])], tolerance: 1e-05)
    OperatorCase(
        "conv: float64",
        .convolution(Convolution(window: Window(kernel: [], strides: [], dilations: [], padding: .explicit(begin: [], end: [])),
            groups: 1)), opset: 17,
        operands: [
            tensor(.float64, [1, 1, 3, 3], [1.75, 1.5, 1.25, 1.5, -1.75, 1.25, 2, -1, -1.5]),
            tensor(.float64, [1, 1, 2, 2], [-1.5, 1.5, 0.75, -0.5]),
        ],
        outputs: [tensor(.float64, [1, 1, 2, 2], [1.625, -2.3125, -2.875, 4.5])], tolerance: 1e-05)
    OperatorCase(
        "transposed conv: stride 2, output padding, bias",
        .convolutionTranspose(ConvolutionTranspose(window: Window(kernel: [], strides: [2, 2], dilations: [],
            padding: .explicit(begin: [1, 1], end: [1, 1])), groups: 1, outputPadding: [1, 1], outputShape: nil)), opset: 17,
        operands: [
            tensor(.float32, [1, 1, 2, 3], [1.75, 0.75, 0.75, 1.25, -1, -0.75]),
            tensor(.float32, [1, 2, 3, 3], [0.25, 0.25, 1.5, -0.25, 1.25, -1.75, 0, -0.75, -2, 0.5, -0.25, -2, -0.75, 1.5, -1.75, 1.5,
                1.75, -2]),
            tensor(.float32, [2], [1, -1]),
        ],
        outputs: [
            tensor(.float32, [1, 2, 4, 6], [3.1875, -2.25, 1.9375, -0.5, 1.9375, -0.3125, 0, -0.875, 0.1875, -2.1875, 0.25, -1.625,
                2.5625, -0.9375, -0.25, 2.9375, 0.0625, 2.3125, 0.0625, -1.5, 1.75, 3, 1.5625, 2.5, 1.625, -4.625, 0.125, -2.875, 0.125,
                -2.3125, 1.75, -6.375, 0.5625, 0.25, 0.5, -1, 0.875, -2.4375, -2.5, 1.3125, -2.125, 0.3125, 1.1875, -5, -2.75, -0.125,
                -2.3125, 0.5]),
        ], tolerance: 1e-05)
    OperatorCase(
        "transposed conv: two groups, dilation 2",
        .convolutionTranspose(ConvolutionTranspose(window: Window(kernel: [], strides: [], dilations: [2, 2],
            padding: .explicit(begin: [], end: [])), groups: 2, outputPadding: [], outputShape: nil)), opset: 17,
        operands: [
            tensor(.float32, [1, 2, 2, 2], [1, 1.5, -1.75, -1.5, -0.25, 0.25, 1, -0.5]),
            tensor(.float32, [2, 1, 2, 2], [1.75, -0.5, -1.25, 1, 1.5, -1, -0.5, -1.75]),
        ],
        outputs: [
            tensor(.float32, [1, 2, 4, 4], [1.75, 2.625, -0.5, -0.75, -3.0625, -2.625, 0.875, 0.75, -1.25, -1.875, 1, 1.5, 2.1875, 1.875,
                -1.75, -1.5, -0.375, 0.375, 0.25, -0.25, 1.5, -0.75, -1, 0.5, 0.125, -0.125, 0.4375, -0.4375, -0.5, 0.25, -1.75, 0.875]),
        ], tolerance: 1e-05)
    OperatorCase(
        "transposed conv: output shape given",
        .convolutionTranspose(ConvolutionTranspose(window: Window(kernel: [], strides: [2, 2], dilations: [], padding: .sameUpper),
            groups: 1, outputPadding: [], outputShape: [6, 6])), opset: 17,
        operands: [
            tensor(.float32, [1, 1, 3, 3], [0.5, -0.25, -0.5, 1.75, -0.5, -1, 1.5, -1.75, -0.25]),
            tensor(.float32, [1, 1, 3, 3], [1.75, -1, -1, -0.25, 1.75, -1.5, -1, 0, -1]),
        ],
        outputs: [
            tensor(.float32, [1, 1, 6, 6], [0.875, -0.5, -0.9375, 0.25, -0.625, 0.5, -0.125, 0.875, -0.6875, -0.4375, 0.5, -0.875,
                2.5625, -1.75, -2.875, 0.5, -0.5, 1, -0.4375, 3.0625, -2.5, -0.875, 1, -1.75, 0.875, -1.5, -5.8125, 1.75, 2.8125, 0.25,
                -0.375, 2.625, -1.8125, -3.0625, 2.6875, -0.4375]),
        ], tolerance: 1e-05)
    OperatorCase(
        "transposed conv: same upper in one dimension",
        .convolutionTranspose(ConvolutionTranspose(window: Window(kernel: [], strides: [2], dilations: [], padding: .sameUpper),
            groups: 1, outputPadding: [], outputShape: nil)), opset: 17,
        operands: [tensor(.float32, [1, 1, 3], [-0.75, 1.25, -0.5]), tensor(.float32, [1, 1, 3], [1.25, -0.5, 0.75])],
        outputs: [tensor(.float32, [1, 1, 6], [-0.9375, 0.375, 1, -0.625, 0.3125, 0.25])], tolerance: 1e-05)
    OperatorCase(
        "transposed conv: asymmetric pads",
        .convolutionTranspose(ConvolutionTranspose(window: Window(kernel: [], strides: [2, 1], dilations: [],
            padding: .explicit(begin: [0, 1], end: [1, 0])), groups: 1, outputPadding: [], outputShape: nil)), opset: 17,
        operands: [
            tensor(.float32, [1, 1, 3, 2], [-2, 0.75, -0.25, 0.5, -1, -1.5]),
            tensor(.float32, [1, 1, 2, 2], [-0.5, -0.75, 1, -0.5]),
        ],
        outputs: [
            tensor(.float32, [1, 1, 5, 2], [1.125, -0.5625, 1.75, -0.375, -0.0625, -0.375, 0.625, -0.25, 1.5, 1.125]),
        ], tolerance: 1e-05)
    OperatorCase(
        "integer conv: zero points",
        .convInteger(ConvInteger(window: Window(kernel: [], strides: [], dilations: [], padding: .explicit(begin: [1, 0], end: [0, 0])),
            groups: 1)), opset: 10,
        operands: [
            tensor(.uint8, [1, 1, 3, 3], [2, 3, 4, 5, 6, 7, 8, 9, 10]),
            tensor(.uint8, [1, 1, 2, 2], [1, 2, 3, 4]),
            tensor(.uint8, [], [1]),
            tensor(.uint8, [], [2]),
        ],
        outputs: [tensor(.int32, [1, 1, 3, 2], [5, 8, 13, 15, 19, 21])], tolerance: 0)
    OperatorCase(
        "integer conv: no zero points",
        .convInteger(ConvInteger(window: Window(kernel: [], strides: [2, 2], dilations: [], padding: .explicit(begin: [], end: [])),
            groups: 1)), opset: 10,
        operands: [
            tensor(.uint8, [1, 2, 4, 4], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,
                26, 27, 28, 29, 30, 31]),
            tensor(.uint8, [1, 2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]),
        ],
        outputs: [tensor(.int32, [1, 1, 2, 2], [524, 596, 812, 884])], tolerance: 0)
    OperatorCase(
        "quantized conv: scale per filter, bias",
        .qLinearConv(QLinearConv(window: Window(kernel: [], strides: [], dilations: [], padding: .explicit(begin: [1, 1], end: [1, 1])),
            groups: 1)), opset: 10,
        operands: [
            tensor(.uint8, [1, 1, 3, 3], [100, 107, 114, 121, 128, 135, 142, 149, 156]),
            tensor(.float32, [], [0.02]),
            tensor(.uint8, [], [128]),
            tensor(.int8, [2, 1, 2, 2], [0, -48, 48, -64, -40, -40, 8, -16]),
            tensor(.float32, [2], [0.01, 0.05]),
            tensor(.int8, [2], [0, 0]),
            tensor(.float32, [], [0.03]),
            tensor(.uint8, [], [120]),
            tensor(.int32, [2], [100, -50]),
        ],
        outputs: [
            tensor(.uint8, [1, 2, 4, 4], [133, 121, 120, 116, 133, 125, 122, 123, 117, 116, 113, 130, 116, 114, 112, 121, 133, 122, 120,
                115, 159, 182, 161, 139, 120, 120, 100, 116, 100, 72, 53, 81]),
        ], tolerance: 0)
    OperatorCase(
        "quantized conv: depthwise, stride 2",
        .qLinearConv(QLinearConv(window: Window(kernel: [], strides: [2, 2], dilations: [], padding: .explicit(begin: [], end: [])),
            groups: 2)), opset: 10,
        operands: [
            tensor(.uint8, [1, 2, 3, 3], [60, 69, 78, 87, 96, 105, 114, 123, 132, 141, 150, 159, 168, 177, 186, 195, 204, 213]),
            tensor(.float32, [], [0.1]),
            tensor(.uint8, [], [130]),
            tensor(.int8, [2, 1, 1, 1], [3, -2]),
            tensor(.float32, [], [0.5]),
            tensor(.int8, [], [0]),
            tensor(.float32, [], [0.4]),
            tensor(.uint8, [], [100]),
        ],
        outputs: [tensor(.uint8, [1, 2, 2, 2], [74, 80, 94, 101, 97, 93, 84, 79])], tolerance: 0)
}
