import GraphIR
import Tensors

/// Folds a `Pad` into the window of the `Conv`, `AveragePool` or `MaxPool` after it.
///
/// Requires: constant mode, known non-negative amounts, spatial dimensions only; the padded value is read by the layer alone.
/// - Conv pads with zeros: the value must be 0.
/// - AveragePool: the value must be 0, and padding must count: because `count_include_pad` is set, or, where the pool itself does
///   not pad, by setting it.
/// - MaxPool never picks padding: the value must be −∞, or not above 0 where no element is negative.
/// Every window must still see at least one real element (pads smaller than the kernel), and pools must not round their
/// output length up. Ensures: the layer's output keeps its name.
public struct FoldPad: RewriteRule {
    public struct Match {
        let layer: Node
        let operation: Operator
        let source: ValueID
    }

    public init() {}

    public var name: String { "fold-pad" }
    public var fidelity: Fidelity { .exact }

    public func match(_ node: Node, in graph: Graph) -> MatchResult<Match> {
        guard case .pad(let pad) = node.operator, pad.mode == .constant, let source = node.input(Pad.Operand.input),
            let output = node.outputs.first, let output
        else { return .unrelated }
        guard let layer = graph.soleReader(of: output) else {
            return .skip(SkipReason("its result is read by more than one node, or is a graph output"))
        }
        guard layer.inputs.first == output else { return .unrelated }
        switch layer.operator {
        case .convolution, .averagePool, .maxPool: break
        default: return .skip(SkipReason("\(layer.operator.name) comes after it, which has no padding of its own"))
        }
        guard let amounts = PadAmounts(node, pad, in: graph) else { return .skip(SkipReason("its amounts are not known")) }
        guard (amounts.begin + amounts.end).allSatisfy({ $0 >= 0 }) else { return .skip(SkipReason("it crops")) }
        guard amounts.begin.count >= 3, (amounts.begin.prefix(2) + amounts.end.prefix(2)).allSatisfy({ $0 == 0 }) else {
            return .skip(SkipReason("it pads the batch or the channels"))
        }
        guard let value = amounts.value else { return .skip(SkipReason("its value is not known")) }
        let spatial = SpatialPads(begin: Array(amounts.begin.dropFirst(2)), end: Array(amounts.end.dropFirst(2)))
        return Self.fold(spatial, value: value, of: source, into: layer, in: graph).map {
            Match(layer: layer, operation: $0, source: source)
        }
    }

    public func apply(_ match: Match, at node: Node, to editor: inout GraphEditor) throws -> String {
        let layer = match.layer
        let label = editor.graph.label(of: layer)
        var encoding = layer.encoding
        encoding?.attributesAreCurrent = false
        try editor.insert(
            match.operation, inputs: [match.source] + layer.inputs.dropFirst(),
            outputs: layer.outputs.map { $0.map { .existing($0) } ?? .none }, name: layer.name, before: layer.id,
            origin: editor.origin(of: [node, layer], pass: name), encoding: encoding)
        editor.remove(layer.id)
        editor.remove(node.id)
        return "into \(layer.operator.name) '\(label)' after it"
    }

    /// Amounts of the spatial dimensions.
    private struct SpatialPads {
        var begin: [Int]
        var end: [Int]
    }

    private static func fold(
        _ pads: SpatialPads, value: Double, of source: ValueID, into layer: Node, in graph: Graph
    ) -> MatchResult<Operator> {
        switch layer.operator {
        case .convolution(var payload):
            guard value == 0 else { return .skip(SkipReason("it pads with \(value), but Conv after it with 0")) }
            return padded(payload.window, by: pads).map {
                payload.window = $0
                return .convolution(payload)
            }
        case .averagePool(var payload):
            guard value == 0 else { return .skip(SkipReason("it pads with \(value), but AveragePool after it with 0")) }
            guard payload.countIncludePad || payload.window.neverPads(kernel: payload.window.kernel) else {
                return .skip(SkipReason("AveragePool after it has padding of its own that does not count in the average"))
            }
            return paddedPool(payload.window, by: pads, ceilMode: payload.ceilMode).map {
                payload.window = $0
                payload.countIncludePad = true
                return .averagePool(payload)
            }
        case .maxPool(var payload):
            guard value == -.infinity || (value <= 0 && graph.isNeverNegative(source)) else {
                return .skip(SkipReason("it pads with \(value), which MaxPool after it could pick: its operand may be negative"))
            }
            guard graph.onlyOutput(of: layer) != nil else { return .skip(SkipReason("the indices of MaxPool after it are read")) }
            guard payload.window.dilations.allSatisfy({ $0 == 1 }) else {
                return .skip(SkipReason("MaxPool after it is dilated, so that a window could see padding only"))
            }
            return paddedPool(payload.window, by: pads, ceilMode: payload.ceilMode).map {
                payload.window = $0
                return .maxPool(payload)
            }
        default: return .unrelated
        }
    }

    /// Larger amounts are none that a runtime can be trusted with.
    private static let largestAmount = Int(Int32.max)

    /// The window with more explicit padding.
    private static func padded(_ window: Window, by pads: SpatialPads) -> MatchResult<Window> {
        let zeros = [Int](repeating: 0, count: pads.begin.count)
        var (begin, end) = (zeros, zeros)
        switch window.padding {
        case .valid: break
        case .explicit(let ownBegin, let ownEnd):
            if !ownBegin.isEmpty { begin = ownBegin }
            if !ownEnd.isEmpty { end = ownEnd }
        case .sameUpper, .sameLower: return .skip(SkipReason("the padding of the layer after it follows from its input's size"))
        }
        guard begin.count == zeros.count, end.count == zeros.count, (begin + end).allSatisfy({ $0 >= 0 }) else {
            return .skip(SkipReason("the padding of the layer after it does not fit its own"))
        }
        let begins = zip(begin, pads.begin).map { clampedSum($0, $1) }
        let ends = zip(end, pads.end).map { clampedSum($0, $1) }
        if let largest = (begins + ends).max(), largest > largestAmount {
            return .skip(SkipReason("together with the layer after it, it pads by more than \(largestAmount)"))
        }
        var result = window
        result.padding = .explicit(begin: begins, end: ends)
        return .match(result)
    }

    /// The same for a pool, none of whose windows may see padding only.
    private static func paddedPool(_ window: Window, by pads: SpatialPads, ceilMode: Bool) -> MatchResult<Window> {
        if ceilMode { return .skip(SkipReason("the pool after it rounds its output length up, where padding counts differently")) }
        let result = padded(window, by: pads)
        guard case .match(let window) = result, case .explicit(let begin, let end) = window.padding else { return result }
        let fits = window.kernel.count == begin.count
            && window.kernel.indices.allSatisfy { begin[$0] < window.kernel[$0] && end[$0] < window.kernel[$0] }
        return fits ? result : .skip(SkipReason("a window of the pool after it would see padding only"))
    }
}
