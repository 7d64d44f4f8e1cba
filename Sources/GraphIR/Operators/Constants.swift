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
public struct Range: OperatorPayload {
    public enum Operand: Int, CaseIterable, Sendable {
        case start, limit, delta
    }

    public static let operandCount = 3...3
    public static let outputCount = 1...1

    public init() {}
}
