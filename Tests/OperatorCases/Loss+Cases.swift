import GraphIR
import Tensors

@CaseList
var lossCases: [OperatorCase] {
    OperatorCase(
        "negative log likelihood: weighted mean",
        .negativeLogLikelihoodLoss(NegativeLogLikelihoodLoss(reduction: .mean, ignoredClass: nil)), opset: 13,
        operands: [
            tensor(.float32, [2, 3], [-0.6931472, -1.3862944, -1.3862944, -2.0794415, -0.6931472, -0.98082924]),
            tensor(.int64, [2], [0, 2]),
            tensor(.float32, [3], [1, 2, 3]),
        ],
        outputs: [tensor(.float32, [], [0.9089087])], tolerance: 1e-05)
    OperatorCase(
        "negative log likelihood: single losses, ignored class",
        .negativeLogLikelihoodLoss(NegativeLogLikelihoodLoss(reduction: .none, ignoredClass: 1)), opset: 13,
        operands: [tensor(.float32, [1, 2, 3], [-6, -5, -4, -3, -2, -1]), tensor(.int64, [1, 3], [0, 1, 0])],
        outputs: [tensor(.float32, [1, 3], [6, -0.0, 4])], tolerance: 1e-05)
    OperatorCase(
        "cross entropy: mean, log probabilities",
        .softmaxCrossEntropyLoss(SoftmaxCrossEntropyLoss(reduction: .mean, ignoredClass: nil)), opset: 13,
        operands: [tensor(.float32, [2, 3], [1, 2, 3, 0, 0, 0]), tensor(.int64, [2], [2, 0])],
        outputs: [
            tensor(.float32, [], [0.7531091]),
            tensor(.float32, [2, 3], [-2.407606, -1.4076059, -0.40760595, -1.0986123, -1.0986123, -1.0986123]),
        ], tolerance: 1e-05)
    OperatorCase(
        "cross entropy: weighted sum, ignored class",
        .softmaxCrossEntropyLoss(SoftmaxCrossEntropyLoss(reduction: .sum, ignoredClass: -1)), opset: 13,
        operands: [tensor(.float32, [2, 3], [1, 2, 3, 0, 0, 0]), tensor(.int64, [2], [2, -1]), tensor(.float32, [3], [1, 1, 0.5])],
        outputs: [tensor(.float32, [], [0.20380297])], tolerance: 1e-05)
}
