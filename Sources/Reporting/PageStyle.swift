/// The style sheet that all pages share: no fonts, pictures or scripts from elsewhere, in the light and the dark of the reader's
/// system, down to the width of a phone, and on paper.
enum PageStyle {
    /// Colours that differ for readers with any kind of colour vision (Okabe and Ito, "Color Universal Design", 2008), darkened for
    /// white paper and lightened for the dark. Series are also told apart by their dashes, markers and names.
    static let seriesCount = 8

    private static let light = ["#0a62a9", "#b4480f", "#00795a", "#9c3f80", "#7a6400", "#2b8ab8", "#5b5fc7", "#6a6f75"]
    private static let dark = ["#6db3f2", "#f29a5c", "#4cc9a3", "#e39ac8", "#d9c04a", "#8fd3f5", "#a9abf5", "#b0b6bd"]
    private static let dashes = ["none", "6 3", "2 3", "10 3 2 3", "none", "6 3", "2 3", "10 3 2 3"]

    private static func variables(_ colours: [String]) -> String {
        colours.enumerated().map { "--series-\($0 + 1): \($1);" }.joined(separator: " ")
    }

    private static var series: String {
        dashes.enumerated().map { index, dash in
            let number = index + 1
            return "polyline.series-\(number) { stroke: var(--series-\(number)); stroke-dasharray: \(dash); } "
                + ".mark.series-\(number) { fill: var(--series-\(number)); } .key-\(number) { color: var(--series-\(number)); }"
        }.joined(separator: "\n")
    }

    static var text: String {
        """
        :root { color-scheme: light dark; --paper: #ffffff; --ink: #1d2228; --faint: #5c6570; --grid: #dfe3e8; \(variables(light)) }
        @media (prefers-color-scheme: dark) { :root { --paper: #14181d; --ink: #e4e8ec; --faint: #a3adb8; --grid: #313943;
          \(variables(dark)) } }
        @media print { :root { color-scheme: light; --paper: #ffffff; --ink: #000000; --faint: #444444; --grid: #cccccc;
          \(variables(light)) } body { margin: 0; font-size: 10pt; } figure, tr { break-inside: avoid; } h2 { break-after: avoid; } }
        * { box-sizing: border-box; }
        body { margin: 2rem auto; max-width: 75rem; padding: 0 1rem; background: var(--paper); color: var(--ink);
          font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
        h1 { font-size: 1.5rem; line-height: 1.25; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 0.5rem; }
        p, figcaption, th { color: var(--faint); } p { margin: 0.25rem 0 1rem; }
        .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); gap: 1.5rem 1rem; }
        figure { margin: 0; min-width: 0; } figcaption { margin-left: 0.5rem; }
        figcaption b { color: var(--ink); font-weight: 600; }
        svg { display: block; width: 100%; height: auto; } svg text { fill: var(--faint); font-size: 13px; }
        svg text.label { fill: var(--ink); } .grid { stroke: var(--grid); }
        polyline { fill: none; stroke-width: 2; stroke-linejoin: round; }
        \(series)
        .key { display: inline-block; margin-right: 0.75rem; }
        .key svg { display: inline-block; width: 28px; height: 10px; vertical-align: middle; margin-right: 0.25rem; }
        .scroll { overflow-x: auto; } .scroll td, .scroll th { overflow-wrap: normal; white-space: nowrap; }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
        th, td { text-align: right; padding: 0.15rem 0.75rem; border-bottom: 1px solid var(--grid); font-weight: normal; }
        th:first-child, td:first-child { padding-left: 0; } .words td, .words th, .name { text-align: left !important; }
        .words { max-width: 100%; } .words td, .words th { vertical-align: top; white-space: normal; }
        .best td, td.name { font-weight: 600; } .note { font-size: 0.9rem; }
        """
    }

    /// A drawing as a file of its own, with the names of its series below.
    /// - Parameters:
    ///   - drawing: of the size of `LineChart`.
    ///   - names: in the order of the colours; none for a drawing that says them itself.
    static func file(_ drawing: String, names: [String]) -> String {
        let size = LineChart.size
        let perLine = 3, lineHeight = 20.0
        let height = size.height + Double((names.count + perLine - 1) / perLine) * lineHeight
        let legend = names.enumerated().map { index, name in
            let x = 10 + Double(index % perLine) * (size.width - 10) / Double(perLine)
            let y = size.height + Double(index / perLine) * lineHeight + 8
            return "<polyline class=\"series-\(LineChart.colour(index))\" points=\"\(x),\(y) \(x + 24),\(y)\"/>"
                + "<text class=\"label\" x=\"\(x + 30)\" y=\"\(y + 4)\">\(name.escaped)</text>"
        }.joined(separator: "\n")
        let style = """
            <style>
            svg { font-family: system-ui, sans-serif; background: var(--paper); }
            \(text)
            </style>
            """
        let opening = "<svg viewBox=\"0 0 \(Int(size.width)) \(Int(size.height))\""
        let head = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(Int(size.width))\" height=\"\(Int(height))\" "
            + "viewBox=\"0 0 \(Int(size.width)) \(Int(height))\""
        let body = drawing.replacing(opening, with: head).replacing("\n</svg>", with: "\n\(legend)\n</svg>")
        guard let end = body.firstIndex(of: ">") else { return body }
        return body[...end] + "\n" + style + body[body.index(after: end)...] + "\n"
    }

    /// A page of its own, which the browser is told to load nothing for.
    /// - Parameters:
    ///   - title: plain text.
    ///   - body: HTML.
    ///   - style: of this page alone.
    static func page(title: String, style: String = "", body: String) -> String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <link rel="icon" href="data:,">
        <title>\(title.escaped)</title>
        <style>
        \(text)
        \(style)
        </style>
        </head>
        <body>
        \(body)
        </body>
        </html>

        """
    }
}
