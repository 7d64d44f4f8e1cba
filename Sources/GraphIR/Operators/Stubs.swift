// Stand-ins until each family says what its outputs are.
extension Convolution {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension ConvolutionTranspose {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension ConvInteger {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension QLinearConv {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension AveragePool {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension MaxPool {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension LpPool {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension GlobalPool {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension MaxUnpool {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension RoiAlign {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension BatchNorm {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension InstanceNorm {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension LayerNorm {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension GroupNorm {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension RMSNorm {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension LocalResponseNorm {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension LpNorm {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension MeanVarianceNorm {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension Gemm {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension MatMul {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension Einsum {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension MatMulInteger {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension QLinearMatMul {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension Unary {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension IsInfinite {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension Binary {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension Variadic {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension Where {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension Clip {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension Cast {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension CastLike {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension Activation {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension Softmax {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension Reduction {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension ArgReduction {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension CumulativeSum {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension TopK {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension Gather {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension GatherElements {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension GatherND {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension ScatterElements {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension ScatterND {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension OneHot {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension NonZero {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension Compress {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension ReverseSequence {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension Trilu {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension Unique {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension NonMaxSuppression {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension ShapeOf {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension SizeOf {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension Reshape {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension Flatten {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension Squeeze {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension Unsqueeze {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension Transpose {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension Expand {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension Tile {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension Concat {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension Split {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension Slice {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension Pad {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension DepthToSpace {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension SpaceToDepth {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension Identity {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension Dropout {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension Constant {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension ConstantOfShape {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension EyeLike {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension Range {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension Resize {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension Upsample {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension GridSample {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension QuantizeLinear {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension DequantizeLinear {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension DynamicQuantizeLinear {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension NegativeLogLikelihoodLoss {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
extension SoftmaxCrossEntropyLoss {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] { [InferredValue](repeating: .unknown, count: context.outputCount) }
    public func multiplyAccumulates(_ context: CostContext) -> Int? { nil }
}
