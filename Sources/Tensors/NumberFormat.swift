import Foundation

/// Numbers as people read them: three significant digits and a unit.
public enum NumberFormat {
    /// `190`, `25.6 k`, `23.6 M`, `4.09 G`; below a thousand exactly.
    public static func count(_ value: Int) -> String {
        value.magnitude < 1000 ? "\(value)" : scaled(Double(value), units: ["", "k", "M", "G", "T", "P", "E"])
    }

    /// Decimal units as disks and downloads have them: `317 B`, `94.4 MB`.
    public static func bytes(_ value: Int) -> String {
        value.magnitude < 1000 ? "\(value) B" : scaled(Double(value), units: ["B", "kB", "MB", "GB", "TB", "PB", "EB"])
    }

    /// Every digit, in groups of three: `23,585,290`.
    public static func grouped(_ value: Int) -> String {
        let digits = Array(String(value.magnitude))
        var text = value < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0 && (digits.count - index).isMultiple(of: 3) { text.append(",") }
            text.append(digit)
        }
        return text
    }

    /// `12 ms`, `0.4 s`, `12.3 s`, `2 min 05 s`.
    public static func seconds(_ value: Double) -> String {
        switch value {
        case ..<0.0995: return String(format: "%.0f ms", max(0, value) * 1000)
        case ..<59.95: return String(format: "%.1f s", value)
        default:
            let whole = Int(min(value, 1e9).rounded())
            guard whole >= 3600 else { return String(format: "%d min %02d s", whole / 60, whole % 60) }
            return String(format: "%d h %02d min", whole / 3600, whole % 3600 / 60)
        }
    }

    /// `12.3 µs`, `18.2 ms`, `1.20 s`.
    public static func duration(_ seconds: Double) -> String {
        switch seconds {
        case ..<0.000_999_5: significant(seconds * 1e6) + " µs"
        case ..<0.999_5: significant(seconds * 1e3) + " ms"
        default: significant(seconds) + " s"
        }
    }

    /// A factor of after to before, in three significant digits: `0.0575`, `0.575`, `1.00`, `12.3`.
    public static func ratio(_ value: Double) -> String {
        guard value.isFinite else { return "–" }
        switch abs(value) {
        case 0: return "0"
        // C's `#` keeps trailing zeros.
        case ..<0.09995: return String(format: "%#.3g", value)
        case ..<0.9995: return String(format: "%.3f", value)
        default: return significant(value)
        }
    }

    /// `42.1 dB`; `∞` when there is no noise at all.
    public static func decibels(_ value: Double) -> String {
        if value.isNaN { return "–" }
        return value.isInfinite ? (value > 0 ? "∞" : "-∞") : String(format: "%.1f dB", value)
    }

    /// Two significant digits with an exponent, as errors are written: `3.1e-06`, `2.0e-06`; `0` for zero.
    public static func error(_ value: Double) -> String {
        value == 0 ? "0" : number(value, "%.1e")
    }

    /// At most two significant digits with an exponent, as tolerances are written: `1e-04`, `2.5e-03`; `0` for zero.
    public static func tolerance(_ value: Double) -> String {
        error(value).replacingOccurrences(of: ".0e", with: "e")
    }

    /// An element of a tensor in four significant digits: `0.1013`, `-1.5e+09`, `NaN`, `-∞`.
    public static func element(_ value: Double) -> String { number(value, "%.4g") }

    /// C's format, but for what is not a finite number: NaN has no sign.
    private static func number(_ value: Double, _ format: String) -> String {
        if value.isNaN { return "NaN" }
        return value.isInfinite ? (value > 0 ? "∞" : "-∞") : String(format: format, value)
    }

    /// An error beside what it is held against, with as many digits as it takes to tell them apart: `1.02e-04` and `1e-04`.
    public static func errors(_ value: Double, _ limit: Double) -> (value: String, limit: String) {
        let short = (value: error(value), limit: tolerance(limit))
        guard value != limit, short.value == error(limit), value.isFinite, limit.isFinite else { return short }
        for digits in 2...16 {
            let text = String(format: "%.\(digits)e", value)
            if text != String(format: "%.\(digits)e", limit) { return (text, short.limit) }
        }
        return short
    }

    /// `99.6 %`; 100 % only when nothing is missing.
    public static func percent(_ share: Double) -> String {
        guard share.isFinite else { return "–" }
        if share == 1 { return "100 %" }
        return String(format: "%.1f %%", share < 1 ? min(share * 100, 99.9) : share * 100)
    }

    /// `83.57 %`, as accuracies are told: a hundredth is one image of ten thousand; 100 % only when nothing is missing.
    public static func accuracy(_ share: Double) -> String {
        guard share.isFinite else { return "–" }
        return share == 1 ? "100 %" : String(format: "%.2f %%", min(share * 100, 99.99))
    }

    /// `0.999874`; 1.000000 only when it is 1, up to the rounding of its computation.
    public static func cosine(_ value: Double) -> String {
        if value.isNaN { return "–" }
        return String(format: "%.6f", value < 1 - 1e-12 ? min(value, 0.999999) : value)
    }

    /// Two elements as float32 has them, with seven significant digits, `0.1013393`, or as many more as it takes to tell them apart.
    public static func elements(_ value: Double, _ other: Double) -> (String, String) {
        var texts = (number(value, "%.17g"), number(other, "%.17g"))
        for digits in [9, 7] {
            let shorter = (number(value, "%.\(digits)g"), number(other, "%.\(digits)g"))
            if shorter.0 == shorter.1 && value != other { break }
            texts = shorter
        }
        return texts
    }

    /// `1 sample`, `8 samples`.
    public static func quantity(_ count: Int, _ singular: String, plural: String? = nil) -> String {
        "\(grouped(count)) \(count == 1 ? singular : plural ?? singular + "s")"
    }

    /// Three significant digits without an exponent.
    public static func significant(_ value: Double) -> String {
        switch abs(value) {
        case ..<9.995: String(format: "%.2f", value)
        case ..<99.95: String(format: "%.1f", value)
        default: String(format: "%.0f", value)
        }
    }

    private static func scaled(_ value: Double, units: [String]) -> String {
        var value = value
        var unit = 0
        while abs(value) >= 999.5 && unit + 1 < units.count {
            value /= 1000
            unit += 1
        }
        return "\(significant(value)) \(units[unit])"
    }
}
