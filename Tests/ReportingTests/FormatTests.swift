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

    @Test(arguments: [(0.5749, "0.575"), (0.9999, "1.00"), (1.0, "1.00"), (12.345, "12.3"), (Double.nan, "–")])
    func ratios(value: Double, text: String) { #expect(NumberFormat.ratio(value) == text) }

    @Test func sharesAreNeverRoundedUpToAll() {
        #expect(NumberFormat.percent(1) == "100 %")
        #expect(NumberFormat.percent(0.9999) == "99.9 %")
        #expect(NumberFormat.percent(0) == "0.0 %")
    }

    @Test(arguments: [
        ("into Conv 'a/b' before it", "into Conv before it"), ("equals 'x'", "equals"), ("'x' and 'y'", "'x' and"),
        ("its operand's 'names' 'too'", "its operand's"), ("open 'end", "open"), ("3×3 → 3×1", "3×3 → 3×1"), ("", ""),
    ])
    func namesAreLeftOut(detail: String, words: String) { #expect(RewriteSummary.withoutNames(detail) == words) }

    @Test func errors() {
        #expect(NumberFormat.error(3.14e-6) == "3.1e-06")
        #expect(NumberFormat.error(1e-4) == "1e-04")
        #expect(NumberFormat.error(0) == "0")
        #expect(NumberFormat.error(.infinity) == "∞")
        #expect(NumberFormat.decibels(12.44) == "12.4 dB")
        #expect(NumberFormat.decibels(.infinity) == "∞")
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
