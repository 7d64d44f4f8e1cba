import GraphIR

/// What differentiation does at an operator.
enum GradientRule {
    case differentiable(DifferentiableRule)
    /// Where the output is a number that changes at all, it does so in steps: its derivative is zero, and no gradient passes.
    case constant
    /// - Parameter reason: for a person, as the end of "the operator is not differentiable: …".
    case notDifferentiable(reason: String)

    static func differentiable(_ payload: any DifferentiableOperator) -> GradientRule {
        .differentiable(DifferentiableRule(payload: payload, operands: nil))
    }

    /// - Parameter operands: positions of those that gradients pass to; the others are shapes, axes, indices or limits.
    static func differentiable(_ payload: any DifferentiableOperator, in operands: Int...) -> GradientRule {
        .differentiable(DifferentiableRule(payload: payload, operands: operands))
    }
}

/// An operator that gradients pass through, and to which operands.
struct DifferentiableRule {
    let payload: any DifferentiableOperator
    /// `nil` for all.
    let operands: [Int]?

    func reaches(operand index: Int) -> Bool { operands?.contains(index) ?? true }
}

/// An operator that knows its derivative.
protocol DifferentiableOperator: Sendable {
    /// Gives every operand that wants it (`BackwardPass.needs`) the gradient that follows from the output's.
    /// - Throws: `CleaveError` for attributes or operands for which there is no gradient.
    func differentiate(in pass: inout BackwardPass) throws
}

private let integerArithmetic = "it computes with quantized numbers; train the network in floating point and quantize it afterwards"
private let secondDerivative = "it belongs to a gradient, and gradients of gradients are not supported"

extension Operator {
    var gradientRule: GradientRule {
        switch self {
        case .convolution(let payload): .differentiable(payload)
        case .convolutionTranspose(let payload): .differentiable(payload)
        case .convInteger, .qLinearConv, .matMulInteger, .qLinearMatMul, .qLinear, .quantizeLinear, .dequantizeLinear,
            .dynamicQuantizeLinear, .integer:
            .notDifferentiable(reason: integerArithmetic)
        case .averagePool(let payload): .differentiable(payload)
        case .maxPool(let payload): .differentiable(payload)
        case .lpPool(let payload): .differentiable(payload)
        case .globalPool(let payload): .differentiable(payload)
        case .maxUnpool(let payload): .differentiable(payload, in: 0)
        case .roiAlign: .notDifferentiable(reason: "no gradient of region pooling is known here")
        case .batchNorm(let payload): .differentiable(payload, in: 0, 1, 2)
        case .instanceNorm(let payload): .differentiable(payload)
        case .layerNorm(let payload): .differentiable(payload)
        case .groupNorm(let payload): .differentiable(payload)
        case .rmsNorm(let payload): .differentiable(payload)
        case .localResponseNorm(let payload): .differentiable(payload)
        case .lpNorm(let payload): .differentiable(payload)
        case .meanVarianceNorm(let payload): .differentiable(payload)
        case .gemm(let payload): .differentiable(payload)
        case .matMul(let payload): .differentiable(payload)
        case .einsum(let payload): .differentiable(payload)
        case .unary(let payload): payload.gradientRule
        case .binary(let payload): payload.gradientRule
        case .variadic(let payload): .differentiable(payload)
        case .select(let payload): .differentiable(payload, in: 1, 2)
        case .clip(let payload): .differentiable(payload)
        case .cast(let payload): .differentiable(payload)
        case .castLike(let payload): .differentiable(payload, in: 0)
        case .activation(let payload): .differentiable(payload)
        case .softmax(let payload): payload.function == .hardmax ? .constant : .differentiable(payload)
        case .reduction(let payload): .differentiable(payload, in: 0)
        case .cumulativeSum(let payload): .differentiable(payload, in: 0)
        case .topK(let payload): .differentiable(payload, in: 0)
        case .gather(let payload): .differentiable(payload, in: 0)
        case .gatherElements(let payload): .differentiable(payload, in: 0)
        case .gatherND(let payload): .differentiable(payload, in: 0)
        case .scatterElements(let payload): payload.reduction.gradientRule(.differentiable(payload, in: 0, 2))
        case .scatterND(let payload): payload.reduction.gradientRule(.differentiable(payload, in: 0, 2))
        case .compress, .unique: .notDifferentiable(reason: "the length of its output depends on the data")
        case .reverseSequence(let payload): .differentiable(payload, in: 0)
        case .trilu(let payload): .differentiable(payload, in: 0)
        case .reshape(let payload): .differentiable(payload, in: 0)
        case .flatten(let payload): .differentiable(payload)
        case .squeeze(let payload): .differentiable(payload, in: 0)
        case .unsqueeze(let payload): .differentiable(payload, in: 0)
        case .transpose(let payload): .differentiable(payload)
        case .expand(let payload): .differentiable(payload, in: 0)
        case .tile(let payload): .differentiable(payload, in: 0)
        case .concat(let payload): .differentiable(payload)
        case .split(let payload): .differentiable(payload, in: 0)
        case .slice(let payload): .differentiable(payload, in: 0)
        case .pad(let payload): .differentiable(payload, in: 0)
        case .depthToSpace(let payload): .differentiable(payload)
        case .spaceToDepth(let payload): .differentiable(payload)
        case .identity(let payload): .differentiable(payload)
        case .dropout(let payload): .differentiable(payload, in: 0)
        case .resize(let payload): .differentiable(payload, in: 0)
        case .upsample(let payload): .differentiable(payload, in: 0)
        case .gridSample(let payload): .differentiable(payload)
        case .fakeQuantize(let payload): payload.gradient == .learned ? .differentiable(payload) : .differentiable(payload, in: 0)
        case .negativeLogLikelihoodLoss(let payload): .differentiable(payload, in: 0)
        case .softmaxCrossEntropyLoss(let payload): .differentiable(payload, in: 0)
        case .isInfinite, .argReduction, .oneHot, .nonZero, .nonMaxSuppression, .shapeOf, .sizeOf, .constant, .constantOfShape, .eyeLike,
            .range, .windowFunction, .melWeightMatrix, .bernoulli, .randomNumbers, .tfIdfVectorizer, .dropoutMask,
            .symmetricScale, .movingRange: .constant
        case .determinant: .notDifferentiable(reason: "no gradient of determinants is known here")
        case .dft, .stft: .notDifferentiable(reason: "no gradient of Fourier transforms is known here")
        case .branch, .loop, .scan: .notDifferentiable(reason: "gradients do not pass through branches and loops")
        case .convolutionInputGradient, .convolutionWeightGradient, .averagePoolGradient, .maxPoolGradient, .lpPoolGradient,
            .batchNormGradient, .layerNormGradient, .groupNormGradient, .rmsNormGradient, .localResponseNormGradient,
            .activationGradient, .productGradient, .resizeGradient, .gridSampleGradient, .fakeQuantizeGradient:
            .notDifferentiable(reason: secondDerivative)
        case .opaque: .notDifferentiable(reason: "Cleave does not know what it computes")
        }
    }
}

extension ScatterReduction {
    fileprivate func gradientRule(_ rule: GradientRule) -> GradientRule {
        switch self {
        case .none, .add: rule
        case .mul, .max, .min: .notDifferentiable(reason: "no gradient of scattering with reduction '\(rawValue)' is known here")
        }
    }
}
