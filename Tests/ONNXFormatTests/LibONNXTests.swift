import CLibONNX
import Testing

@Suite("libonnx")
struct LibONNXTests {
    @Test("The checker accepts a correct model")
    func accepts() throws {
        let outcome = check(try Tools.nodeModel("test_conv_with_strides_padding"))
        #expect(outcome == Outcome(status: CLEAVE_LIBONNX_OK, message: nil))
    }

    @Test("The checker says what is wrong with a model")
    func rejects() throws {
        let outcome = check(try Tools.nodeModel("test_relu").replacing("Relu", with: "Rely"))
        #expect(outcome.status == CLEAVE_LIBONNX_INVALID)
        #expect(try #require(outcome.message).contains("Rely"))
    }

    @Test("Bytes that are no model are told from a model with faults")
    func unreadable() throws {
        #expect(check(try Tools.nodeModel("test_relu").dropLast(3)).status == CLEAVE_LIBONNX_UNREADABLE)
        #expect(check(Array("no model at all".utf8)).status == CLEAVE_LIBONNX_UNREADABLE)
        #expect(check([]).status == CLEAVE_LIBONNX_INVALID)
    }

    @Test("Shape inference finds the shape of a value in between")
    func infers() throws {
        let known = model(nodes: [node("Relu", "x", "hidden"), node("Relu", "hidden", "y")])
        #expect(check(known).status == CLEAVE_LIBONNX_OK)
        let (outcome, inferred) = inferShapes(known)
        #expect(outcome.status == CLEAVE_LIBONNX_OK)
        let description = field(13, value("hidden", shape: [2, 3]))
        #expect(!known.contains(description))
        #expect(inferred.contains(description))
    }

    @Test("Strict shape inference reports what the lenient one passes over")
    func strictness() throws {
        let mismatched = model(nodes: [node("MatMul", "x", "x", "y")])
        #expect(inferShapes(mismatched).0.status == CLEAVE_LIBONNX_OK)
        let (outcome, inferred) = inferShapes(mismatched, options: CLEAVE_LIBONNX_STRICT)
        #expect(outcome.status == CLEAVE_LIBONNX_INVALID)
        #expect(try #require(outcome.message).contains("MatMul"))
        #expect(inferred.isEmpty)
    }

    @Test("Models that are newer than the library are refused, not misread")
    func refusesTheNew() {
        let relu = [node("Relu", "x", "y")]
        let newest = cleave_libonnx_newest_opset("ai.onnx")
        let newestIR = cleave_libonnx_newest_ir_version()
        let tooNew: [(model: [UInt8], cause: String)] = [
            (model(irVersion: newestIR + 1, nodes: relu), "IR version"),
            (model(opsets: [opset("", newest + 1)], nodes: relu), "operator set"),
            (model(opsets: [opset("ai.onnx", newest + 1)], nodes: relu), "operator set"),
            (model(opsets: [opset("", newest), opset("ai.onnx.ml", 99)], nodes: relu), "ai.onnx.ml"),
            (model(nodes: relu, functions: [function("f", opset: newest + 1)]), "function 'f'"),
            (model(nodes: relu, elementType: 17), "element type"),
            (model(nodes: [node("If", "x", "y", attribute: branch(elementType: 22))]), "element type"),
        ]
        for (bytes, cause) in tooNew {
            for outcome in [check(bytes), inferShapes(bytes).0] {
                #expect(outcome.status == CLEAVE_LIBONNX_TOO_NEW, "\(cause): \(outcome)")
                #expect(outcome.message?.contains(cause) == true, "\(outcome)")
            }
        }
        #expect(check(model(irVersion: newestIR, opsets: [opset("", newest)], nodes: relu)).status == CLEAVE_LIBONNX_OK)
    }

    @Test("The standard domain may go by either of its names")
    func standardDomain() {
        let bytes = model(opsets: [opset("ai.onnx", 13)], nodes: [node("Relu", "x", "y", domain: "ai.onnx")])
        #expect(check(bytes) == Outcome(status: CLEAVE_LIBONNX_OK, message: nil))
        #expect(inferShapes(bytes, options: CLEAVE_LIBONNX_STRICT).0.status == CLEAVE_LIBONNX_OK)
    }

    @Test("Functions that call each other in a circle are refused")
    func recursion() throws {
        let first = function("first", calls: "second")
        let second = function("second", calls: "first")
        let bytes = model(
            opsets: [opset("", 13), opset("local", 1)],
            nodes: [node("first", "x", "y", domain: "local")], functions: [first, second])
        for outcome in [check(bytes), inferShapes(bytes).0] {
            #expect(outcome.status == CLEAVE_LIBONNX_INVALID)
            #expect(try #require(outcome.message).contains("calls itself"))
        }
    }

    @Test("A model that makes the library crash does no harm to the caller")
    func crash() {
        // EyeLike without an input, which libonnx 1.12's shape inference takes the type of unasked.
        let bytes = model(nodes: [node("EyeLike", "y")])
        let (outcome, inferred) = inferShapes(bytes)
        #expect([CLEAVE_LIBONNX_CRASHED, CLEAVE_LIBONNX_INVALID].contains(outcome.status))
        #expect(outcome.message?.isEmpty == false)
        #expect(inferred.isEmpty)
        #expect(check(bytes).status == CLEAVE_LIBONNX_INVALID)
    }

    @Test("The library tells what it is")
    func version() {
        #expect(String(cString: cleave_libonnx_version()).hasPrefix("1."))
        #expect(cleave_libonnx_newest_ir_version() >= 8)
        #expect(cleave_libonnx_newest_opset("") >= 17)
        #expect(cleave_libonnx_newest_opset("") == cleave_libonnx_newest_opset("ai.onnx"))
        #expect(cleave_libonnx_newest_opset("com.example") == 0)
    }
}

private struct Outcome: Equatable {
    var status: cleave_libonnx_status
    var message: String?

    init(status: cleave_libonnx_status, message: String?) {
        self.status = status
        self.message = message
    }

    /// Takes over a message that libonnx's shim returned.
    init(status: cleave_libonnx_status, taking message: UnsafeMutablePointer<CChar>?) {
        defer { cleave_libonnx_free(message) }
        self.init(status: status, message: message.map { String(cString: $0) })
    }
}

private func check(_ bytes: some Sequence<UInt8>) -> Outcome {
    Array(bytes).withUnsafeBytes { buffer in
        var message: UnsafeMutablePointer<CChar>?
        let status = cleave_libonnx_check(buffer.baseAddress, buffer.count, &message)
        return Outcome(status: status, taking: message)
    }
}

private func inferShapes(
    _ bytes: [UInt8], options: cleave_libonnx_options = cleave_libonnx_options(0)
) -> (Outcome, [UInt8]) {
    bytes.withUnsafeBytes { buffer in
        var message: UnsafeMutablePointer<CChar>?
        var inferred: UnsafeMutableRawPointer?
        var size = 0
        let status = cleave_libonnx_infer_shapes(
            buffer.baseAddress, buffer.count, options.rawValue, &inferred, &size, &message)
        defer { cleave_libonnx_free(inferred) }
        return (Outcome(status: status, taking: message), [UInt8](UnsafeRawBufferPointer(start: inferred, count: size)))
    }
}

// MARK: - Serialized models, by field number (schemas/onnx.proto)

private func field(_ number: Int, _ bytes: [UInt8]) -> [UInt8] {
    varint(number << 3 | 2) + varint(bytes.count) + bytes
}

private func field(_ number: Int, _ text: String) -> [UInt8] { field(number, Array(text.utf8)) }

private func field(_ number: Int, _ value: Int) -> [UInt8] { varint(number << 3) + varint(value) }

private func varint(_ value: Int) -> [UInt8] {
    var rest = UInt64(bitPattern: Int64(value))
    var bytes: [UInt8] = []
    while rest >= 0x80 {
        bytes.append(UInt8(rest & 0x7f) | 0x80)
        rest >>= 7
    }
    return bytes + [UInt8(rest)]
}

private func opset(_ domain: String, _ version: Int64) -> [UInt8] { field(1, domain) + field(2, Int(version)) }

/// A node; the last name is its output's.
private func node(_ type: String, _ names: String..., domain: String = "", attribute: [UInt8] = []) -> [UInt8] {
    names.dropLast().flatMap { field(1, $0) } + field(2, names[names.count - 1]) + field(4, type)
        + (attribute.isEmpty ? [] : field(5, attribute)) + (domain.isEmpty ? [] : field(7, domain))
}

/// A value with a static shape.
private func value(_ name: String, shape: [Int], elementType: Int = 1) -> [UInt8] {
    let dimensions = shape.flatMap { field(1, field(1, $0)) }
    return field(1, name) + field(2, field(1, field(1, elementType) + field(2, dimensions)))
}

/// An attribute with a subgraph that has a constant of the given element type.
private func branch(elementType: Int) -> [UInt8] {
    let constant = field(1, 1) + field(2, elementType) + field(9, [0]) + field(8, "constant")
    return field(1, "then_branch") + field(6, field(5, constant)) + field(20, 5)
}

private func function(_ name: String, calls callee: String = "Relu", opset version: Int64 = 13) -> [UInt8] {
    let body = node(callee, "a", "b", domain: callee == "Relu" ? "" : "local")
    return field(1, name) + field(4, "a") + field(5, "b") + field(7, body)
        + field(9, opset("", version)) + field(9, opset("local", 1)) + field(10, "local")
}

/// A model with an input x and an output y of shape [2, 3].
private func model(
    irVersion: Int64 = 8, opsets: [[UInt8]] = [opset("", 13)], nodes: [[UInt8]], functions: [[UInt8]] = [],
    elementType: Int = 1
) -> [UInt8] {
    let graph =
        nodes.flatMap { field(1, $0) } + field(2, "graph")
        + field(11, value("x", shape: [2, 3], elementType: elementType))
        + field(12, value("y", shape: [2, 3], elementType: elementType))
    return field(1, Int(irVersion)) + opsets.flatMap { field(8, $0) } + field(7, graph)
        + functions.flatMap { field(25, $0) }
}

extension [UInt8] {
    fileprivate func replacing(_ old: String, with new: String) -> [UInt8] {
        Array(replacing(Array(old.utf8), with: Array(new.utf8)))
    }
}
