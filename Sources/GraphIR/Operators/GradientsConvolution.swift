import Tensors

// A gradient operator holds the attributes of the operator that it belongs to. Its operands are what the derivative is computed
// from and the gradient of a scalar (the loss) with respect to the forward operator's output; its outputs are the gradients with
// respect to forward operands. The lengths that these do not tell are attributes: training graphs have static shapes.

/// The gradient of `Conv` with respect to its input: weight [M, C/groups, k1 … kn] and output gradient [N, M, D1' … Dn'] to
/// [N, C, D1 … Dn].
///
/// dx[n, c, i] = Σ over filters m and taps k of weight[m, c, k] · dy[n, m, o], where output o reads input i at tap k.
public struct ConvolutionInputGradient: OperatorPayload {
    public var forward: Convolution
    /// [N, C, D1 … Dn]
    public var inputShape: [Int]

    public enum Operand: Int, CaseIterable, Sendable {
        case weight, outputGradient
    }

    public static let operandCount = 2...2
    public static let outputCount = 1...1

    public init(forward: Convolution, inputShape: [Int]) {
        self.forward = forward
        self.inputShape = inputShape
    }
}

/// The gradient of `Conv` with respect to its weight and its bias: input [N, C, D1 … Dn] and output gradient [N, M, D1' … Dn'] to
/// [M, C/groups, k1 … kn] and, where the second output is there, [M].
///
/// dw[m, c, k] = Σ over images and outputs o of x[n, c, i] · dy[n, m, o], where o reads i at tap k; db[m] = Σ dy[n, m, o].
public struct ConvolutionWeightGradient: OperatorPayload {
    public var forward: Convolution
    /// [M, C/groups, k1 … kn]
    public var weightShape: [Int]

    public enum Operand: Int, CaseIterable, Sendable {
        case input, outputGradient
    }

    public static let operandCount = 2...2
    public static let outputCount = 1...2

    public init(forward: Convolution, weightShape: [Int]) {
        self.forward = forward
        self.weightShape = weightShape
    }
}

extension InferenceContext {
    /// The type of an output gradient.
    /// - Parameter forward: the operator whose output it belongs to.
    /// - Parameter operands: the types of the operands of `forward`.
    /// - Throws: `CleaveError` when `forward` does not fit `operands`, or gives another shape than the gradient's.
    @discardableResult
    func requireOutputGradient<Operand: RawRepresentable<Int> & Sendable>(
        _ operand: Operand, of forward: some OperatorPayload, operands: [TensorType?]
    ) throws -> OperandType {
        let gradient = try type(of: operand, .floats)
        let context = InferenceContext(
            types: operands.map { $0.map { .tensor($0) } }, isPresent: operands.map { $0 != nil }, constants: operands.map { _ in nil },
            contents: operands.map { _ in nil }, captures: [:], outputCount: 1, opset: opset)
        let expected = try forward.inferOutputs(context).first?.type?.tensor?.shape
        guard let expected, let shape = gradient.shape else { return gradient }
        guard shape.count == expected.count, !zip(shape, expected).contains(where: { $0.isCertainlyDifferent(from: $1) }) else {
            throw CleaveError(
                .shapeMismatch,
                "\(gradient.name) has shape \(text(of: shape)), expected \(text(of: expected)), as the forward operator's output has")
        }
        return gradient
    }
}

extension ConvolutionInputGradient {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let weight = try context.type(of: Operand.weight, .floats)
        let input = TensorType(weight.elementType ?? .float32, lengths: inputShape)
        let gradient = try context.requireOutputGradient(
            Operand.outputGradient, of: forward, operands: [input, context.tensor(Operand.weight)])
        return [InferredValue(try commonElementType([weight, gradient]), input.shape)]
    }

    /// As many as the forward convolution takes: elements of the output gradient × weight elements per filter.
    public func multiplyAccumulates(_ context: CostContext) -> Int? {
        guard let weight = context.input(Operand.weight)?.knownShape else { return nil }
        return product([context.elements(Operand.outputGradient)] + weight.dropFirst().map { $0 })
    }
}

extension ConvolutionWeightGradient {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .floats)
        let weight = TensorType(input.elementType ?? .float32, lengths: weightShape)
        let gradient = try context.requireOutputGradient(
            Operand.outputGradient, of: forward, operands: [context.tensor(Operand.input), weight])
        let elementType = try commonElementType([input, gradient])
        let bias = InferredValue(elementType, weightShape.prefix(1).map { .known($0) })
        return Array([InferredValue(elementType, weight.shape), bias].prefix(context.outputCount))
    }

    /// As many as the forward convolution takes: elements of the output gradient × weight elements per filter.
    public func multiplyAccumulates(_ context: CostContext) -> Int? {
        product([context.elements(Operand.outputGradient)] + weightShape.dropFirst().map { $0 })
    }
}

extension CostContext {
    /// The number of elements of an operand; `nil` when it is not known.
    func elements<Operand: RawRepresentable<Int>>(_ operand: Operand) -> Int? {
        input(operand)?.knownShape.flatMap { try? Tensor.elementCount(of: $0) }
    }
}
