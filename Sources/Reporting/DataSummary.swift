import Datasets
import Foundation
import Tensors

/// What is in a data set: splits, sizes, mean and deviation, and how many images each class has.
public struct DataSummary: Sendable {
    public var specification: String
    public var classes: [String]
    public var splits: [DatasetStatistics]
    /// The file that the contact sheet was written to, if any.
    public var contactSheet: String?
    /// Names of the images that cannot be read, split by split, each with what is wrong.
    public var unreadable: [(name: String, problem: String)]

    public init(_ dataset: Dataset, splits: [DatasetStatistics], contactSheet: String?) {
        specification = dataset.specification.description
        classes = dataset.classes
        self.splits = splits
        self.contactSheet = contactSheet
        unreadable = splits.flatMap { split in
            split.unreadable.map { ($0.error.location.file ?? "image \($0.index) of \(split.split)", $0.error.problem) }
        }
    }

    /// Whether every image can be read.
    public var isReadable: Bool { unreadable.isEmpty }
}

extension DataSummary: Report {
    private static let classLimit = 40
    private static let unreadableLimit = 10

    public func text(style: TextStyle) -> String {
        var table = Table([
            .left("split"), .right("images"), .right("channels"), .right("height"), .right("width"), .left("mean"), .left("deviation"),
        ])
        for split in splits {
            table.addRow([
                .init(split.split), .init(NumberFormat.grouped(split.count)),
                .init(split.channels.map { "\($0.channels)" }.joined(separator: ", ")), .init(Self.text(split.height)),
                .init(Self.text(split.width)), .init(Self.text(split.mean)), .init(Self.text(split.deviation)),
            ])
        }
        let images = splits.reduce(0) { $0 + $1.count }
        var lines = [
            "\(specification.printable()) · \(NumberFormat.quantity(classes.count, "class", plural: "classes")) · "
                + NumberFormat.quantity(images, "image"), "",
        ]
        lines += table.lines(style: style)
        lines += [""] + classTable.lines(style: style)
        if classes.count > Self.classLimit {
            lines.append("  … and \(classes.count - Self.classLimit) more classes (--json has them all)")
        }
        if !isReadable { lines += [""] + unreadableLines(style) }
        if let contactSheet { lines += ["", "\(contactSheet.printable()) written"] }
        return lines.joined(separator: "\n")
    }

    private var classTable: Table {
        var table = Table([.right("label"), .left("class")] + splits.map { .right($0.split) } + splits.map { .right("of \($0.split)") })
        for (label, name) in classes.enumerated().prefix(Self.classLimit) {
            let counts = splits.map { $0.classCounts[label] }
            table.addRow(
                [.init("\(label)"), .init(name)]
                    + counts.map { Table.Cell(NumberFormat.grouped($0), $0 == 0 ? .warning : .plain) }
                    + zip(counts, splits).map { .init(NumberFormat.percent(Double($0) / Double($1.count))) })
        }
        return table
    }

    private func unreadableLines(_ style: TextStyle) -> [String] {
        let count = NumberFormat.quantity(unreadable.count, "image")
        var lines = ["\(style.apply(.bad, to: "UNREADABLE")): \(count)"]
        lines += unreadable.prefix(Self.unreadableLimit).map { "  \($0.name.printable()): \($0.problem.printable())" }
        if unreadable.count > Self.unreadableLimit {
            lines.append("  … and \(unreadable.count - Self.unreadableLimit) more (--json names them all)")
        }
        return lines
    }

    private static func text(_ range: DatasetStatistics.SizeRange?) -> String {
        guard let range else { return "–" }
        return range.smallest == range.largest ? "\(range.smallest)" : "\(range.smallest)–\(range.largest)"
    }

    private static func text(_ numbers: [Double]) -> String {
        numbers.isEmpty ? "–" : numbers.map { String(format: "%.4g", $0) }.joined(separator: ", ")
    }

    public var json: JSONValue {
        [
            "data": .string(specification), "classes": .strings(classes), "written": .optional(contactSheet),
            "splits": .array(
                splits.map { split in
                    [
                        "split": .string(split.split), "images": .integer(split.count),
                        "channels": .array(split.channels.map { ["channels": .integer($0.channels), "images": .integer($0.count)] }),
                        "height": Self.json(split.height), "width": Self.json(split.width),
                        "mean": .array(split.mean.map { .number($0) }), "deviation": .array(split.deviation.map { .number($0) }),
                        "images_per_class": .integers(split.classCounts),
                    ]
                }),
            "unreadable": .array(unreadable.map { ["file": .string($0.name), "problem": .string($0.problem)] }),
        ]
    }

    private static func json(_ range: DatasetStatistics.SizeRange?) -> JSONValue {
        guard let range else { return .null }
        return ["smallest": .integer(range.smallest), "largest": .integer(range.largest)]
    }
}
