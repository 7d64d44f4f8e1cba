import Tensors

/// What is known of a node's operands when its outputs are inferred.
public struct InferenceContext: Sendable {
    /// One entry per operand position; `nil` for a left-out operand or an unknown type.
    public var types: [ValueType?]
    /// Whether the operand is there at all.
    public var isPresent: [Bool]
    /// The value of operands that are constants.
    public var constants: [Tensor?]
    /// The elements of small operands, row-major, as far as they are known whole numbers or lengths: what `Shape` and its
    /// consumers compute. Some exporters compute in floating point in between.
    public var contents: [[Dimension]?]
    /// What is known of the values that subgraphs in the attributes read, by name.
    public var captures: [String: KnownValue]
    public var outputCount: Int
    /// Version of the default operator set.
    public var opset: Int

    public init(
        types: [ValueType?], isPresent: [Bool], constants: [Tensor?], contents: [[Dimension]?], captures: [String: KnownValue],
        outputCount: Int, opset: Int
    ) {
        self.types = types
        self.isPresent = isPresent
        self.constants = constants
        self.contents = contents
        self.captures = captures
        self.outputCount = outputCount
        self.opset = opset
    }

    public var operandCount: Int { types.count }

    public func has<Operand: RawRepresentable<Int>>(_ operand: Operand) -> Bool {
        operand.rawValue < isPresent.count && isPresent[operand.rawValue]
    }

    /// The tensor type of an operand; `nil` when it is left out or unknown.
    public func tensor<Operand: RawRepresentable<Int>>(_ operand: Operand) -> TensorType? { tensor(at: operand.rawValue) }

    public func tensor(at index: Int) -> TensorType? { index < types.count ? types[index]?.tensor : nil }

    public func constant<Operand: RawRepresentable<Int>>(_ operand: Operand) -> Tensor? {
        operand.rawValue < constants.count ? constants[operand.rawValue] : nil
    }

    /// The elements of a small integer operand; `nil` when not even their number is known.
    public func contents<Operand: RawRepresentable<Int>>(_ operand: Operand) -> [Dimension]? { contents(at: operand.rawValue) }

    public func contents(at index: Int) -> [Dimension]? { index < contents.count ? contents[index] : nil }

    /// The elements of a small integer operand when all of them are known.
    public func knownContents<Operand: RawRepresentable<Int>>(_ operand: Operand) -> [Int]? {
        guard let contents = contents(operand) else { return nil }
        let known = contents.compactMap(\.known)
        return known.count == contents.count ? known : nil
    }
}

/// What inference says of one output.
public struct InferredValue: Hashable, Sendable {
    public var type: ValueType?
    /// The elements, row-major, of a tensor of at most `contentsLimit` elements, as far as they are known (see `Value.contents`).
    public var contents: [Dimension]?

    /// Larger tensors are data, not shapes.
    public static let contentsLimit = 64

    public static let unknown = InferredValue(type: nil, contents: nil)

    public init(type: ValueType?, contents: [Dimension]?) {
        self.type = type
        self.contents = contents
    }

    public static func tensor(_ elementType: ElementType, _ shape: [Dimension]?) -> InferredValue {
        InferredValue(type: .tensor(TensorType(elementType, shape)), contents: nil)
    }
}

/// Types of a node's operands and outputs, for counting work.
public struct CostContext: Sendable {
    public var inputs: [TensorType?]
    public var outputs: [TensorType?]

    public init(inputs: [TensorType?], outputs: [TensorType?]) {
        self.inputs = inputs
        self.outputs = outputs
    }

    /// The number of elements of an output; `nil` when it is not known.
    public func outputElements(_ index: Int = 0) -> Int? {
        guard index < outputs.count, let shape = outputs[index]?.knownShape else { return nil }
        return try? Tensor.elementCount(of: shape)
    }

    public func input<Operand: RawRepresentable<Int>>(_ operand: Operand) -> TensorType? {
        operand.rawValue < inputs.count ? inputs[operand.rawValue] : nil
    }
}
