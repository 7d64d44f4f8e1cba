import GraphIR
import Synchronization
import Tensors

/// Replaces two-dimensional convolutions by a separable form of two layers each, without batch norm or activation in between
/// ("Structural Compression of ResNet-like Convolutional Neural Networks", Kastanos).
///
/// A convolution is replaced where that lowers its parameters and does not raise its multiplications, unless the decomposition is
/// `.exact`.
/// The second layer keeps the bias and makes the value that the convolution made. Convolutions that share a weight share the
/// factors, and are replaced together or not at all.
public struct SeparateConvolutions: Pass {
    public enum Scope: String, CaseIterable, Hashable, Sendable {
        /// Convolutions between the fork and the join of a residual block: the paper's choice.
        case residualBlocks = "residual"
        case all
    }

    /// Where the new weights come from.
    public enum Initialization: Hashable, Sendable {
        /// The old weights, decomposed.
        case decompose(DecompositionRank)
        /// Glorot-uniform numbers; each layer's depend on the seed and the name of its weight only. The shape is the paper's.
        case random(seed: UInt64)
    }

    /// Called with the number of weights done and their total.
    public typealias Progress = @Sendable (_ done: Int, _ total: Int) throws -> Void

    public var form: SeparableForm
    public var scope: Scope
    public var initialization: Initialization

    public init(_ form: SeparableForm, scope: Scope = .residualBlocks, initialize initialization: Initialization = .decompose(.paper)) {
        self.form = form
        self.scope = scope
        self.initialization = initialization
    }

    public var name: String { "separate-\(form.rawValue)" }

    /// Rounding where decompositions are exact: two layers round twice, at intermediate values of another size.
    public var fidelity: Fidelity { initialization == .decompose(.exact) ? .rounding(tolerance: 1e-5) : .approximate }

    public func run(on graph: inout Graph) throws -> PassReport {
        try separate(&graph).passReport(name)
    }

    /// Separates the convolutions of `graph` and says, layer by layer, what that did.
    /// - Parameter progress: called from several threads with the number of weights done and their total; stops the work by throwing.
    /// - Throws: what `progress` throws; `CleaveError` for a rank or share out of range, or weights that cannot be decomposed (NaN);
    ///   the graph is then untouched.
    public func separate(_ graph: inout Graph, progress: Progress? = nil) throws -> SeparationReport {
        if case .decompose(let rank) = initialization { try rank.validate() }
        var outcome = try survey(graph)
        let groups = try makeGroups(graph, &outcome)
        for (group, choice) in zip(groups, try choices(for: groups, progress)) {
            switch choice {
            case .success(let choice): outcome.chosen.append((group, choice))
            case .failure(let leftAlone): for member in group.members { outcome.skips[member.node.id] = leftAlone.reason }
            }
        }
        try rewrite(&graph, outcome.chosen)
        return report(outcome)
    }

    private func report(_ outcome: Outcome) -> SeparationReport {
        var layers: [NodeID: SeparationReport.Layer] = [:]
        for (group, choice) in outcome.chosen {
            for member in group.members {
                layers[member.node.id] = SeparationReport.Layer(
                    node: member.label, shape: member.shape, separation: choice.separation, before: member.shape.cost,
                    after: member.shape.cost(of: choice.separation), keptEnergy: choice.keptEnergy, squaredError: choice.squaredError)
            }
        }
        return SeparationReport(
            form: form, layers: outcome.order.compactMap { layers[$0.id] },
            skips: outcome.order.compactMap { node in outcome.skips[node.id].map { .init(node: node.label, reason: $0) } },
            order: outcome.order.map(\.label), fidelity: fidelity, excessiveRanks: outcome.candidates.compactMap(excessiveRank))
    }

    private func excessiveRank(_ candidate: SeparationCandidate) -> SeparationReport.ExcessiveRank? {
        guard case .decompose(.count(let asked)) = initialization else { return nil }
        let full = candidate.shape.separations(form, rank: .exact).map(\.rank).max() ?? 0
        return asked > full ? .init(node: candidate.label, asked: asked, fullRank: full) : nil
    }

    // MARK: Which

    /// Convolutions that share one weight.
    struct Group: Sendable {
        var members: [SeparationCandidate]
        var weight: Tensor
        var weightName: String
    }

    private struct Outcome {
        /// Nodes in execution order.
        var order: [(id: NodeID, label: String)] = []
        var candidates: [SeparationCandidate] = []
        var skips: [NodeID: SkipReason] = [:]
        var chosen: [(Group, Choice)] = []
    }

    private func survey(_ graph: Graph) throws -> Outcome {
        var outcome = Outcome()
        let blocks = scope == .residualBlocks ? ResidualBlocks(graph) : nil
        for node in graph.nodes {
            let label = graph.label(of: node)
            switch try locating(node: label, operatorName: node.operator.name, { try graph.separationVerdict(of: node, form: form) }) {
            case .unrelated: continue
            case .skip(let reason): outcome.skips[node.id] = reason
            case .candidate(let candidate):
                if let blocks, !blocks.contains(node.id) {
                    outcome.skips[node.id] = SkipReason("not inside a residual block (--scope all would take it)")
                } else {
                    outcome.candidates.append(candidate)
                }
            }
            outcome.order.append((node.id, label))
        }
        return outcome
    }

    /// Candidates by weight. Where cost counts, a weight that something else needs too stays, and would be there twice.
    private func makeGroups(_ graph: Graph, _ outcome: inout Outcome) throws -> [Group] {
        var groups: [Group] = []
        var indices: [ValueID: Int] = [:]
        for candidate in outcome.candidates {
            if let index = indices[candidate.weight] {
                groups[index].members.append(candidate)
            } else if let weight = try graph.fixedWeight(candidate.weight) {
                indices[candidate.weight] = groups.count
                groups.append(Group(members: [candidate], weight: weight, weightName: graph[candidate.weight].name))
            }
        }
        guard !ignoresCost else { return groups }
        return groups.filter { group in
            let value = group.members[0].weight
            let asked = graph.shapeReaders(of: value).count
            if graph.useCount(of: value) == group.members.count + asked, !graph.isOutput(value) { return true }
            let members = Set((group.members.map(\.node) + graph.shapeReaders(of: value)).map(\.id))
            let other = graph.consumers(of: value).first { !members.contains($0.id) }.map { "'\(graph.label(of: $0))'" }
            for member in group.members {
                outcome.skips[member.node.id] = SkipReason("weight is shared with \(other ?? "the outputs"), which would keep it")
            }
            return false
        }
    }

    private var ignoresCost: Bool { initialization == .decompose(.exact) }

    // MARK: How

    /// What becomes of a group, and with which weights.
    struct Choice: Sendable {
        var separation: Separation
        var weights: SeparatedWeights
        var keptEnergy: Double?
        var squaredError: Double?
    }

    struct LeftAlone: Error {
        var reason: SkipReason
    }

    private func choices(for groups: [Group], _ progress: Progress?) throws -> [Result<Choice, LeftAlone>] {
        let done = Atomic(0)
        return try concurrentMap(groups, largestFirst: { $0.weight.count }) { group in
            try progress?(done.load(ordering: .relaxed), groups.count)
            let first = group.members[0]
            let result: Result<Choice, LeftAlone> = try locating(
                node: first.label, operatorName: first.node.operator.name, tensor: group.weightName
            ) {
                do {
                    return .success(try choice(for: group))
                } catch let error as LeftAlone {
                    return .failure(error)
                }
            }
            try progress?(done.wrappingAdd(1, ordering: .relaxed).newValue, groups.count)
            return result
        }
    }

    private func choice(for group: Group) throws -> Choice {
        switch initialization {
        case .random(let seed):
            let separation = try affordable(group.members[0].shape.separations(form, rank: .paper), group)[0]
            let weights = try randomWeights(separation, group, seed: seed)
            return Choice(separation: separation, weights: weights, keptEnergy: nil, squaredError: nil)
        case .decompose(let rank): return try decomposition(of: group, to: rank)
        }
    }

    /// The separations under which every member gets smaller.
    private func affordable(_ separations: [Separation], _ group: Group) throws -> [Separation] {
        guard !ignoresCost else { return separations }
        let affordable = separations.filter { separation in
            group.members.allSatisfy { $0.shape.cost(of: separation).isSmaller(than: $0.shape.cost) }
        }
        if affordable.isEmpty, let separation = separations.first,
            let member = group.members.first(where: { !$0.shape.cost(of: separation).isSmaller(than: $0.shape.cost) })
        {
            let excess = member.shape.cost(of: separation).excess(over: member.shape.cost)
            throw LeftAlone(reason: SkipReason("would not get smaller: \(excess)"))
        }
        return affordable
    }

    private func decomposition(of group: Group, to rank: DecompositionRank) throws -> Choice {
        let shape = group.members[0].shape
        var options = shape.separations(form, rank: rank)
        if rank == .exact, let cheapest = options.min(by: { shape.cost(of: $0).parameters < shape.cost(of: $1).parameters }) {
            options = [cheapest]
        }
        var share: Double?
        if case .energy(let energy) = rank { share = energy } else { options = try affordable(options, group) }
        let weight = try NormalizedWeight(group.weight)
        var candidates: [(separation: Separation, decomposition: any WeightDecomposition)] = try options.map { option in
            switch option {
            case .spatial(let order, let rank):
                let decomposition = try SpatialDecomposition(weight, order: order)
                return (.spatial(order, rank: share.map { decomposition.rank(keeping: $0) } ?? rank), decomposition)
            case .depthwise(let terms):
                let decomposition = try DepthwiseDecomposition(weight)
                return (.depthwise(terms: share.map { decomposition.rank(keeping: $0) } ?? terms), decomposition)
            }
        }
        let affordable = try affordable(candidates.map(\.separation), group)
        candidates.removeAll { !affordable.contains($0.separation) }
        let best = candidates.min { left, right in
            let (leftCost, rightCost) = (shape.cost(of: left.separation).parameters, shape.cost(of: right.separation).parameters)
            if share != nil && leftCost != rightCost { return leftCost < rightCost }
            return left.decomposition.squaredError(rank: left.separation.rank)
                < right.decomposition.squaredError(rank: right.separation.rank)
        }
        // The others' memory is free while the weights are computed.
        candidates = []
        guard let (separation, decomposition) = best else { throw LeftAlone(reason: SkipReason("would not get smaller")) }
        return Choice(
            separation: separation, weights: try decomposition.weights(rank: separation.rank),
            keptEnergy: decomposition.keptEnergy(rank: separation.rank), squaredError: decomposition.squaredError(rank: separation.rank))
    }
}
