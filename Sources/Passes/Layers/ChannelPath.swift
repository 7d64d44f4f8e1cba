import GraphIR
import Tensors

/// The way from a value with channels in dimension 1 to the linear layer that reads it, through nodes that a per-channel affine
/// map can be moved past: averages commute with it, and flattening repeats every channel.
struct ChannelPath {
    /// The nodes between, in order; each is the only reader of the one before.
    let steps: [Node]
    let layer: LinearLayer
    /// How many neighbouring input channels of the layer come from one channel at the start.
    let repetitions: Int

    /// Longer ways are not looked at.
    private static let longest = 8

    /// - Parameters:
    ///   - start: a private output of `node`, with `channels` channels in dimension 1.
    static func from(_ start: ValueID, of node: Node, channels: Int, in graph: Graph) -> MatchResult<ChannelPath> {
        var value = start
        var steps: [Node] = []
        var repetitions = 1
        while steps.count < longest {
            guard let reader = graph.soleReader(of: value) else {
                return .skip(SkipReason("its result is read by more than one node, or is a graph output"))
            }
            switch LinearLayer.of(reader, in: graph) {
            case .match(let layer) where !layer.form.isBatchNorm && layer.input == value && !layer.transposesInput:
                return .match(ChannelPath(steps: steps, layer: layer, repetitions: repetitions))
            case .skip(let reason): return .skip(reason)
            case .match, .unrelated: break
            }
            guard reader.inputs.first == value, let output = graph.onlyOutput(of: reader),
                let factor = repetitionFactor(of: reader, channels: channels * repetitions, in: graph)
            else { return .skip(SkipReason("\(reader.operator.name) comes after it, which it cannot be folded through")) }
            repetitions *= factor
            steps.append(reader)
            value = output
        }
        return .skip(SkipReason("no layer comes shortly after it"))
    }

    /// How many channels of the output of `node` one channel of its input becomes; `nil` when an affine map of the input's
    /// channels is not one of the output's.
    private static func repetitionFactor(of node: Node, channels: Int, in graph: Graph) -> Int? {
        guard let input = node.inputs.first, let before = graph.shape(of: input), before.count >= 2 else { return nil }
        switch node.operator {
        case .identity: return 1
        case .globalPool(let pool): return pool.function == .average ? 1 : nil
        case .averagePool(let pool):
            let countsPadding = pool.countIncludePad && (pool.ceilMode || !pool.window.neverPads(kernel: pool.window.kernel))
            return countsPadding ? nil : 1
        case .reduction(let reduction):
            guard reduction.function == .mean, let axes = reduction.axes ?? graph.knownIntegers(node.input(Reduction.Operand.axes)),
                !axes.isEmpty, axes.allSatisfy({ $0 >= 2 || ($0 < 0 && $0 + before.count >= 2) })
            else { return nil }
            return 1
        case .flatten, .reshape, .squeeze:
            guard let output = node.outputs.first, let after = graph.shape(of: output), after.count >= 2, before[1] == .known(channels),
                before[0] != .unknown, before[0] == after[0], let count = after[1].known, count.isMultiple(of: channels)
            else { return nil }
            // The channels stay apart when dimension 1 swallows whole trailing dimensions, from the left.
            if count == channels { return 1 }
            let swallowed = before.dropFirst(2).compactMap(\.known)
            guard after.count == 2, swallowed.count == before.count - 2, swallowed.reduce(1, *) == count / channels else { return nil }
            return count / channels
        default: return nil
        }
    }
}

extension LinearLayer {
    /// Whether the layer's input channels are not the second dimension of its input (`Gemm` with `transA`).
    var transposesInput: Bool {
        if case .gemm(let gemm) = form { gemm.transposeA } else { false }
    }
}
