import Tensors

/// Identifies a node of one graph; never reused, also not after the node is gone.
public struct NodeID: Hashable, Sendable, Comparable {
    public let index: Int
    public init(_ index: Int) { self.index = index }
    public static func < (left: NodeID, right: NodeID) -> Bool { left.index < right.index }
}

/// Identifies a value of one graph; never reused, also not after the value is gone.
public struct ValueID: Hashable, Sendable, Comparable {
    public let index: Int
    public init(_ index: Int) { self.index = index }
    public static func < (left: ValueID, right: ValueID) -> Bool { left.index < right.index }
}

/// An operator applied to values.
public struct Node: Sendable, Identifiable {
    public let id: NodeID
    /// The exporter's name; may be empty, and ONNX does not make it unique.
    public internal(set) var name: String
    public internal(set) var `operator`: Operator
    /// One entry per operand position; `nil` for a left-out optional operand.
    public internal(set) var inputs: [ValueID?]
    /// One entry per output position; `nil` for a left-out optional output.
    public internal(set) var outputs: [ValueID?]
    /// Values of this graph that subgraphs in the attributes read by name.
    public internal(set) var captures: [ValueID]
    /// Which rewrite made the node, and of what; `nil` for a node as imported.
    public internal(set) var origin: Origin?
    /// What the file said beyond the fields above.
    public internal(set) var encoding: NodeEncoding?

    /// The values that the node reads, operands before captures; one that it reads twice is there twice.
    public var reads: [ValueID] { inputs.compactMap { $0 } + captures }

    /// The operand at a named position; `nil` when it is left out.
    public func input<Operand: RawRepresentable<Int>>(_ operand: Operand) -> ValueID? {
        operand.rawValue < inputs.count ? inputs[operand.rawValue] : nil
    }
}

/// Where a node that a pass made came from.
public struct Origin: Hashable, Sendable {
    /// The pass, in kebab-case: `fold-batch-norm`.
    public var pass: String
    /// Labels of the nodes that the new one replaces, as they were in the imported graph.
    public var nodes: [String]

    public init(pass: String, nodes: [String]) {
        self.pass = pass
        self.nodes = nodes
    }
}

/// The encoded form of an imported node, so that export writes back what the typed fields do not hold.
public struct NodeEncoding: Hashable, Sendable {
    /// The node's protobuf message without names, operands and outputs.
    public var bytes: [UInt8]
    /// Whether the attributes in `bytes` still say what the operator says.
    public var attributesAreCurrent: Bool

    public init(bytes: [UInt8], attributesAreCurrent: Bool) {
        self.bytes = bytes
        self.attributesAreCurrent = attributesAreCurrent
    }
}

/// A tensor (or another kind of value) that flows through a graph.
public struct Value: Sendable, Identifiable {
    public enum Source: Hashable, Sendable {
        /// Given by the caller at every run.
        case graphInput
        /// An initializer: part of the graph, see `Value.constant`.
        case constant
        /// Output `index` of a node.
        case node(NodeID, index: Int)
        /// Made by nothing: a value of an enclosing graph, or something the typed graph does not hold (a sparse initializer).
        case external
    }

    public let id: ValueID
    /// Unique in the graph, never empty.
    public internal(set) var name: String
    public internal(set) var type: ValueType?
    public internal(set) var source: Source
    /// The tensor of a value whose source is `.constant`.
    public internal(set) var constant: Tensor?
    /// Elements of a small tensor, row-major, as far as they are known before the network runs: integers, booleans as 0 and 1,
    /// and whole numbers of floating-point tensors (others are unknown). `Value.type` says which it is.
    public internal(set) var contents: [Dimension]?
    /// What the file said of the value beyond name and data (type declaration, doc string, metadata).
    public internal(set) var encoding: ValueEncoding?

    public var tensorType: TensorType? { type?.tensor }
}

/// The encoded declarations of an imported value, so that export writes back what the typed fields do not hold.
public struct ValueEncoding: Hashable, Sendable {
    /// The `ValueInfoProto` that declared the value, if one did, without its name.
    public var declaration: [UInt8]?
    /// The type that the declaration gave; when `Value.type` has moved on, export writes the new one.
    public var declaredType: ValueType?
    /// The type that the value had when the file was read, where the declaration contradicts it; the declaration is written back
    /// as long as the value has this type.
    public var contradictedType: ValueType?
    /// The `TensorProto` of an initializer without its name and data.
    public var initializer: [UInt8]?

    public init(declaration: [UInt8]?, declaredType: ValueType?, initializer: [UInt8]?) {
        self.declaration = declaration
        self.declaredType = declaredType
        contradictedType = nil
        self.initializer = initializer
    }
}
