import Tensors

/// What is known of one operand, with the name that messages call it by.
struct OperandType {
    /// What messages call an operand. The words are made when there is a message: most operands never need them.
    enum Name {
        /// A case of an operator's operands: `inputZeroPoint` is "input zero point".
        case role(any Sendable)
        /// "operand 3", of an operator that takes any number of them.
        case number(Int)
        case words(String)
    }

    private let source: Name
    let elementType: ElementType?
    /// `nil` when not even the rank is known.
    let shape: [Dimension]?

    init(name: Name, elementType: ElementType?, shape: [Dimension]?) {
        source = name
        self.elementType = elementType
        self.shape = shape
    }

    var name: String { source.text }

    var rank: Int? { shape?.count }

    /// The dimension at `index`; unknown when the rank is.
    func dimension(_ index: Int) -> Dimension {
        guard let shape, shape.indices.contains(index) else { return .unknown }
        return shape[index]
    }

    /// - Parameter roles: what the dimensions are: "rows, columns".
    func requireRank(_ expected: Int, _ roles: String) throws {
        guard let rank, rank != expected else { return }
        throw CleaveError(.shapeMismatch, "\(name) has \(count(rank, "dimension")), expected \(expected) (\(roles))")
    }

    func requireRank(atLeast expected: Int, _ roles: String) throws {
        guard let rank, rank < expected else { return }
        throw CleaveError(.shapeMismatch, "\(name) has \(count(rank, "dimension")), expected at least \(expected) (\(roles))")
    }

    /// The operand is a vector with `length` elements, one per `unit`.
    func requireVector(_ length: Dimension, per unit: String) throws {
        try requireRank(1, "one element per \(unit)")
        guard let shape, shape[0].isCertainlyDifferent(from: length) else { return }
        throw CleaveError(.shapeMismatch, "\(name) has \(shape[0]) elements, expected \(length), one per \(unit)")
    }

    /// The operand holds a single number, as a scalar or a vector of length 1.
    func requireScalar() throws {
        guard let shape, shape.count > 1 || shape.contains(where: { $0.isCertainlyDifferent(from: 1) }) else { return }
        throw CleaveError(.shapeMismatch, "\(name) has shape \(text(of: shape)), expected a single number")
    }
}

extension OperandType.Name {
    var text: String {
        switch self {
        case .words(let words): return words
        case .number(let index): return "operand \(index)"
        case .role(let role):
            var words = ""
            for character in "\(role)" {
                if character.isUppercase { words += " " + character.lowercased() } else { words.append(character) }
            }
            return words
        }
    }
}

/// `[N, 64, 8, 8]`
func text(of shape: [Dimension]) -> String { "[\(shape.map(\.description).joined(separator: ", "))]" }

/// `1 dimension`, `3 dimensions`
func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

/// The element types that an operand may have, as its newest operator set allows them.
enum ElementTypeClass {
    case any
    /// float16, bfloat16, float32, float64
    case floats
    /// Those of 8 and 4 bits too.
    case allFloats
    /// Floats and integers.
    case numbers
    case numbersAndBooleans
    case integers
    case unsignedIntegers
    case booleans
    /// int32 or int64
    case indices
    /// int8 or uint8
    case bytes

    func contains(_ type: ElementType) -> Bool {
        switch self {
        case .any: true
        case .floats: type == .float16 || type == .bfloat16 || type == .float32 || type == .float64
        case .allFloats: type.isFloatingPoint
        case .numbers: type.isInteger || Self.floats.contains(type)
        case .numbersAndBooleans: type == .bool || Self.numbers.contains(type)
        case .integers: type.isInteger
        case .unsignedIntegers: type.isUnsignedInteger
        case .booleans: type == .bool
        case .indices: type == .int32 || type == .int64
        case .bytes: type == .int8 || type == .uint8
        }
    }

    var words: String {
        switch self {
        case .any: "anything"
        case .floats, .allFloats: "floating-point numbers"
        case .numbers: "numbers"
        case .numbersAndBooleans: "numbers or booleans"
        case .integers: "integers"
        case .unsignedIntegers: "unsigned integers"
        case .booleans: "booleans"
        case .indices: "int32 or int64"
        case .bytes: "int8 or uint8"
        }
    }
}

extension InferenceContext {
    /// What is known of the operand at a named position.
    /// - Throws: `CleaveError` when it is not a tensor, or its elements are not of the `allowed` types.
    func type<Operand: RawRepresentable<Int> & Sendable>(of operand: Operand, _ allowed: ElementTypeClass) throws -> OperandType {
        try type(at: operand.rawValue, named: .role(operand), allowed)
    }

    func type(at index: Int, named name: OperandType.Name, _ allowed: ElementTypeClass) throws -> OperandType {
        guard index < types.count, let type = types[index] else { return OperandType(name: name, elementType: nil, shape: nil) }
        guard let tensor = type.tensor else {
            throw CleaveError(.typeMismatch, "\(name.text) is \(type), expected a tensor")
        }
        guard allowed.contains(tensor.elementType) else {
            throw CleaveError(.typeMismatch, "\(name.text) has elements of \(tensor.elementType), expected \(allowed.words)")
        }
        return OperandType(name: name, elementType: tensor.elementType, shape: tensor.shape)
    }

    /// All operands of an operator that takes any number of them, called "operand 0" and so on.
    func allTypes(_ allowed: ElementTypeClass) throws -> [OperandType] {
        try types.indices.map { try type(at: $0, named: .number($0), allowed) }
    }
}

/// The element type that all operands share, as far as any of them is known.
/// - Throws: `CleaveError` when two differ.
@discardableResult
func commonElementType(_ operands: [OperandType]) throws -> ElementType? {
    guard let first = operands.first(where: { $0.elementType != nil }), let type = first.elementType else { return nil }
    for operand in operands {
        guard let other = operand.elementType, other != type else { continue }
        throw CleaveError(.typeMismatch, "\(operand.name) has elements of \(other), but \(first.name) has \(type): expected the same type")
    }
    return type
}

extension InferredValue {
    /// A tensor; unknown when its element type is. Contents that say nothing or are too many are dropped.
    init(_ elementType: ElementType?, _ shape: [Dimension]?, contents: [Dimension]? = nil) {
        let told = contents.flatMap { elements in
            elements.count <= Self.contentsLimit && elements.contains { $0 != .unknown } ? elements : nil
        }
        self.init(type: elementType.map { .tensor(TensorType($0, shape)) }, contents: elementType == nil ? nil : told)
    }
}
