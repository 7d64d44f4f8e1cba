import GraphIR
import Tensors

/// Makes one `Slice` of two in a row that cut different dimensions: exporters write `x[:, :, ::2, ::2]` as one node per dimension.
///
/// Requires: bounds, axes and steps that are known, no dimension in both, and the first one's result read by the second alone.
/// Ensures: bit for bit the same result.
public struct MergeSlices: RewriteRule {
    public struct Match {
        let first: Node
        let cuts: [Cut]
        let output: ValueID
    }

    /// What is taken of one dimension.
    struct Cut {
        let axis: Int
        let start: Int
        let end: Int
        let step: Int
    }

    public init() {}

    public var name: String { "merge-slices" }
    public var fidelity: Fidelity { .exact }

    public func match(_ node: Node, in graph: Graph) -> MatchResult<Match> {
        guard case .slice(let second) = node.operator, let middle = node.input(StridedSlice.Operand.input),
            let producer = graph.producer(of: middle), case .slice(let first) = producer.operator,
            let output = node.outputs.first, let output
        else { return .unrelated }
        guard let inner = Self.cuts(producer, first, graph), let outer = Self.cuts(node, second, graph) else {
            return .skip(SkipReason("what one of the two slices takes is not known before the network runs"))
        }
        guard Set(inner.map(\.axis)).isDisjoint(with: outer.map(\.axis)) else {
            return .skip(SkipReason("both slices cut the same dimension"))
        }
        guard graph.isPrivate(middle) else { return .skip(graph.sharingReason(of: middle, madeBy: producer)) }
        return .match(Match(first: producer, cuts: (inner + outer).sorted { $0.axis < $1.axis }, output: output))
    }

    public func apply(_ match: Match, at node: Node, to editor: inout GraphEditor) throws -> String {
        let cuts = match.cuts
        let slice: StridedSlice
        var inputs = Array(match.first.inputs.prefix(1))
        if case .slice(let old) = node.operator, old.bounds != nil {
            slice = StridedSlice(bounds: .init(starts: cuts.map(\.start), ends: cuts.map(\.end), axes: cuts.map(\.axis)))
        } else {
            slice = StridedSlice(bounds: nil)
            let label = editor.graph.label(of: node)
            for (what, part) in [("starts", \Cut.start), ("ends", \Cut.end), ("axes", \Cut.axis), ("steps", \Cut.step)] {
                inputs.append(try editor.addConstant(Tensor(vector: cuts.map { Int64($0[keyPath: part]) }), name: "\(label)_\(what)"))
            }
        }
        try editor.insert(
            .slice(slice), inputs: inputs, outputs: [.existing(match.output)], name: node.name, before: node.id,
            origin: editor.origin(of: [match.first, node], pass: name))
        editor.remove(node.id)
        editor.remove(match.first.id)
        return "with the one before it: dimensions \(cuts.map(\.axis))"
    }

    /// `nil` when something is not known, or the operands do not fit each other.
    private static func cuts(_ node: Node, _ slice: StridedSlice, _ graph: Graph) -> [Cut]? {
        func numbers(_ operand: StridedSlice.Operand, otherwise: @autoclosure () -> [Int]) -> [Int]? {
            node.input(operand) == nil ? otherwise() : graph.knownIntegers(node.input(operand))
        }
        guard let starts = slice.bounds?.starts ?? graph.knownIntegers(node.input(StridedSlice.Operand.starts)),
            let ends = slice.bounds?.ends ?? graph.knownIntegers(node.input(StridedSlice.Operand.ends)),
            let axes = slice.bounds?.axes ?? numbers(.axes, otherwise: Array(starts.indices)),
            let steps = numbers(.steps, otherwise: [Int](repeating: 1, count: starts.count)),
            [ends.count, axes.count, steps.count].allSatisfy({ $0 == starts.count })
        else { return nil }
        let rank = graph.shape(of: node.input(StridedSlice.Operand.input))?.count
        var cuts: [Cut] = []
        for (index, axis) in axes.enumerated() {
            guard let place = axis >= 0 ? axis : rank.map({ axis + $0 }), place >= 0 else { return nil }
            cuts.append(Cut(axis: place, start: starts[index], end: ends[index], step: steps[index]))
        }
        return cuts
    }
}
