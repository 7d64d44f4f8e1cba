import Tensors

/// What the convolutions have in common: input [N, C, D1 … Dn], weight [M, C/groups, k1 … kn].
struct ConvolutionShape {
    /// [N, M, D1' … Dn'], as far as it is known.
    let output: [Dimension]?
    /// M
    let filters: Dimension

    /// - Throws: `CleaveError` when ranks, channels or groups do not fit each other, or the window is longer than the input.
    init(input: OperandType, weight: OperandType, window: Window, groups: Int) throws {
        try Self.checkRanks(input: input, weight: weight, window: window, roles: "filters, channels")
        guard groups > 0 else { throw CleaveError(.invalidAttribute, "group is \(groups), expected a positive number") }
        filters = weight.dimension(0)
        if let known = filters.known, !known.isMultiple(of: groups) {
            throw CleaveError(.shapeMismatch, "weight has \(count(known, "filter")), expected a multiple of the \(groups) groups")
        }
        let expected = weight.dimension(1) * .known(groups)
        guard !input.dimension(1).isCertainlyDifferent(from: expected) else {
            throw CleaveError(
                .shapeMismatch, "input has \(input.dimension(1)) channels, weight expects \(expected) (groups \(groups))")
        }
        guard let rank = input.rank ?? weight.rank else {
            output = nil
            return
        }
        let spatial = (2..<rank).map { input.dimension($0) }
        let kernel = weight.shape.flatMap { TensorType(.float32, Array($0.dropFirst(2))).knownShape }
        let lengths: [Dimension]
        if kernel == nil && window.kernel.isEmpty {
            lengths = spatial.map { _ in .unknown }
        } else {
            lengths = try window.outputShape(spatial, kernel: kernel, ceilMode: false)
        }
        output = [input.dimension(0), filters] + lengths
    }

    /// Input and weight have the same rank, at least 3.
    /// - Parameter roles: the first two dimensions of the weight.
    static func checkRanks(input: OperandType, weight: OperandType, window: Window, roles: String) throws {
        try input.requireRank(atLeast: 3, "batch, channels, spatial …")
        try weight.requireRank(atLeast: 3, "\(roles), spatial …")
        let windowRank = window.kernel.isEmpty ? nil : window.kernel.count + 2
        guard let rank = input.rank ?? windowRank else { return }
        try weight.requireRank(rank, "\(roles), \(spatialNames(rank - 2))")
    }

    /// "height, width" for 2.
    static func spatialNames(_ count: Int) -> String {
        switch count {
        case 1: "length"
        case 2: "height, width"
        case 3: "depth, height, width"
        default: "\(count) spatial"
        }
    }
}

/// The product of the factors; `nil` when one is not known or it does not fit an `Int`.
func product(_ factors: [Int?]) -> Int? {
    var result = 1
    for factor in factors {
        guard let factor else { return nil }
        let (product, overflow) = result.multipliedReportingOverflow(by: factor)
        if overflow { return nil }
        result = product
    }
    return result
}

extension CostContext {
    /// Output elements × weight elements per filter.
    func convolutionMultiplyAccumulates<Operand: RawRepresentable<Int>>(weight: Operand) -> Int? {
        guard let shape = input(weight)?.knownShape, !shape.isEmpty else { return nil }
        return product([outputElements()] + shape.dropFirst().map { $0 })
    }
}
