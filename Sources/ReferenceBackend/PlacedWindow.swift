import GraphIR
import Tensors

/// A window laid over the spatial dimensions of one tensor. Output `o` along an axis reads, for kernel tap `k`, the input at
/// o·stride − padding + k·dilation.
struct PlacedWindow {
    let window: Window
    let inputShape: [Int]
    let outputShape: [Int]
    /// Padding before the input; negative where the input is cropped.
    let begin: [Int]
    /// Padding after the input.
    let end: [Int]

    /// - Parameter window: resolved.
    /// - Throws: `CleaveError` when the input has another number of spatial dimensions or is shorter than the window, or the
    ///   output would be too large.
    init(_ window: Window, over inputShape: [Int], ceilMode: Bool) throws {
        try Self.requireRank(inputShape, window)
        let pads = inputShape.enumerated().map { window.pads($0, length: $1) }
        let outputShape = try inputShape.enumerated().map { axis, length in
            try window.outputDimension(axis, length: .known(length), ceilMode: ceilMode).known ?? 0
        }
        self.init(window, inputShape: inputShape, outputShape: outputShape, begin: pads.map(\.begin), end: pads.map(\.end))
        _ = try resultCount(outputShape)
    }

    init(_ window: Window, inputShape: [Int], outputShape: [Int], begin: [Int], end: [Int]) {
        self.window = window
        self.inputShape = inputShape
        self.outputShape = outputShape
        self.begin = begin
        self.end = end
    }

    static func requireRank(_ inputShape: [Int], _ window: Window) throws {
        guard inputShape.count == window.kernel.count, !inputShape.isEmpty else {
            throw CleaveError(
                .shapeMismatch,
                "the input has \(inputShape.count) spatial dimensions, expected \(window.kernel.count), as the kernel has, and at least 1")
        }
        // Keeps every sum of lengths, pads and strides far from the limits of Int.
        guard inputShape.allSatisfy({ $0 <= 1 << 40 }) else {
            throw CleaveError(.shapeMismatch, "the input has spatial lengths \(inputShape), expected at most \(1 << 40)")
        }
    }

    var inputCount: Int { inputShape.reduce(1, &*) }
    var outputCount: Int { outputShape.reduce(1, &*) }
    var tapCount: Int { window.kernel.reduce(1, &*) }
    /// Distance in the input between neighbours along the last axis of the output.
    var rowStride: Int { window.strides.last ?? 1 }

    /// Outputs in a row that one kernel tap feeds: output `output + i` reads input `input + i·rowStride`.
    struct Run {
        var tap: Int
        var input: Int
        var output: Int
        var count: Int
    }

    /// Everything that the window reads inside the input, ordered by tap, then by output.
    ///
    /// A loop over the runs is the loop over taps and outputs with the bounds checks taken out of the innermost one. Rows that
    /// follow each other without a gap are one run, so that a 1×1 convolution has a single one.
    func runs() -> [Run] {
        let axes = inputShape.indices
        let taps = axes.map { tapsInside(axis: $0) }
        let inputStrides = Indexing.strides(inputShape)
        let outputStrides = Indexing.strides(outputShape)
        let tapStrides = Indexing.strides(window.kernel)
        var runs: [Run] = []
        forEachPosition(in: taps.map(\.count)) { index in
            let tap = axes.map { taps[$0].lowerBound + index[$0] }
            let outputs = axes.map { self.outputs(axis: $0, tap: tap[$0]) }
            var lengths = outputs.map(\.count)
            guard let rowLength = lengths.last, rowLength > 0 else { return }
            lengths[lengths.count - 1] = 1
            forEachPosition(in: lengths) { position in
                let output = axes.map { outputs[$0].lowerBound + position[$0] }
                let input = axes.map { output[$0] * window.strides[$0] - begin[$0] + tap[$0] * window.dilations[$0] }
                let run = Run(
                    tap: offset(of: tap, strides: tapStrides), input: offset(of: input, strides: inputStrides),
                    output: offset(of: output, strides: outputStrides), count: rowLength)
                if rowStride == 1, let last = runs.last, last.tap == run.tap, last.input + last.count == run.input,
                    last.output + last.count == run.output
                {
                    runs[runs.count - 1].count += run.count
                } else {
                    runs.append(run)
                }
            }
        }
        return runs
    }

    /// The outputs along `axis` for which `tap` falls inside the input: 0 ≤ o·stride − shift < length.
    private func outputs(axis: Int, tap: Int) -> Range<Int> {
        let stride = window.strides[axis]
        let shift = begin[axis] - tap * window.dilations[axis]
        let first = max(0, ceilingQuotient(shift, stride))
        let beyond = min(outputShape[axis], ceilingQuotient(inputShape[axis] + shift, stride))
        return first..<max(first, beyond)
    }

    /// The taps along `axis` that fall inside the input for at least one output, and perhaps some that do not.
    private func tapsInside(axis: Int) -> Range<Int> {
        let dilation = window.dilations[axis]
        let lastStart = (outputShape[axis] - 1) * window.strides[axis] - begin[axis]
        let first = min(max(0, ceilingQuotient(-lastStart, dilation)), window.kernel[axis])
        let beyond = min(window.kernel[axis], ceilingQuotient(inputShape[axis] + begin[axis], dilation))
        return outputShape[axis] == 0 ? 0..<0 : first..<max(first, beyond)
    }

    /// For every output along `axis`, how many taps fall inside the input or, on request, its padding.
    func tapCounts(axis: Int, includingPadding: Bool) -> [Int] {
        let lower = includingPadding ? -begin[axis] : 0
        let upper = inputShape[axis] + (includingPadding ? end[axis] : 0)
        let dilation = window.dilations[axis]
        return (0..<outputShape[axis]).map { output in
            let start = output * window.strides[axis] - begin[axis]
            let first = max(0, ceilingQuotient(lower - start, dilation))
            let beyond = min(window.kernel[axis], ceilingQuotient(upper - start, dilation))
            return max(0, beyond - first)
        }
    }
}

/// ⌈dividend / divisor⌉ for a positive divisor.
private func ceilingQuotient(_ dividend: Int, _ divisor: Int) -> Int {
    dividend > 0 ? (dividend - 1) / divisor + 1 : dividend / divisor
}
