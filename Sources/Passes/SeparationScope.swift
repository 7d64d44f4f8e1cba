import GraphIR
import Tensors

/// Which nodes lie inside residual blocks.
///
/// A residual block begins at a fork, a value from which all data of a later `Add` (or `Sum`) descends, and ends at that join.
/// A `Conv`, `ConvTranspose` or `Gemm` whose bias is data adds too, and is itself inside: exporters make one of a shortcut and the sum.
/// The fork of a join is its immediate dominator in the graph of data: the last node that every path from the inputs to
/// the join runs through. A node is inside when it lies on a path from the fork to the join.
///
/// Constants are no data, and neither are shapes: an `Add` of a bias joins nothing.
///
/// Both steps take one walk over the nodes. Dominators: in execution order, the immediate dominator of a node is the lowest common
/// ancestor, in the dominator tree so far, of the nodes it reads, found in logarithmic time through skip pointers (Myers, "An
/// applicative random-access stack", 1983). Membership: every path that leads into a join without meeting its fork starts below the
/// fork, since the fork dominates the join; so a walk backwards has to carry only the depth of the outermost open fork, and a node is
/// inside when that fork lies above it.
struct ResidualBlocks {
    private var isInside: [Bool] = []

    init(_ graph: Graph) {
        var tree = DominatorTree()
        var vertexOfValue: [ValueID: Int] = [:]
        for input in graph.inputs { vertexOfValue[input] = tree.add(below: [DominatorTree.root]) }

        var joins: [(node: Node, vertex: Int, operands: [Int])] = []
        joins.reserveCapacity(graph.nodeCount)
        for node in graph.nodes where node.carriesData {
            let operands = (node.inputs.compactMap { $0 } + node.captures).compactMap { vertexOfValue[$0] }
            guard !operands.isEmpty else { continue }
            let vertex = tree.add(below: operands)
            for output in node.outputs.compactMap({ $0 }) { vertexOfValue[output] = vertex }
            joins.append((node, vertex, operands))
        }

        // Per vertex, the depth of the outermost fork whose block the vertex is in.
        var outermost = [Int](repeating: .max, count: tree.count)
        isInside = [Bool](repeating: false, count: (graph.order.map(\.index).max() ?? -1) + 1)
        for (node, vertex, operands) in joins.reversed() {
            isInside[node.id.index] = outermost[vertex] < .max
            var open = outermost[vertex]
            let fork = tree.parent(of: vertex)
            if operands.count > 1, fork != DominatorTree.root {
                let addsItsBias = node.bias.map { vertexOfValue[$0] != nil } ?? false
                if addsItsBias { isInside[node.id.index] = true }
                if addsItsBias || node.isSum(in: graph) { open = min(open, tree.depth(of: fork)) }
            }
            for operand in operands where open < tree.depth(of: operand) { outermost[operand] = min(outermost[operand], open) }
        }
    }

    func contains(_ id: NodeID) -> Bool { id.index < isInside.count && isInside[id.index] }
}

/// A tree that grows at its leaves and answers lowest common ancestors.
struct DominatorTree {
    static let root = 0

    private var parents = [0]
    private var depths = [0]
    /// An ancestor further up, so placed that a walk of skips and steps is logarithmic.
    private var skips = [0]

    var count: Int { parents.count }
    func parent(of vertex: Int) -> Int { parents[vertex] }
    func depth(of vertex: Int) -> Int { depths[vertex] }

    /// Adds a vertex below the lowest common ancestor of `vertices`, which are not empty.
    mutating func add(below vertices: [Int]) -> Int {
        let parent = vertices.dropFirst().reduce(vertices[0]) { lowestCommonAncestor($0, $1) }
        let skip = skips[parent]
        let isEvenStep = depths[parent] - depths[skip] == depths[skip] - depths[skips[skip]]
        parents.append(parent)
        depths.append(depths[parent] + 1)
        skips.append(isEvenStep ? skips[skip] : parent)
        return parents.count - 1
    }

    private func lowestCommonAncestor(_ left: Int, _ right: Int) -> Int {
        var (left, right) = (left, right)
        if depths[left] < depths[right] { swap(&left, &right) }
        while depths[left] > depths[right] { left = depths[skips[left]] >= depths[right] ? skips[left] : parents[left] }
        while left != right {
            if skips[left] != skips[right] {
                (left, right) = (skips[left], skips[right])
            } else {
                (left, right) = (parents[left], parents[right])
            }
        }
        return left
    }
}

extension Node {
    /// Whether the outputs depend on the elements of the operands, and not on their shapes alone.
    fileprivate var carriesData: Bool {
        switch `operator` {
        case .shapeOf, .sizeOf, .constant, .constantOfShape, .eyeLike: false
        default: true
        }
    }

    /// What a linear layer adds to its products.
    fileprivate var bias: ValueID? {
        switch `operator` {
        case .convolution: input(Convolution.Operand.bias)
        case .convolutionTranspose: input(ConvolutionTranspose.Operand.bias)
        case .gemm: input(Gemm.Operand.c)
        default: nil
        }
    }

    /// Whether the node adds tensors of real numbers.
    fileprivate func isSum(in graph: Graph) -> Bool {
        switch `operator` {
        case .binary(let payload) where payload.function == .add: break
        case .variadic(let payload) where payload.function == .sum: break
        default: return false
        }
        guard let output = outputs.first ?? nil, let type = graph[output].tensorType else { return true }
        return type.elementType.isFloatingPoint
    }
}
