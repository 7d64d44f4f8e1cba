/// A JSON document whose members keep the order in which they were given, so that the same result is the same text.
public enum JSONValue: Hashable, Sendable {
    public struct Member: Hashable, Sendable {
        public var key: String
        public var value: JSONValue
    }

    case object([Member])
    case array([JSONValue])
    case string(String)
    case integer(Int)
    /// JSON has no infinities and no NaN: they are written as the strings `"inf"`, `"-inf"` and `"nan"`.
    case number(Double)
    case bool(Bool)
    case null

    public static func optional(_ value: Int?) -> JSONValue { value.map { .integer($0) } ?? .null }
    public static func optional(_ value: Double?) -> JSONValue { value.map { .number($0) } ?? .null }
    public static func optional(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
    public static func integers(_ values: [Int]) -> JSONValue { .array(values.map { .integer($0) }) }
    public static func strings(_ values: [String]) -> JSONValue { .array(values.map { .string($0) }) }

    /// The document, indented by two spaces; arrays of numbers take one line. Ends without a line break.
    public var text: String {
        var text = ""
        write(to: &text, indent: 0)
        return text
    }

    private func write(to text: inout String, indent: Int) {
        switch self {
        case .object(let members):
            Self.write(members, brackets: ("{", "}"), onOneLine: members.isEmpty, to: &text, indent: indent) { member, text in
                Self.write(member.key, to: &text)
                text += ": "
                member.value.write(to: &text, indent: indent + 1)
            }
        case .array(let elements):
            let isFlat = elements.allSatisfy(\.isNumber)
            Self.write(elements, brackets: ("[", "]"), onOneLine: isFlat, to: &text, indent: indent) { element, text in
                element.write(to: &text, indent: indent + 1)
            }
        case .string(let string): Self.write(string, to: &text)
        case .integer(let value): text += "\(value)"
        case .number(let value): text += value.isFinite ? "\(value)" : (value.isNaN ? "\"nan\"" : (value > 0 ? "\"inf\"" : "\"-inf\""))
        case .bool(let value): text += value ? "true" : "false"
        case .null: text += "null"
        }
    }

    private var isNumber: Bool {
        switch self {
        case .integer, .number: true
        case .object, .array, .string, .bool, .null: false
        }
    }

    private static func write<Element>(
        _ elements: [Element], brackets: (String, String), onOneLine: Bool, to text: inout String, indent: Int,
        _ writeElement: (Element, inout String) -> Void
    ) {
        let lineBreak = "\n" + String(repeating: "  ", count: indent)
        text += brackets.0
        for (index, element) in elements.enumerated() {
            if index > 0 { text += onOneLine ? ", " : "," }
            if !onOneLine { text += lineBreak + "  " }
            writeElement(element, &text)
        }
        if !onOneLine { text += lineBreak }
        text += brackets.1
    }

    /// RFC 8259, section 7.
    private static func write(_ string: String, to text: inout String) {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case "\u{0}"..."\u{1F}":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}

extension JSONValue: ExpressibleByDictionaryLiteral, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral
{
    public init(dictionaryLiteral members: (String, JSONValue)...) {
        self = .object(members.map { Member(key: $0.0, value: $0.1) })
    }

    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    public init(stringLiteral string: String) { self = .string(string) }
    public init(integerLiteral value: Int) { self = .integer(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
}
