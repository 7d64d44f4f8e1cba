import Foundation

/// What a piece of text is, so that a terminal can show it in colour. The words say the same without.
public enum Emphasis: Hashable, Sendable {
    case plain, strong, faint, good, bad, warning
}

/// Whether reports use colour.
public struct TextStyle: Hashable, Sendable {
    public var usesColour: Bool

    public static let plain = TextStyle(usesColour: false)

    public init(usesColour: Bool) { self.usesColour = usesColour }

    /// Colour when `descriptor` is a terminal that has colours and `NO_COLOR` (no-color.org) is unset or empty.
    public init(descriptor: Int32, environment: [String: String] = ProcessInfo.processInfo.environment) {
        let refused = !(environment["NO_COLOR"] ?? "").isEmpty || environment["TERM"] == "dumb"
        usesColour = isatty(descriptor) == 1 && !refused
    }

    /// `text`, between escape sequences (ECMA-48 "select graphic rendition") when colour is on.
    public func apply(_ emphasis: Emphasis, to text: String) -> String {
        guard usesColour, !text.isEmpty else { return text }
        let code: Int
        switch emphasis {
        case .plain: return text
        case .strong: code = 1
        case .faint: code = 2
        case .good: code = 32
        case .bad: code = 31
        case .warning: code = 33
        }
        return "\u{1B}[\(code)m\(text)\u{1B}[0m"
    }
}
