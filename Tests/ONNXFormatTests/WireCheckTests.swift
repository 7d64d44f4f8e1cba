import COnnxSchema
import CProtobufC
import Testing

@Suite("Checking bytes before they are unpacked")
struct WireCheckTests {
    @Test("Real models pass", arguments: ["test_relu", "test_if", "test_loop11", "test_conv_with_strides_padding"])
    func acceptsModels(name: String) throws {
        let bytes = try Tools.nodeModel(name)
        let report = check(bytes)
        #expect(report.reason == CLEAVE_WIRE_OK)
        #expect(report.offset == bytes.count)
        #expect(report.depth >= 4)
        #expect(unpacks(bytes))
    }

    @Test("A file cut short anywhere is refused, or is a smaller model that can be unpacked")
    func prefixes() throws {
        let bytes = try Tools.nodeModel("test_if")
        var refused = 0
        for count in 0..<bytes.count {
            let prefix = Array(bytes[..<count])
            let report = check(prefix)
            #expect((report.reason == CLEAVE_WIRE_OK) == unpacks(prefix), "\(count) bytes")
            if report.reason != CLEAVE_WIRE_OK {
                #expect(report.reason == CLEAVE_WIRE_TRUNCATED)
                #expect(report.offset < count)
                refused += 1
            }
        }
        #expect(refused > bytes.count / 2)
    }

    @Test("What passes can be unpacked, whatever the damage")
    func damage() throws {
        var random = Xorshift(state: 0x9E37_79B9_7F4A_7C15)
        var passed = 0
        for name in ["test_relu", "test_if", "test_loop11", "test_sequence_map_identity_1_sequence"] {
            let original = try Tools.nodeModel(name)
            for _ in 0..<2_000 {
                var bytes = original
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                guard check(bytes).reason == CLEAVE_WIRE_OK else { continue }
                passed += 1
                #expect(unpacks(bytes), "\(bytes)")
            }
        }
        #expect(passed > 1_000)
    }

    struct Fault: CustomTestStringConvertible {
        var testDescription: String
        var bytes: [UInt8]
        var reason: cleave_wire_reason
        var offset: Int
        var message: String
        var field: String?
    }

    /// Tags: a graph in a model is 3A, a node in a graph 0A, an input of a graph 5A, a value's type 12.
    static let faults = [
        Fault(
            testDescription: "a submessage that ends beyond its parent", bytes: [0x3A, 3, 0x0A, 9, 0, 0],
            reason: CLEAVE_WIRE_TRUNCATED, offset: 2, message: "onnx.GraphProto", field: "node"),
        Fault(
            testDescription: "a string that ends beyond its message", bytes: [0x3A, 3, 0x12, 9, 65],
            reason: CLEAVE_WIRE_TRUNCATED, offset: 2, message: "onnx.GraphProto", field: "name"),
        Fault(
            testDescription: "a length that wraps around in 32 bits",
            bytes: [0x12, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 65, 65, 65, 65], reason: CLEAVE_WIRE_TRUNCATED, offset: 0,
            message: "onnx.ModelProto", field: "producer_name"),
        Fault(
            testDescription: "a number of eleven bytes", bytes: [0x08] + Array(repeating: 0xFF, count: 10) + [1],
            reason: CLEAVE_WIRE_BAD_VARINT, offset: 0, message: "onnx.ModelProto", field: "ir_version"),
        Fault(
            testDescription: "a field number of zero", bytes: [0x08, 8, 0x00, 1], reason: CLEAVE_WIRE_BAD_TAG,
            offset: 2, message: "onnx.ModelProto", field: nil),
        Fault(
            testDescription: "a group", bytes: [0x0B, 0x0C], reason: CLEAVE_WIRE_BAD_WIRE_TYPE, offset: 0,
            message: "onnx.ModelProto", field: "ir_version"),
        Fault(
            testDescription: "a string where a number belongs", bytes: [0x0A, 1, 65],
            reason: CLEAVE_WIRE_WRONG_WIRE_TYPE, offset: 0, message: "onnx.ModelProto", field: "ir_version"),
        Fault(
            testDescription: "a number where a graph belongs", bytes: [0x38, 1], reason: CLEAVE_WIRE_WRONG_WIRE_TYPE,
            offset: 0, message: "onnx.ModelProto", field: "graph"),
        Fault(
            testDescription: "five bytes of packed floats",
            bytes: [0x3A, 9, 0x2A, 7, 0x22, 5, 0, 0, 0, 0, 0], reason: CLEAVE_WIRE_BAD_PACKED_LENGTH, offset: 4,
            message: "onnx.TensorProto", field: "float_data"),
        Fault(
            testDescription: "packed numbers that stop in the middle of one", bytes: [0x3A, 6, 0x2A, 4, 0x3A, 2, 1, 0x80],
            reason: CLEAVE_WIRE_TRUNCATED, offset: 4, message: "onnx.TensorProto", field: "int64_data"),
        Fault(
            testDescription: "a zero byte in a name", bytes: [0x12, 3, 65, 0, 65], reason: CLEAVE_WIRE_ZERO_IN_STRING,
            offset: 0, message: "onnx.ModelProto", field: "producer_name"),
        Fault(
            testDescription: "two types of one value", bytes: [0x3A, 6, 0x5A, 4, 0x12, 0, 0x12, 0],
            reason: CLEAVE_WIRE_REPEATED_MESSAGE, offset: 6, message: "onnx.ValueInfoProto", field: "type"),
    ]

    @Test("Faults are named and located", arguments: faults)
    func locates(fault: Fault) throws {
        let report = check(fault.bytes)
        #expect(report.reason == fault.reason)
        #expect(report.offset == fault.offset)
        #expect(report.message.map { String(cString: $0.pointee.name) } == fault.message)
        #expect(report.field.map { String(cString: $0.pointee.name) } == fault.field)
    }

    @Test("Nesting is limited to 100 levels below the root")
    func depth() {
        #expect(check(nested(levels: 100)).reason == CLEAVE_WIRE_OK)
        #expect(unpacks(nested(levels: 100)))
        #expect(check(nested(levels: 101)).reason == CLEAVE_WIRE_TOO_DEEP)
        #expect(check(nested(levels: 20_000)).reason == CLEAVE_WIRE_TOO_DEEP)
        #expect(check(nested(levels: 3), limits: .init(max_depth: 3, max_expansion: 64, free_memory: 1 << 20)).reason
            == CLEAVE_WIRE_TOO_DEEP)
    }

    @Test("A file that would expand far beyond its size is refused")
    func expansion() {
        func emptyNodes(_ count: Int) -> [UInt8] {
            let nodes = (0..<count).flatMap { _ in [0x0A, 0] as [UInt8] }
            return [0x3A] + varint(nodes.count) + nodes
        }
        #expect(check(emptyNodes(1_000)).reason == CLEAVE_WIRE_OK)
        #expect(check(emptyNodes(1_000_000)).reason == CLEAVE_WIRE_TOO_MUCH_MEMORY)
    }

    @Test("The estimate of memory covers what unpacking allocates")
    func estimate() throws {
        for name in ["test_if", "test_conv_with_strides_padding", "test_sequence_map_identity_1_sequence"] {
            let bytes = try Tools.nodeModel(name)
            let estimate = check(bytes).memory
            #expect(estimate > bytes.count)
            #expect(estimate < 64 * bytes.count)
        }
        let weights: [UInt8] = [0x4A] + varint(100_000) + Array(repeating: 7, count: 100_000)
        #expect((100_000..<101_000).contains(check(weights, root: cleave_tensor_descriptor()).memory))
        let integers: [UInt8] = [0x3A] + varint(1_000) + Array(repeating: 7, count: 1_000)
        #expect((8_000..<9_000).contains(check(integers, root: cleave_tensor_descriptor()).memory))
    }

    @Test("Nothing at all is an empty model")
    func empty() {
        #expect(cleave_wire_check(cleave_model_descriptor(), nil, 0, nil, nil) == CLEAVE_WIRE_OK)
    }
}

/// A model with a graph whose node has an attribute with a graph, and so on.
private func nested(levels: Int) -> [UInt8] {
    let tags: [UInt8] = [0x3A, 0x0A, 0x2A]  // graph of the model, its node, the node's attribute
    var parts: [[UInt8]] = []
    var size = 0
    for level in (0..<levels).reversed() {
        let tag: UInt8 = level == 0 ? tags[0] : [0x32, 0x0A, 0x2A][level % 3]
        parts.append([tag] + varint(size))
        size += parts[parts.count - 1].count
    }
    return parts.reversed().flatMap { $0 }
}

private func check(
    _ bytes: [UInt8], root: UnsafePointer<ProtobufCMessageDescriptor>? = cleave_model_descriptor(),
    limits: cleave_wire_limits = cleave_wire_default_limits()
) -> cleave_wire_report {
    var limits = limits
    var report = cleave_wire_report()
    let reason = cleave_wire_check(root, bytes, bytes.count, &limits, &report)
    #expect(reason == report.reason)
    return report
}

private func unpacks(_ bytes: [UInt8]) -> Bool {
    guard let model = onnx__model_proto__unpack(cleave_wire_allocator(), bytes.count, bytes) else { return false }
    onnx__model_proto__free_unpacked(model, cleave_wire_allocator())
    return true
}

private func varint(_ value: Int) -> [UInt8] {
    var rest = value
    var bytes: [UInt8] = []
    while rest >= 0x80 {
        bytes.append(UInt8(rest & 0x7f) | 0x80)
        rest >>= 7
    }
    return bytes + [UInt8(rest)]
}

private struct Xorshift: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}
