import Tensors
import Testing

@testable import Reporting

struct NumberFormatTests {
    @Test(arguments: [
        (0, "0"), (999, "999"), (1000, "1.00 k"), (23_585_290, "23.6 M"), (999_949, "1.00 M"), (999_499, "999 k"), (-1500, "-1.50 k"),
        (Int.max, "9.22 E"), (Int.min, "-9.22 E"),
    ])
    func counts(value: Int, text: String) { #expect(NumberFormat.count(value) == text) }

    @Test(arguments: [(317, "317 B"), (94_400_000, "94.4 MB"), (1_000, "1.00 kB"), (2_147_483_648, "2.15 GB")])
    func bytes(value: Int, text: String) { #expect(NumberFormat.bytes(value) == text) }

    @Test(arguments: [(0, "0"), (999, "999"), (1000, "1,000"), (23_585_290, "23,585,290"), (-100_000, "-100,000")])
    func groups(value: Int, text: String) { #expect(NumberFormat.grouped(value) == text) }

    @Test(arguments: [
        (0.0004, "0 ms"), (0.012, "12 ms"), (0.0999, "0.1 s"), (0.42, "0.4 s"), (59.94, "59.9 s"), (59.96, "1 min 00 s"),
        (125, "2 min 05 s"), (7260, "2 h 01 min"),
    ])
    func durations(value: Double, text: String) { #expect(NumberFormat.seconds(value) == text) }

    @Test(arguments: [
        (0.5749, "0.575"), (0.022449, "0.0224"), (0.06, "0.0600"), (0.09996, "0.100"), (0, "0"), (0.9999, "1.00"),
        (1.0, "1.00"), (12.345, "12.3"), (Double.nan, "–"),
    ])
    func ratios(value: Double, text: String) { #expect(NumberFormat.ratio(value) == text) }

    @Test func sharesAreNeverRoundedUpToAll() {
        #expect(NumberFormat.percent(1) == "100 %")
        #expect(NumberFormat.percent(0.9999) == "99.9 %")
        #expect(NumberFormat.percent(0) == "0.0 %")
    }

    @Test func errors() {
        #expect(NumberFormat.error(3.14e-6) == "3.1e-06")
        #expect(NumberFormat.error(1e-4) == "1.0e-04")
        #expect(NumberFormat.tolerance(1e-4) == "1e-04")
        #expect(NumberFormat.tolerance(2.5e-3) == "2.5e-03")
        #expect(NumberFormat.error(0) == "0")
        #expect(NumberFormat.error(.infinity) == "∞")
        #expect(NumberFormat.decibels(12.44) == "12.4 dB")
        #expect(NumberFormat.decibels(.infinity) == "∞")
        #expect(NumberFormat.decibels(-.infinity) == "-∞")
        #expect(NumberFormat.element(-.nan) == "NaN")
        #expect(NumberFormat.element(-.infinity) == "-∞")
        #expect(NumberFormat.quantity(1, "sample") == "1 sample")
        #expect(NumberFormat.quantity(1000, "sample") == "1,000 samples")
    }
}

struct TableTests {
    private var table: Table {
        var table = Table([.left("layer"), .right("count"), .left("why")])
        table.addRow(["conv", "7", "× kernel"])
        table.addRow([.init("long name", .strong), "1,234", ""])
        return table
    }

    @Test func columnsLineUp() {
        #expect(
            table.lines(style: .plain) == [
                "  layer       count   why",
                "  conv            7   × kernel",
                "  long name   1,234",
            ])
    }

    @Test func colourDoesNotMoveColumns() {
        let coloured = table.lines(style: TextStyle(usesColour: true))
        #expect(coloured[2] == "  \u{1B}[1mlong name\u{1B}[0m   1,234")
        let stripped = coloured.map { $0.replacing(/\u{1B}\[\d+m/, with: "") }
        #expect(stripped == table.lines(style: .plain))
    }

    @Test func namesCannotCommandTheTerminal() {
        var table = Table([.left("")])
        table.addRow([.init("a\u{1B}[2Jb\nc")])
        #expect(table.lines(style: .plain) == ["  a\\u{1B}[2Jb\\nc"])
    }

    @Test func colourNeedsATerminalAndConsent() {
        #expect(!TextStyle(descriptor: -1, environment: [:]).usesColour)
    }
}

struct JSONTests {
    @Test func membersKeepTheirOrder() {
        let value: JSONValue = ["b": 1, "a": [1, 2], "list": ["x", ["k": nil as JSONValue? ?? .null]], "empty": [:]]
        #expect(
            value.text == """
                {
                  "b": 1,
                  "a": [1, 2],
                  "list": [
                    "x",
                    {
                      "k": null
                    }
                  ],
                  "empty": {}
                }
                """)
    }

    @Test func textIsEscaped() {
        #expect(JSONValue.string("a\"\\\n\t\u{1}é").text == #""a\"\\\n\t\u0001é""#)
    }

    @Test func numbersThatJSONDoesNotHaveAreStrings() {
        let numbers = JSONValue.array([.number(.infinity), .number(-.infinity), .number(.nan), .number(1e-5)])
        #expect(numbers.text == #"["inf", "-inf", "nan", 1e-05]"#)
    }
}

struct TerminalWidthTests {
    private func table(_ rows: [[String]]) -> Table {
        var table = Table([.left("layer"), .left("why"), .right("before"), .right("after")])
        for row in rows { table.addRow(row.map { Table.Cell($0) }) }
        return table
    }

    private let rows = [["stage2/block10/conv3", "not inside a residual block (--scope all would take it)", "12,345,678", "1"]]

    @Test func theLongestTextIsShortenedInItsMiddle() {
        let lines = table(rows).lines(style: TextStyle(usesColour: false, width: 70))
        #expect(lines.allSatisfy { $0.count <= 70 })
        #expect(lines[1] == "  stage2/block10/conv3   not inside a…ld take it)   12,345,678       1")
        #expect(table(rows).lines(style: .plain)[1].contains(rows[0][1]))
    }

    @Test(arguments: 30...100)
    func noLineIsWiderThanTheTerminal(width: Int) {
        let lines = table(rows + [["a", "b", "c", "d"]]).lines(style: TextStyle(usesColour: true, width: width))
        for line in lines { #expect(line.replacing(/\u{1B}\[\d+m/, with: "").count <= width, "\(line)") }
    }

    @Test func sentencesGoOnInFurtherLines() {
        var table = Table([.left(""), .right(""), .words("")])
        table.addRow(["rewritten", "12", "convolutions of the residual blocks, all of them"])
        table.addRow(["", "3", "more"])
        #expect(
            table.lines(style: TextStyle(usesColour: false, width: 40)) == [
                "  rewritten   12   convolutions of the", "                   residual blocks, all",
                "                   of them", "               3   more",
            ])
    }

    @Test func factorsStayWithTheirNumbers() {
        var table = Table([.left("name"), .right("parameters"), .bound("factor"), .right("multiplications"), .bound("factor")])
        table.addRow(["x", "1", "2", "3", "4"])
        #expect(
            table.lines(style: TextStyle(usesColour: false, width: 48)) == [
                "  name   parameters   factor", "  x               1        2", "", "  name   multiplications   factor",
                "  x                    3        4",
            ])
    }

    @Test func linesWrapAtSpaces() {
        #expect("a bc def".wrapped(to: 4) == "a bc\ndef")
        #expect("  \u{1B}[31mone\u{1B}[0m two three\nx".wrapped(to: 9) == "  \u{1B}[31mone\u{1B}[0m two\n  three\nx")
        #expect("overlong".wrapped(to: 4) == "overlong")
        #expect("a bc def".wrapped(to: nil) == "a bc def")
    }

    @Test func columnsThatDoNotFitComeBelow() {
        var table = Table([.left("name")] + (1...6).map { .right("column \($0)") })
        table.addRow(["x"] + (1...6).map { Table.Cell("\($0)") })
        #expect(
            table.lines(style: TextStyle(usesColour: false, width: 40)) == [
                "  name   column 1   column 2   column 3", "  x             1          2          3", "",
                "  name   column 4   column 5   column 6", "  x             4          5          6",
            ])
    }
}

struct DistinctNumberTests {
    @Test func errorsTellApartFromTheirTolerance() {
        #expect(NumberFormat.errors(1.02e-4, 1e-4) == ("1.02e-04", "1e-04"))
        #expect(NumberFormat.errors(1.00004e-4, 1e-4) == ("1.00004e-04", "1e-04"))
        #expect(NumberFormat.errors(3e-6, 1e-4) == ("3.0e-06", "1e-04"))
        #expect(NumberFormat.errors(1e-4, 1e-4) == ("1.0e-04", "1e-04"))
        #expect(NumberFormat.errors(.infinity, 1e-4) == ("∞", "1e-04"))
    }

    @Test func elementsTellApart() {
        #expect(NumberFormat.elements(0.5, 0.25) == ("0.5", "0.25"))
        #expect(NumberFormat.elements(0.57191790, 0.57191784) == ("0.5719179", "0.5719178"))
        #expect(NumberFormat.elements(0.571917912, 0.571917871) == ("0.571917912", "0.571917871"))
        #expect(NumberFormat.elements(1, 1) == ("1", "1"))
        #expect(NumberFormat.elements(.nan, 1) == ("NaN", "1"))
    }

    @Test func aCosineIsRoundedToOneOnlyWhenItIs() {
        #expect(NumberFormat.cosine(1) == "1.000000")
        #expect(NumberFormat.cosine(0.99999999) == "0.999999")
        #expect(NumberFormat.cosine(-0.5) == "-0.500000")
    }
}
