import Tensors

/// How an update meets the element that is already there.
public enum ScatterReduction: String, CaseIterable, Hashable, Sendable { case none, add, mul, max, min }

/// `Gather`: slices along an axis, chosen by an index tensor.
public struct Gather: OperatorPayload {
    public var axis: Int

    public enum Operand: Int, CaseIterable, Sendable {
        case input, indices
    }

    public static let operandCount = 2...2
    public static let outputCount = 1...1

    public init(axis: Int) {
        self.axis = axis
    }
}

/// `GatherElements`: one element per index, along an axis.
public struct GatherElements: OperatorPayload {
    public var axis: Int

    public enum Operand: Int, CaseIterable, Sendable {
        case input, indices
    }

    public static let operandCount = 2...2
    public static let outputCount = 1...1

    public init(axis: Int) {
        self.axis = axis
    }
}

/// `GatherND`: slices at index tuples.
public struct GatherND: OperatorPayload {
    public var batchDimensions: Int

    public enum Operand: Int, CaseIterable, Sendable {
        case input, indices
    }

    public static let operandCount = 2...2
    public static let outputCount = 1...1

    public init(batchDimensions: Int) {
        self.batchDimensions = batchDimensions
    }
}

/// `ScatterElements` (and the older `Scatter`): a copy of the input with elements replaced along an axis.
public struct ScatterElements: OperatorPayload {
    public var axis: Int
    /// How an update meets what is there.
    public var reduction: ScatterReduction

    public enum Operand: Int, CaseIterable, Sendable {
        case input, indices, updates
    }

    public static let operandCount = 3...3
    public static let outputCount = 1...1

    public init(axis: Int, reduction: ScatterReduction) {
        self.axis = axis
        self.reduction = reduction
    }
}

/// `ScatterND`: a copy of the input with slices at index tuples replaced.
public struct ScatterND: OperatorPayload {
    /// How an update meets what is there.
    public var reduction: ScatterReduction

    public enum Operand: Int, CaseIterable, Sendable {
        case input, indices, updates
    }

    public static let operandCount = 3...3
    public static let outputCount = 1...1

    public init(reduction: ScatterReduction) {
        self.reduction = reduction
    }
}

/// `OneHot`: indices, depth, and [off, on] values.
public struct OneHot: OperatorPayload {
    /// Where the new dimension goes; −1 for last.
    public var axis: Int

    public enum Operand: Int, CaseIterable, Sendable {
        case indices, depth, values
    }

    public static let operandCount = 3...3
    public static let outputCount = 1...1

    public init(axis: Int) {
        self.axis = axis
    }
}

/// `NonZero`: indices of elements that are not zero, as [rank, count].
public struct NonZero: OperatorPayload {
    public enum Operand: Int, CaseIterable, Sendable {
        case input
    }

    public static let operandCount = 1...1
    public static let outputCount = 1...1

    public init() {}
}

/// `Compress`: slices along an axis where a condition holds; flattened without an axis.
public struct Compress: OperatorPayload {
    public var axis: Int?

    public enum Operand: Int, CaseIterable, Sendable {
        case input, condition
    }

    public static let operandCount = 2...2
    public static let outputCount = 1...1

    public init(axis: Int?) {
        self.axis = axis
    }
}

/// `ReverseSequence`: the first elements along the time axis reversed, per batch entry.
public struct ReverseSequence: OperatorPayload {
    public var batchAxis: Int
    public var timeAxis: Int

    public enum Operand: Int, CaseIterable, Sendable {
        case input, lengths
    }

    public static let operandCount = 2...2
    public static let outputCount = 1...1

    public init(batchAxis: Int, timeAxis: Int) {
        self.batchAxis = batchAxis
        self.timeAxis = timeAxis
    }
}

/// `Trilu`: the upper or lower triangle of matrices.
public struct Trilu: OperatorPayload {
    public var upper: Bool

    public enum Operand: Int, CaseIterable, Sendable {
        case input, diagonal
    }

    public static let operandCount = 1...2
    public static let outputCount = 1...1

    public init(upper: Bool) {
        self.upper = upper
    }
}

/// `Unique`: distinct elements or slices, where they first occur, where each went, how often.
public struct Unique: OperatorPayload {
    public var axis: Int?
    public var sorted: Bool

    public enum Operand: Int, CaseIterable, Sendable {
        case input
    }

    public static let operandCount = 1...1
    public static let outputCount = 1...4

    public init(axis: Int?, sorted: Bool) {
        self.axis = axis
        self.sorted = sorted
    }
}

/// `NonMaxSuppression`: boxes [B, N, 4] and scores [B, C, N] to selected [count, 3] (batch, class, box).
public struct NonMaxSuppression: OperatorPayload {
    /// Whether boxes are (x, y, width, height) and not (y1, x1, y2, x2).
    public var centerPointBox: Bool

    public enum Operand: Int, CaseIterable, Sendable {
        case boxes, scores, maxOutputBoxesPerClass, iouThreshold, scoreThreshold
    }

    public static let operandCount = 2...5
    public static let outputCount = 1...1

    public init(centerPointBox: Bool) {
        self.centerPointBox = centerPointBox
    }
}
