/// The header of an `.npy` file: a Python dictionary literal with the keys `descr`, `fortran_order` and `shape`.
struct NumpyHeader {
    static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

    let description: String
    let isFortranOrder: Bool
    let shape: [Int]
    /// Bytes before the first element.
    let byteCount: Int

    /// - Throws: `CleaveError` when `bytes` do not start with a header.
    init(_ bytes: UnsafeRawBufferPointer) throws {
        guard bytes.count >= 10, bytes.prefix(6).elementsEqual(Self.magic) else {
            throw CleaveError(.malformedFile, "the bytes do not start as a NumPy array does", suggestion: "save it with numpy.save")
        }
        let version = bytes[6]
        guard (1...3).contains(version) else {
            throw CleaveError(.unsupported, "the array has format version \(version), expected 1, 2 or 3")
        }
        let lengthBytes = version == 1 ? 2 : 4
        guard bytes.count >= 8 + lengthBytes else { throw Self.truncated }
        let length = (0..<lengthBytes).reduce(0) { $0 | Int(bytes[8 + $1]) << (8 * $1) }
        byteCount = 8 + lengthBytes + length
        guard byteCount <= bytes.count else { throw Self.truncated }
        var literal = PythonLiteral(text: bytes[(8 + lengthBytes)..<byteCount])
        guard case .dictionary(let entries) = try literal.parse(), entries.count == 3 else {
            throw Self.malformed("it is not a dictionary with 'descr', 'fortran_order' and 'shape'")
        }
        func entry(_ key: String) throws -> PythonLiteral.Value {
            guard let entry = entries.first(where: { $0.key == key }) else { throw Self.malformed("'\(key)' is missing") }
            return entry.value
        }
        switch try entry("descr") {
        case .string(let text): description = text
        case .list:
            throw CleaveError(.unsupported, "the array has structured elements", suggestion: "save every field as an array of its own")
        default: throw Self.malformed("'descr' is not a string")
        }
        guard case .boolean(let order) = try entry("fortran_order") else { throw Self.malformed("'fortran_order' is not a boolean") }
        guard case .list(let lengths) = try entry("shape") else { throw Self.malformed("'shape' is not a tuple") }
        isFortranOrder = order
        shape = try lengths.map {
            guard case .integer(let length) = $0, length >= 0 else { throw Self.malformed("'shape' holds something that is no length") }
            return length
        }
    }

    private static let truncated = CleaveError(.malformedFile, "the bytes end inside the array's header")

    static func malformed(_ reason: String) -> CleaveError { CleaveError(.malformedFile, "the array's header is damaged: \(reason)") }
}

/// The few Python literals that NumPy's headers are made of.
struct PythonLiteral {
    enum Value {
        case string(String)
        case boolean(Bool)
        case integer(Int)
        /// A tuple or a list.
        case list([Value])
        case dictionary([(key: String, value: Value)])
    }

    private let text: [UInt8]
    private var position = 0
    /// Nesting that a header has at most: a list of fields, each with a shape.
    private static let maximumDepth = 8

    init(text: some Sequence<UInt8>) { self.text = Array(text) }

    /// The value that the whole text stands for.
    mutating func parse() throws -> Value {
        let value = try parseValue(depth: 0)
        skipSpace()
        guard position == text.count else { throw NumpyHeader.malformed("there is text after the dictionary") }
        return value
    }

    private mutating func parseValue(depth: Int) throws -> Value {
        guard depth < Self.maximumDepth else { throw NumpyHeader.malformed("it is nested too deeply") }
        skipSpace()
        guard position < text.count else { throw NumpyHeader.malformed("it ends too early") }
        switch text[position] {
        case UInt8(ascii: "{"): return try parseDictionary(depth: depth)
        case UInt8(ascii: "("): return .list(try parseItems(until: UInt8(ascii: ")"), depth: depth))
        case UInt8(ascii: "["): return .list(try parseItems(until: UInt8(ascii: "]"), depth: depth))
        case UInt8(ascii: "'"), UInt8(ascii: "\""): return .string(try parseString())
        default: return try parseWord()
        }
    }

    private mutating func parseDictionary(depth: Int) throws -> Value {
        position += 1
        var entries: [(key: String, value: Value)] = []
        while !skip(UInt8(ascii: "}")) {
            guard case .string(let key) = try parseValue(depth: depth + 1), skip(UInt8(ascii: ":")),
                !entries.contains(where: { $0.key == key })
            else { throw NumpyHeader.malformed("a key is no string, or occurs twice") }
            entries.append((key, try parseValue(depth: depth + 1)))
            guard skip(UInt8(ascii: ",")) || peek(UInt8(ascii: "}")) else { throw NumpyHeader.malformed("a comma is missing") }
        }
        return .dictionary(entries)
    }

    private mutating func parseItems(until end: UInt8, depth: Int) throws -> [Value] {
        position += 1
        var items: [Value] = []
        while !skip(end) {
            items.append(try parseValue(depth: depth + 1))
            guard skip(UInt8(ascii: ",")) || peek(end) else { throw NumpyHeader.malformed("a comma is missing") }
        }
        return items
    }

    private mutating func parseString() throws -> String {
        let quote = text[position]
        guard let end = text[(position + 1)...].firstIndex(of: quote) else { throw NumpyHeader.malformed("a string does not end") }
        defer { position = end + 1 }
        return String(decoding: text[(position + 1)..<end], as: UTF8.self)
    }

    /// `True`, `False`, or a number, which Python 2 may have written with an `L`.
    private mutating func parseWord() throws -> Value {
        let end = text[position...].firstIndex { ",:)]} \n".utf8.contains($0) } ?? text.count
        let word = String(decoding: text[position..<end], as: UTF8.self)
        position = end
        switch word {
        case "True": return .boolean(true)
        case "False": return .boolean(false)
        default:
            guard let number = Int(word.hasSuffix("L") ? String(word.dropLast()) : word) else {
                throw NumpyHeader.malformed("'\(word.prefix(20))' is no number")
            }
            return .integer(number)
        }
    }

    private mutating func skipSpace() {
        while position < text.count, " \t\n\r".utf8.contains(text[position]) { position += 1 }
    }

    private mutating func peek(_ character: UInt8) -> Bool {
        skipSpace()
        return position < text.count && text[position] == character
    }

    private mutating func skip(_ character: UInt8) -> Bool {
        guard peek(character) else { return false }
        position += 1
        return true
    }
}
