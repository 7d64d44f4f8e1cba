import COnnxSchema
import GraphIR
import Tensors

/// The typed operators do not cover the node, which becomes an opaque one.
struct NotModelled: Error {
    /// What no ONNX operator may have; `nil` for a node that may well be legitimate.
    var fault: CleaveError?

    init() { fault = nil }

    init(_ problem: String) { fault = CleaveError(.invalidAttribute, problem) }
}

/// The attributes of one node: each is asked for by name and kind, at the graph's opset.
struct AttributeReader {
    /// Version of the default operator set.
    let opset: Int
    let operandCount: Int
    let outputCount: Int
    private let names: [String]
    private let attributes: [UnsafeMutablePointer<Onnx__AttributeProto>]
    private var isRead: [Bool]
    private let tensors: TensorReader
    /// Builds the graph in an attribute; `nil` where subgraphs stay encoded.
    var readSubgraph: ((UnsafeMutablePointer<Onnx__GraphProto>) throws -> Subgraph)?

    /// - Throws: `CleaveError` for an attribute without a name, or two with the same.
    init(_ node: Onnx__NodeProto, opset: Int, tensors: TensorReader) throws {
        self.opset = opset
        self.tensors = tensors
        operandCount = node.n_input
        outputCount = node.n_output
        attributes = elements(node.attribute, node.n_attribute)
        names = try attributes.map { try text($0.pointee.name) }
        isRead = [Bool](repeating: false, count: attributes.count)
        var seen: Set<String> = []
        for (index, name) in names.enumerated() {
            guard !name.isEmpty else { throw CleaveError(.invalidAttribute, "attribute \(index) has no name") }
            guard seen.insert(name).inserted else { throw CleaveError(.invalidAttribute, "attribute '\(name)' is given twice") }
        }
    }

    // MARK: Single values

    mutating func int(_ name: String) throws -> Int? { try find(name, .int).map { Int($0.pointee.i) } }
    mutating func int(_ name: String, default value: Int) throws -> Int { try int(name) ?? value }
    mutating func requiredInt(_ name: String) throws -> Int { try required(int(name), name) }

    mutating func bool(_ name: String, default value: Bool) throws -> Bool { try int(name).map { $0 != 0 } ?? value }

    mutating func float(_ name: String) throws -> Float? { try find(name, .float).map { $0.pointee.f } }
    mutating func float(_ name: String, default value: Float) throws -> Float { try float(name) ?? value }

    mutating func bytes(_ name: String) throws -> [UInt8]? {
        try find(name, .string).map { [UInt8](UnsafeBufferPointer(start: $0.pointee.s.data, count: $0.pointee.s.len)) }
    }

    /// - Throws: `CleaveError` when the string is not UTF-8.
    mutating func string(_ name: String) throws -> String? {
        guard let bytes = try bytes(name) else { return nil }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CleaveError(.invalidAttribute, "attribute '\(name)' is not valid UTF-8")
        }
        return text
    }

    /// One of a set of words.
    /// - Throws: `NotModelled` for a word that is not in the set.
    mutating func choice<Word: RawRepresentable<String> & CaseIterable>(_ name: String, default value: Word) throws -> Word {
        guard let text = try string(name) else { return value }
        guard let word = Word(rawValue: text) else { throw Self.unknown(text, name, expected: Word.allCases.map(\.rawValue)) }
        return word
    }

    /// - Parameter words: all that ONNX knows.
    static func unknown(_ text: String, _ name: String, expected words: [String]) -> NotModelled {
        NotModelled("attribute '\(name)' is '\(text)', expected \(words.map { "'\($0)'" }.joined(separator: " or "))")
    }

    /// An element type by ONNX's number; `nil` when the attribute is absent or 0.
    /// - Throws: `NotModelled` for a number that Cleave has no type for.
    mutating func elementType(_ name: String) throws -> ElementType? {
        guard let number = try int(name), number != 0 else { return nil }
        guard let type = ElementType(rawValue: number) else {
            throw NotModelled("attribute '\(name)' is \(number), expected an element type, 1 to \(ElementType.allCases.count)")
        }
        return type
    }

    mutating func tensor(_ name: String, _ ownership: TensorReader.Ownership) throws -> Tensor? {
        guard let attribute = try find(name, .tensor) else { return nil }
        guard let message = attribute.pointee.t else { throw CleaveError(.invalidAttribute, "attribute '\(name)' holds no tensor") }
        return try locating(tensor: name) { try tensors.tensor(message, ownership) }
    }

    /// - Throws: `NotModelled` where there is none, or it stays encoded; `CleaveError` for what is wrong inside.
    mutating func requiredSubgraph(_ name: String) throws -> Subgraph {
        guard let message = try find(name, .graph)?.pointee.g, let readSubgraph else { throw NotModelled() }
        return try readSubgraph(message)
    }

    // MARK: Lists

    mutating func ints(_ name: String) throws -> [Int]? {
        try find(name, .ints).map { UnsafeBufferPointer(start: $0.pointee.ints, count: $0.pointee.n_ints).map { Int($0) } }
    }
    mutating func requiredInts(_ name: String) throws -> [Int] { try required(ints(name), name) }

    mutating func floats(_ name: String) throws -> [Float]? {
        try find(name, .floats).map { [Float](UnsafeBufferPointer(start: $0.pointee.floats, count: $0.pointee.n_floats)) }
    }
    mutating func requiredFloats(_ name: String) throws -> [Float] { try required(floats(name), name) }

    mutating func strings(_ name: String) throws -> [[UInt8]]? {
        try find(name, .strings).map {
            UnsafeBufferPointer(start: $0.pointee.strings, count: $0.pointee.n_strings).map {
                [UInt8](UnsafeBufferPointer(start: $0.data, count: $0.len))
            }
        }
    }

    // MARK: Completeness

    func required<Value>(_ value: Value?, _ name: String) throws -> Value {
        guard let value else { throw CleaveError(.invalidAttribute, "attribute '\(name)' is missing, and it is required") }
        return value
    }

    func has(_ name: String) -> Bool { names.contains(name) }

    /// - Throws: `NotModelled` when an attribute was not asked for. Names that start with `__` are remarks of exporters.
    func expectAllRead(except pending: String? = nil) throws {
        for (name, isRead) in zip(names, isRead) where !isRead && name != pending && !name.hasPrefix("__") {
            // Earlier definitions have attributes that are gone since and mean nothing here.
            throw opset < OperatorTable.firstComplete
                ? NotModelled() : NotModelled("attribute '\(name)' is none that the operator has in opset \(opset)")
        }
    }

    private mutating func find(_ name: String, _ expected: AttributeKind) throws -> UnsafeMutablePointer<Onnx__AttributeProto>? {
        guard let index = names.firstIndex(of: name) else { return nil }
        isRead[index] = true
        let attribute = attributes[index]
        guard attribute.pointee.ref_attr_name.map({ $0.pointee == 0 }) ?? true else {
            throw CleaveError(.invalidAttribute, "attribute '\(name)' refers to a function's attribute, but the node is in no function")
        }
        if let kind = AttributeKind(attribute.pointee), kind != expected {
            throw CleaveError(.invalidAttribute, "attribute '\(name)' is \(kind.phrase), expected \(expected.phrase)")
        }
        return attribute
    }
}

/// What an attribute holds.
enum AttributeKind {
    case float, int, string, tensor, graph, floats, ints, strings, tensors, graphs, other

    /// The stated kind, or the kind of the value that is there; `nil` when neither tells.
    init?(_ attribute: Onnx__AttributeProto) {
        switch attribute.type {
        case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT: self = .float
        case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT: self = .int
        case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING: self = .string
        case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR: self = .tensor
        case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH: self = .graph
        case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS: self = .floats
        case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS: self = .ints
        case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS: self = .strings
        case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSORS: self = .tensors
        case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPHS: self = .graphs
        case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__UNDEFINED:
            if attribute.has_f != 0 { self = .float }
            else if attribute.has_i != 0 { self = .int }
            else if attribute.has_s != 0 { self = .string }
            else if attribute.t != nil { self = .tensor }
            else if attribute.g != nil { self = .graph }
            else if attribute.n_floats > 0 { self = .floats }
            else if attribute.n_ints > 0 { self = .ints }
            else if attribute.n_strings > 0 { self = .strings }
            else if attribute.n_tensors > 0 { self = .tensors }
            else if attribute.n_graphs > 0 { self = .graphs }
            else { return nil }
        default: self = .other
        }
    }

    /// For messages: "is a float, expected integers".
    var phrase: String {
        switch self {
        case .float: "a float"
        case .int: "an integer"
        case .string: "a string"
        case .tensor: "a tensor"
        case .graph: "a graph"
        case .floats: "a list of floats"
        case .ints: "a list of integers"
        case .strings: "a list of strings"
        case .tensors: "a list of tensors"
        case .graphs: "a list of graphs"
        case .other: "of another kind"
        }
    }
}
