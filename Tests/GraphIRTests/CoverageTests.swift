import GraphIR
import OperatorCases
import Tensors
import Testing

/// The cases of `Operator` without their attributes. The switch below has no `default:`, so that a new operator must be listed here,
/// and then needs a row in the table.
private enum OperatorKind: CaseIterable {
    case convolution, convolutionTranspose, convInteger, qLinearConv, averagePool, maxPool, lpPool, globalPool, maxUnpool
    case roiAlign, batchNorm, instanceNorm, layerNorm, groupNorm, rmsNorm, localResponseNorm, lpNorm, meanVarianceNorm, gemm
    case matMul, einsum, matMulInteger, qLinearMatMul, qLinear, unary, isInfinite, binary, variadic, select, clip, cast, castLike
    case activation, softmax, reduction, argReduction, cumulativeSum, topK, gather, gatherElements, gatherND, scatterElements
    case scatterND, oneHot, nonZero, compress, reverseSequence, trilu, unique, nonMaxSuppression, shapeOf, sizeOf, reshape
    case flatten, squeeze, unsqueeze, transpose, expand, tile, concat, split, slice, pad, depthToSpace, spaceToDepth, identity
    case dropout, constant, constantOfShape, eyeLike, range, resize, upsample, gridSample, quantizeLinear, dequantizeLinear
    case dynamicQuantizeLinear, negativeLogLikelihoodLoss, softmaxCrossEntropyLoss, convolutionInputGradient
    case convolutionWeightGradient, averagePoolGradient, maxPoolGradient, lpPoolGradient, batchNormGradient, layerNormGradient
    case groupNormGradient, rmsNormGradient, localResponseNormGradient, activationGradient, productGradient, resizeGradient
    case gridSampleGradient, dropoutMask, integer, fakeQuantize, fakeQuantizeGradient, symmetricScale, movingRange, determinant
    case windowFunction, melWeightMatrix, dft, stft, bernoulli, randomNumbers
    case tfIdfVectorizer, branch, loop, scan, opaque

    init(_ operation: Operator) {
        switch operation {
        case .convolution: self = .convolution
        case .convolutionTranspose: self = .convolutionTranspose
        case .convInteger: self = .convInteger
        case .qLinearConv: self = .qLinearConv
        case .averagePool: self = .averagePool
        case .maxPool: self = .maxPool
        case .lpPool: self = .lpPool
        case .globalPool: self = .globalPool
        case .maxUnpool: self = .maxUnpool
        case .roiAlign: self = .roiAlign
        case .batchNorm: self = .batchNorm
        case .instanceNorm: self = .instanceNorm
        case .layerNorm: self = .layerNorm
        case .groupNorm: self = .groupNorm
        case .rmsNorm: self = .rmsNorm
        case .localResponseNorm: self = .localResponseNorm
        case .lpNorm: self = .lpNorm
        case .meanVarianceNorm: self = .meanVarianceNorm
        case .gemm: self = .gemm
        case .matMul: self = .matMul
        case .einsum: self = .einsum
        case .matMulInteger: self = .matMulInteger
        case .qLinearMatMul: self = .qLinearMatMul
        case .qLinear: self = .qLinear
        case .unary: self = .unary
        case .isInfinite: self = .isInfinite
        case .binary: self = .binary
        case .variadic: self = .variadic
        case .select: self = .select
        case .clip: self = .clip
        case .cast: self = .cast
        case .castLike: self = .castLike
        case .activation: self = .activation
        case .softmax: self = .softmax
        case .reduction: self = .reduction
        case .argReduction: self = .argReduction
        case .cumulativeSum: self = .cumulativeSum
        case .topK: self = .topK
        case .gather: self = .gather
        case .gatherElements: self = .gatherElements
        case .gatherND: self = .gatherND
        case .scatterElements: self = .scatterElements
        case .scatterND: self = .scatterND
        case .oneHot: self = .oneHot
        case .nonZero: self = .nonZero
        case .compress: self = .compress
        case .reverseSequence: self = .reverseSequence
        case .trilu: self = .trilu
        case .unique: self = .unique
        case .nonMaxSuppression: self = .nonMaxSuppression
        case .shapeOf: self = .shapeOf
        case .sizeOf: self = .sizeOf
        case .reshape: self = .reshape
        case .flatten: self = .flatten
        case .squeeze: self = .squeeze
        case .unsqueeze: self = .unsqueeze
        case .transpose: self = .transpose
        case .expand: self = .expand
        case .tile: self = .tile
        case .concat: self = .concat
        case .split: self = .split
        case .slice: self = .slice
        case .pad: self = .pad
        case .depthToSpace: self = .depthToSpace
        case .spaceToDepth: self = .spaceToDepth
        case .identity: self = .identity
        case .dropout: self = .dropout
        case .constant: self = .constant
        case .constantOfShape: self = .constantOfShape
        case .eyeLike: self = .eyeLike
        case .range: self = .range
        case .resize: self = .resize
        case .upsample: self = .upsample
        case .gridSample: self = .gridSample
        case .quantizeLinear: self = .quantizeLinear
        case .dequantizeLinear: self = .dequantizeLinear
        case .dynamicQuantizeLinear: self = .dynamicQuantizeLinear
        case .negativeLogLikelihoodLoss: self = .negativeLogLikelihoodLoss
        case .softmaxCrossEntropyLoss: self = .softmaxCrossEntropyLoss
        case .convolutionInputGradient: self = .convolutionInputGradient
        case .convolutionWeightGradient: self = .convolutionWeightGradient
        case .averagePoolGradient: self = .averagePoolGradient
        case .maxPoolGradient: self = .maxPoolGradient
        case .lpPoolGradient: self = .lpPoolGradient
        case .batchNormGradient: self = .batchNormGradient
        case .layerNormGradient: self = .layerNormGradient
        case .groupNormGradient: self = .groupNormGradient
        case .rmsNormGradient: self = .rmsNormGradient
        case .localResponseNormGradient: self = .localResponseNormGradient
        case .activationGradient: self = .activationGradient
        case .productGradient: self = .productGradient
        case .resizeGradient: self = .resizeGradient
        case .gridSampleGradient: self = .gridSampleGradient
        case .dropoutMask: self = .dropoutMask
        case .integer: self = .integer
        case .fakeQuantize: self = .fakeQuantize
        case .fakeQuantizeGradient: self = .fakeQuantizeGradient
        case .symmetricScale: self = .symmetricScale
        case .movingRange: self = .movingRange
        case .determinant: self = .determinant
        case .windowFunction: self = .windowFunction
        case .melWeightMatrix: self = .melWeightMatrix
        case .dft: self = .dft
        case .stft: self = .stft
        case .bernoulli: self = .bernoulli
        case .randomNumbers: self = .randomNumbers
        case .tfIdfVectorizer: self = .tfIdfVectorizer
        case .branch: self = .branch
        case .loop: self = .loop
        case .scan: self = .scan
        case .opaque: self = .opaque
        }
    }
}

@Suite struct CoverageTests {
    @Test func everyOperatorHasACase() {
        let covered = Set((allOperatorCases + gradientOperatorCases + integerOperatorCases).map { OperatorKind($0.operation) })
        let missing = OperatorKind.allCases.filter { !covered.contains($0) }
        // Nobody knows what an opaque operator computes.
        #expect(missing == [.opaque])
    }

    @Test func everyFunctionHasACase() {
        var unary: Set<Unary.Function> = []
        var binary: Set<Binary.Function> = []
        var variadic: Set<Variadic.Function> = []
        var reductions: Set<Reduction.Function> = []
        var activations: Set<String> = []
        for row in allOperatorCases {
            switch row.operation {
            case .unary(let payload): unary.insert(payload.function)
            case .binary(let payload): binary.insert(payload.function)
            case .variadic(let payload): variadic.insert(payload.function)
            case .reduction(let payload): reductions.insert(payload.function)
            case .activation(let payload): activations.insert(payload.function.onnxName)
            default: break
            }
        }
        #expect(unary == Set(Unary.Function.allCases))
        #expect(binary == Set(Binary.Function.allCases))
        #expect(variadic == Set(Variadic.Function.allCases))
        #expect(reductions == Set(Reduction.Function.allCases))
        #expect(activations.count == 15)
    }

    @Test func namesAreUnique() {
        let names = (allOperatorCases + gradientOperatorCases + integerOperatorCases).map(\.name)
        #expect(Set(names).count == names.count)
        #expect(allOperatorCases.count > 200)
    }
}
