import Foundation

/// Curves over a common axis, drawn as SVG; colours are those of `PageStyle`.
struct LineChart {
    struct Series {
        var name: String
        /// In ascending order of x; points that are not numbers are left out.
        var points: [(x: Double, y: Double)]
    }

    var title: String
    var series: [Series]
    /// What the numbers of the upright axis are multiplied by: 100 for percent.
    var factor = 1.0
    var unit = ""
    /// What the level axis counts.
    var axis = "epoch"

    static let size = (width: 420.0, height: 280.0)
    static let margin = (left: 58.0, right: 14.0, top: 12.0, bottom: 40.0)

    /// An axis from `low` to `high` with marks at round numbers.
    struct Axis {
        let low: Double
        let high: Double
        let marks: [Double]

        /// - Parameter isWhole: whether only whole numbers are marked.
        init(_ values: [Double], isWhole: Bool) {
            let smallest = values.min() ?? 0, largest = values.max() ?? 1
            let spread = largest > smallest ? largest - smallest : max(abs(largest), 1) * 0.1
            var step = pow(10, floor(log10(spread / 4)))
            for factor in [2.0, 2.5, 2] where spread / step > 6 { step *= factor }
            if isWhole { step = max(1, step.rounded()) }
            let first = (smallest / step).rounded(.down), last = (largest / step).rounded(.up)
            marks = stride(from: first, through: max(last, first + 1), by: 1).map { $0 * step }
            low = isWhole ? smallest : marks[0]
            high = isWhole ? max(largest, smallest + 1) : marks[marks.count - 1]
        }

        func place(_ value: Double) -> Double { (value - low) / (high - low) }
    }

    /// The series that have points to draw.
    private var drawn: [Series] {
        series.map { Series(name: $0.name, points: $0.points.filter { $0.y.isFinite }) }.filter { !$0.points.isEmpty }
    }

    /// The names of what is drawn, in the order of the colours.
    var names: [String] { drawn.map(\.name) }

    /// The drawing alone, an `svg` element.
    var drawing: String {
        let drawn = drawn
        let horizontal = Axis(drawn.flatMap { $0.points.map(\.x) }, isWhole: true)
        let vertical = Axis(drawn.flatMap { $0.points.map { $0.y * factor } }, isWhole: false)
        let (size, margin) = (Self.size, Self.margin)
        func x(_ value: Double) -> Double { margin.left + horizontal.place(value) * (size.width - margin.left - margin.right) }
        func y(_ value: Double) -> Double {
            size.height - margin.bottom - vertical.place(value) * (size.height - margin.top - margin.bottom)
        }
        func number(_ value: Double) -> String { String(format: "%.1f", value) }
        func label(_ text: String, x: Double, y: Double, anchor: String) -> String {
            "<text x=\"\(number(x))\" y=\"\(number(y))\" text-anchor=\"\(anchor)\">\(text)</text>"
        }
        var parts = ["<svg viewBox=\"0 0 \(Int(size.width)) \(Int(size.height))\" role=\"img\" aria-label=\"\(title.escaped)\">"]
        for mark in vertical.marks {
            let height = number(y(mark))
            parts.append(
                "<line class=\"grid\" x1=\"\(number(margin.left))\" x2=\"\(number(size.width - margin.right))\" "
                    + "y1=\"\(height)\" y2=\"\(height)\"/>"
                    + label(String(format: "%g", mark) + unit, x: margin.left - 8, y: y(mark) + 4, anchor: "end"))
        }
        for mark in horizontal.marks where mark >= horizontal.low && mark <= horizontal.high {
            parts.append(label(String(format: "%g", mark), x: x(mark), y: size.height - 20, anchor: "middle"))
        }
        parts.append(label(axis, x: size.width - margin.right, y: size.height - 4, anchor: "end"))
        for (index, series) in drawn.enumerated() {
            let points = series.points.map { "\(number(x($0.x))),\(number(y($0.y * factor)))" }
            let style = "series-\(Self.colour(index))"
            parts.append("<polyline class=\"\(style)\" points=\"\(points.joined(separator: " "))\"/>")
            if let last = series.points.last {
                parts.append(
                    "<circle class=\"mark \(style)\" cx=\"\(number(x(last.x)))\" cy=\"\(number(y(last.y * factor)))\" r=\"3\"/>")
            }
        }
        return parts.joined(separator: "\n") + "\n</svg>"
    }

    /// The drawing with its title and, where there are several series, their names.
    var figure: String {
        let names = names
        let legend = names.count > 1 ? names.enumerated().map { Self.key($1, index: $0) }.joined(separator: " ") : ""
        return "<figure><figcaption><b>\(title.escaped)</b> \(legend)</figcaption>\n\(drawing)</figure>"
    }

    /// The number of the colour of a series.
    static func colour(_ index: Int) -> Int { index % PageStyle.seriesCount + 1 }

    /// An entry of a legend: a piece of the line, and its name.
    private static func key(_ name: String, index: Int) -> String {
        "<span class=\"key key-\(colour(index))\"><svg viewBox=\"0 0 28 10\" aria-hidden=\"true\">"
            + "<polyline class=\"series-\(colour(index))\" points=\"0,5 28,5\"/></svg>\(name.escaped)</span>"
    }
}

extension String {
    /// For HTML and SVG.
    var escaped: String {
        let entities: [Character: String] = ["&": "&amp;", "<": "&lt;", ">": "&gt;", "\"": "&quot;", "'": "&#39;"]
        return printable().map { entities[$0] ?? String($0) }.joined()
    }
}
