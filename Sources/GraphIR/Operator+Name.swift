extension Operator {
    /// ONNX's name of the operator, such as `Conv`; a name after that of the forward operator for gradients.
    public var name: String {
        switch self {
        case .convolution: "Conv"
        case .convolutionTranspose: "ConvTranspose"
        case .convInteger: "ConvInteger"
        case .qLinearConv: "QLinearConv"
        case .averagePool: "AveragePool"
        case .maxPool: "MaxPool"
        case .lpPool: "LpPool"
        case .globalPool(let payload): payload.function.onnxName
        case .maxUnpool: "MaxUnpool"
        case .roiAlign: "RoiAlign"
        case .batchNorm: "BatchNormalization"
        case .instanceNorm: "InstanceNormalization"
        case .layerNorm: "LayerNormalization"
        case .groupNorm: "GroupNormalization"
        case .rmsNorm: "RMSNormalization"
        case .localResponseNorm: "LRN"
        case .lpNorm: "LpNormalization"
        case .meanVarianceNorm: "MeanVarianceNormalization"
        case .gemm: "Gemm"
        case .matMul: "MatMul"
        case .einsum: "Einsum"
        case .matMulInteger: "MatMulInteger"
        case .qLinearMatMul: "QLinearMatMul"
        case .qLinear(let payload): payload.name
        case .unary(let payload): payload.function.rawValue
        case .isInfinite: "IsInf"
        case .binary(let payload): payload.function.onnxName
        case .variadic(let payload): payload.function.rawValue
        case .select: "Where"
        case .clip: "Clip"
        case .cast: "Cast"
        case .castLike: "CastLike"
        case .activation(let payload): payload.function.onnxName
        case .softmax(let payload): payload.function.rawValue
        case .reduction(let payload): payload.function.rawValue
        case .argReduction(let payload): payload.function.rawValue
        case .cumulativeSum: "CumSum"
        case .topK: "TopK"
        case .gather: "Gather"
        case .gatherElements: "GatherElements"
        case .gatherND: "GatherND"
        case .scatterElements: "ScatterElements"
        case .scatterND: "ScatterND"
        case .oneHot: "OneHot"
        case .nonZero: "NonZero"
        case .compress: "Compress"
        case .reverseSequence: "ReverseSequence"
        case .trilu: "Trilu"
        case .unique: "Unique"
        case .nonMaxSuppression: "NonMaxSuppression"
        case .shapeOf: "Shape"
        case .sizeOf: "Size"
        case .reshape: "Reshape"
        case .flatten: "Flatten"
        case .squeeze: "Squeeze"
        case .unsqueeze: "Unsqueeze"
        case .transpose: "Transpose"
        case .expand: "Expand"
        case .tile: "Tile"
        case .concat: "Concat"
        case .split: "Split"
        case .slice: "Slice"
        case .pad: "Pad"
        case .depthToSpace: "DepthToSpace"
        case .spaceToDepth: "SpaceToDepth"
        case .identity: "Identity"
        case .dropout: "Dropout"
        case .constant: "Constant"
        case .constantOfShape: "ConstantOfShape"
        case .eyeLike: "EyeLike"
        case .range: "Range"
        case .resize: "Resize"
        case .upsample: "Upsample"
        case .gridSample: "GridSample"
        case .quantizeLinear: "QuantizeLinear"
        case .dequantizeLinear: "DequantizeLinear"
        case .dynamicQuantizeLinear: "DynamicQuantizeLinear"
        case .negativeLogLikelihoodLoss: "NegativeLogLikelihoodLoss"
        case .softmaxCrossEntropyLoss: "SoftmaxCrossEntropyLoss"
        case .convolutionInputGradient: "ConvInputGradient"
        case .convolutionWeightGradient: "ConvWeightGradient"
        case .averagePoolGradient: "AveragePoolGradient"
        case .maxPoolGradient: "MaxPoolGradient"
        case .lpPoolGradient: "LpPoolGradient"
        case .batchNormGradient: "BatchNormalizationGradient"
        case .layerNormGradient: "LayerNormalizationGradient"
        case .groupNormGradient: "GroupNormalizationGradient"
        case .rmsNormGradient: "RMSNormalizationGradient"
        case .localResponseNormGradient: "LRNGradient"
        case .activationGradient(let payload): payload.forward.function.onnxName + "Gradient"
        case .productGradient: "ReduceProdGradient"
        case .resizeGradient: "ResizeGradient"
        case .gridSampleGradient: "GridSampleGradient"
        case .dropoutMask: "DropoutMask"
        case .integer(let payload): payload.name
        case .fakeQuantize: "FakeQuantize"
        case .fakeQuantizeGradient: "FakeQuantizeGradient"
        case .symmetricScale: "SymmetricScale"
        case .movingRange: "MovingRange"
        case .determinant: "Det"
        case .windowFunction(let payload): payload.shape.rawValue
        case .melWeightMatrix: "MelWeightMatrix"
        case .dft: "DFT"
        case .stft: "STFT"
        case .bernoulli: "Bernoulli"
        case .randomNumbers(let payload): payload.onnxName
        case .tfIdfVectorizer: "TfIdfVectorizer"
        case .branch: "If"
        case .loop: "Loop"
        case .scan: "Scan"
        case .opaque(let payload): payload.name
        }
    }
}

extension Binary.Function {
    /// ONNX's operator name; variants told apart by an attribute share one.
    public var onnxName: String {
        switch self {
        case .fmod: "Mod"
        case .shiftLeft, .shiftRight: "BitShift"
        default: rawValue
        }
    }
}

extension GlobalPool.Function {
    /// ONNX's operator name.
    public var onnxName: String {
        switch self {
        case .average: "GlobalAveragePool"
        case .max: "GlobalMaxPool"
        case .lp: "GlobalLpPool"
        }
    }
}

extension Activation.Function {
    /// ONNX's operator name.
    public var onnxName: String {
        switch self {
        case .relu: "Relu"
        case .sigmoid: "Sigmoid"
        case .tanh: "Tanh"
        case .softplus: "Softplus"
        case .softsign: "Softsign"
        case .hardSwish: "HardSwish"
        case .mish: "Mish"
        case .leakyRelu: "LeakyRelu"
        case .elu: "Elu"
        case .selu: "Selu"
        case .celu: "Celu"
        case .hardSigmoid: "HardSigmoid"
        case .thresholdedRelu: "ThresholdedRelu"
        case .shrink: "Shrink"
        case .gelu: "Gelu"
        }
    }
}

extension Operator {
    /// The name with its domain where that is not ONNX's own: `com.microsoft.FusedConv`.
    public var qualifiedName: String {
        guard case .opaque(let payload) = self, !payload.domain.isEmpty else { return name }
        return "\(payload.domain).\(payload.name)"
    }
}
