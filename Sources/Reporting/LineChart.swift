import Foundation

/// Curves over a common axis, drawn as SVG; colours are CSS variables of the page that it is part of: `--ink`, `--grid`, and
/// `--series-1` …
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

    private static let size = (width: 560.0, height: 300.0)
    private static let margin = (left: 64.0, right: 16.0, top: 16.0, bottom: 40.0)

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

    var svg: String {
        let drawn = series.map { Series(name: $0.name, points: $0.points.filter { $0.y.isFinite }) }.filter { !$0.points.isEmpty }
        let horizontal = Axis(drawn.flatMap { $0.points.map(\.x) }, isWhole: true)
        let vertical = Axis(drawn.flatMap { $0.points.map { $0.y * factor } }, isWhole: false)
        let (size, margin) = (Self.size, Self.margin)
        func x(_ value: Double) -> Double { margin.left + horizontal.place(value) * (size.width - margin.left - margin.right) }
        func y(_ value: Double) -> Double { size.height - margin.bottom - vertical.place(value) * (size.height - margin.top - margin.bottom) }
        func number(_ value: Double) -> String { String(format: "%.1f", value) }
        var parts = ["<svg viewBox=\"0 0 \(Int(size.width)) \(Int(size.height))\" role=\"img\" aria-label=\"\(title.escaped)\">"]
        for mark in vertical.marks {
            parts.append(
                "<line class=\"grid\" x1=\"\(number(margin.left))\" x2=\"\(number(size.width - margin.right))\" y1=\"\(number(y(mark)))\" "
                    + "y2=\"\(number(y(mark)))\"/>"
                    + "<text x=\"\(number(margin.left - 8))\" y=\"\(number(y(mark) + 4))\" text-anchor=\"end\">\(String(format: "%g", mark))\(unit)</text>")
        }
        for mark in horizontal.marks where mark >= horizontal.low && mark <= horizontal.high {
            parts.append("<text x=\"\(number(x(mark)))\" y=\"\(number(size.height - 20))\" text-anchor=\"middle\">\(String(format: "%g", mark))</text>")
        }
        parts.append("<text x=\"\(number(size.width - margin.right))\" y=\"\(number(size.height - 4))\" text-anchor=\"end\">epoch</text>")
        for (index, series) in drawn.enumerated() {
            let points = series.points.map { "\(number(x($0.x))),\(number(y($0.y * factor)))" }
            parts.append("<polyline class=\"series-\(index + 1)\" points=\"\(points.joined(separator: " "))\"/>")
            if let last = series.points.last {
                parts.append(
                    "<circle class=\"series-\(index + 1)\" cx=\"\(number(x(last.x)))\" cy=\"\(number(y(last.y * factor)))\" r=\"3\"/>")
            }
        }
        let legend = drawn.enumerated().map { "<span class=\"key-\($0 + 1)\">\($1.name.escaped)</span>" }
        return "<figure><figcaption>\(title.escaped) \(drawn.count > 1 ? legend.joined(separator: " ") : "")</figcaption>\n"
            + parts.joined(separator: "\n") + "\n</svg></figure>"
    }
}

extension String {
    /// For HTML and SVG.
    var escaped: String {
        let entities: [Character: String] = ["&": "&amp;", "<": "&lt;", ">": "&gt;", "\"": "&quot;", "'": "&#39;"]
        return printable().map { entities[$0] ?? String($0) }.joined()
    }
}
