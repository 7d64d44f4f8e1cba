import GraphIR

extension Origin {
    /// Key of the node's metadata that holds the origin.
    static let metadataKey = "cleave.origin"

    /// `pass: node, node`, with commas, percent signs and line breaks in names written as `%2C` and so on.
    var text: String { "\(pass): \(nodes.map(Self.escape).joined(separator: ", "))" }

    init?(text: String) {
        guard let colon = text.firstRange(of: ": ") else { return nil }
        let list = text[colon.upperBound...]
        self.init(
            pass: String(text[..<colon.lowerBound]),
            nodes: list.isEmpty ? [] : list.split(separator: ", ", omittingEmptySubsequences: false).map { Self.unescape(String($0)) })
    }

    private static let escapes = [("%", "%25"), (",", "%2C"), ("\n", "%0A"), ("\r", "%0D")]

    private static func escape(_ name: String) -> String {
        escapes.reduce(name) { $0.replacing($1.0, with: $1.1) }
    }

    private static func unescape(_ name: String) -> String {
        escapes.reversed().reduce(name) { $0.replacing($1.1, with: $1.0) }
    }
}
