import Foundation

/// Points over two axes, each with its name beside it, drawn as SVG; colours are those of `PageStyle`.
struct ScatterPlot {
    struct Point {
        var name: String
        var x: Double
        var y: Double
        /// Of the colour.
        var series: Int
        /// Of the marker: 0 is a circle, 1 a square, 2 a triangle, and further ones a rhombus.
        var marker: Int
    }

    var title: String
    /// In the unit of the axis.
    var points: [Point]
    var horizontalTitle: String
    var verticalUnit: String

    private static let size = LineChart.size
    private static let margin = LineChart.margin
    private static let lineHeight = 14.0
    /// What a letter is wide, about.
    private static let letterWidth = 7.0

    /// The drawing with its title.
    var figure: String { "<figure><figcaption><b>\(title.escaped)</b></figcaption>\n\(drawing)</figure>" }

    /// The drawing alone, an `svg` element.
    var drawing: String {
        let drawn = points.filter { $0.x.isFinite && $0.y.isFinite }
        let (size, margin) = (Self.size, Self.margin)
        let horizontal = LineChart.Axis([0] + drawn.map(\.x), isWhole: false)
        let vertical = LineChart.Axis(drawn.map(\.y), isWhole: false)
        func x(_ value: Double) -> Double { margin.left + horizontal.place(value) * (size.width - margin.left - margin.right) }
        func y(_ value: Double) -> Double {
            size.height - margin.bottom - vertical.place(value) * (size.height - margin.top - margin.bottom)
        }
        var parts = ["<svg viewBox=\"0 0 \(Int(size.width)) \(Int(size.height))\" role=\"img\" aria-label=\"\(title.escaped)\">"]
        for mark in vertical.marks {
            let height = Self.number(y(mark))
            parts.append(
                "<line class=\"grid\" x1=\"\(Self.number(margin.left))\" x2=\"\(Self.number(size.width - margin.right))\" "
                    + "y1=\"\(height)\" y2=\"\(height)\"/>")
            parts.append(Self.text(String(format: "%g", mark) + verticalUnit, x: margin.left - 8, y: y(mark) + 4, anchor: "end"))
        }
        for mark in horizontal.marks {
            parts.append(Self.text(String(format: "%g", mark), x: x(mark), y: size.height - 22, anchor: "middle"))
        }
        parts.append(Self.text(horizontalTitle, x: size.width - margin.right, y: size.height - 5, anchor: "end"))
        let places = drawn.map { (x: x($0.x), y: y($0.y)) }
        for (point, place) in zip(drawn, places) { parts.append(Self.marker(point, place.x, place.y)) }
        for (point, label) in zip(drawn, Self.labels(drawn.map(\.name), beside: places)) {
            parts.append(Self.text(point.name, x: label.x, y: label.y, anchor: label.anchor, style: "label"))
        }
        return parts.joined(separator: "\n") + "\n</svg>"
    }

    private static func number(_ value: Double) -> String { String(format: "%.1f", value) }

    private static func text(_ text: String, x: Double, y: Double, anchor: String, style: String? = nil) -> String {
        let style = style.map { " class=\"\($0)\"" } ?? ""
        return "<text x=\"\(number(x))\" y=\"\(number(y))\" text-anchor=\"\(anchor)\"\(style)>\(text.escaped)</text>"
    }

    private static func marker(_ point: Point, _ x: Double, _ y: Double) -> String {
        let style = "class=\"mark series-\(LineChart.colour(point.series))\""
        let corners: [(Double, Double)]
        switch point.marker {
        case 0: return "<circle \(style) cx=\"\(number(x))\" cy=\"\(number(y))\" r=\"5\"/>"
        case 1: corners = [(-4.5, -4.5), (4.5, -4.5), (4.5, 4.5), (-4.5, 4.5)]
        case 2: corners = [(0, -6), (5.5, 4.5), (-5.5, 4.5)]
        default: corners = [(0, -6), (6, 0), (0, 6), (-6, 0)]
        }
        return "<polygon \(style) points=\"\(corners.map { "\(number(x + $0.0)),\(number(y + $0.1))" }.joined(separator: " "))\"/>"
    }

    /// Where names stand: to the right of their points or, where there is no room, to the left; those that would cover another one
    /// are moved up or down, as little as it takes.
    static func labels(_ names: [String], beside points: [(x: Double, y: Double)]) -> [(x: Double, y: Double, anchor: String)] {
        var boxes: [(low: Double, high: Double, baseline: Double)] = []
        var labels = [(x: Double, y: Double, anchor: String)](repeating: (0, 0, "start"), count: names.count)
        for index in names.indices.sorted(by: { (points[$0].y, $0) < (points[$1].y, $1) }) {
            let width = Double(names[index].count) * letterWidth
            let fits = points[index].x + 9 + width <= size.width
            let start = fits ? points[index].x + 9 : max(0, points[index].x - 9 - width)
            func isFree(_ baseline: Double) -> Bool {
                baseline >= lineHeight && baseline <= size.height - margin.bottom - 2
                    && !boxes.contains { $0.low < start + width && start < $0.high && abs($0.baseline - baseline) < lineHeight }
            }
            let wanted = points[index].y + 4
            let shifts = (0...40).flatMap { step in [Double(step) * 3, -Double(step) * 3] }
            let baseline = shifts.map { wanted + $0 }.first(where: isFree) ?? wanted
            boxes.append((start, start + width, baseline))
            labels[index] = (fits ? start : start + width, baseline, fits ? "start" : "end")
        }
        return labels
    }
}
