extension String {
    /// The text with control characters spelled out (`\n`, `\u{1B}`) and cut at `limit` characters, so that names out of a file
    /// can neither break a line nor command the terminal.
    public func printable(limit: Int = 400) -> String {
        var text = ""
        for scalar in unicodeScalars.prefix(limit) {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate:
                text += scalar.escaped(asASCII: true)
            default: text.unicodeScalars.append(scalar)
            }
        }
        return unicodeScalars.count > limit ? text + "…" : text
    }
}
