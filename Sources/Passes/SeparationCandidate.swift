import GraphIR
import Tensors

/// A convolution that a separable form could replace.
struct SeparationCandidate: Sendable {
    let node: Node
    let label: String
    let shape: ConvolutionShape
    let weight: ValueID
    let elementType: ElementType
}

/// What a node is to the separation.
enum SeparationVerdict {
    case candidate(SeparationCandidate)
    case skip(SkipReason)
    /// Not a convolution.
    case unrelated
}

extension Graph {
    /// Whether `node` is a convolution that `form` could replace, its cost and place in the network apart.
    /// - Throws: `CleaveError` for attributes that fit neither each other nor the weight.
    func separationVerdict(of node: Node, form: SeparableForm) throws -> SeparationVerdict {
        switch node.operator {
        case .convolution: break
        case .opaque(let payload) where payload.isConvolutionOfRuntime:
            return .skip(SkipReason("is one of a runtime's own operators: export the model without the runtime's optimizations"))
        case .convInteger, .qLinearConv: return .skip(SkipReason("works on integers: separate the network before it is quantized"))
        default: return .unrelated
        }
        guard let weight = node.input(Convolution.Operand.weight), let type = self[weight].tensorType, let rank = type.rank else {
            return .skip(SkipReason("weight has no known shape"))
        }
        guard rank == 4 else {
            let dimensions = max(rank - 2, 0)
            let noun = dimensions == 1 ? "dimension" : "dimensions"
            return .skip(SkipReason("convolution over \(dimensions) \(noun): only two-dimensional ones are separated"))
        }
        guard let shape = try convolutionShape(of: node) else { return .skip(SkipReason("weight has no known shape")) }
        if let reason = shape.obstacle(to: form) { return .skip(reason) }
        guard (node.outputs.first ?? nil) != nil else { return .skip(SkipReason("has no output")) }
        if let reason = reasonAgainst(weight: weight) { return .skip(reason) }
        guard type.elementType.isFloatingPoint else { return .skip(SkipReason("weight has elements of \(type.elementType)")) }
        return .candidate(
            SeparationCandidate(node: node, label: label(of: node), shape: shape, weight: weight, elementType: type.elementType))
    }

    /// Why a weight cannot be decomposed although its shape is known; `nil` when it can.
    func reasonAgainst(weight: ValueID) -> SkipReason? {
        if isFixedWeight(weight) { return nil }
        var pending = [weight]
        var seen: Set<ValueID> = [weight]
        while let value = pending.popLast() {
            if self[value].source == .constant { continue }
            guard let producer = producer(of: value), seen.count <= Self.longestWayToConstants, producer.captures.isEmpty else {
                return SkipReason("weight is not constant")
            }
            switch producer.operator {
            case .dequantizeLinear: return SkipReason("weight is dequantized: separate the network before it is quantized")
            // Folding leaves large fills and random numbers as they are.
            case .constantOfShape, .bernoulli, .randomNumbers, .opaque, .branch, .loop, .scan: return SkipReason("weight is not constant")
            default: pending += producer.inputs.compactMap { $0 }.filter { seen.insert($0).inserted }
            }
        }
        return SkipReason("weight is computed from constants: `cleave fold` makes it one")
    }

    /// Values that are looked at between a weight and the constants that it is computed from.
    private static let longestWayToConstants = 100

    /// Whether `fixedWeight` is there.
    private func isFixedWeight(_ value: ValueID) -> Bool {
        if constant(value) != nil { return true }
        guard case .constantOfShape? = producer(of: value)?.operator, let shape = self[value].tensorType?.knownShape,
            let count = try? Tensor.elementCount(of: shape)
        else { return false }
        return count <= Self.largestFilledWeight
    }

    /// The most elements that a weight filled by `ConstantOfShape` may have: the file holds only its shape, which may be absurd.
    private static let largestFilledWeight = 1 << 24

    /// A weight that is the same at every run: an initializer, a constant, or a constant fill.
    func fixedWeight(_ value: ValueID) throws -> Tensor? {
        if let tensor = constant(value) { return tensor }
        guard isFixedWeight(value), case .constantOfShape(let fill)? = producer(of: value)?.operator,
            let type = self[value].tensorType, let shape = type.knownShape
        else { return nil }
        return try Tensor(repeating: fill.value?.doubles()?.first ?? 0, shape: shape, as: type.elementType)
    }

    /// Lengths and window of a two-dimensional convolution; `nil` for other nodes, and where the weight's shape is not known.
    /// - Throws: `CleaveError` for attributes that fit neither each other nor the weight.
    func convolutionShape(of node: Node) throws -> ConvolutionShape? {
        guard case .convolution(let convolution) = node.operator, let weight = node.input(Convolution.Operand.weight),
            let weightShape = self[weight].tensorType?.knownShape, weightShape.count == 4
        else { return nil }
        let input = node.input(Convolution.Operand.input).flatMap { self[$0].tensorType?.shape }
        let size = input?.count == 4 ? input?[2...].compactMap(\.known).filter { $0 <= Int(Int32.max) } : nil
        return ConvolutionShape(
            filters: weightShape[0], channels: weightShape[1], groups: convolution.groups,
            window: try convolution.window.resolved(kernel: Array(weightShape[2...])),
            hasBias: node.input(Convolution.Operand.bias) != nil, inputSize: size?.count == 2 ? size : nil)
    }
}

extension ConvolutionShape {
    /// Why the convolution has no such form, whatever its weights; `nil` when it has one.
    func obstacle(to form: SeparableForm) -> SkipReason? {
        if weightShape.contains(0) { return SkipReason("has no weights") }
        if height == 1 && width == 1 { return SkipReason("kernel is already 1×1") }
        if channels == 1 && (groups > 1 || form == .depthwise) { return SkipReason("already depthwise") }
        if groups > 1 { return SkipReason("filters are split into \(groups) groups") }
        if form == .spatial && (height == 1 || width == 1) { return SkipReason("kernel is already \(kernelDescription)") }
        return nil
    }

    /// The separations that a decomposition to `rank` can choose from; for `.energy` the ranks are full and still to be cut.
    func separations(_ form: SeparableForm, rank: DecompositionRank) -> [Separation] {
        switch form {
        case .depthwise: [.depthwise(terms: terms(rank, paper: 1, full: fullTerms))]
        case .spatial:
            SpatialOrder.allCases.map { .spatial($0, rank: terms(rank, paper: filters, full: fullRank($0))) }
        }
    }

    private func terms(_ rank: DecompositionRank, paper: Int, full: Int) -> Int {
        switch rank {
        case .paper: min(paper, full)
        case .count(let count): min(count, full)
        case .energy, .exact: full
        }
    }
}
