import GraphIR
import Tensors

@CaseList
var normalizationCases: [OperatorCase] {
    OperatorCase(
        "batch norm: inference", .batchNorm(BatchNorm(epsilon: 1e-5, momentum: 0.9, trainingMode: false)), opset: 15,
        operands: [
            tensor(.float32, [2, 2, 1, 2], [0, 0, 2, 4, -4, -3, 2.5, 4]),
            tensor(.float32, [2], [1, 2]),
            tensor(.float32, [2], [0.5, -0.5]),
            tensor(.float32, [2], [0.25, 1]),
            tensor(.float32, [2], [4, 0.25]),
        ],
        outputs: [
            tensor(.float32, [2, 2, 1, 2], [0.37500015, 0.37500015, 3.49992, 11.49976, -1.6249975, -1.1249981, 5.49988, 11.49976]),
        ], tolerance: 1e-05)
    OperatorCase(
        "batch norm: training, running statistics", .batchNorm(BatchNorm(epsilon: 1e-3, momentum: 0.75, trainingMode: true)), opset: 15,
        operands: [
            tensor(.float32, [2, 2, 1, 2], [0, 0, 2, 4, -4, -3, 2.5, 4]),
            tensor(.float32, [2], [1, 2]),
            tensor(.float32, [2], [0.5, -0.5]),
            tensor(.float32, [2], [0.25, 1]),
            tensor(.float32, [2], [4, 0.25]),
        ],
        outputs: [
            tensor(.float32, [2, 2, 1, 2], [1.4800423, 1.4800423, -3.0189242, 1.4591632, -0.76005447, -0.20003021, -1.8994021,
                1.4591632]),
            tensor(.float32, [2], [-0.25, 1.53125]),
            tensor(.float32, [2], [3.796875, 0.38671875]),
        ], tolerance: 1e-05)
    OperatorCase(
        "batch norm: two dimensions", .batchNorm(BatchNorm(epsilon: 0.01, momentum: 0.9, trainingMode: false)), opset: 9,
        operands: [
            tensor(.float32, [2, 2], [1, 2, 3, 4]),
            tensor(.float32, [2], [1, -1]),
            tensor(.float32, [2], [0, 1]),
            tensor(.float32, [2], [1, 2]),
            tensor(.float32, [2], [1, 4]),
        ],
        outputs: [tensor(.float32, [2, 2], [0, 1, 1.9900744, 0.0012476444])], tolerance: 1e-05)
    OperatorCase(
        "instance norm", .instanceNorm(InstanceNorm(epsilon: 1e-3)), opset: 17,
        operands: [
            tensor(.float32, [1, 2, 4], [3, -2, -3.5, -1.5, -0.5, 2.5, -0.5, -3.5]),
            tensor(.float32, [2], [1, 2]),
            tensor(.float32, [2], [0, -1]),
        ],
        outputs: [
            tensor(.float32, [1, 2, 4], [1.6501335, -0.41253337, -1.0313334, -0.20626667, -1, 1.8281128, -1, -3.828113]),
        ], tolerance: 1e-05)
    OperatorCase(
        "layer norm: last dimension, statistics", .layerNorm(LayerNorm(axis: -1, epsilon: 1e-5, stashType: 1)), opset: 17,
        operands: [
            tensor(.float32, [2, 3], [2.5, -3.5, -2.5, -2, -2.5, 2.5]),
            tensor(.float32, [3], [1, 2, 3]),
            tensor(.float32, [3], [0, 1, -1]),
        ],
        outputs: [
            tensor(.float32, [2, 3], [1.3970004, -0.77800035, -2.5240002, -0.5929989, -0.63074696, 3.2251167]),
            tensor(.float32, [2, 1], [-1.1666667, -0.6666666]),
            tensor(.float32, [2, 1], [0.3810001, 0.44474918]),
        ], tolerance: 1e-05)
    OperatorCase(
        "layer norm: two dimensions, no bias", .layerNorm(LayerNorm(axis: 1, epsilon: 0.01, stashType: 1)), opset: 17,
        operands: [tensor(.float32, [2, 2, 2], [2, 4, 3, 0, 3.5, 4, 4, -3.5]), tensor(.float32, [2, 2], [1, 2, 3, 4])],
        outputs: [
            tensor(.float32, [2, 2, 2], [-0.16864581, 2.3610413, 1.5178124, -6.0712495, 0.4711719, 1.2564584, 1.8846877, -6.910521]),
        ], tolerance: 1e-05)
    OperatorCase(
        "group norm: affine per channel", .groupNorm(GroupNorm(groups: 2, epsilon: 1e-5, stashType: 1, affinePerGroup: false)), opset: 21,
        operands: [
            tensor(.float32, [1, 4, 2], [1.5, 2.5, -4, 2.5, -0.5, 0, 1, -2]),
            tensor(.float32, [4], [1, 2, 3, 4]),
            tensor(.float32, [4], [0, 0, 1, -1]),
        ],
        outputs: [
            tensor(.float32, [1, 4, 2], [0.32392114, 0.6941168, -3.4243093, 1.3882335, 0.6535913, 2.039226, 4.080661, -7.0044174]),
        ], tolerance: 1e-05)
    OperatorCase(
        "group norm: affine per group", .groupNorm(GroupNorm(groups: 2, epsilon: 1e-5, stashType: 1, affinePerGroup: true)), opset: 18,
        operands: [
            tensor(.float32, [1, 4, 2], [1.5, 2.5, -4, 2.5, -0.5, 0, 1, -2]),
            tensor(.float32, [2], [1, 2]),
            tensor(.float32, [2], [0, 1]),
        ],
        outputs: [
            tensor(.float32, [1, 4, 2], [0.32392114, 0.6941168, -1.7121546, 0.6941168, 0.76906085, 1.6928174, 3.5403304, -2.0022087]),
        ], tolerance: 1e-05)
    OperatorCase(
        "rms norm", .rmsNorm(RMSNorm(axis: -1, epsilon: 1e-5, stashType: 1)), opset: 23,
        operands: [tensor(.float32, [2, 4], [-0.5, 0.5, 0, -1.5, 4, -1, 1.5, -1]), tensor(.float32, [4], [1, 2, 3, 4])],
        outputs: [
            tensor(.float32, [2, 4], [-0.6030183, 1.2060366, 0, -7.2362194, 1.7777761, -0.88888806, 1.9999981, -1.7777761]),
        ], tolerance: 1e-05)
    OperatorCase(
        "local response norm", .localResponseNorm(LocalResponseNorm(size: 3, alpha: 0.5, beta: 0.75, bias: 2)), opset: 17,
        operands: [tensor(.float32, [1, 4, 1, 2], [8, 2, 3, 7, 1, 5, 6, -5])],
        outputs: [
            tensor(.float32, [1, 4, 1, 2], [1.0955677, 0.33493337, 0.40724975, 0.9183951, 0.1824074, 0.56052005, 1.2419887, -0.86754024]),
        ], tolerance: 1e-05)
    OperatorCase(
        "local response norm: even window", .localResponseNorm(LocalResponseNorm(size: 2, alpha: 1, beta: 1, bias: 1)), opset: 17,
        operands: [tensor(.float32, [1, 4, 1, 1], [1, 2, 3, 4])],
        outputs: [tensor(.float32, [1, 4, 1, 1], [0.2857143, 0.26666668, 0.22222222, 0.44444445])], tolerance: 1e-05)
    OperatorCase(
        "lp norm: p = 2", .lpNorm(LpNorm(axis: -1, p: 2)), opset: 17,
        operands: [tensor(.float32, [2, 2], [3, 4, -5, 12])],
        outputs: [tensor(.float32, [2, 2], [0.6, 0.8, -0.3846154, 0.9230769])], tolerance: 1e-05)
    OperatorCase(
        "lp norm: p = 1, first dimension", .lpNorm(LpNorm(axis: 0, p: 1)), opset: 17,
        operands: [tensor(.float32, [2, 2], [3, 4, -1, 12])],
        outputs: [tensor(.float32, [2, 2], [0.75, 0.25, -0.25, 0.75])], tolerance: 1e-05)
    OperatorCase(
        "mean variance norm", .meanVarianceNorm(MeanVarianceNorm(axes: [0, 2, 3])), opset: 13,
        operands: [tensor(.float32, [2, 2, 1, 3], [2, -1.5, -2.5, 4, -3, -1.5, 1, 2.5, 1, 3, -4, -1])],
        outputs: [
            tensor(.float32, [2, 2, 1, 3], [0.8736209, -1.0575411, -1.6093017, 1.4972707, -0.8757621, -0.3672551, 0.32186034, 1.1495012,
                0.32186034, 1.1582661, -1.2147667, -0.19775274]),
        ], tolerance: 1e-05)
}
