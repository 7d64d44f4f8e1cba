import GraphIR
import Tensors

/// A node that is linear in its input apart from a bias, with constant weights, so that a per-channel affine map beside it can
/// go into the weights: `Conv`, `ConvTranspose`, `Gemm`, `MatMul`, and batch norm, whose scale is its weight.
struct LinearLayer {
    enum Form {
        case convolution(Convolution)
        case convolutionTranspose(ConvolutionTranspose)
        case gemm(Gemm)
        case matMul
        case batchNorm
    }

    let node: Node
    let form: Form
    let input: ValueID
    let weight: ConstantOperand
    let bias: ConstantOperand?
    /// Dimensions that the output has at least.
    let rank: Int
    /// Dimensions of the output after that of the channels.
    let trailing: Int
    /// Whether the output's channels are certainly dimension 1, where batch norm has them.
    let hasChannelsSecond: Bool
    let outputLayout: ChannelLayout
    let inputLayout: ChannelLayout
    let opset: Int
}

extension LinearLayer {
    /// The layer that `node` is.
    static func of(_ node: Node, in graph: Graph) -> MatchResult<LinearLayer> {
        switch node.operator {
        case .convolution(let payload): convolution(node, payload, graph)
        case .convolutionTranspose(let payload): convolutionTranspose(node, payload, graph)
        case .gemm(let payload): gemm(node, payload, graph)
        case .matMul: matMul(node, graph)
        case .batchNorm(let payload): batchNorm(node, payload, graph)
        default: .unrelated
        }
    }

    private static func convolution(_ node: Node, _ payload: Convolution, _ graph: Graph) -> MatchResult<LinearLayer> {
        guard let input = node.input(Convolution.Operand.input),
            let weight = graph.constantOperand(node.input(Convolution.Operand.weight)), weight.elementType.isFloatingPoint
        else { return notConstant("weight", of: node) }
        let filters = weight.shape.first ?? 0
        guard weight.shape.count >= 3, weight.count > 0, payload.groups > 0, filters.isMultiple(of: payload.groups) else {
            return .unrelated
        }
        let kernel = weight.shape.dropFirst(2).reduce(1, *)
        return withBias(Convolution.Operand.bias, of: node, channels: filters, graph) { bias in
            LinearLayer(
                node: node, form: .convolution(payload), input: input, weight: weight, bias: bias, rank: weight.shape.count,
                trailing: weight.shape.count - 2, hasChannelsSecond: true,
                outputLayout: ChannelLayout(groups: 1, outer: 1, channelsPerGroup: filters, inner: weight.shape[1] * kernel),
                inputLayout: ChannelLayout(
                    groups: payload.groups, outer: filters / payload.groups, channelsPerGroup: weight.shape[1], inner: kernel),
                opset: graph.opset)
        }
    }

    private static func convolutionTranspose(
        _ node: Node, _ payload: ConvolutionTranspose, _ graph: Graph
    ) -> MatchResult<LinearLayer> {
        guard let input = node.input(ConvolutionTranspose.Operand.input),
            let weight = graph.constantOperand(node.input(ConvolutionTranspose.Operand.weight)), weight.elementType.isFloatingPoint
        else { return notConstant("weight", of: node) }
        let channels = weight.shape.first ?? 0
        guard weight.shape.count >= 3, weight.count > 0, payload.groups > 0, channels.isMultiple(of: payload.groups) else {
            return .unrelated
        }
        let kernel = weight.shape.dropFirst(2).reduce(1, *)
        let filters = weight.shape[1] * payload.groups
        return withBias(ConvolutionTranspose.Operand.bias, of: node, channels: filters, graph) { bias in
            LinearLayer(
                node: node, form: .convolutionTranspose(payload), input: input, weight: weight, bias: bias,
                rank: weight.shape.count, trailing: weight.shape.count - 2, hasChannelsSecond: true,
                outputLayout: ChannelLayout(
                    groups: payload.groups, outer: channels / payload.groups, channelsPerGroup: weight.shape[1], inner: kernel),
                inputLayout: ChannelLayout(groups: 1, outer: 1, channelsPerGroup: channels, inner: weight.shape[1] * kernel),
                opset: graph.opset)
        }
    }

    private static func gemm(_ node: Node, _ payload: Gemm, _ graph: Graph) -> MatchResult<LinearLayer> {
        guard graph.opset >= 7, let input = node.input(Gemm.Operand.a) else { return .unrelated }
        guard let weight = graph.constantOperand(node.input(Gemm.Operand.b)), weight.elementType.isFloatingPoint else {
            return notConstant("second operand", of: node)
        }
        guard weight.shape.count == 2, weight.count > 0 else { return .unrelated }
        let (rows, columns) = (weight.shape[0], weight.shape[1])
        let byRow = ChannelLayout(groups: 1, outer: 1, channelsPerGroup: rows, inner: columns)
        let byColumn = ChannelLayout(groups: 1, outer: rows, channelsPerGroup: columns, inner: 1)
        return withBias(Gemm.Operand.c, of: node, channels: payload.transposeB ? rows : columns, graph) { bias in
            LinearLayer(
                node: node, form: .gemm(payload), input: input, weight: weight, bias: bias, rank: 2, trailing: 0,
                hasChannelsSecond: true, outputLayout: payload.transposeB ? byRow : byColumn,
                inputLayout: payload.transposeB ? byColumn : byRow, opset: graph.opset)
        }
    }

    private static func matMul(_ node: Node, _ graph: Graph) -> MatchResult<LinearLayer> {
        guard let input = node.input(MatMul.Operand.a),
            let weight = graph.constantOperand(node.input(MatMul.Operand.b)), weight.elementType.isFloatingPoint
        else { return notConstant("second operand", of: node) }
        guard weight.shape.count == 2, weight.count > 0 else { return .unrelated }
        let (rows, columns) = (weight.shape[0], weight.shape[1])
        let rank = graph.shape(of: input)?.count
        return .match(
            LinearLayer(
                node: node, form: .matMul, input: input, weight: weight, bias: nil, rank: rank ?? 1, trailing: 0,
                hasChannelsSecond: rank == 2,
                outputLayout: ChannelLayout(groups: 1, outer: rows, channelsPerGroup: columns, inner: 1),
                inputLayout: ChannelLayout(groups: 1, outer: 1, channelsPerGroup: rows, inner: columns), opset: graph.opset))
    }

    private static func batchNorm(_ node: Node, _ payload: BatchNorm, _ graph: Graph) -> MatchResult<LinearLayer> {
        if payload.trainingMode { return .skip(SkipReason("the batch norm before it is in training mode")) }
        guard graph.onlyOutput(of: node) != nil, let input = node.input(BatchNorm.Operand.input) else { return .unrelated }
        guard let weight = graph.constantOperand(node.input(BatchNorm.Operand.scale)), weight.elementType.isFloatingPoint,
            let bias = graph.constantOperand(node.input(BatchNorm.Operand.bias)), bias.elementType.isFloatingPoint,
            weight.shape.count == 1, weight.count > 0, bias.shape == weight.shape
        else { return notConstant("scale or bias", of: node) }
        guard let rank = graph.shape(of: input)?.count, rank >= 2 else {
            return .skip(SkipReason("the rank of the batch norm's input is not known"))
        }
        let layout = ChannelLayout(groups: 1, outer: 1, channelsPerGroup: weight.count, inner: 1)
        return .match(
            LinearLayer(
                node: node, form: .batchNorm, input: input, weight: weight, bias: bias, rank: rank, trailing: rank - 2,
                hasChannelsSecond: true, outputLayout: layout, inputLayout: layout, opset: graph.opset))
    }

    /// Hands on the bias operand when it is left out, or a constant with one number per channel or one in all.
    private static func withBias<Operand: RawRepresentable<Int>>(
        _ operand: Operand, of node: Node, channels: Int, _ graph: Graph, _ make: (ConstantOperand?) -> LinearLayer
    ) -> MatchResult<LinearLayer> {
        guard let id = node.input(operand) else { return .match(make(nil)) }
        guard let bias = graph.constantOperand(id), bias.elementType.isFloatingPoint else { return notConstant("bias", of: node) }
        let isPerChannel = bias.shape.last.map { $0 == channels || $0 == 1 } ?? true
        guard isPerChannel, bias.shape.dropLast().allSatisfy({ $0 == 1 }) else {
            return .skip(SkipReason("the bias of \(node.operator.name) before it has more than one number per channel"))
        }
        return .match(make(bias))
    }

    private static func notConstant(_ what: String, of node: Node) -> MatchResult<LinearLayer> {
        .skip(SkipReason("the \(what) of \(node.operator.name) is not a constant"))
    }
}
