import ArgumentParser
import Cleave

extension QuantizationAwareness.Ranges: ExpressibleByArgument {}

/// Training for the int8 network that is made of the trained one. Nothing has a value of its own, so that `--resume` can tell what was
/// given.
struct AwarenessOptions: ParsableArguments {
    @Flag(help: "Round as the int8 model will, and write that; the model is trained already and its batch norms are folded.")
    var quantizeAware = false

    @Option(help: "The runtime that the int8 model is for. (default: onnxruntime)")
    var target: QuantizationTarget?

    @Option(help: "Where scales come from while training. (default: learned)")
    var ranges: QuantizationAwareness.Ranges?

    @Option(help: "Float operators between Q and DQ, or integer operators. (default: qdq)")
    var format: QuantizationFormat?

    @Option(help: .init("Nodes that stay in float, by name; * stands for anything. May be repeated.", valueName: "pattern"))
    var exclude: [String] = []

    @Flag(help: "Weights of 7 bits, for processors without VNNI, whose 16-bit sums would overflow.")
    var reduceRange = false

    @Option(
        parsing: .unconditional,
        help: .init("Training images from which the first ranges come. (default: 1000)", valueName: "count"))
    var samples: Int?

    /// `nil` for training in float.
    var awareness: QuantizationAwareness? {
        guard quantizeAware else { return nil }
        return QuantizationAwareness(
            target: target ?? .onnxruntime, format: format ?? .qdq, ranges: ranges ?? .learned, excluded: exclude,
            reducesRange: reduceRange)
    }

    /// - Throws: `ValidationError` for options that have no effect or exclude each other.
    func check() throws {
        if !quantizeAware, let first = given { throw ValidationError("\(first) is for --quantize-aware.") }
        if let samples, samples < 1 { throw ValidationError("--samples is \(samples), expected at least 1.") }
        if format == .qoperator, let target, target != .onnxruntime {
            throw ValidationError("--format qoperator is for --target onnxruntime, whose operators these are.")
        }
    }

    /// The first option that was given.
    var given: String? {
        let all: [(String, Bool)] = [
            ("--quantize-aware", quantizeAware), ("--target", target != nil), ("--ranges", ranges != nil), ("--format", format != nil),
            ("--exclude", !exclude.isEmpty), ("--reduce-range", reduceRange), ("--samples", samples != nil),
        ]
        return all.first { $0.1 }?.0
    }
}
