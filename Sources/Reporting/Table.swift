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
    ///
    /// Where the style has a width, the longest texts are shortened in their middle to fit. Where that is not enough, the columns
    /// come in several tables, one below the other, that share the first one.
    public func lines(style: TextStyle, indent: Int = 2) -> [String] {
        let layout = Layout(self, available: style.width.map { $0 - indent })
        let titles = columns.map { Cell($0.title, .faint) }
        let margin = String(repeating: " ", count: indent)
        return layout.blocks.enumerated().flatMap { number, block in
            let hasTitles = !block.allSatisfy { columns[$0].title.isEmpty }
            let lines = ((hasTitles ? [titles] : []) + rows).map { cells in
                let padded = block.map { column in
                    let text = cells[column].text.shortened(to: layout.widths[column])
                    let padding = String(repeating: " ", count: layout.widths[column] - text.count)
                    let styled = style.apply(cells[column].emphasis, to: text)
                    return columns[column].alignment == .left ? styled + padding : padding + styled
                }
                let line = margin + padded.joined(separator: Self.gap)
                return String(line.reversed().drop { $0 == " " }.reversed())
            }
            return (number > 0 ? [""] : []) + lines
        }
    }

    private static let gap = "   "

    /// How wide columns are, and which of them are beside each other.
    private struct Layout {
        var widths: [Int]
        var blocks: [[Int]]

        private static let shortestText = 12

        init(_ table: Table, available: Int?) {
            widths = table.columns.indices.map { column in
                table.rows.map { $0[column].text.count }.reduce(table.columns[column].title.count, max)
            }
            blocks = [Array(widths.indices)]
            guard let available, width(of: blocks[0]) > available else { return }
            let texts = table.columns.indices.filter { table.columns[$0].alignment == .left && widths[$0] > Self.shortestText }
            let shortest = texts.reduce(width(of: blocks[0])) { $0 - widths[$1] + Self.shortestText }
            if shortest <= available {
                while width(of: blocks[0]) > available, let longest = texts.max(by: { widths[$0] < widths[$1] }) { widths[longest] -= 1 }
            } else {
                for column in texts {
                    widths[column] = min(widths[column], column == 0 ? available / 2 : available / 3)
                }
                split(available)
            }
        }

        private func width(of block: [Int]) -> Int { block.reduce(Table.gap.count * (block.count - 1)) { $0 + widths[$1] } }

        private mutating func split(_ available: Int) {
            blocks = [[0]]
            for column in widths.indices.dropFirst() {
                let last = blocks[blocks.count - 1]
                if last.count > 1, width(of: last + [column]) > available {
                    blocks.append([0, column])
                } else {
                    blocks[blocks.count - 1].append(column)
                }
            }
        }
    }
}

extension String {
    /// The text, with `…` for its middle where it has more than `length` characters.
    fileprivate func shortened(to length: Int) -> String {
        guard count > length, length > 0 else { return self }
        let end = (length - 1) / 2
        return prefix(length - 1 - end) + "…" + suffix(end)
    }
}
