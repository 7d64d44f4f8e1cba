import Tensors

/// `Bernoulli`: 1 with the probability that the operand's element tells, else 0.
public struct Bernoulli: OperatorPayload {
    /// `nil` for the operand's.
    public var elementType: ElementType?
    public var seed: Float?

    public enum Operand: Int, CaseIterable, Sendable {
        case probabilities
    }

    public static let operandCount = 1...1
    public static let outputCount = 1...1

    public init(elementType: ElementType?, seed: Float?) {
        self.elementType = elementType
        self.seed = seed
    }
}

/// `RandomUniform` and `RandomNormal`, and their forms `…Like` that take the shape of an operand.
public struct RandomNumbers: OperatorPayload {
    public enum Distribution: Hashable, Sendable {
        case uniform(low: Float, high: Float)
        case normal(mean: Float, scale: Float)
    }

    public var distribution: Distribution
    /// `nil` for the operand's.
    public var elementType: ElementType?
    public var seed: Float?
    /// `nil` for the operand's.
    public var shape: [Int]?

    public enum Operand: Int, CaseIterable, Sendable {
        case like
    }

    public static let operandCount = 0...1
    public static let outputCount = 1...1

    public init(distribution: Distribution, elementType: ElementType?, seed: Float?, shape: [Int]?) {
        self.distribution = distribution
        self.elementType = elementType
        self.seed = seed
        self.shape = shape
    }
}

extension RandomNumbers {
    /// ONNX's operator name.
    public var onnxName: String {
        switch distribution {
        case .uniform: shape == nil ? "RandomUniformLike" : "RandomUniform"
        case .normal: shape == nil ? "RandomNormalLike" : "RandomNormal"
        }
    }
}

extension Bernoulli {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let probabilities = try context.type(of: Operand.probabilities, .floats)
        return [InferredValue(elementType ?? probabilities.elementType, probabilities.shape)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension RandomNumbers {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        guard (shape == nil) == (context.operandCount == 1) else {
            throw CleaveError(.invalidGraph, "has \(count(context.operandCount, "operand")), expected \(shape == nil ? 1 : 0)")
        }
        if let shape { _ = try Tensor.elementCount(of: shape) }
        let like = try context.type(of: Operand.like, .any)
        let type = elementType ?? (shape == nil ? like.elementType : .float32)
        return [InferredValue(type, shape.map { $0.map { .known($0) } } ?? like.shape)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}
