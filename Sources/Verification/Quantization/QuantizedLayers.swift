import GraphIR
import Passes
import Tensors

/// The layers of an int8 model, beside the values of the float model that they stand for.
struct QuantizedLayers {
    /// Where a value passes through 8 bits.
    struct Passage {
        var quantize: Node
        /// The value before, and in integers.
        var source: ValueID
        var integers: ValueID
        var dequantize: [Node]
        var scale: Double
        var zeroPoint: Double
    }

    struct Layer {
        var node: Node
        /// What the node makes.
        var result: ValueID
        /// Where the result passes through 8 bits, and nobody reads it otherwise.
        var passage: Passage?
        /// The original's value.
        var value: String
        /// What the original does to the result that quantization does here.
        var limits: [ElementLimits]
        var isQuantized: Bool
        var isScaled: Bool
    }

    /// In float operators: see `ExpandIntegerOperators`.
    let graph: Graph
    private(set) var passages: [Passage] = []
    private(set) var layers: [Layer] = []

    private let original: Graph
    /// By value of `graph`, the original's that it stands for.
    private var counterparts: [ValueID: ValueID] = [:]

    /// - Parameter isKnown: whether the int8 model has a value of that name; layers whose result it does not have are left out.
    init(candidate graph: Graph, original: Graph, isKnown: (String) -> Bool) {
        self.graph = graph
        self.original = original
        for pair in LayerAlignment(candidate: graph, original: original).pairs {
            guard let value = graph.value(named: pair.candidateValue), let other = original.value(named: pair.value) else { continue }
            counterparts[value.id] = other.id
        }
        passages = graph.nodes.compactMap { Self.passage($0, in: graph) }
        let bySource = Dictionary(passages.map { ($0.source, $0) }, uniquingKeysWith: { first, _ in first })
        let scaled = graph.equalizedValues
        var taken: Set<ValueID> = []
        for node in graph.nodes where graph.isLayer(node) {
            guard let result = node.outputs[0], graph[result].tensorType?.elementType == .float32 else { continue }
            let isSole = graph.useCount(of: result) == 1 && !graph.isOutput(result)
            let passage = isSole ? bySource[result] : nil
            guard isKnown(graph[passage?.integers ?? result].name) else { continue }
            guard let (value, limits) = counterpart(of: result, passage), limits.isEmpty || passage != nil,
                Self.fits(graph[result].tensorType, original[value].tensorType), taken.insert(value).inserted
            else { continue }
            let readsIntegers = node.inputs.contains { $0.flatMap { graph.producer(of: $0) }?.operator.isDequantization ?? false }
            layers.append(
                Layer(
                    node: node, result: result, passage: passage, value: original[value].name, limits: limits,
                    isQuantized: passage != nil || (readsIntegers && graph.hasIntegerForm(node)), isScaled: scaled.contains(result)))
        }
    }

    /// Whether both are known to be float32 of one shape, apart from lengths that are open.
    private static func fits(_ type: TensorType?, _ other: TensorType?) -> Bool {
        guard let type, let other, type.elementType == other.elementType, let shape = type.shape, let wanted = other.shape else {
            return false
        }
        return shape.count == wanted.count && !zip(shape, wanted).contains { $0.isCertainlyDifferent(from: $1) }
    }

    private static func passage(_ node: Node, in graph: Graph) -> Passage? {
        guard case .quantizeLinear(let payload) = node.operator, payload.blockSize == 0, let source = node.inputs[0],
            graph[source].constant == nil, let integers = node.outputs[0],
            let scale = graph.constant(node.input(QuantizeLinear.Operand.scale)), scale.count == 1, let step = scale.doubles()?.first
        else { return nil }
        let zeros = node.input(QuantizeLinear.Operand.zeroPoint)
        guard zeros == nil || graph.constant(zeros) != nil else { return nil }
        let dequantize = graph.consumers(of: integers).filter { reader in
            // Where both have numbers of their own, they are an operator and no passage.
            reader.operator.isDequantization
                && graph.constant(reader.input(DequantizeLinear.Operand.scale))?.doubles() == [step]
                && (graph.constant(reader.input(DequantizeLinear.Operand.zeroPoint))?.doubles() ?? [0])
                    == (graph.constant(zeros)?.doubles() ?? [0])
        }
        return Passage(
            quantize: node, source: source, integers: integers, dequantize: dequantize, scale: step,
            zeroPoint: graph.constant(zeros)?.doubles()?.first ?? 0)
    }

    /// The original's value for a layer's result, and the limits that are there between both.
    private func counterpart(of result: ValueID, _ passage: Passage?) -> (value: ValueID, limits: [ElementLimits])? {
        let dequantized = passage.map { $0.dequantize.compactMap { $0.outputs[0] } } ?? []
        if let value = dequantized.lazy.compactMap({ counterparts[$0] }).first ?? nil { return (value, limits(before: value, result)) }
        guard let value = counterparts[result] else { return nil }
        let before = limits(before: value, result)
        guard before.isEmpty, passage != nil else { return (value, before) }
        // What reads the result in the original, but not here, is done by quantization.
        let readers = dequantized.flatMap { graph.consumers(of: $0) }
        guard !readers.contains(where: { ElementLimits(of: $0, in: graph) != nil }) else { return (value, []) }
        var (last, after) = (value, [ElementLimits]())
        while original.useCount(of: last) == 1, !original.isOutput(last), let reader = original.consumers(of: last).first,
            let limits = ElementLimits(of: reader, in: original), let next = reader.outputs[0]
        {
            after.append(limits)
            last = next
        }
        return (last, after)
    }

    /// The limits that make `value` in the original, where no limit makes the result here.
    private func limits(before value: ValueID, _ result: ValueID) -> [ElementLimits] {
        if let maker = graph.producer(of: result), ElementLimits(of: maker, in: graph) != nil { return [] }
        var limits: [ElementLimits] = []
        var current = value
        while let maker = original.producer(of: current), let found = ElementLimits(of: maker, in: original), let input = maker.inputs[0] {
            limits.insert(found, at: 0)
            current = input
        }
        return limits
    }
}

extension Graph {
    /// Whether runtimes have kernels for integers.
    fileprivate func hasIntegerForm(_ node: Node) -> Bool {
        switch node.operator {
        case .convolution, .convolutionTranspose, .gemm, .matMul, .averagePool, .globalPool, .concat: true
        case .binary(let payload): payload.function == .add || payload.function == .mul
        default: movesElements(node)
        }
    }
}

extension Operator {
    var isDequantization: Bool { if case .dequantizeLinear = self { true } else { false } }
}

extension Graph {
    /// Whether the node computes floats of floats that are not constant.
    fileprivate func isLayer(_ node: Node) -> Bool {
        switch node.operator {
        case .quantizeLinear, .dequantizeLinear: return false
        default: return node.inputs.contains { $0.map { self[$0].tensorType?.elementType == .float32 && constant($0) == nil } ?? false }
        }
    }

    /// Values whose channels cross-layer equalization has scaled: from the layer that it says so of to the next one.
    fileprivate var equalizedValues: Set<ValueID> {
        var scaled: Set<ValueID> = []
        for node in nodes {
            let isScaled: Bool
            switch node.operator {
            case .convolution, .convolutionTranspose, .gemm, .matMul: isScaled = node.origin?.pass == EqualizeLayers.passName
            default: isScaled = node.inputs.first.flatMap { $0 }.map(scaled.contains) ?? false
            }
            if isScaled { scaled.formUnion(node.outputs.compactMap { $0 }) }
        }
        return scaled
    }
}
