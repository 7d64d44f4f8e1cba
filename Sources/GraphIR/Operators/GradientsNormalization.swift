import Tensors

/// The gradient of `BatchNormalization`: to input, scale and bias.
///
/// With x̂ = (x − mean)/√(variance + ε), dbias = Σ dy and dscale = Σ dy·x̂ over everything but the channels. In training the batch's
/// own moments are meant, which depend on x: dx = scale/√(variance + ε) · (dy − dbias/count − x̂·dscale/count); they are computed again
/// from the input, or kept by a backend that runs the forward node with the same input. Else the moments are the operands `mean` and
/// `variance`, and dx = scale/√(variance + ε) · dy.
public struct BatchNormGradient: OperatorPayload {
    public var forward: BatchNorm

    public enum Operand: Int, CaseIterable, Sendable {
        case input, scale, outputGradient
        /// Running statistics, left out in training mode.
        case mean, variance
    }

    public static let operandCount = 3...5
    /// Gradients of input, scale and bias; each may be left out.
    public static let outputCount = 1...3

    public init(forward: BatchNorm) {
        self.forward = forward
    }
}

/// The gradient of `LayerNormalization`: to input and scale.
///
/// With x̂ the normalized input, g = dy·scale, and means over the normalized dimensions,
/// dx = (g − mean(g) − x̂·mean(g·x̂)) / √(variance + ε), and dscale is the sum of dy·x̂ over what scale is broadcast along.
public struct LayerNormGradient: OperatorPayload {
    public var forward: LayerNorm

    public enum Operand: Int, CaseIterable, Sendable {
        case input, scale, outputGradient
    }

    public static let operandCount = 3...3
    public static let outputCount = 1...2

    public init(forward: LayerNorm) {
        self.forward = forward
    }
}

/// The gradient of `GroupNormalization`, and with one group per channel of `InstanceNormalization`: to input, scale and bias.
///
/// As for `LayerNormGradient`, with means over a group's channels and the spatial dimensions.
public struct GroupNormGradient: OperatorPayload {
    public var forward: GroupNorm

    public enum Operand: Int, CaseIterable, Sendable {
        case input, scale, outputGradient
    }

    public static let operandCount = 3...3
    public static let outputCount = 1...3

    public init(forward: GroupNorm) {
        self.forward = forward
    }
}

/// The gradient of `RMSNormalization`: to input and scale.
///
/// With r = 1/√(mean(x²) + ε) and g = dy·scale, dx = r·(g − x·r²·mean(g·x)).
public struct RMSNormGradient: OperatorPayload {
    public var forward: RMSNorm

    public enum Operand: Int, CaseIterable, Sendable {
        case input, scale, outputGradient
    }

    public static let operandCount = 3...3
    public static let outputCount = 1...2

    public init(forward: RMSNorm) {
        self.forward = forward
    }
}

/// The gradient of `LRN`.
///
/// With s[c] = bias + alpha/size · Σ x[i]² over the window of c,
/// dx[c] = dy[c]·s[c]^(−beta) − 2·alpha·beta/size · x[c] · Σ dy[i]·x[i]·s[i]^(−beta − 1) over the channels i whose window holds c.
public struct LocalResponseNormGradient: OperatorPayload {
    public var forward: LocalResponseNorm

    public enum Operand: Int, CaseIterable, Sendable {
        case input, outputGradient
    }

    public static let operandCount = 2...2
    public static let outputCount = 1...1

    public init(forward: LocalResponseNorm) {
        self.forward = forward
    }
}

extension BatchNormGradient {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .floats)
        let scale = try context.type(of: Operand.scale, .floats)
        if !forward.trainingMode {
            for operand in [Operand.mean, .variance] where !context.has(operand) {
                throw CleaveError(.invalidGraph, "operand \(operand) is left out, but it is required outside training")
            }
        }
        let vector = context.tensor(Operand.scale)
        try context.requireOutputGradient(
            Operand.outputGradient, of: forward,
            operands: [context.tensor(Operand.input), vector, vector] + [Operand.mean, .variance].map { context.tensor($0) ?? vector })
        let parameter = InferredValue(scale.elementType, scale.shape)
        return Array([InferredValue(input.elementType, input.shape), parameter, parameter].prefix(context.outputCount))
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension LayerNormGradient {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let operands = [context.tensor(Operand.input), context.tensor(Operand.scale)]
        return try normalizationGradients(context, gradient: Operand.outputGradient, of: forward, operands: operands)
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension GroupNormGradient {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let scale = context.tensor(Operand.scale)
        let operands = [context.tensor(Operand.input), scale, scale]
        return try normalizationGradients(context, gradient: Operand.outputGradient, of: forward, operands: operands)
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension RMSNormGradient {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let operands = [context.tensor(Operand.input), context.tensor(Operand.scale)]
        return try normalizationGradients(context, gradient: Operand.outputGradient, of: forward, operands: operands)
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

/// The gradients of input, scale and bias, each shaped like the operand that it belongs to.
private func normalizationGradients<Operand: RawRepresentable<Int> & Sendable>(
    _ context: InferenceContext, gradient: Operand, of forward: some OperatorPayload, operands: [TensorType?]
) throws -> [InferredValue] {
    try context.requireOutputGradient(gradient, of: forward, operands: operands)
    let types = [operands[0], operands[1], operands[1]]
    return types.prefix(context.outputCount).map { InferredValue($0?.elementType, $0?.shape) }
}

extension LocalResponseNormGradient {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .floats)
        let gradient = try context.requireOutputGradient(
            Operand.outputGradient, of: forward, operands: [context.tensor(Operand.input)])
        return [InferredValue(try commonElementType([input, gradient]), input.shape)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}
