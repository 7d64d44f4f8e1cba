import Tensors

/// `ReduceSum`, `ReduceMean` … over some axes.
public struct Reduction: OperatorPayload {
    public var function: Function
    /// Attribute form of the axes; `nil` with the operand form, or for all axes.
    public var axes: [Int]?
    /// Whether reduced dimensions stay with length 1.
    public var keepDimensions: Bool
    /// Whether no axes means no reduction (`noop_with_empty_axes`).
    public var keepsInputWithoutAxes: Bool

    public enum Operand: Int, CaseIterable, Sendable {
        case input, axes
    }

    public static let operandCount = 1...2
    public static let outputCount = 1...1

    /// The raw value is ONNX's operator name.
    public enum Function: String, CaseIterable, Hashable, Sendable {
        case l1 = "ReduceL1", l2 = "ReduceL2", logSum = "ReduceLogSum", logSumExp = "ReduceLogSumExp", max = "ReduceMax"
        case mean = "ReduceMean", min = "ReduceMin", prod = "ReduceProd", sum = "ReduceSum", sumSquare = "ReduceSumSquare"
    }

    public init(function: Function, axes: [Int]?, keepDimensions: Bool, keepsInputWithoutAxes: Bool) {
        self.function = function
        self.axes = axes
        self.keepDimensions = keepDimensions
        self.keepsInputWithoutAxes = keepsInputWithoutAxes
    }
}

/// `ArgMax`, `ArgMin`: int64 index of the extreme along an axis.
public struct ArgReduction: OperatorPayload {
    public var function: Function
    public var axis: Int
    public var keepDimensions: Bool
    /// Whether the last of equal extremes is taken.
    public var selectsLastIndex: Bool

    public enum Operand: Int, CaseIterable, Sendable {
        case input
    }

    public static let operandCount = 1...1
    public static let outputCount = 1...1

    /// The raw value is ONNX's operator name.
    public enum Function: String, CaseIterable, Hashable, Sendable { case max = "ArgMax", min = "ArgMin" }

    public init(function: Function, axis: Int, keepDimensions: Bool, selectsLastIndex: Bool) {
        self.function = function
        self.axis = axis
        self.keepDimensions = keepDimensions
        self.selectsLastIndex = selectsLastIndex
    }
}

/// `CumSum` along the axis that the second operand holds.
public struct CumulativeSum: OperatorPayload {
    /// Whether the element itself is left out of its sum.
    public var exclusive: Bool
    /// Whether summing starts at the end.
    public var reverse: Bool

    public enum Operand: Int, CaseIterable, Sendable {
        case input, axis
    }

    public static let operandCount = 2...2
    public static let outputCount = 1...1

    public init(exclusive: Bool, reverse: Bool) {
        self.exclusive = exclusive
        self.reverse = reverse
    }
}

/// `TopK`: the k largest or smallest elements along an axis, and their indices.
public struct TopK: OperatorPayload {
    public var axis: Int
    public var largest: Bool
    public var sorted: Bool
    /// Attribute form of k (up to opset 9).
    public var k: Int?

    public enum Operand: Int, CaseIterable, Sendable {
        case input, k
    }

    public static let operandCount = 1...2
    public static let outputCount = 2...2

    public init(axis: Int, largest: Bool, sorted: Bool, k: Int?) {
        self.axis = axis
        self.largest = largest
        self.sorted = sorted
        self.k = k
    }
}
