import COnnxSchema
import CProtobufC
import GraphIR
import Tensors

/// Collects the attributes of one node, as they are called at the graph's opset.
struct AttributeWriter {
    /// Version of the default operator set.
    let opset: Int
    let operandCount: Int
    let outputCount: Int
    let arena: MessageArena
    private(set) var attributes: [UnsafeMutablePointer<Onnx__AttributeProto>] = []

    init(opset: Int, operandCount: Int, outputCount: Int, arena: MessageArena) {
        self.opset = opset
        self.operandCount = operandCount
        self.outputCount = outputCount
        self.arena = arena
    }

    // MARK: Values that every opset has

    mutating func int(_ name: String, _ value: Int?) {
        guard let value else { return }
        add(name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT) {
            $0.has_i = 1
            $0.i = Int64(value)
        }
    }

    mutating func int(_ name: String, _ value: Int, default defaultValue: Int) {
        if value != defaultValue { int(name, value) }
    }

    mutating func bool(_ name: String, _ value: Bool, default defaultValue: Bool) {
        if value != defaultValue { int(name, value ? 1 : 0) }
    }

    mutating func float(_ name: String, _ value: Float?) {
        guard let value else { return }
        add(name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT) {
            $0.has_f = 1
            $0.f = value
        }
    }

    mutating func float(_ name: String, _ value: Float, default defaultValue: Float) {
        if value != defaultValue { float(name, value) }
    }

    mutating func string(_ name: String, _ value: String) { bytes(name, Array(value.utf8)) }

    mutating func string(_ name: String, _ value: String, default defaultValue: String) {
        if value != defaultValue { string(name, value) }
    }

    mutating func bytes(_ name: String, _ value: [UInt8]) {
        let data = arena.data(value)
        add(name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING) {
            $0.has_s = 1
            $0.s = data
        }
    }

    mutating func ints(_ name: String, _ values: [Int]?) {
        guard let values else { return }
        let array = arena.array(values.map { Int64($0) })
        add(name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS) {
            $0.n_ints = values.count
            $0.ints = array
        }
    }

    mutating func floats(_ name: String, _ values: [Float]?) {
        guard let values else { return }
        let array = arena.array(values)
        add(name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS) {
            $0.n_floats = values.count
            $0.floats = array
        }
    }

    mutating func strings(_ name: String, _ values: [[UInt8]]) {
        let array = arena.array(values.map { arena.data($0) })
        add(name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS) {
            $0.n_strings = values.count
            $0.strings = array
        }
    }

    mutating func tensor(_ name: String, _ value: Tensor?) {
        guard let value else { return }
        let message = arena.make(Onnx__TensorProto.self)
        value.write(into: message, arena)
        add(name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR) { $0.t = message }
    }

    /// - Throws: `CleaveError` when the opset cannot express an operator inside.
    mutating func subgraph(_ name: String, _ value: Subgraph) throws {
        let message = try Exporter(value.graph, arena: arena).graphMessage()
        add(name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH) { $0.g = message }
    }

    // MARK: Values that came later

    /// Writes an attribute that exists since `first`; before, the value must be what it then always was.
    /// - Throws: `CleaveError` when it is another one.
    mutating func int(_ name: String, _ value: Int, since first: Int, default defaultValue: Int) throws {
        try require(opset >= first || value == defaultValue, "attribute '\(name)' is \(value)", since: first)
        int(name, value, default: defaultValue)
    }

    mutating func bool(_ name: String, _ value: Bool, since first: Int, default defaultValue: Bool) throws {
        try int(name, value ? 1 : 0, since: first, default: defaultValue ? 1 : 0)
    }

    mutating func string(_ name: String, _ value: String, since first: Int, default defaultValue: String) throws {
        try require(opset >= first || value == defaultValue, "attribute '\(name)' is '\(value)'", since: first)
        string(name, value, default: defaultValue)
    }

    mutating func ints(_ name: String, _ values: [Int]?, since first: Int) throws {
        try require(opset >= first || values == nil, "attribute '\(name)' is \(values ?? [])", since: first)
        ints(name, values)
    }

    /// - Throws: `CleaveError`, "… is possible since opset 11, but the graph's is 9", unless the condition holds.
    func require(_ condition: Bool, _ what: @autoclosure () -> String, since first: Int) throws {
        guard condition else {
            throw CleaveError(
                .unsupported, "\(what()), which is possible since opset \(first), but the graph's is \(opset)",
                suggestion: "raise the graph's opset to \(first)")
        }
    }

    /// - Throws: `CleaveError`, "… is possible up to opset 10, but the graph's is 13", unless the condition holds.
    func require(_ condition: Bool, _ what: @autoclosure () -> String, upTo last: Int) throws {
        guard condition else {
            throw CleaveError(
                .unsupported, "\(what()), which is possible up to opset \(last), but the graph's is \(opset)",
                suggestion: "rewrite the node for the newer opset")
        }
    }

    private mutating func add(
        _ name: String, _ type: Onnx__AttributeProto__AttributeType, _ fill: (inout Onnx__AttributeProto) -> Void
    ) {
        let attribute = arena.make(Onnx__AttributeProto.self)
        attribute.pointee.name = arena.string(name)
        attribute.pointee.has_type = 1
        attribute.pointee.type = type
        fill(&attribute.pointee)
        attributes.append(attribute)
    }
}
