import GraphIR
import ReferenceBackend
import Tensors

extension PlanCompiler {
    /// Resampling is linear: its gradient filters with the weights exchanged, those of an element being the ones with which it went
    /// into every result.
    mutating func lower(_ gradient: ResizeGradient, _ node: Node, _ slope: ValueID, _ output: ValueID) throws -> Bool {
        let operands = node.inputs.dropFirst(), parameters = operands.map { constant($0) }
        guard zip(parameters, operands).allSatisfy({ ($0 == nil) == ($1 == nil) }) else { return false }
        let lengths = gradient.inputShape, changed = zip(lengths, shape(slope)).filter { $0 != $1 }
        try checkTables(for: changed.map { max($0.0, $0.1) }, bytesPerIndex: 128)
        // What does not fit is left to the reference kernel, which says so. The operands have the order that they have since opset 11.
        let filters = try? gradient.forward.filters(inputShape: lengths, operands: [nil] + parameters, opset: max(graph.opset, 11))
        guard let filters, filters.contains(where: { $0 != nil }), zip(lengths, filters).map({ $1?.count ?? $0 }) == shape(slope),
            shape(output) == lengths
        else { return false }
        return try lowerInterpolation(zip(lengths, filters).map { $1?.transposed(length: $0) }, node, slope, output)
    }
}

extension [[ResamplingTap]] {
    /// For every element of a line of `length`, where it went, and with which weight.
    fileprivate func transposed(length: Int) -> [[ResamplingTap]] {
        var result = [[ResamplingTap]](repeating: [], count: length)
        for (place, taps) in enumerated() {
            for tap in taps { result[tap.index].append(ResamplingTap(index: place, weight: tap.weight)) }
        }
        return result.map { $0.isEmpty ? [ResamplingTap(index: 0, weight: 0)] : $0 }
    }
}
