import GraphIR
import Tensors

private func window(_ shape: WindowFunction.Shape, periodic: Bool) -> Operator {
    .windowFunction(WindowFunction(shape: shape, elementType: .float32, isPeriodic: periodic))
}

private func nGrams(_ mode: TfIdfVectorizer.Mode) -> Operator {
    .tfIdfVectorizer(
        TfIdfVectorizer(
            mode: mode, minimumLength: 1, maximumLength: 2, maximumSkip: 1, pool: .integers([2, 3, 2, 3, 5, 3]), starts: [0, 2],
            places: [0, 2, 1, 3], weights: [0.5, 2, 3, 4]))
}

@CaseList
var signalCases: [OperatorCase] {
    OperatorCase(
        "window: Hann, periodic", window(.hann, periodic: true), opset: 17, operands: [tensor(.int64, [], [5])],
        outputs: [tensor(.float32, [5], [0, 0.34549153, 0.9045085, 0.9045085, 0.34549153])], tolerance: 1e-05)
    OperatorCase(
        "window: Hamming, symmetric", window(.hamming, periodic: false), opset: 17, operands: [tensor(.int64, [], [5])],
        outputs: [tensor(.float32, [5], [0.08695652, 0.5434783, 1, 0.5434783, 0.08695652])], tolerance: 1e-05)
    OperatorCase(
        "window: Blackman, periodic", window(.blackman, periodic: true), opset: 17, operands: [tensor(.int64, [], [5])],
        outputs: [tensor(.float32, [5], [0, 0.20077014, 0.84922987, 0.84922987, 0.20077014])], tolerance: 1e-05)
    OperatorCase(
        "mel weights: three bands", .melWeightMatrix(MelWeightMatrix(elementType: .float32)), opset: 17,
        operands: [
            tensor(.int64, [], [3]), tensor(.int64, [], [8]), tensor(.int64, [], [8000]), tensor(.float32, [], [0]),
            tensor(.float32, [], [4000]),
        ],
        outputs: [tensor(.float32, [5, 3], [1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0])], tolerance: 1e-05)
    OperatorCase(
        "Fourier transform: real, one side", .dft(DFT(axis: 1, isInverse: false, isOneSided: true)), opset: 17,
        operands: [tensor(.float32, [1, 4, 1], [1, 2, -1, 0.5])],
        outputs: [tensor(.float32, [1, 3, 2], [2.5, 0, 2, -1.5, -2.5, 0])], tolerance: 1e-05)
    OperatorCase(
        "Fourier transform: complex, inverse", .dft(DFT(axis: 1, isInverse: true, isOneSided: false)), opset: 17,
        operands: [tensor(.float32, [1, 3, 2], [1, 0, 2, -1, 0, 3])],
        outputs: [tensor(.float32, [1, 3, 2], [1, 0.6666667, 1.1547005, 0.24401693, -1.1547005, -0.9106836])], tolerance: 1e-05)
    OperatorCase(
        "Fourier transform: axis and length as operands", .dft(DFT(axis: nil, isInverse: false, isOneSided: false)), opset: 20,
        operands: [tensor(.float32, [1, 4, 1], [1, 2, -1, 0.5]), tensor(.int64, [], [6]), tensor(.int64, [], [-2])],
        outputs: [
            tensor(
                .float32, [1, 6, 2], [2.5, 0, 2, -0.8660254, 1, -2.5980761, -2.5, 0, 1, 2.5980761, 2, 0.8660254]),
        ], tolerance: 1e-05)
    OperatorCase(
        "short-time Fourier transform: window", .stft(STFT(isOneSided: true)), opset: 17,
        operands: [
            tensor(.float32, [1, 6, 1], [1, 2, 3, 4, 5, 6]), tensor(.int64, [], [2]), tensor(.float32, [4], [0.5, 1, 1, 0.5]),
        ],
        outputs: [tensor(.float32, [1, 2, 3, 2], [7.5, 0, -2.5, 0, -0.5, 0, 13.5, 0, -3.5, -1, -0.5, 0])], tolerance: 1e-05)
    OperatorCase(
        "short-time Fourier transform: both sides, length of a frame", .stft(STFT(isOneSided: false)), opset: 17,
        operands: [
            tensor(.float32, [1, 4, 1], [1, -2, 3, 4]), tensor(.int64, [], [1]), tensor(.float32, [3], [1, 1, 1]),
            tensor(.int64, [], [3]),
        ],
        outputs: [
            tensor(
                .float32, [1, 2, 3, 2],
                [2, 0, 0.5, 4.3301272, 0.5, -4.3301272, 5, 0, -5.5, 0.8660254, -5.5, -0.8660254]),
        ], tolerance: 1e-05)
    OperatorCase(
        "determinant: exchanged rows and a singular matrix", .determinant(Determinant()), opset: 11,
        operands: [tensor(.float32, [2, 2, 2], [0, 2, 3, 4, 1, 2, 2, 4])],
        outputs: [tensor(.float32, [2], [-6, 0])], tolerance: 1e-05)
    OperatorCase(
        "n-grams: counted", nGrams(.frequency), opset: 9, operands: [tensor(.int64, [2, 3], [2, 2, 3, 5, 2, 3])],
        outputs: [tensor(.float32, [2, 4], [2, 2, 1, 0, 1, 1, 1, 1])], tolerance: 0)
    OperatorCase(
        "n-grams: weights", nGrams(.inverseFrequency), opset: 9, operands: [tensor(.int64, [2, 3], [2, 2, 3, 5, 2, 3])],
        outputs: [tensor(.float32, [2, 4], [0.5, 3, 2, 0, 0.5, 3, 2, 4])], tolerance: 1e-05)
    OperatorCase(
        "n-grams: weighted counts", nGrams(.both), opset: 9, operands: [tensor(.int64, [2, 3], [2, 2, 3, 5, 2, 3])],
        outputs: [tensor(.float32, [2, 4], [1, 6, 2, 0, 0.5, 3, 2, 4])], tolerance: 1e-05)
}

/// Chance has golden values where it has no choice.
@CaseList
var randomCases: [OperatorCase] {
    OperatorCase(
        "Bernoulli: certain and impossible", .bernoulli(Bernoulli(elementType: .int32, seed: 3)), opset: 15,
        operands: [tensor(.float32, [2, 2], [0, 1, 1, 0])],
        outputs: [tensor(.int32, [2, 2], [0, 1, 1, 0])], tolerance: 0)
    OperatorCase(
        "random: uniform in an empty interval",
        .randomNumbers(
            RandomNumbers(distribution: .uniform(low: 2, high: 2), elementType: .float32, seed: nil, shape: [2])), opset: 1,
        operands: [], outputs: [tensor(.float32, [2], [2, 2])], tolerance: 0)
    OperatorCase(
        "random: normal without deviation, like the operand",
        .randomNumbers(RandomNumbers(distribution: .normal(mean: 1.5, scale: 0), elementType: nil, seed: 1, shape: nil)), opset: 1,
        operands: [tensor(.float16, [1, 3], [0, 0, 0])], outputs: [tensor(.float16, [1, 3], [1.5, 1.5, 1.5])], tolerance: 0)
}
