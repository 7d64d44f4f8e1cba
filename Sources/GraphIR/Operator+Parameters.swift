import Tensors

/// What a constant operand means to the one who counts parameters.
public enum ParameterRole: Hashable, Sendable {
    /// A weight or bias that training changes.
    case trainable
    /// Running mean or variance of a batch norm.
    case statistics
}

extension Operator {
    /// What the operand at `index` holds when it is a constant: a parameter of the network, or `nil` for a shape, an axis, a
    /// limit, a quantization scale, or data that only passes through.
    ///
    /// - Parameter type: the operand's type; for element-wise arithmetic and tables to gather from, integers and single
    ///   numbers are no parameters.
    public func parameterRole(ofOperand index: Int, type: TensorType) -> ParameterRole? {
        let isFloat = type.elementType.isFloatingPoint
        let isFloatTensor = isFloat && type.shape?.allSatisfy { $0 == 1 } == false
        return switch self {
        case .convolution, .convolutionTranspose: index >= 1 ? .trainable : nil
        case .convInteger: index == 1 ? .trainable : nil
        case .qLinearConv: index == 3 || index == 8 ? .trainable : nil
        case .batchNorm: index == 0 ? nil : (index <= 2 ? .trainable : .statistics)
        case .instanceNorm, .layerNorm, .groupNorm, .rmsNorm: index >= 1 ? .trainable : nil
        case .gemm, .matMul, .einsum: .trainable
        case .matMulInteger: index <= 1 ? .trainable : nil
        case .qLinearMatMul: index == 0 || index == 3 ? .trainable : nil
        case .qLinear(let payload): payload.biasOperand != nil && [0, 3, payload.biasOperand].contains(index) ? .trainable : nil
        case .binary(let payload):
            switch payload.function {
            case .add, .sub, .mul, .div: isFloatTensor ? .trainable : nil
            case .prelu: index == 1 && isFloat ? .trainable : nil
            case .pow, .mod, .fmod, .equal, .less, .lessOrEqual, .greater, .greaterOrEqual, .and, .or, .xor, .bitwiseAnd,
                .bitwiseOr, .bitwiseXor, .shiftLeft, .shiftRight: nil
            }
        case .variadic: isFloatTensor ? .trainable : nil
        case .gather: index == 0 && isFloatTensor ? .trainable : nil
        case .fakeQuantize(let payload): index >= 1 && payload.gradient == .learned ? .trainable : nil
        case .averagePool, .maxPool, .lpPool, .globalPool, .maxUnpool, .roiAlign, .localResponseNorm, .lpNorm, .meanVarianceNorm,
            .unary, .isInfinite, .select, .clip, .cast, .castLike, .activation, .softmax, .reduction, .argReduction, .cumulativeSum,
            .topK, .gatherElements, .gatherND, .scatterElements, .scatterND, .oneHot, .nonZero, .compress, .reverseSequence, .trilu,
            .unique, .nonMaxSuppression, .shapeOf, .sizeOf, .reshape, .flatten, .squeeze, .unsqueeze, .transpose, .expand, .tile,
            .concat, .split, .slice, .pad, .depthToSpace, .spaceToDepth, .identity, .dropout, .constant, .constantOfShape, .eyeLike,
            .range, .resize, .upsample, .gridSample, .quantizeLinear, .dequantizeLinear, .dynamicQuantizeLinear,
            .negativeLogLikelihoodLoss, .softmaxCrossEntropyLoss, .convolutionInputGradient, .convolutionWeightGradient,
            .averagePoolGradient, .maxPoolGradient, .lpPoolGradient, .batchNormGradient, .layerNormGradient, .groupNormGradient,
            .rmsNormGradient, .localResponseNormGradient, .activationGradient, .productGradient, .resizeGradient, .gridSampleGradient,
            .dropoutMask, .integer, .fakeQuantizeGradient, .symmetricScale, .movingRange, .determinant, .windowFunction, .melWeightMatrix,
            .dft, .stft, .bernoulli, .randomNumbers, .tfIdfVectorizer,
            .branch, .loop, .scan, .opaque: nil
        }
    }

    /// Whether the output holds the elements of the first operand, moved or converted, so that a parameter stays one.
    public var carriesParameters: Bool {
        switch self {
        case .identity, .cast, .castLike, .reshape, .flatten, .squeeze, .unsqueeze, .transpose, .quantizeLinear, .dequantizeLinear,
            .fakeQuantize: true
        default: false
        }
    }
}
