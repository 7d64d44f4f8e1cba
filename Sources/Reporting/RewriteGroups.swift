import Passes

/// What passes do to a node, in the words of the report.
///
/// Several passes may do the same to a reader, and one may do several things: the names of passes stay in the JSON and in the table
/// of `--layers`.
struct RewriteMeaning {
    /// Names of passes.
    let passes: [String]
    /// What happened to one node, and to several.
    let one: String
    let several: String
    /// What a node is that such a pass leaves alone.
    let subject: String

    /// In the order of the report: what changes weights first.
    static let all = [
        RewriteMeaning(
            passes: ["quantize"], one: "operator made an integer one", several: "operators made integer ones", subject: "in float"),
        RewriteMeaning(
            passes: ["to-integer-operators"], one: "operator written as QOperator", several: "operators written as QOperators",
            subject: "not a QOperator"),
        RewriteMeaning(
            passes: ["equalize-layers"], one: "layer equalized with the one after it", several: "layers equalized with those after them",
            subject: "not equalized"),
        RewriteMeaning(
            passes: ["batch-norm-to-convolution"], one: "batch norm made a depthwise 1×1 convolution",
            several: "batch norms made depthwise 1×1 convolutions", subject: "batch norm"),
        RewriteMeaning(
            passes: ["raise-opset"], one: "operator written as opset 13 has it", several: "operators written as opset 13 has them",
            subject: "operator"),
        RewriteMeaning(passes: ["sum-to-add"], one: "sum of two made an addition", several: "sums of two made additions", subject: "sum"),
        RewriteMeaning(
            passes: ["mean-to-global-pool"], one: "mean over pixels made a pool", several: "means over pixels made pools", subject: "mean"),
        RewriteMeaning(
            passes: ["materialize-fills"], one: "weight written out", several: "weights written out", subject: "weight"),
        RewriteMeaning(
            passes: ["fold-batch-norm"], one: "batch norm folded into the layer before it",
            several: "batch norms folded into the layer before them", subject: "batch norm"),
        RewriteMeaning(
            passes: ["fold-scale-shift"], one: "scale or shift folded into the layer before it",
            several: "scales and shifts folded into the layer before them", subject: "scale or shift"),
        RewriteMeaning(
            passes: ["fold-into-next-layer"], one: "batch norm, scale or shift folded into the layer after it",
            several: "batch norms, scales and shifts folded into the layer after them", subject: "batch norm, scale or shift"),
        RewriteMeaning(
            passes: ["fold-pad"], one: "pad absorbed by the layer after it", several: "pads absorbed by the layer after them",
            subject: "pad"),
        RewriteMeaning(
            passes: ["fuse-mat-mul-add"], one: "matrix product fused with the addition after it",
            several: "matrix products fused with the addition after them", subject: "matrix product"),
        RewriteMeaning(
            passes: ["fold-constants", "lift-constants", "move-fills"], one: "constant computed or moved to the weights",
            several: "constants computed or moved to the weights", subject: "constant"),
        RewriteMeaning(
            passes: ["merge-transposes", "merge-reshapes", "merge-slices", "merge-concats"],
            one: "reshape, transpose, slice or concatenation merged with the one before it",
            several: "reshapes, transposes, slices and concatenations merged with the one before them", subject: "data movement"),
        RewriteMeaning(
            passes: ["remove-identities", "remove-neutral-arithmetic"], one: "no-op removed", several: "no-ops removed",
            subject: "no-op"),
        RewriteMeaning(
            passes: ["merge-common-subexpressions"], one: "duplicate merged", several: "duplicates merged", subject: "duplicate"),
        RewriteMeaning(
            passes: ["remove-dead-code"], one: "unused node or constant removed", several: "unused nodes and constants removed",
            subject: "unused node"),
    ]
}

extension RewriteSummary {
    /// What happened to nodes: for a separation by what became of them, the most frequent first; otherwise by meaning.
    public var rewritten: [Group] {
        if let separation { return Self.groups(separation.layers.map(\.kind)) }
        let known = RewriteMeaning.all.compactMap { meaning -> Group? in
            let count = reports.reduce(0) { $0 + (meaning.passes.contains($1.pass) ? $1.rewrites.count : 0) }
            return count == 0 ? nil : Group(count: count, detail: count == 1 ? meaning.one : meaning.several)
        }
        let named = Set(RewriteMeaning.all.flatMap(\.passes))
        let others = reports.filter { !named.contains($0.pass) && !$0.rewrites.isEmpty }
        return known + others.map { Group(count: $0.rewrites.count, detail: $0.pass) }
    }

    /// Why nodes were left alone, the most frequent reason first. Reasons that differ only in names or numbers are one, with the
    /// range of the numbers; a reason that a single node has names the node.
    public var leftAlone: [Group] {
        var reasons: [String: [(node: String, reason: ReasonText)]] = [:]
        var order: [String] = []
        // Most nodes share the few reasons that there are.
        var parsed: [String: ReasonText] = [:]
        for report in reports {
            let subject = separation == nil ? RewriteMeaning.all.first { $0.passes.contains(report.pass) }?.subject : nil
            for skip in report.skips {
                let text = (subject.map { $0 + ": " } ?? "") + skip.reason.description
                let reason = parsed[text] ?? ReasonText(text)
                parsed[text] = reason
                if reasons[reason.pattern] == nil { order.append(reason.pattern) }
                reasons[reason.pattern, default: []].append((skip.node, reason))
            }
        }
        let groups = order.compactMap { pattern -> Group? in
            guard let found = reasons[pattern] else { return nil }
            if found.count == 1 { return Group(count: 1, detail: "\(found[0].node): \(found[0].reason.text)") }
            return Group(count: found.count, detail: ReasonText.merged(found.map(\.reason)))
        }
        return groups.sorted { $0.count > $1.count }
    }

    private static func groups(_ details: [String]) -> [Group] {
        var result: [Group] = []
        var places: [String: Int] = [:]
        for detail in details {
            if let place = places[detail] {
                result[place].count += 1
            } else {
                places[detail] = result.count
                result.append(Group(count: 1, detail: detail))
            }
        }
        // Sorting is stable: groups of the same size stay in the order of first appearance.
        return result.sorted { $0.count > $1.count }
    }
}

/// A reason, taken apart into words, quoted names and numbers. Numbers within words, as in `float32` and `3×3`, are words.
struct ReasonText {
    enum Part: Hashable {
        case words(String)
        case name(String)
        case number(String)
    }

    let text: String
    let parts: [Part]
    /// The same for reasons that differ in names and numbers only.
    let pattern: String

    init(_ text: String) {
        var parts: [Part] = []
        var rest = text[...]
        var words = ""
        func isWord(_ character: Character?) -> Bool { character.map { $0.isLetter || $0.isNumber || $0 == "_" } ?? false }
        while let character = rest.first {
            if character == "'", let end = rest.dropFirst().firstIndex(of: "'") {
                parts += [.words(words), .name(String(rest[...end]))]
                words = ""
                rest = rest[rest.index(after: end)...]
            } else if character.isASCII, character.isNumber, !isWord(words.last), words.last != "×" {
                let number = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
                let next = rest[number.endIndex...]
                let isWithinWord = next.first == "×" ? next.dropFirst().first?.isNumber == true : isWord(next.first)
                if isWithinWord {
                    words += number
                } else {
                    parts += [.words(words), .number(String(number))]
                    words = ""
                }
                rest = next
            } else {
                words.append(character)
                rest = rest.dropFirst()
            }
        }
        self.text = text
        self.parts = parts + [.words(words)]
        pattern = self.parts.map { part in
            switch part {
            case .words(let words): words
            case .name: "''"
            case .number: "0"
            }
        }.joined()
    }

    /// Reasons of one pattern as one: numbers that differ become ranges, names that differ are left out.
    static func merged(_ reasons: [ReasonText]) -> String {
        guard let first = reasons.first else { return "" }
        return first.parts.indices.map { index -> String in
            let all = reasons.map { $0.parts[index] }
            switch first.parts[index] {
            case .words(let words): return words
            case .name(let name): return Set(all).count == 1 ? name : "'…'"
            case .number(let number):
                let numbers = all.compactMap { part in if case .number(let number) = part { number } else { nil } }
                guard let least = numbers.min(by: isSmaller), let most = numbers.max(by: isSmaller), least != most else { return number }
                return "\(least) to \(most)"
            }
        }.joined()
    }

    private static func isSmaller(_ left: String, than right: String) -> Bool { (Double(left) ?? 0) < (Double(right) ?? 0) }
}
