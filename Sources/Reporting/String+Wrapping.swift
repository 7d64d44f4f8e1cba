extension String {
    /// The text with breaks at spaces in lines of more than `width` characters, the rest of each indented as its beginning; `nil` for
    /// no limit. Escape sequences of `TextStyle` take no room.
    public func wrapped(to width: Int?) -> String {
        guard let width else { return self }
        return split(separator: "\n", omittingEmptySubsequences: false).map { Self.wrapped($0, to: width) }.joined(separator: "\n")
    }

    private static func wrapped(_ line: Substring, to width: Int) -> String {
        guard line.visibleCount > width else { return String(line) }
        let indent = String(line.prefix { $0 == " " })
        var lines: [String] = []
        var current = indent
        for word in line.split(separator: " ") {
            let isFirst = current.count == indent.count
            if !isFirst, current[...].visibleCount + 1 + word.visibleCount > width {
                lines.append(current)
                current = indent + word
            } else {
                current += (isFirst ? "" : " ") + word
            }
        }
        return (lines + [current]).joined(separator: "\n")
    }
}

extension Substring {
    /// Characters that take a column on a terminal.
    fileprivate var visibleCount: Int { replacing(/\u{1B}\[\d+m/, with: "").count }
}
