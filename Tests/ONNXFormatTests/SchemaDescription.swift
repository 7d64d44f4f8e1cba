import Foundation

/// The facts of a `.proto` file, one entry for each message, field, oneof, enum and enum value, by full name.
struct SchemaDescription {
    private(set) var facts: [String: String] = [:]

    /// Lets protoc parse the file and reads the descriptors it writes.
    init(protoFile: URL) throws {
        let set = try Tools.withTemporaryFolder { folder in
            let output = folder.appending(path: "descriptors")
            try Tools.run(
                "protoc", "--proto_path=\(protoFile.deletingLastPathComponent().path)",
                "--descriptor_set_out=\(output.path)", protoFile.lastPathComponent)
            return [UInt8](try Data(contentsOf: output))
        }
        // The numbers are those of google/protobuf/descriptor.proto.
        for file in WireMessage(set[...]).messages(1) {
            facts["package"] = file.string(2)
            for message in file.messages(4) { describe(message: message, in: "") }
            for enumeration in file.messages(5) { describe(enumeration: enumeration, in: "") }
        }
    }

    private mutating func describe(message: WireMessage, in scope: String) {
        let name = scope + message.string(1)
        facts[name] = "message"
        let oneofs = message.messages(8).map { $0.string(1) }
        for field in message.messages(2) {
            facts["\(name).\(field.string(1))"] = Self.text(of: field, oneofs: oneofs)
        }
        for nested in message.messages(3) { describe(message: nested, in: name + ".") }
        for enumeration in message.messages(4) { describe(enumeration: enumeration, in: name + ".") }
    }

    private mutating func describe(enumeration: WireMessage, in scope: String) {
        let name = scope + enumeration.string(1)
        facts[name] = "enum"
        for value in enumeration.messages(2) {
            facts["\(name).\(value.string(1))"] = "value \(value.number(2) ?? 0)"
        }
    }

    private static func text(of field: WireMessage, oneofs: [String]) -> String {
        let labels: [UInt64: String] = [1: "optional", 2: "required", 3: "repeated"]
        let types: [UInt64: String] = [
            1: "double", 2: "float", 3: "int64", 4: "uint64", 5: "int32", 9: "string", 11: "message", 12: "bytes",
            14: "enum",
        ]
        let label = field.number(4) ?? 0
        let type = field.number(5) ?? 0
        var parts = [
            "field \(field.number(3) ?? 0)", labels[label] ?? "label \(label)", types[type] ?? "type \(type)",
        ]
        if !field.string(6).isEmpty { parts.append(field.string(6)) }
        if !field.string(7).isEmpty { parts.append("default \(field.string(7))") }
        if field.messages(8).contains(where: { $0.number(2) == 1 }) { parts.append("packed") }
        if let oneof = field.number(9) { parts.append("in oneof \(oneofs[Int(oneof)])") }
        return parts.joined(separator: " ")
    }
}

/// A serialized message that is trusted to be well-formed, read by field numbers.
private struct WireMessage {
    private var numbers: [Int: UInt64] = [:]
    private var runs: [Int: [ArraySlice<UInt8>]] = [:]

    init(_ bytes: ArraySlice<UInt8>) {
        var rest = bytes
        func varint() -> UInt64 {
            var result: UInt64 = 0
            var shift: UInt64 = 0
            while true {
                let byte = rest.removeFirst()
                result |= UInt64(byte & 0x7f) << shift
                if byte < 0x80 { return result }
                shift += 7
            }
        }
        while !rest.isEmpty {
            let tag = varint()
            let field = Int(tag >> 3)
            switch tag & 7 {
            case 0: numbers[field] = varint()
            case 1: rest.removeFirst(8)
            case 2:
                let length = Int(varint())
                runs[field, default: []].append(rest.prefix(length))
                rest.removeFirst(length)
            case 5: rest.removeFirst(4)
            default: preconditionFailure("protoc wrote wire type \(tag & 7)")
            }
        }
    }

    func number(_ field: Int) -> UInt64? { numbers[field] }

    func string(_ field: Int) -> String { runs[field]?.last.map { String(decoding: $0, as: UTF8.self) } ?? "" }

    func messages(_ field: Int) -> [WireMessage] { (runs[field] ?? []).map { WireMessage($0) } }
}
