import Tensors

/// The gradient of `Resize` with respect to its input: what every element of the input contributed to is gathered again.
public struct ResizeGradient: OperatorPayload {
    public var forward: Resize
    public var inputShape: [Int]

    /// The operands behind the first are those of `Resize`, in the order that they have since opset 11.
    public enum Operand: Int, CaseIterable, Sendable {
        case outputGradient, roi, scales, sizes
    }

    public static let operandCount = 1...4
    public static let outputCount = 1...1

    public init(forward: Resize, inputShape: [Int]) {
        self.forward = forward
        self.inputShape = inputShape
    }
}

/// The gradient of `GridSample`: to input and grid.
///
/// The second is 0 with `nearest`, and where the padding mode brings a coordinate to the border.
public struct GridSampleGradient: OperatorPayload {
    public var forward: GridSample

    public enum Operand: Int, CaseIterable, Sendable {
        case input, grid, outputGradient
    }

    public static let operandCount = 3...3
    /// Gradients of input and grid; each may be left out.
    public static let outputCount = 1...2

    public init(forward: GridSample) {
        self.forward = forward
    }
}

extension ResizeGradient {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let gradient = try context.type(of: Operand.outputGradient, .floats)
        try gradient.requireRank(inputShape.count, "as the input has")
        return [InferredValue(gradient.elementType, inputShape.map { .known($0) })]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension GridSampleGradient {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let operands = [context.tensor(Operand.input), context.tensor(Operand.grid)]
        try context.requireOutputGradient(Operand.outputGradient, of: forward, operands: operands)
        return operands.prefix(context.outputCount).map { InferredValue($0?.elementType, $0?.shape) }
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}
