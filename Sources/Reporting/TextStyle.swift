import Foundation

/// What a piece of text is, so that a terminal can show it in colour. The words say the same without.
public enum Emphasis: Hashable, Sendable {
    case plain, strong, faint, good, bad, warning
}

/// Whether reports use colour, and how wide they may be.
public struct TextStyle: Hashable, Sendable {
    public var usesColour: Bool
    /// Columns of the terminal; `nil` for no limit.
    public var width: Int?

    public static let plain = TextStyle(usesColour: false)

    public init(usesColour: Bool, width: Int? = nil) {
        self.usesColour = usesColour
        self.width = width
    }

    /// Colour when `descriptor` is a terminal that has colours and `NO_COLOR` (no-color.org) is unset or empty; the width of the
    /// terminal when it is one that knows.
    public init(descriptor: Int32, environment: [String: String] = ProcessInfo.processInfo.environment) {
        let isTerminal = isatty(descriptor) == 1
        let refused = !(environment["NO_COLOR"] ?? "").isEmpty || environment["TERM"] == "dumb"
        usesColour = isTerminal && !refused
        var size = winsize()
        guard isTerminal, ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return }
        width = Int(size.ws_col)
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
