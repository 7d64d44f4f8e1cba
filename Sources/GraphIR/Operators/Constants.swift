import Tensors

/// `Constant`: a tensor in the graph.
public struct Constant: OperatorPayload {
    public var value: Value

    public static let operandCount = 0...0
    public static let outputCount = 1...1

    /// Which of ONNX's attributes holds the value.
    public enum Form: String, CaseIterable, Hashable, Sendable {
        case tensor = "value", float = "value_float", floats = "value_floats", int = "value_int", ints = "value_ints"
        case string = "value_string", strings = "value_strings"
    }

    public struct Value: Hashable, Sendable {
        public var tensor: Tensor
        public var form: Form

        public init(tensor: Tensor, form: Form) {
            self.tensor = tensor
            self.form = form
        }
    }

    public init(value: Value) {
        self.value = value
    }
}

/// `ConstantOfShape`: a tensor of the shape that the operand holds, all elements alike.
public struct ConstantOfShape: OperatorPayload {
    /// One element; `nil` for float32 0.
    public var value: Tensor?

    public enum Operand: Int, CaseIterable, Sendable {
        case shape
    }

    public static let operandCount = 1...1
    public static let outputCount = 1...1

    public init(value: Tensor?) {
        self.value = value
    }
}

/// `EyeLike`: ones on a diagonal, shaped like the operand.
public struct EyeLike: OperatorPayload {
    /// `nil` for the operand's.
    public var elementType: ElementType?
    public var diagonal: Int

    public enum Operand: Int, CaseIterable, Sendable {
        case input
    }

    public static let operandCount = 1...1
    public static let outputCount = 1...1

    public init(elementType: ElementType?, diagonal: Int) {
        self.elementType = elementType
        self.diagonal = diagonal
    }
}

/// `Range`: start, start + delta, … below limit.
public struct NumberRange: OperatorPayload {
    public enum Operand: Int, CaseIterable, Sendable {
        case start, limit, delta
    }

    public static let operandCount = 3...3
    public static let outputCount = 1...1

    public init() {}
}

extension Constant {
    public func inferOutputs(_ context: InferenceContext) -> [InferredValue] {
        let tensor = value.tensor
        return [InferredValue(tensor.elementType, tensor.shape.map { .known($0) }, contents: tensor.inferenceContents)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension ConstantOfShape {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let elementType = value?.elementType ?? .float32
        guard value?.count ?? 1 == 1 else {
            throw CleaveError(.invalidAttribute, "value has \(value?.count ?? 0) elements, expected 1")
        }
        let shape = try context.vector(Operand.shape, "one length per dimension")
        if let negative = shape?.compactMap(\.known).first(where: { $0 < 0 }) {
            throw CleaveError(.shapeMismatch, "a dimension has length \(negative), expected a number from 0 up")
        }
        let element = value.map { $0.inferenceContents?.first ?? .unknown } ?? 0
        let lengths = shape.flatMap { TensorType(elementType, $0).knownShape }
        return [InferredValue(elementType, shape, contents: lengths.flatMap { SmallTensor(shape: $0) { _ in element }?.elements })]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension EyeLike {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .any)
        try input.requireRank(2, "rows, columns")
        return [InferredValue(elementType ?? input.elementType, input.shape ?? [.unknown, .unknown])]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension NumberRange {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let operands = try [Operand.start, .limit, .delta].map { try context.type(of: $0, .numbers) }
        for operand in operands { try operand.requireScalar() }
        let elementType = try commonElementType(operands)
        if let numbers = constantNumbers(context), elementType?.isFloatingPoint == true {
            return [InferredValue(elementType, [Self.length(numbers)])]
        }
        let elements = Operand.allCases.map { context.contents($0)?.first ?? .unknown }
        guard elements[2] != 0 else { throw CleaveError(.shapeMismatch, "delta is 0, expected another number") }
        guard let delta = elements[2].known, delta > Int.min else { return [InferredValue(elementType, [.unknown])] }
        let span = (elements[1] - elements[0]) * .known(delta.signum())
        let isEmpty = span.isLess(than: 1) ?? false
        let isClear = isEmpty || (span.lowerBound ?? -1) >= 0
        let length = isEmpty ? 0 : (isClear ? span.dividedCeiling(by: abs(delta)) : .unknown)
        var contents: [Dimension]?
        if let count = length.known, count <= InferredValue.contentsLimit {
            contents = (0..<count).map { elements[0] + .known($0) * .known(delta) }
        }
        return [InferredValue(elementType, [length], contents: contents)]
    }

    private func constantNumbers(_ context: InferenceContext) -> [Double]? {
        let numbers = Operand.allCases.compactMap { context.constant($0)?.doubles()?.first }
        return numbers.count == 3 ? numbers : nil
    }

    /// max(⌈(limit − start) / delta⌉, 0)
    private static func length(_ numbers: [Double]) -> Dimension {
        let count = ((numbers[1] - numbers[0]) / numbers[2]).rounded(.up)
        return count.isNaN ? .unknown : Int(exactly: max(count, 0)).map { .known($0) } ?? .unknown
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}
