import GraphIR
import Tensors

/// Removes nodes that hand an operand on unchanged: `Identity`, `Dropout` at inference, casts to the same type, reshapes to the
/// same shape, pads by nothing, slices of everything, concatenations of one, and their like.
///
/// Requires: shapes and parameters that prove it for every run. Ensures: bit for bit the same results. Where the result is a
/// graph output, the node that makes the operand takes the name over; a node between a graph input or constant and a graph
/// output stays.
public struct RemoveIdentities: RewriteRule {
    public struct Match {
        let bypass: Bypass
        let reason: String
    }

    public init() {}

    public var name: String { "remove-identities" }
    public var fidelity: Fidelity { .exact }

    public func match(_ node: Node, in graph: Graph) -> MatchResult<Match> {
        guard let (source, reason) = graph.identity(of: node), let output = graph.onlyOutput(of: node) else { return .unrelated }
        return graph.bypass(output, with: source).map { Match(bypass: $0, reason: reason) }
    }

    public func apply(_ match: Match, at node: Node, to editor: inout GraphEditor) throws -> String {
        try editor.apply(match.bypass, removing: node, pass: name)
        return match.reason
    }
}

extension Graph {
    /// The operand that the first output of `node` always equals bit for bit, and why; `nil` when there is none.
    fileprivate func identity(of node: Node) -> (source: ValueID, reason: String)? {
        switch node.operator {
        case .concat, .variadic: identityOfSeveral(node)
        case .select: chosenBranch(node)
        default: identityOfFirst(node).flatMap { reason in node.inputs.first?.map { ($0, reason) } }
        }
    }

    private func identityOfFirst(_ node: Node) -> String? {
        switch node.operator {
        case .identity: "Identity"
        case .dropout(let dropout): isInactive(dropout, node) ? "Dropout at inference" : nil
        case .cast(let cast): elementType(of: node.inputs[0]) == cast.to ? "already \(cast.to)" : nil
        case .castLike:
            elementType(of: node.inputs[0]).flatMap { elementType(of: node.inputs[1]) == $0 ? "already \($0)" : nil }
        case .reshape, .flatten, .squeeze, .unsqueeze: keepsShape(node, counted: true) ? "already has the shape" : nil
        case .expand: keepsShape(node, counted: false) ? "already has the shape" : nil
        case .transpose(let transpose): isIdentity(transpose, node) ? "keeps the order of dimensions" : nil
        case .tile: knownIntegers(node.input(Tile.Operand.repeats))?.allSatisfy { $0 == 1 } == true ? "repeats once" : nil
        case .pad(let pad): PadAmounts(node, pad, in: self)?.isNothing == true ? "pads by nothing" : nil
        case .slice(let slice): takesEverything(node, slice) ? "takes everything" : nil
        case .split: node.outputs.count == 1 && keepsShape(node, counted: false) ? "splits into one" : nil
        case .resize(let resize): isIdentity(resize, node) ? "scales by 1" : nil
        case .upsample(let upsample):
            (upsample.scales.map { $0.map(Double.init) } ?? constant(node.input(Upsample.Operand.scales))?.doubles())?
                .allSatisfy { $0 == 1 } == true ? "scales by 1" : nil
        case .clip(let clip):
            clip.minimum == nil && clip.maximum == nil && node.inputs.dropFirst().allSatisfy { $0 == nil } ? "has no limits" : nil
        case .averagePool(let pool): pool.window.looksAtSingleElements ? "pools single elements" : nil
        case .maxPool(let pool): pool.window.looksAtSingleElements ? "pools single elements" : nil
        case .depthToSpace(let move): move.blockSize == 1 ? "moves blocks of 1" : nil
        case .spaceToDepth(let move): move.blockSize == 1 ? "moves blocks of 1" : nil
        default: nil
        }
    }

    private func identityOfSeveral(_ node: Node) -> (source: ValueID, reason: String)? {
        node.inputs.count == 1 ? node.inputs[0].map { ($0, "has one operand") } : nil
    }

    private func chosenBranch(_ node: Node) -> (source: ValueID, reason: String)? {
        guard let condition = constantOperand(node.input(Where.Operand.condition))?.doubles(), let first = condition.first,
            condition.allSatisfy({ ($0 != 0) == (first != 0) }),
            let branch = node.input(first != 0 ? Where.Operand.whenTrue : Where.Operand.whenFalse),
            let chosen = shape(of: branch), let result = shape(of: node.outputs.first ?? nil), chosen.isCertainlyEqual(to: result)
        else { return nil }
        return (branch, "its condition is always \(first != 0)")
    }

    /// Whether the first output has the shape of the first operand on every run.
    /// - Parameter counted: whether the operator keeps the number of elements.
    private func keepsShape(_ node: Node, counted: Bool) -> Bool {
        guard let before = shape(of: node.inputs.first ?? nil), let after = shape(of: node.outputs.first ?? nil) else { return false }
        return counted ? before.isCertainlyEqual(toEquallyMany: after) : before.isCertainlyEqual(to: after)
    }

    private func isIdentity(_ transpose: Transpose, _ node: Node) -> Bool {
        if let permutation = transpose.permutation { return permutation == Array(permutation.indices) }
        return (shape(of: node.inputs[0])?.count).map { $0 <= 1 } ?? false
    }

    private func isIdentity(_ resize: Resize, _ node: Node) -> Bool {
        switch resize.coordinates {
        // These look elsewhere than at x even when the scale is 1.
        case .tfCropAndResize, .tfHalfPixelForNearest: return false
        case .halfPixel, .halfPixelSymmetric, .pytorchHalfPixel, .alignCorners, .asymmetric: break
        }
        guard !resize.antialias else { return false }
        if let sizes = node.input(Resize.Operand.sizes), self[sizes].type != nil {
            return resize.aspectRatioPolicy == .stretch && keepsShape(node, counted: false)
        }
        // Up to opset 10 the scales are the second operand.
        let scales = node.inputs.count == 2 ? node.inputs[1] : node.input(Resize.Operand.scales)
        guard let scales = constant(scales)?.doubles(), !scales.isEmpty else { return false }
        return scales.allSatisfy { $0 == 1 }
    }

    private func takesEverything(_ node: Node, _ slice: StridedSlice) -> Bool {
        let starts: [Int], ends: [Int], axes: [Int]?, steps: [Int]?
        if let bounds = slice.bounds {
            (starts, ends, axes, steps) = (bounds.starts, bounds.ends, bounds.axes, nil)
        } else {
            guard let first = knownIntegers(node.input(StridedSlice.Operand.starts)),
                let last = knownIntegers(node.input(StridedSlice.Operand.ends))
            else { return false }
            (starts, ends) = (first, last)
            axes = knownIntegers(node.input(StridedSlice.Operand.axes))
            steps = knownIntegers(node.input(StridedSlice.Operand.steps))
            if axes == nil && node.input(StridedSlice.Operand.axes) != nil { return false }
            if steps == nil && node.input(StridedSlice.Operand.steps) != nil { return false }
        }
        guard starts.count == ends.count, (axes?.count ?? starts.count) == starts.count, steps?.allSatisfy({ $0 == 1 }) ?? true
        else { return false }
        let shape = shape(of: node.inputs[0])
        return starts.indices.allSatisfy { index in
            if starts[index] == 0 && ends[index] >= Int(Int32.max) { return true }
            guard let shape else { return false }
            let axis = axes?[index] ?? index
            let place = axis < 0 ? axis + shape.count : axis
            guard shape.indices.contains(place), let length = shape[place].known else { return false }
            return (starts[index] == 0 || starts[index] <= -length) && ends[index] >= length
        }
    }
}

extension Window {
    /// Whether every window is one element and every element has its window.
    fileprivate var looksAtSingleElements: Bool {
        !kernel.isEmpty && kernel.allSatisfy { $0 == 1 } && strides.allSatisfy { $0 == 1 } && neverPads(kernel: kernel)
    }
}
