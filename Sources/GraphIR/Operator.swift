import Tensors

/// Everything that a node can compute. The enum is closed: each concern (types, cost, kernels, ONNX mapping, gradients)
/// switches over all cases, so that the compiler lists what a new operator still needs.
public enum Operator: Hashable, Sendable {
    case convolution(Convolution)
    case convolutionTranspose(ConvolutionTranspose)
    case convInteger(ConvInteger)
    case qLinearConv(QLinearConv)
    case averagePool(AveragePool)
    case maxPool(MaxPool)
    case lpPool(LpPool)
    case globalPool(GlobalPool)
    case maxUnpool(MaxUnpool)
    case roiAlign(RoiAlign)
    case batchNorm(BatchNorm)
    case instanceNorm(InstanceNorm)
    case layerNorm(LayerNorm)
    case groupNorm(GroupNorm)
    case rmsNorm(RMSNorm)
    case localResponseNorm(LocalResponseNorm)
    case lpNorm(LpNorm)
    case meanVarianceNorm(MeanVarianceNorm)
    case gemm(Gemm)
    case matMul(MatMul)
    case einsum(Einsum)
    case matMulInteger(MatMulInteger)
    case qLinearMatMul(QLinearMatMul)
    case qLinear(QLinear)
    case unary(Unary)
    case isInfinite(IsInfinite)
    case binary(Binary)
    case variadic(Variadic)
    case select(Where)
    case clip(Clip)
    case cast(Cast)
    case castLike(CastLike)
    case activation(Activation)
    case softmax(Softmax)
    case reduction(Reduction)
    case argReduction(ArgReduction)
    case cumulativeSum(CumulativeSum)
    case topK(TopK)
    case gather(Gather)
    case gatherElements(GatherElements)
    case gatherND(GatherND)
    case scatterElements(ScatterElements)
    case scatterND(ScatterND)
    case oneHot(OneHot)
    case nonZero(NonZero)
    case compress(Compress)
    case reverseSequence(ReverseSequence)
    case trilu(Trilu)
    case unique(Unique)
    case nonMaxSuppression(NonMaxSuppression)
    case shapeOf(ShapeOf)
    case sizeOf(SizeOf)
    case reshape(Reshape)
    case flatten(Flatten)
    case squeeze(Squeeze)
    case unsqueeze(Unsqueeze)
    case transpose(Transpose)
    case expand(Expand)
    case tile(Tile)
    case concat(Concat)
    case split(Split)
    case slice(StridedSlice)
    case pad(Pad)
    case depthToSpace(DepthToSpace)
    case spaceToDepth(SpaceToDepth)
    case identity(Identity)
    case dropout(Dropout)
    case constant(Constant)
    case constantOfShape(ConstantOfShape)
    case eyeLike(EyeLike)
    case range(NumberRange)
    case resize(Resize)
    case upsample(Upsample)
    case gridSample(GridSample)
    case quantizeLinear(QuantizeLinear)
    case dequantizeLinear(DequantizeLinear)
    case dynamicQuantizeLinear(DynamicQuantizeLinear)
    case negativeLogLikelihoodLoss(NegativeLogLikelihoodLoss)
    case softmaxCrossEntropyLoss(SoftmaxCrossEntropyLoss)
    case determinant(Determinant)
    case windowFunction(WindowFunction)
    case melWeightMatrix(MelWeightMatrix)
    case dft(DFT)
    case stft(STFT)
    case bernoulli(Bernoulli)
    case randomNumbers(RandomNumbers)
    case tfIdfVectorizer(TfIdfVectorizer)
    case branch(If)
    case loop(Loop)
    case scan(Scan)
    // What training graphs have besides: ONNX has no names for these.
    case convolutionInputGradient(ConvolutionInputGradient)
    case convolutionWeightGradient(ConvolutionWeightGradient)
    case averagePoolGradient(AveragePoolGradient)
    case maxPoolGradient(MaxPoolGradient)
    case lpPoolGradient(LpPoolGradient)
    case batchNormGradient(BatchNormGradient)
    case layerNormGradient(LayerNormGradient)
    case groupNormGradient(GroupNormGradient)
    case rmsNormGradient(RMSNormGradient)
    case localResponseNormGradient(LocalResponseNormGradient)
    case activationGradient(ActivationGradient)
    case productGradient(ProductGradient)
    case resizeGradient(ResizeGradient)
    case gridSampleGradient(GridSampleGradient)
    case dropoutMask(DropoutMask)
    /// What integer kernels compute between quantized tensors: graphs have it only while they run.
    case integer(IntegerOperator)
    case fakeQuantize(FakeQuantize)
    case fakeQuantizeGradient(FakeQuantizeGradient)
    case symmetricScale(SymmetricScale)
    case movingRange(MovingRange)
    /// An operator that Cleave carries from import to export without knowing what it does.
    case opaque(OpaqueOperator)

    /// The attributes, whatever the case.
    public var payload: any OperatorPayload {
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
        case .fakeQuantize(let payload): payload
        case .fakeQuantizeGradient(let payload): payload
        case .symmetricScale(let payload): payload
        case .movingRange(let payload): payload
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
        case .opaque(let payload): payload
        }
    }
}
