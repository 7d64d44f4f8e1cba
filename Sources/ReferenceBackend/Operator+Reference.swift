import GraphIR
import Tensors

extension Operator {
    /// The kernel that defines what the operator computes; `nil` for operators that Cleave does not know.
    var referenceKernel: (any ReferenceKernel)? {
        switch self {
        case .convolution(let payload): payload
        case .convolutionTranspose(let payload): payload
        case .convInteger(let payload): payload
        case .qLinearConv(let payload): payload
        case .averagePool(let payload): payload
        case .maxPool(let payload): payload
        case .lpPool(let payload): payload
        case .globalPool(let payload): payload
        case .maxUnpool(let payload): payload
        case .roiAlign(let payload): payload
        case .batchNorm(let payload): payload
        case .instanceNorm(let payload): payload
        case .layerNorm(let payload): payload
        case .groupNorm(let payload): payload
        case .rmsNorm(let payload): payload
        case .localResponseNorm(let payload): payload
        case .lpNorm(let payload): payload
        case .meanVarianceNorm(let payload): payload
        case .gemm(let payload): payload
        case .matMul(let payload): payload
        case .einsum(let payload): payload
        case .matMulInteger(let payload): payload
        case .qLinearMatMul(let payload): payload
        case .qLinear(let payload): payload
        case .unary(let payload): payload
        case .isInfinite(let payload): payload
        case .binary(let payload): payload
        case .variadic(let payload): payload
        case .select(let payload): payload
        case .clip(let payload): payload
        case .cast(let payload): payload
        case .castLike(let payload): payload
        case .activation(let payload): payload
        case .softmax(let payload): payload
        case .reduction(let payload): payload
        case .argReduction(let payload): payload
        case .cumulativeSum(let payload): payload
        case .topK(let payload): payload
        case .gather(let payload): payload
        case .gatherElements(let payload): payload
        case .gatherND(let payload): payload
        case .scatterElements(let payload): payload
        case .scatterND(let payload): payload
        case .oneHot(let payload): payload
        case .nonZero(let payload): payload
        case .compress(let payload): payload
        case .reverseSequence(let payload): payload
        case .trilu(let payload): payload
        case .unique(let payload): payload
        case .nonMaxSuppression(let payload): payload
        case .shapeOf(let payload): payload
        case .sizeOf(let payload): payload
        case .reshape(let payload): payload
        case .flatten(let payload): payload
        case .squeeze(let payload): payload
        case .unsqueeze(let payload): payload
        case .transpose(let payload): payload
        case .expand(let payload): payload
        case .tile(let payload): payload
        case .concat(let payload): payload
        case .split(let payload): payload
        case .slice(let payload): payload
        case .pad(let payload): payload
        case .depthToSpace(let payload): payload
        case .spaceToDepth(let payload): payload
        case .identity(let payload): payload
        case .dropout(let payload): payload
        case .constant(let payload): payload
        case .constantOfShape(let payload): payload
        case .eyeLike(let payload): payload
        case .range(let payload): payload
        case .resize(let payload): payload
        case .upsample(let payload): payload
        case .gridSample(let payload): payload
        case .quantizeLinear(let payload): payload
        case .dequantizeLinear(let payload): payload
        case .dynamicQuantizeLinear(let payload): payload
        case .negativeLogLikelihoodLoss(let payload): payload
        case .softmaxCrossEntropyLoss(let payload): payload
        case .convolutionInputGradient(let payload): payload
        case .convolutionWeightGradient(let payload): payload
        case .averagePoolGradient(let payload): payload
        case .maxPoolGradient(let payload): payload
        case .lpPoolGradient(let payload): payload
        case .batchNormGradient(let payload): payload
        case .layerNormGradient(let payload): payload
        case .groupNormGradient(let payload): payload
        case .rmsNormGradient(let payload): payload
        case .localResponseNormGradient(let payload): payload
        case .activationGradient(let payload): payload
        case .productGradient(let payload): payload
        case .resizeGradient(let payload): payload
        case .gridSampleGradient(let payload): payload
        case .dropoutMask(let payload): payload
        case .integer(let payload): payload
        case .determinant(let payload): payload
        case .windowFunction(let payload): payload
        case .melWeightMatrix(let payload): payload
        case .dft(let payload): payload
        case .stft(let payload): payload
        case .bernoulli(let payload): payload
        case .randomNumbers(let payload): payload
        case .tfIdfVectorizer(let payload): payload
        case .branch(let payload): payload
        case .loop(let payload): payload
        case .scan(let payload): payload
        case .opaque: nil
        }
    }
}
