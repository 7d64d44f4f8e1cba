import Foundation

/// A pattern of names as a shell has it: `*` stands for any characters, `?` for one, `[abc]` for one of them.
public struct NamePattern: Hashable, Codable, Sendable, CustomStringConvertible {
    public let text: String

    public init(_ text: String) { self.text = text }

    public func matches(_ name: String) -> Bool { fnmatch(text, name, 0) == 0 }

    public init(from decoder: any Decoder) throws { text = try decoder.singleValueContainer().decode(String.self) }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }

    public var description: String { text }
}
