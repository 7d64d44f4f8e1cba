/// Text in aligned columns.
public struct Table: Sendable {
    public enum Alignment: Sendable {
        case left, right
    }

    public struct Column: Sendable {
        public var title: String
        public var alignment: Alignment

        public static func left(_ title: String) -> Column { Column(title: title, alignment: .left) }
        public static func right(_ title: String) -> Column { Column(title: title, alignment: .right) }
    }

    public struct Cell: Sendable, ExpressibleByStringInterpolation {
        /// Without control characters.
        public let text: String
        public let emphasis: Emphasis

        public init(_ text: String, _ emphasis: Emphasis = .plain) {
            self.text = text.printable(limit: 120)
            self.emphasis = emphasis
        }

        public init(stringLiteral text: String) { self.init(text) }
    }

    public var columns: [Column]
    /// One cell per column.
    public private(set) var rows: [[Cell]] = []

    public init(_ columns: [Column]) { self.columns = columns }

    /// - Precondition: there is one cell per column.
    public mutating func addRow(_ cells: [Cell]) {
        precondition(cells.count == columns.count, "a row of a table has \(cells.count) cells, expected \(columns.count)")
        rows.append(cells)
    }

    /// The lines, title line first unless all titles are empty, columns three spaces apart, without trailing spaces.
    public func lines(style: TextStyle, indent: Int = 2) -> [String] {
        let titles = columns.map { Cell($0.title, .faint) }
        let all = columns.allSatisfy(\.title.isEmpty) ? rows : [titles] + rows
        let widths = columns.indices.map { column in all.map { $0[column].text.count }.max() ?? 0 }
        let margin = String(repeating: " ", count: indent)
        return all.map { cells in
            let padded = cells.indices.map { index in
                let padding = String(repeating: " ", count: widths[index] - cells[index].text.count)
                let text = style.apply(cells[index].emphasis, to: cells[index].text)
                return columns[index].alignment == .left ? text + padding : padding + text
            }
            let line = margin + padded.joined(separator: "   ")
            return String(line.reversed().drop { $0 == " " }.reversed())
        }
    }
}
