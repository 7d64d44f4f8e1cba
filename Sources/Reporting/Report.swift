/// A result that can be shown to a person and to a machine.
public protocol Report {
    /// One screen of text, without a line break at the end.
    func text(style: TextStyle) -> String
    /// All of it.
    var json: JSONValue { get }
}
