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

extension Reduction {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, function.operandTypes)
        let given = try knownAxes(context)
        guard let shape = input.shape else { return [InferredValue(input.elementType, nil)] }
        guard let given else { return [InferredValue(input.elementType, shapeForUnknownAxes(shape, context))] }
        if given.isEmpty && keepsInputWithoutAxes {
            return [InferredValue(input.elementType, shape, contents: context.contents(Operand.input))]
        }
        let axes = given.isEmpty ? Array(shape.indices) : try normalizedAxes(given, rank: shape.count)
        let output = shape.indices.compactMap { axes.contains($0) ? (keepDimensions ? 1 : nil) : shape[$0] }
        return [InferredValue(input.elementType, output, contents: contents(context, axes: axes, type: input.elementType))]
    }

    /// Empty for none given; `nil` when they are not known.
    private func knownAxes(_ context: InferenceContext) throws -> [Int]? {
        if let axes { return axes }
        guard context.has(Operand.axes) else { return [] }
        try context.type(of: Operand.axes, .indices).requireRank(1, "one entry per axis")
        return context.knownContents(Operand.axes)
    }

    private func shapeForUnknownAxes(_ shape: [Dimension], _ context: InferenceContext) -> [Dimension]? {
        if keepDimensions { return shape.map { $0 == 1 ? 1 : .unknown } }
        guard let axisCount = context.tensor(Operand.axes)?.knownShape?.first, (1...max(1, shape.count)).contains(axisCount)
        else { return nil }
        return [Dimension](repeating: .unknown, count: shape.count - min(axisCount, shape.count))
    }

    /// Reductions of a small tensor over all of its dimensions.
    private func contents(_ context: InferenceContext, axes: [Int], type: ElementType?) -> [Dimension]? {
        guard let input = context.small(Operand.input), axes.count == input.shape.count, let first = input.elements.first, let type
        else { return nil }
        let rest = input.elements.dropFirst()
        let result: Dimension =
            switch function {
            case .sum: rest.reduce(first, +)
            case .prod: rest.reduce(first, *)
            case .max: rest.reduce(first) { $0.maximum($1) }
            case .min: rest.reduce(first) { $0.minimum($1) }
            case .l1, .l2, .logSum, .logSumExp, .mean, .sumSquare: .unknown
            }
        return [result.limited(to: type)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension Reduction.Function {
    fileprivate var operandTypes: ElementTypeClass {
        switch self {
        case .max, .min: .numbersAndBooleans
        case .l1, .l2, .logSum, .logSumExp, .mean, .prod, .sum, .sumSquare: .numbers
        }
    }
}

extension ArgReduction {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .numbers)
        guard let shape = input.shape else { return [InferredValue(.int64, nil)] }
        let axis = try normalizedAxis(axis, rank: shape.count)
        return [InferredValue(.int64, shape.indices.compactMap { $0 == axis ? (keepDimensions ? 1 : nil) : shape[$0] })]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension CumulativeSum {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .numbers)
        try context.type(of: Operand.axis, .indices).requireScalar()
        if let rank = input.rank, let axis = context.knownScalar(Operand.axis) { _ = try normalizedAxis(axis, rank: rank) }
        return [InferredValue(input.elementType, input.shape)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension TopK {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .numbers)
        try context.type(of: Operand.k, .indices).requireScalar()
        guard var shape = input.shape else { return [InferredValue(input.elementType, nil), InferredValue(.int64, nil)] }
        let axis = try normalizedAxis(axis, rank: shape.count)
        let length = k.map { .known($0) } ?? context.contents(Operand.k)?.first ?? .unknown
        guard !(length.isLess(than: 0) ?? false), !(shape[axis].isLess(than: length) ?? false) else {
            throw CleaveError(.shapeMismatch, "k is \(length), but dimension \(axis) has \(shape[axis]) elements")
        }
        shape[axis] = length
        return [InferredValue(input.elementType, shape), InferredValue(.int64, shape)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}
