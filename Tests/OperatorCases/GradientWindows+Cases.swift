import GraphIR
import Tensors

/// The operators that only training graphs have; ONNX does not know them. Golden values are PyTorch's.
public let gradientOperatorCases: [OperatorCase] =
    windowGradientCases + elementwiseGradientCases + fakeQuantizationCases

@CaseList
var windowGradientCases: [OperatorCase] {
    OperatorCase(
        "conv input gradient: two groups, stride, asymmetric pads",
        .convolutionInputGradient(ConvolutionInputGradient(forward: Convolution(window: Window(kernel: [2, 2], strides: [2, 1], dilations:
            [], padding: .explicit(begin: [1, 0], end: [0, 1])), groups: 2), inputShape: [1, 4, 4, 3])), opset: 17,
        operands: [
            tensor(.float64, [2, 2, 2, 2], [-0.5, -0.75, -0.25, 1.5, 1.5, 1.5, 0.75, -0.25, 0.75, 0.5, 0, 0.75, 1, -2, -0.75, -1.75]),
            tensor(.float64, [1, 2, 2, 3], [-0.25, -2, 0.75, 0.5, -0.75, 1, 0.75, 1.25, -1.5, 1, -0.25, -1]),
        ],
        outputs: [
            tensor(.float64, [1, 4, 4, 3], [0.0625, 0.125, -3.1875, -0.25, 0, 0.0625, -0.125, 0.9375, -1.375, 0, 0, 0, -0.1875, -1.4375,
                1.0625, 0.75, -0.375, 0.375, 0.375, -0.6875, 0.9375, 0, 0, 0, 0, 0.5625, 0.9375, 0.75, 0.3125, -0.875, 0, 0.75, -0.1875,
                0, 0, 0, -0.5625, -2.25, -1.0625, 1, -2.25, -0.5, -0.75, -1.5625, 1.1875, 0, 0, 0]),
        ], tolerance: 1e-7)
    OperatorCase(
        "conv weight gradient: two groups, stride, asymmetric pads, bias",
        .convolutionWeightGradient(ConvolutionWeightGradient(forward: Convolution(window: Window(kernel: [2, 2], strides: [2, 1],
            dilations: [], padding: .explicit(begin: [1, 0], end: [0, 1])), groups: 2), weightShape: [2, 2, 2, 2])), opset: 17,
        operands: [
            tensor(.float64, [1, 4, 4, 3], [2, 2, -1.25, -1, -1, -0.75, -1, 1.25, 1.25, 1.75, -1.75, 0.5, -1.5, -1.25, -1.75, 0, 1, -1,
                -1.25, 1, 1.25, 0.25, -1, 1.5, 0.5, -0.25, 0, 2, -0.25, 1.5, 1, 1.75, -1.5, 1.5, 1.5, 2, -2, 1.5, 1.25, 0.5, 1, -2, -0.75,
                -1.75, -1, 1, 0.25, -1.25]),
            tensor(.float64, [1, 2, 2, 3], [-0.25, -2, 0.75, 0.5, -0.75, 1, 0.75, 1.25, -1.5, 1, -0.25, -1]),
        ],
        outputs: [
            tensor(.float64, [2, 2, 2, 2], [-0.5, 0.0625, -5.625, 1.6875, -1.75, 1.25, 1.4375, 3.375, 0.5625, -0.625, 2.125, 1.9375, 2.25,
                1.5, -0.8125, 1.1875]),
            tensor(.float64, [2], [-0.75, 0.25]),
        ], tolerance: 1e-7)
    OperatorCase(
        "conv input gradient: one dimension, dilation 2",
        .convolutionInputGradient(ConvolutionInputGradient(forward: Convolution(window: Window(kernel: [3], strides: [], dilations: [2],
            padding: .explicit(begin: [1], end: [1])), groups: 1), inputShape: [2, 1, 7])), opset: 17,
        operands: [
            tensor(.float64, [3, 1, 3], [0.25, 1.75, 1.5, -1.75, -0.5, 0, -0.5, 1.75, -1.5]),
            tensor(.float64, [2, 3, 5], [-0.25, 0, -1.25, 0.5, -0.25, -0.5, 0.5, -0.5, -1.75, -1.75, -1.5, 1, 1.5, -1, -1.25, 0.75, 0.25,
                -0.25, 1, 0, 0.75, -1.75, -0.5, 0.5, 0.75, 0.25, -2, -1.25, -1.5, 1.25]),
        ],
        outputs: [
            tensor(.float64, [2, 1, 7], [-1.375, -3, 5.1875, 6.1875, -1.5, -5.875, 2.25, 4.125, 2.8125, -2.0625, -3.5625, 2.25, 3.3125,
                3.75]),
        ], tolerance: 1e-7)
    OperatorCase(
        "conv weight gradient: one dimension, dilation 2",
        .convolutionWeightGradient(ConvolutionWeightGradient(forward: Convolution(window: Window(kernel: [3], strides: [], dilations: [2],
            padding: .explicit(begin: [1], end: [1])), groups: 1), weightShape: [3, 1, 3])), opset: 17,
        operands: [
            tensor(.float64, [2, 1, 7], [-1, -1.5, -0.5, -2, 0.75, 0.75, 0.25, 2, 0.75, -0.25, 1.75, -2, -0.5, -1.25]),
            tensor(.float64, [2, 3, 5], [-0.25, 0, -1.25, 0.5, -0.25, -0.5, 0.5, -0.5, -1.75, -1.75, -1.5, 1, 1.5, -1, -1.25, 0.75, 0.25,
                -0.25, 1, 0, 0.75, -1.75, -0.5, 0.5, 0.75, 0.25, -2, -1.25, -1.5, 1.25]),
        ],
        outputs: [
            tensor(.float64, [3, 1, 3], [2.1875, 1.125, -0.625, 1.9375, -2.375, 5, -2.625, -2.0625, 11.5625]),
        ], tolerance: 1e-7)
    OperatorCase(
        "average pool gradient: padding does not count",
        .averagePoolGradient(AveragePoolGradient(forward: AveragePool(window: Window(kernel: [3, 3], strides: [2, 2], dilations: [],
            padding: .explicit(begin: [1, 1], end: [1, 1])), ceilMode: false, countIncludePad: false), inputShape: [1, 1, 5, 4])), opset:
            17,
        operands: [
            tensor(.float64, [1, 1, 3, 2], [-0.5, -2, -1.25, 1.25, 1.75, -2]),
        ],
        outputs: [
            tensor(.float64, [1, 1, 5, 4], [-0.125, -0.458333333, -0.333333333, -0.333333333, -0.333333333, -0.527777778, -0.194444444,
                -0.194444444, -0.208333333, -0.0694444444, 0.138888889, 0.138888889, 0.229166667, 0.0347222222, -0.194444444,
                -0.194444444, 0.4375, 0.104166667, -0.333333333, -0.333333333]),
        ], tolerance: 1e-7)
    OperatorCase(
        "max pool gradient: overlapping windows, ties",
        .maxPoolGradient(MaxPoolGradient(forward: MaxPool(window: Window(kernel: [3, 3], strides: [2, 2], dilations: [], padding:
            .explicit(begin: [1, 1], end: [1, 1])), ceilMode: false, columnMajorIndices: false))), opset: 17,
        operands: [
            tensor(.float64, [1, 2, 5, 4], [1, 2, 2, 1, 1, 2, 2, 1, 1, 2, 2, 1, 1, 2, 2, 1, 1, 2, 2, 1, 2, -2, 0.25, 1, 2, 1, -1.5, 0.75,
                2, -0.75, -1.75, 1.5, -1, 0.25, -0.25, 2, 1.25, 0, 1.75, -2]),
            tensor(.float64, [1, 2, 3, 2], [1.75, 0.5, 0.5, -0.25, -1, -0.75, 1.5, -0.25, -1.25, 0.75, 0.25, 1.75]),
        ],
        outputs: [
            tensor(.float64, [1, 2, 5, 4], [0, 2.25, 0, 0, 0, 0.25, 0, 0, 0, 0, 0, 0, 0, -1.75, 0, 0, 0, 0, 0, 0, 1.5, 0, 0, -0.25, -1.25,
                0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2.5, 0.25, 0, 0, 0]),
        ], tolerance: 1e-7)
    OperatorCase(
        "Lp pool gradient: p 3, a window of zeros",
        .lpPoolGradient(LpPoolGradient(forward: LpPool(window: Window(kernel: [2, 2], strides: [1, 2], dilations: [], padding: .valid),
            ceilMode: false, p: 3))), opset: 17,
        operands: [
            tensor(.float64, [1, 1, 3, 4], [0, 0, -1.75, 1.75, 0, 0, -2, 0, 1.75, 0.5, 1.75, 0.5]),
            tensor(.float64, [1, 1, 2, 2], [0, 2.65516969, 1.76350102, 2.38018259]),
            tensor(.float64, [1, 1, 2, 2], [-1.25, 1.5, 1.25, -1.5]),
        ],
        outputs: [
            tensor(.float64, [1, 1, 3, 4], [0, 0, -0.651602578, 0.651602578, 0, 0, 0.208011966, 0, 1.23093376, 0.100484388, -0.810861739,
                -0.066192795]),
        ], tolerance: 1e-7)
    OperatorCase(
        "batch norm gradient: training",
        .batchNormGradient(BatchNormGradient(forward: BatchNorm(epsilon: 1e-3, momentum: 0.9, trainingMode: true))), opset: 17,
        operands: [
            tensor(.float64, [2, 2, 3], [1.25, 0.25, 1.25, 1, 2, 0.5, -1.5, -0.25, -1.75, 2, -1.5, 2]),
            tensor(.float64, [2], [1, -2]),
            tensor(.float64, [2, 2, 3], [2, -1, 2, -2, -2, 1.75, 2, 0, 1.25, 0, -0.5, -1.75]),
        ],
        outputs: [
            tensor(.float64, [2, 2, 3], [0.759431767, -1.73069509, 0.759431767, 1.98617142, 1.42203689, -3.69027558, 0.853287473,
                -0.87221168, 0.23075576, -1.75583738, 1.01310204, 1.02480261]),
            tensor(.float64, [2], [0.28923769, -2.68133142]),
            tensor(.float64, [2], [6.25, -4.5]),
        ], tolerance: 1e-7)
    OperatorCase(
        "batch norm gradient: running statistics",
        .batchNormGradient(BatchNormGradient(forward: BatchNorm(epsilon: 1e-3, momentum: 0.9, trainingMode: false))), opset: 17,
        operands: [
            tensor(.float64, [2, 2, 3], [-0.75, 1, -0.75, 2, 0.5, 0.25, 2, 1, -0.75, 1.25, -0.25, -0.75]),
            tensor(.float64, [2], [0, -1]),
            tensor(.float64, [2, 2, 3], [-0.25, 1.5, 0.25, -2, 1.75, 0.75, 1.25, 0.75, -0.25, -0.75, -1.5, -0.75]),
            tensor(.float64, [2], [-0.75, -0.5]),
            tensor(.float64, [2], [1.25, 1.5]),
        ],
        outputs: [
            tensor(.float64, [2, 2, 3], [0, 0, 0, 1.6324491, -1.42839296, -0.612168414, 0, 0, 0, 0.612168414, 1.22433683, 0.612168414]),
            tensor(.float64, [2], [6.59376356, -3.41794031]),
            tensor(.float64, [2], [3.25, -2.5]),
        ], tolerance: 1e-7)
    OperatorCase(
        "layer norm gradient: last dimension",
        .layerNormGradient(LayerNormGradient(forward: LayerNorm(axis: -1, epsilon: 1e-3, stashType: 1))), opset: 17,
        operands: [
            tensor(.float64, [2, 3, 4], [0.5, 0.5, -1.75, 1.25, -1.75, -2, -1, 0, 2, -1.25, -0.25, -1.25, 0.75, -1.5, -1.5, 2, 0.75,
                -0.25, -1.75, -1.5, -0.75, -1, 0.25, -1.25]),
            tensor(.float64, [4], [0.5, 0, 0.75, -0.75]),
            tensor(.float64, [2, 3, 4], [-1.25, 1.25, 0.25, 1, 1.75, 0.75, -0.25, -2, 1, -2, 0, -0.25, -1.25, 0, -0.25, 0.5, 0.75, -1.5,
                -2, -1.25, 1.75, -1.5, 0, 1]),
        ],
        outputs: [
            tensor(.float64, [2, 3, 4], [-0.197527164, 0.357809042, -0.0397361607, -0.120545717, 0.794691317, -0.16295539, -1.06745395,
                0.435718024, 0.0381125051, -0.0279267487, -0.123483415, 0.113297658, -0.157756532, 0.090537369, -0.0341108232,
                0.101329987, -0.0642661262, -0.100567461, -1.08661382, 1.25144741, 1.51047217, 0.0998753283, -0.518816736, -1.09153077]),
            tensor(.float64, [4], [0.171452795, 1.40440177, 1.873829, -1.14160903]),
        ], tolerance: 1e-7)
    OperatorCase(
        "group norm gradient: two groups, scale per channel",
        .groupNormGradient(GroupNormGradient(forward: GroupNorm(groups: 2, epsilon: 1e-3, stashType: 1, affinePerGroup: false))), opset:
            17,
        operands: [
            tensor(.float64, [2, 4, 3], [1, 1.75, 0, -0.5, -1.5, -1, 0.5, -1, -0.5, 0.5, -1.75, -1, 1.75, 2, -1.75, -1.5, -0.75, 0.75,
                -1.5, -1.75, -1.5, -1.75, -2, -0.75]),
            tensor(.float64, [4], [0.5, 0.25, -0.5, -1]),
            tensor(.float64, [2, 4, 3], [0.75, 0.25, -2, -0.5, -2, 1.75, -0.75, 0.5, 0.75, 1.25, -2, -0.75, -1.25, 2, -2, -0.25, 0.5,
                -0.5, -0.5, -1.5, 1.25, 1.25, 2, 0.25]),
        ],
        outputs: [
            tensor(.float64, [2, 4, 3], [0.32076906, 0.0149050697, -0.793509538, 0.0415132838, -0.181781557, 0.598103682, 1.31784029,
                -1.04798986, -0.664695943, -0.658075857, 0.884962834, 0.167958537, -0.557206214, 0.495089325, -0.352933231, 0.24042232,
                0.268172653, -0.0935448525, 1.8632667, 3.67965379, -0.355560398, -1.39195102, -2.74531693, -1.05009215]),
            tensor(.float64, [4], [4.63680971, 1.07220876, -0.318934063, 2.45681718]),
            tensor(.float64, [4], [-2.25, -1, -0.25, 2]),
        ], tolerance: 1e-7)
    OperatorCase(
        "group norm gradient: scale per group",
        .groupNormGradient(GroupNormGradient(forward: GroupNorm(groups: 2, epsilon: 1e-3, stashType: 1, affinePerGroup: true))), opset:
            17,
        operands: [
            tensor(.float64, [2, 4, 3], [1, -0.5, -1.5, -1.5, 0.5, 1.25, -1.5, -0.25, -0.5, -1.25, -1.25, 1.75, 0.5, -1, 0.5, 0.5, -1.25,
                -1.5, 0.5, 2, 0, -1.75, -0.75, -0.5]),
            tensor(.float64, [2], [1.25, 0.5]),
            tensor(.float64, [2, 4, 3], [1, 0.75, 1.5, 0.75, -1, 0.75, -0.25, 0, 1.75, 1.75, -2, 2, 2, -0.25, 1.5, -1.75, 0.5, -1.75, 0.5,
                0.75, 0.5, -1.75, -1, -2]),
        ],
        outputs: [
            tensor(.float64, [2, 4, 3], [0.730744656, 0.0363986426, 0.600095347, -0.239845236, -1.64721884, 0.519825431, -0.0505572625,
                -0.323627575, 0.549393793, 0.78143659, -0.923578631, -0.0330669144, 1.91888473, 0.188920136, 1.21457088, -3.36346911,
                1.48529886, -1.4442055, 0.234597667, -0.161793407, 0.402612617, 0.021780948, 0.00871237919, -0.505910205]),
            tensor(.float64, [2], [1.97533315, 9.92638916]),
            tensor(.float64, [2], [4, 0.25]),
        ], tolerance: 1e-7)
    OperatorCase(
        "rms norm gradient: last two dimensions",
        .rmsNormGradient(RMSNormGradient(forward: RMSNorm(axis: 1, epsilon: 1e-3, stashType: 1))), opset: 17,
        operands: [
            tensor(.float64, [2, 3, 4], [-2, 1.5, 0.25, 1.5, -1.75, 0.25, -1.25, -2, -1, -1.5, 1.5, -1.25, -1.75, 0.5, -0.25, 0, -1.75,
                -0.5, -1.25, 1.75, 1.25, 2, 0, -1.25]),
            tensor(.float64, [3, 4], [-0.25, -1.5, -0.25, 0.75, -0.25, 1.5, -0.5, -1.25, 1.5, -0.25, -0.5, -1]),
            tensor(.float64, [2, 3, 4], [1.75, -0.25, 1, 1.25, 1, 0, -1.5, 0, 1.5, 0, 1.75, 0, 1, -0.75, -0.5, -0.75, 1, 2, 0.75, -1.75,
                0.25, 1.75, -0.25, -1]),
        ],
        outputs: [
            tensor(.float64, [2, 3, 4], [-0.381281447, 0.318884884, -0.166344513, 0.713970473, -0.240337169, 0.00924908194, 0.480535376,
                -0.0739926556, 1.54334603, -0.0554944917, -0.559083091, -0.0462454097, -0.00679058996, 0.851633691, 0.128644182,
                -0.453649931, -0.00679058996, 2.47513247, -0.163267858, 1.56936258, 0.163267858, -0.575503523, 0.100811096, 0.945654196]),
            tensor(.float64, [3, 4], [-3.86966567, -0.56582368, 0.276404691, 1.31695196, -2.64051051, -0.806488767, 0.560868745,
                -2.46987185, -0.801533831, 2.82271068, 1.84373275, 1.00811096]),
        ], tolerance: 1e-7)
    OperatorCase(
        "local response norm gradient: window of three",
        .localResponseNormGradient(LocalResponseNormGradient(forward: LocalResponseNorm(size: 3, alpha: 0.5, beta: 0.75, bias: 2))),
            opset: 17,
        operands: [
            tensor(.float64, [1, 5, 2], [-1, -0.5, 0, -0.5, 0, -0.75, -2, -1.5, -1.75, 0.5]),
            tensor(.float64, [1, 5, 2], [-0.75, 0.5, -0.5, -1, 1.25, 0.25, -0.75, 0.75, 0.75, -1.25]),
        ],
        outputs: [
            tensor(.float64, [1, 5, 2], [-0.371510998, 0.295704894, -0.279979303, -0.555261645, 0.59900916, 0.100225812, -0.302766339,
                0.227714581, 0.326016314, -0.600141759]),
        ], tolerance: 1e-7)
}
