import GraphIR
import Tensors

/// A layer with an affine map worked into its weights, ready to be put into the graph.
struct FoldedLayer {
    enum Weight {
        case same
        case tensor(Tensor)
        /// All alike: a `ConstantOfShape` stays one.
        case uniform(Double)
    }

    let layer: LinearLayer
    var operation: Operator
    var weight: Weight
    /// `nil` for a layer without one.
    var bias: Tensor?
}

extension LinearLayer {
    /// The layer that computes what this one and `affine` after it do.
    ///
    /// With y = Wx + b: scale·y + shift = (scale·W)x + (scale·b + shift), per output channel.
    func followed(by affine: ChannelAffine) throws -> MatchResult<FoldedLayer> {
        guard affine.scale.count == 1 || affine.scale.count == outputLayout.channels else {
            return .skip(
                SkipReason("it has \(affine.scale.count) channels, but \(node.operator.name) before it has \(outputLayout.channels)"))
        }
        guard let weight = try scaledWeight(affine, outputLayout) else { return .skip(.notFinite) }
        let old = biasValues()
        let new = old.indices.map { affine.scale($0) * old[$0] + affine.shift($0) }
        return try folded(weight: weight, bias: new)
    }

    /// The layer that computes what `affine` and this one after it do.
    ///
    /// With y = Wx + b: W(scale·x + shift) + b = (W·scale)x + (W·shift + b), per input channel. The second bracket is one
    /// number per output channel only where every output sees the whole of W, so not beside zero padding.
    func preceded(by affine: ChannelAffine) throws -> MatchResult<FoldedLayer> {
        guard affine.scale.count == 1 || affine.scale.count == inputLayout.channels else {
            return .skip(
                SkipReason("it has \(affine.scale.count) channels, but \(node.operator.name) after it reads \(inputLayout.channels)"))
        }
        var bias = biasValues()
        if affine.hasShift {
            if let reason = reasonAgainstInputShift { return .skip(reason) }
            guard let elements = weight.doubles() else { return .unrelated }
            let response = inputLayout.response(of: elements, to: affine.shift, outputs: outputLayout)
            var factor = 1.0
            if case .gemm(let gemm) = form { factor = Double(gemm.alpha) }
            for index in bias.indices { bias[index] += factor * response[index] }
        }
        guard let weight = try scaledWeight(affine, inputLayout) else { return .skip(.notFinite) }
        return try folded(weight: weight, bias: bias)
    }

    private var reasonAgainstInputShift: SkipReason? {
        switch form {
        case .convolution(let payload):
            payload.window.neverPads(kernel: Array(weight.shape.dropFirst(2)))
                ? nil : SkipReason("Conv after it pads with zeros, which its shift would have to leave alone")
        case .convolutionTranspose: SkipReason("its shift does not reach all outputs of ConvTranspose after it alike")
        case .gemm, .matMul, .batchNorm: nil
        }
    }

    /// The bias as it is added, one number per output channel; zeros without one.
    private func biasValues() -> [Double] {
        let count = outputLayout.channels
        guard let bias, let values = bias.doubles() else { return [Double](repeating: 0, count: count) }
        var factor = 1.0
        if case .gemm(let gemm) = form { factor = Double(gemm.beta) }
        return (0..<count).map { factor * (values.count == 1 ? values[0] : values[$0]) }
    }

    private func scaledWeight(_ affine: ChannelAffine, _ layout: ChannelLayout) throws -> FoldedLayer.Weight? {
        guard affine.hasScale else { return .same }
        switch weight.elements {
        case .tensor(let tensor): return try layout.scaled(tensor, by: affine.scale).map { .tensor($0) }
        case .uniform(let value):
            if affine.scale.allSatisfy({ $0 == affine.scale[0] }) {
                let product = try Tensor([value * affine.scale[0]], shape: [], as: weight.elementType).doubles()?.first
                return product.flatMap { $0.isFinite ? .uniform($0) : nil }
            }
            let tensor = try Tensor(repeating: value, shape: weight.shape, as: weight.elementType)
            return try layout.scaled(tensor, by: affine.scale).map { .tensor($0) }
        }
    }

    private func folded(weight: FoldedLayer.Weight, bias values: [Double]) throws -> MatchResult<FoldedLayer> {
        let needsBias = bias != nil || values.contains { $0 != 0 }
        let biasType = form.isBatchNorm ? (bias ?? self.weight).elementType : self.weight.elementType
        let bias = needsBias ? try Tensor(values, shape: [values.count], as: biasType) : nil
        if let bias, bias.doubles()?.allSatisfy(\.isFinite) != true { return .skip(.notFinite) }
        var operation = node.operator
        switch form {
        case .gemm(var gemm) where needsBias:
            gemm.beta = 1
            operation = .gemm(gemm)
        case .matMul where needsBias:
            guard hasChannelsSecond, opset >= 7 else {
                return .skip(SkipReason("MatMul has no bias, and its first operand is not known to be a matrix, as Gemm wants"))
            }
            operation = .gemm(Gemm(alpha: 1, beta: 1, transposeA: false, transposeB: false, broadcastsLegacy: false))
        case .convolution, .convolutionTranspose, .gemm, .matMul, .batchNorm: break
        }
        return .match(FoldedLayer(layer: self, operation: operation, weight: weight, bias: bias))
    }
}

extension LinearLayer.Form {
    var isBatchNorm: Bool {
        if case .batchNorm = self { true } else { false }
    }
}

extension SkipReason {
    static let notFinite = SkipReason("a folded weight would not be finite")
}

extension Window {
    /// Whether no output looks beyond the input, whatever its size.
    func neverPads(kernel: [Int]) -> Bool {
        switch padding {
        case .valid: true
        case .explicit(let begin, let end): (begin + end).allSatisfy { $0 == 0 }
        // With a kernel of 1 there is no window position that starts or ends outside.
        case .sameUpper, .sameLower: kernel.allSatisfy { $0 == 1 }
        }
    }
}

extension GraphEditor {
    /// Adds a folded layer that stands for other nodes, which `remove` takes away afterwards.
    /// - Parameters:
    ///   - input: what the new layer reads.
    ///   - output: what it makes.
    ///   - anchor: the node that it goes before.
    ///   - biasSource: a constant to take the place and name of when the layer had no bias.
    ///   - nodes: what it stands for, in execution order.
    /// - Returns: the value that the layer makes.
    @discardableResult
    mutating func insert(
        _ folded: FoldedLayer, input: ValueID, output: Output, before anchor: NodeID, biasSource: ValueID?,
        standingFor nodes: [Node], pass: String
    ) throws -> ValueID {
        let layer = folded.layer
        let weight = try self.weight(of: folded, before: anchor)
        var bias: ValueID?
        if let tensor = folded.bias {
            if let source = layer.bias?.id ?? biasSource {
                bias = try constant(tensor, inPlaceOf: source)
            } else {
                bias = try addConstant(tensor, name: "\(graph[layer.weight.id].name)_bias")
            }
        }
        var inputs = layer.node.inputs
        inputs[0] = input
        inputs[1] = weight
        if inputs.count > 2 { inputs[2] = bias } else if let bias { inputs.append(bias) }
        var encoding = layer.node.encoding
        if folded.operation != layer.node.operator { encoding?.attributesAreCurrent = false }
        let id = try insert(
            folded.operation, inputs: inputs, outputs: [output], name: layer.node.name, before: anchor,
            origin: origin(of: nodes, pass: pass), encoding: encoding)
        guard let value = graph[id].outputs.first ?? nil else { preconditionFailure("a layer's output cannot be left out") }
        return value
    }

    /// Removes nodes that follow each other in execution order, the last of which lost its output to another node.
    mutating func remove(_ nodes: [Node]) {
        for node in nodes.reversed() { remove(node.id) }
    }

    private mutating func weight(of folded: FoldedLayer, before anchor: NodeID) throws -> ValueID {
        let old = folded.layer.weight
        switch folded.weight {
        case .same: return old.id
        case .tensor(let tensor): return try constant(tensor, inPlaceOf: old.id)
        case .uniform(let value):
            let element = try Tensor([value], shape: [1], as: old.elementType)
            let shape = graph.producer(of: old.id)?.input(ConstantOfShape.Operand.shape)
            return try insertSingle(
                .constantOfShape(ConstantOfShape(value: element)), inputs: [shape], output: .new(name: graph[old.id].name), name: "",
                before: anchor, origin: nil)
        }
    }
}
