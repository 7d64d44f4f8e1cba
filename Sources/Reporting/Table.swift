/// Text in aligned columns.
public struct Table: Sendable {
    public enum Alignment: Sendable {
        case left, right
    }

    public struct Column: Sendable {
        public var title: String
        public var alignment: Alignment
        /// Whether a long text goes on in further lines, where it would else be shortened.
        public var wraps = false
        /// Whether the column is never parted from the one before it.
        public var isBound = false

        public static func left(_ title: String) -> Column { Column(title: title, alignment: .left) }
        public static func right(_ title: String) -> Column { Column(title: title, alignment: .right) }
        /// Sentences.
        public static func words(_ title: String) -> Column { Column(title: title, alignment: .left, wraps: true) }
        /// What belongs to the number before it: a factor, a share.
        public static func bound(_ title: String) -> Column { Column(title: title, alignment: .right, isBound: true) }
    }

    public struct Cell: Sendable, ExpressibleByStringInterpolation {
        /// Without control characters.
        public let text: String
        public let emphasis: Emphasis

        public init(_ text: String, _ emphasis: Emphasis = .plain) {
            self.text = text.printable(limit: 200)
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
    /// Where the style has a width, the longest texts are shortened in their middle to fit, or go on in further lines. Where that is
    /// not enough, the columns come in several tables, one below the other, that share the first one.
    public func lines(style: TextStyle, indent: Int = 2) -> [String] {
        let layout = Layout(self, available: style.width.map { $0 - indent })
        let titles = columns.map { Cell($0.title, .faint) }
        let margin = String(repeating: " ", count: indent)
        return layout.blocks.enumerated().flatMap { number, block in
            let hasTitles = !block.allSatisfy { columns[$0].title.isEmpty }
            let lines = ((hasTitles ? [titles] : []) + rows).flatMap { cells in
                let texts = block.map { pieces(of: cells[$0].text, in: columns[$0], width: layout.widths[$0]) }
                return (0..<(texts.map(\.count).max() ?? 0)).map { index in
                    let padded = zip(block, texts).map { column, lines in
                        let text = index < lines.count ? lines[index] : ""
                        let padding = String(repeating: " ", count: layout.widths[column] - text.count)
                        let styled = style.apply(cells[column].emphasis, to: text)
                        return columns[column].alignment == .left ? styled + padding : padding + styled
                    }
                    let line = margin + padded.joined(separator: Self.gap)
                    return String(line.reversed().drop { $0 == " " }.reversed())
                }
            }
            return (number > 0 ? [""] : []) + lines
        }
    }

    /// What a cell has in each of its lines.
    private func pieces(of text: String, in column: Column, width: Int) -> [String] {
        guard column.wraps else { return [text.shortened(to: width)] }
        return text.wrapped(to: width).split(separator: "\n").map { String($0).shortened(to: width) }
    }

    private static let gap = "   "

    /// How wide columns are, and which of them are beside each other.
    private struct Layout {
        var widths: [Int]
        var blocks: [[Int]]
        private let isBound: [Bool]

        private static let shortestText = 12

        init(_ table: Table, available: Int?) {
            isBound = table.columns.map(\.isBound)
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
            var rest = widths.indices.dropFirst()
            while let first = rest.popFirst() {
                var group = [first]
                while let next = rest.first, isBound[next] { group.append(rest.removeFirst()) }
                let last = blocks[blocks.count - 1]
                if last.count > 1, width(of: last + group) > available {
                    blocks.append([0] + group)
                } else {
                    blocks[blocks.count - 1] += group
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
