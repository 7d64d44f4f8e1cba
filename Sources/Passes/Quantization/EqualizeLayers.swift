import GraphIR
import Tensors

/// Scales the channels between two layers so that the weights of both use their range alike: cross-layer equalization (M. Nagel,
/// M. van Baalen, T. Blankevoort, M. Welling, "Data-Free Quantization Through Weight Equalization and Bias Correction",
/// arXiv 1906.04721).
///
/// Requires: a `Conv` or `Gemm` whose result goes through nothing but `Relu`, `LeakyRelu` or moves that keep its channels, and only
/// into one other; weights that nobody else reads. With r₁ and r₂ the largest weights of a channel on both sides, s = √(r₁/r₂), the
/// first layer becomes W/s and b/s, the second W·s: the same function, as f(x/s)·s = f(x) for s > 0. Pairs that share a layer are
/// visited in turns until nothing changes any more.
public struct EqualizeLayers: Pass {
    public init() {}

    /// What the origin of a layer whose channels were scaled says.
    public static let passName = "equalize-layers"
    public var name: String { Self.passName }
    public var fidelity: Fidelity { .rounding(tolerance: 1e-5) }

    private static let rounds = 20
    /// A factor this close to 1 is none.
    private static let closeness = 1e-3

    /// Two layers by their nodes, which stay, as only their weights change.
    private struct Pair {
        var first: NodeID
        var second: NodeID
    }

    public func run(on graph: inout Graph) throws -> PassReport { try equalize(&graph).report }

    /// As `run(on:)`.
    /// - Returns: also, by name of a value between two layers, what each of its channels has been divided by.
    public func equalize(_ graph: inout Graph) throws -> (report: PassReport, divisors: [String: [Double]]) {
        var report = PassReport(pass: name, fidelity: fidelity, rewrites: [], skips: [])
        var pairs: [Pair] = []
        for node in graph.nodes {
            switch pair(from: node, in: graph) {
            case .match(let pair): pairs.append(pair)
            case .skip(let reason): report.skips.append(.init(node: graph.label(of: node), reason: reason))
            case .unrelated: break
            }
        }
        var largest = [Double](repeating: 1, count: pairs.count)
        var divisors = [[Double]](repeating: [], count: pairs.count)
        try graph.edit { editor in
            for _ in 0..<Self.rounds {
                try checkCancellation()
                var isStable = true
                for (index, pair) in pairs.enumerated() {
                    guard let factors = try equalize(pair, in: &editor) else { continue }
                    let factor = factors.map { max($0, 1 / $0) }.max() ?? 1
                    largest[index] = max(largest[index], factor)
                    divisors[index] = divisors[index].isEmpty ? factors : zip(divisors[index], factors).map(*)
                    if factor > 1 + Self.closeness { isStable = false }
                }
                if isStable { break }
            }
            for (pair, factor) in zip(pairs, largest) where factor > 1 + Self.closeness {
                editor.setOrigin(pair.first, to: editor.origin(of: [editor.graph[pair.first]], pass: name))
            }
        }
        for (index, pair) in pairs.enumerated() {
            let detail = "equalized with '\(graph.label(of: graph[pair.second]))', factors up to \(NumberFormat.ratio(largest[index]))"
            report.rewrites.append(.init(node: graph.label(of: graph[pair.first]), detail: detail))
        }
        var byName: [String: [Double]] = [:]
        for (pair, divisors) in zip(pairs, divisors) where !divisors.isEmpty {
            for value in graph.valuesBetween(pair.first, pair.second) { byName[graph[value].name] = divisors }
        }
        return (report, byName)
    }

    // MARK: Pairs

    private func pair(from node: Node, in graph: Graph) -> MatchResult<Pair> {
        guard let first = layer(node, in: graph) else { return .unrelated }
        var current = node
        while true {
            guard let output = graph.onlyOutput(of: current) else { return .unrelated }
            guard let reader = graph.soleReader(of: output) else {
                return .skip(SkipReason("its result is an output, or read by several nodes"))
            }
            if let second = layer(reader, in: graph) {
                guard second.input == output else { return .skip(SkipReason("its result is no activation of the layer after it")) }
                guard first.outputLayout.channels == second.inputLayout.channels else {
                    return .skip(SkipReason("the channels of the layer after it are not its own"))
                }
                guard isOwned(first, graph), isOwned(second, graph) else {
                    return .skip(SkipReason("a weight is shared with another layer"))
                }
                return .match(Pair(first: node.id, second: reader.id))
            }
            guard reader.operator.isHomogeneous else {
                return .skip(SkipReason("\(reader.operator.name) comes after it, which scaled channels do not pass"))
            }
            current = reader
        }
    }

    private func layer(_ node: Node, in graph: Graph) -> LinearLayer? {
        switch node.operator {
        case .convolution, .gemm:
            guard case .match(let layer) = LinearLayer.of(node, in: graph), layer.weight.elementType == .float32,
                layer.bias.map({ $0.elementType == .float32 }) ?? true
            else { return nil }
            return layer
        default: return nil
        }
    }

    private func isOwned(_ layer: LinearLayer, _ graph: Graph) -> Bool {
        ([layer.weight.id] + (layer.bias.map { [$0.id] } ?? [])).allSatisfy { graph[$0].constant != nil && graph.isPrivate($0) }
    }

    // MARK: Scaling

    /// - Returns: what each channel was divided by; `nil` when nothing could be done.
    private func equalize(_ pair: Pair, in editor: inout GraphEditor) throws -> [Double]? {
        let graph = editor.graph
        guard let first = layer(graph[pair.first], in: graph), let second = layer(graph[pair.second], in: graph),
            let before = first.outputLayout.largestMagnitudes(editor.graph[first.weight.id].constant),
            let after = second.inputLayout.largestMagnitudes(editor.graph[second.weight.id].constant)
        else { return nil }
        let factors = zip(before, after).map { before, after in
            let factor = (before / after).squareRoot()
            return before > 0 && after > 0 && factor.isFinite && factor > 0 ? factor : 1
        }
        guard factors.contains(where: { max($0, 1 / $0) > 1 + Self.closeness }) else { return [Double](repeating: 1, count: factors.count) }
        let inverses = factors.map { 1 / $0 }
        guard let weight = editor.graph[first.weight.id].constant, let next = editor.graph[second.weight.id].constant,
            let scaled = try first.outputLayout.scaled(weight, by: inverses),
            let nextScaled = try second.inputLayout.scaled(next, by: factors)
        else { return nil }
        if let bias = first.bias, let tensor = editor.graph[bias.id].constant, let values = tensor.doubles() {
            let spread = values.count == 1 ? [Double](repeating: values[0], count: inverses.count) : values
            let result = zip(spread, inverses).map { Float($0 * $1) }
            guard result.allSatisfy(\.isFinite) else { return nil }
            editor.setConstant(bias.id, to: try Tensor(result, shape: values.count == 1 ? [result.count] : tensor.shape))
        }
        editor.setConstant(first.weight.id, to: scaled)
        editor.setConstant(second.weight.id, to: nextScaled)
        return factors
    }
}

extension Graph {
    /// The results of the first node and of those up to the second one, each the only reader of the one before it.
    fileprivate func valuesBetween(_ first: NodeID, _ second: NodeID) -> [ValueID] {
        var values: [ValueID] = []
        var current = self[first]
        while current.id != second, let output = onlyOutput(of: current), let reader = soleReader(of: output) {
            values.append(output)
            current = reader
        }
        return values
    }
}

extension ChannelLayout {
    /// The largest magnitude of each channel's weights.
    fileprivate func largestMagnitudes(_ weight: Tensor?) -> [Double]? {
        guard let weight, weight.elementType == .float32 else { return nil }
        return try? weight.withElements(of: Float.self) { values in
            var result = [Double](repeating: 0, count: channels)
            for (index, value) in values.enumerated() {
                let channel = channel(ofElement: index)
                result[channel] = max(result[channel], Double(abs(value)))
            }
            return result
        }
    }
}

extension Operator {
    /// Whether f(s·x) = s·f(x) for every channel by itself with s > 0, and channels stay where they are.
    fileprivate var isHomogeneous: Bool {
        switch self {
        case .activation(let payload):
            switch payload.function {
            case .relu, .leakyRelu: true
            default: false
            }
        case .maxPool, .averagePool: true
        case .globalPool(let payload): payload.function == .average || payload.function == .max
        default: false
        }
    }
}
