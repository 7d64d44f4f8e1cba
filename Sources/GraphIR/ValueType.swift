import Tensors

/// Element type and shape of a tensor value; the shape may be unknown, or known in part.
public struct TensorType: Hashable, Sendable {
    public var elementType: ElementType
    /// `nil` when not even the rank is known.
    public var shape: [Dimension]?

    public init(_ elementType: ElementType, _ shape: [Dimension]?) {
        self.elementType = elementType
        self.shape = shape
    }

    public init(_ elementType: ElementType, lengths: [Int]) {
        self.init(elementType, lengths.map { .known($0) })
    }

    /// The shape when every dimension is known.
    public var knownShape: [Int]? {
        guard let shape else { return nil }
        let lengths = shape.compactMap(\.known)
        return lengths.count == shape.count ? lengths : nil
    }

    public var rank: Int? { shape?.count }
}

/// What a value in a graph can be. Cleave computes with tensors; the other kinds are carried along.
public enum ValueType: Hashable, Sendable {
    case tensor(TensorType)
    case sparseTensor(TensorType)
    indirect case sequence(ValueType)
    indirect case optional(ValueType)
    indirect case map(key: ElementType, value: ValueType)
    case opaque(domain: String, name: String)

    public var tensor: TensorType? {
        if case .tensor(let type) = self { type } else { nil }
    }
}

extension TensorType: CustomStringConvertible {
    /// `float32[N, 64, 8, 8]`, or `float32[…]` without a known rank.
    public var description: String {
        guard let shape else { return "\(elementType)[…]" }
        return "\(elementType)[\(shape.map(\.description).joined(separator: ", "))]"
    }
}

extension ValueType: CustomStringConvertible {
    public var description: String {
        switch self {
        case .tensor(let type): "\(type)"
        case .sparseTensor(let type): "sparse \(type)"
        case .sequence(let element): "sequence(\(element))"
        case .optional(let element): "optional(\(element))"
        case .map(let key, let value): "map(\(key), \(value))"
        case .opaque(let domain, let name): "opaque(\(domain).\(name))"
        }
    }
}
