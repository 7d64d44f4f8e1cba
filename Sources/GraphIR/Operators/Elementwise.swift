import Tensors

/// An element-wise function of one tensor that has no parameters.
public struct Unary: OperatorPayload {
    public var function: Function

    public enum Operand: Int, CaseIterable, Sendable {
        case input
    }

    public static let operandCount = 1...1
    public static let outputCount = 1...1

    /// The raw value is ONNX's operator name.
    public enum Function: String, CaseIterable, Hashable, Sendable {
        case abs = "Abs", acos = "Acos", acosh = "Acosh", asin = "Asin", asinh = "Asinh", atan = "Atan", atanh = "Atanh"
        case bitwiseNot = "BitwiseNot", ceil = "Ceil", cos = "Cos", cosh = "Cosh", erf = "Erf", exp = "Exp", floor = "Floor"
        case isNaN = "IsNaN", log = "Log", neg = "Neg", not = "Not", reciprocal = "Reciprocal", round = "Round", sign = "Sign"
        case sin = "Sin", sinh = "Sinh", sqrt = "Sqrt", tan = "Tan"
    }

    public init(function: Function) {
        self.function = function
    }
}

/// `IsInf`: whether each element is infinite.
public struct IsInfinite: OperatorPayload {
    public var detectsNegative: Bool
    public var detectsPositive: Bool

    public enum Operand: Int, CaseIterable, Sendable {
        case input
    }

    public static let operandCount = 1...1
    public static let outputCount = 1...1

    public init(detectsNegative: Bool, detectsPositive: Bool) {
        self.detectsNegative = detectsNegative
        self.detectsPositive = detectsPositive
    }
}

/// An element-wise function of two tensors, broadcast as NumPy does.
public struct Binary: OperatorPayload {
    public var function: Function
    /// How the second operand is aligned.
    public var broadcastAxis: BroadcastAxis

    public enum Operand: Int, CaseIterable, Sendable {
        case a, b
    }

    public static let operandCount = 2...2
    public static let outputCount = 1...1

    /// The raw value is ONNX's operator name; `fmod` is `Mod` with `fmod` 1.
    public enum Function: String, CaseIterable, Hashable, Sendable {
        case add = "Add", sub = "Sub", mul = "Mul", div = "Div", pow = "Pow", mod = "Mod", fmod = "Fmod", prelu = "PRelu"
        case equal = "Equal", less = "Less", lessOrEqual = "LessOrEqual", greater = "Greater", greaterOrEqual = "GreaterOrEqual"
        case and = "And", or = "Or", xor = "Xor"
        case bitwiseAnd = "BitwiseAnd", bitwiseOr = "BitwiseOr", bitwiseXor = "BitwiseXor"
        case shiftLeft = "BitShiftLeft", shiftRight = "BitShiftRight"

        /// Whether the result is a tensor of booleans.
        public var isPredicate: Bool {
            switch self {
            case .equal, .less, .lessOrEqual, .greater, .greaterOrEqual, .and, .or, .xor: true
            case .add, .sub, .mul, .div, .pow, .mod, .fmod, .prelu, .bitwiseAnd, .bitwiseOr, .bitwiseXor, .shiftLeft,
                .shiftRight: false
            }
        }
    }

    /// Opset 6 aligned the second operand by attribute; since opset 7 both are aligned at their last dimension.
    public enum BroadcastAxis: Hashable, Sendable {
        case numpy
        /// Opset 6: no broadcasting, or with `axis` the dimension of the first operand that the second one starts at
        /// (`nil`: aligned at the end).
        case legacy(broadcast: Bool, axis: Int?)
    }

    public init(function: Function, broadcastAxis: BroadcastAxis) {
        self.function = function
        self.broadcastAxis = broadcastAxis
    }
}

/// `Sum`, `Max`, `Min` or `Mean` of any number of tensors, broadcast as NumPy does.
public struct Variadic: OperatorPayload {
    public var function: Function

    public static let operandCount = 1...Int.max
    public static let outputCount = 1...1

    /// The raw value is ONNX's operator name.
    public enum Function: String, CaseIterable, Hashable, Sendable { case sum = "Sum", max = "Max", min = "Min", mean = "Mean" }

    public init(function: Function) {
        self.function = function
    }
}

/// `Where`: elements of `whenTrue` where the condition holds, else of `whenFalse`.
public struct Where: OperatorPayload {
    public enum Operand: Int, CaseIterable, Sendable {
        case condition, whenTrue, whenFalse
    }

    public static let operandCount = 3...3
    public static let outputCount = 1...1

    public init() {}
}

/// `Clip` to [minimum, maximum]; the limits are attributes up to opset 10 and operands since.
public struct Clip: OperatorPayload {
    /// Attribute form of the lower limit.
    public var minimum: Float?
    /// Attribute form of the upper limit.
    public var maximum: Float?

    public enum Operand: Int, CaseIterable, Sendable {
        case input, minimum, maximum
    }

    public static let operandCount = 1...3
    public static let outputCount = 1...1

    public init(minimum: Float?, maximum: Float?) {
        self.minimum = minimum
        self.maximum = maximum
    }
}

/// `Cast` to another element type.
public struct Cast: OperatorPayload {
    public var to: ElementType
    /// Whether float8 conversions saturate instead of becoming infinite or NaN.
    public var saturate: Bool

    public enum Operand: Int, CaseIterable, Sendable {
        case input
    }

    public static let operandCount = 1...1
    public static let outputCount = 1...1

    public init(to: ElementType, saturate: Bool) {
        self.to = to
        self.saturate = saturate
    }
}

/// `CastLike`: cast to the element type of the second operand.
public struct CastLike: OperatorPayload {
    /// Whether float8 conversions saturate instead of becoming infinite or NaN.
    public var saturate: Bool

    public enum Operand: Int, CaseIterable, Sendable {
        case input, target
    }

    public static let operandCount = 2...2
    public static let outputCount = 1...1

    public init(saturate: Bool) {
        self.saturate = saturate
    }
}
