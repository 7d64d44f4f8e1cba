import GraphIR
import Tensors

extension PlanCompiler {
    /// Makes the steps of a group: one kernel where there is a fast one, else its nodes one by one.
    mutating func lower(_ group: Group) throws {
        if try attempt(group) { return }
        try lowerSeparately(group.mainNodes)
        try lowerSecond(of: group)
    }

    /// Makes the step of a second result that the anchor's kernel does not store.
    mutating func lowerSecond(of group: Group) throws {
        if let second = group.second { try lower(second.group) }
    }

    /// Makes a step for every node, whatever group they were in.
    mutating func lowerSeparately(_ nodes: [Node]) throws {
        let (wasSplitting, isSingle) = (isSplitting, nodes.count == 1 && !isSplitting)
        isSplitting = !isSingle
        defer { isSplitting = wasSplitting }
        for node in nodes {
            if nodes.count > 1 || wasSplitting, try attempt(Group(anchor: node, position: 0)) { continue }
            try locating(node: graph.label(of: node), operatorName: node.operator.name) { try lowerToTensors(node) }
        }
    }

    /// Makes steps for the parts of an epilogue that the anchor's kernel did not take in.
    mutating func lowerRest(of group: Group, from count: Int) throws {
        let rest = group.epilogue[count...].flatMap(\.nodes)
        guard !rest.isEmpty else { return }
        isSplitting = true
        defer { isSplitting = false }
        try lowerSeparately(rest)
    }

    /// Tries the fast kernel. A request that oneDNN does not support fails before any step overwrites an operand, so that
    /// nothing has to be undone.
    private mutating func attempt(_ group: Group) throws -> Bool {
        do {
            return try locating(node: graph.label(of: group.anchor), operatorName: group.anchor.operator.name) { try lowerFast(group) }
        } catch let failure as OneDNNFailure where failure.isUnsupported {
            return false
        }
    }

    /// The fast kernel of a group's anchor; `false` where there is none for its types, shapes and attributes.
    private mutating func lowerFast(_ group: Group) throws -> Bool {
        let node = group.anchor
        guard node.operator.hasFastKernel else { return false }
        if let isLowered = try lowerOnBytes(group) { return isLowered }
        if case .batchNormGradient(let payload) = node.operator { return try lower(payload, group) }
        if case .fakeQuantizeGradient(let payload) = node.operator { return try lower(payload, node) }
        guard let output = node.outputs.first ?? nil, isBuffered(output) else { return false }
        if case .cast(let payload) = node.operator { return try lower(payload, node, output) }
        if case .select = node.operator {
            return try group.prologue.map { try lowerClipGradient(node, $0, output) } ?? lowerSelect(node, output)
        }
        guard let input = node.inputs.first ?? nil, isBuffered(input) else { return false }
        switch node.operator {
        case .convolution(let payload): return try lower(payload, group)
        case .convolutionTranspose(let payload): return try lower(payload, group)
        case .averagePool(let payload): return try lower(payload, node, input, output)
        case .maxPool(let payload): return try lower(payload, node, input, output)
        case .globalPool(let payload): return try lower(payload, node, input, output)
        case .batchNorm(let payload): return try lower(payload, group, input)
        case .instanceNorm(let payload): return try lower(payload, group, input)
        case .groupNorm(let payload): return try lower(payload, group, input)
        case .layerNorm(let payload): return try lower(payload, node, input, output)
        case .localResponseNorm(let payload): return try lower(payload, node, input, output)
        case .gemm(let payload): return try lower(payload, group)
        case .matMul: return try lowerMatMul(group)
        case .unary, .clip, .activation: return try lowerActivation(node, input, output)
        case .binary(let payload): return try lower(payload, group)
        case .variadic(let payload): return try lower(payload, group)
        case .softmax(let payload): return try lower(payload, node, input, output)
        case .reduction(let payload): return try lower(payload, node, input, output)
        case .reshape, .flatten, .squeeze, .unsqueeze: return try lowerView(input, output)
        case .transpose(let payload): return try lower(payload, node, input, output)
        case .concat(let payload): return try lower(payload, node, output)
        case .split(let payload): return try lower(payload, node, input)
        case .slice(let payload): return try lower(payload, node, input, output)
        case .pad(let payload): return try lower(payload, node, input, output)
        case .depthToSpace(let payload): return try lower(payload, node, input, output)
        case .spaceToDepth(let payload): return try lower(payload, node, input, output)
        case .resize(let payload): return try lower(payload, node, input, output)
        case .gather(let payload): return try lower(payload, node, input, output)
        case .expand: return try lowerExpand(node, input, output)
        case .tile: return try lowerTile(node, input, output)
        case .einsum(let payload): return try lower(payload, node, output)
        case .upsample(let payload): return try lower(payload, node, input, output)
        case .convolutionInputGradient(let payload): return try lower(payload, node, output)
        case .convolutionWeightGradient(let payload): return try lower(payload, node, input, output)
        case .averagePoolGradient(let payload): return try lower(payload, node, input, output)
        case .maxPoolGradient(let payload): return try lower(payload, node, input, output)
        case .activationGradient(let payload): return try lower(payload, node, input, output)
        case .resizeGradient(let payload): return try lower(payload, node, input, output)
        case .roiAlign(let payload): return try lower(payload, node, input, output)
        case .fakeQuantize(let payload): return try lower(payload, node, input, output)
        case .symmetricScale(let payload): return try lower(payload, node, input, output)
        case .movingRange(let payload): return try lower(payload, node, input)
        default: return false
        }
    }
}

extension Operator {
    /// Whether `lowerFast` knows the operator, for some types, shapes and attributes.
    var hasFastKernel: Bool {
        switch self {
        case .convolution, .convolutionTranspose, .averagePool, .maxPool, .globalPool, .roiAlign, .batchNorm, .instanceNorm, .groupNorm,
            .layerNorm, .localResponseNorm, .gemm, .matMul, .einsum, .unary, .clip, .activation, .binary, .variadic, .select, .cast,
            .softmax, .reduction, .reshape, .flatten, .squeeze, .unsqueeze, .transpose, .concat, .split, .slice, .pad, .depthToSpace,
            .spaceToDepth, .resize, .upsample, .gather, .expand, .tile, .convolutionInputGradient, .convolutionWeightGradient,
            .averagePoolGradient, .maxPoolGradient, .batchNormGradient, .activationGradient, .resizeGradient, .integer, .quantizeLinear,
            .dequantizeLinear, .fakeQuantize, .fakeQuantizeGradient, .symmetricScale, .movingRange:
            true
        case .convInteger, .qLinearConv, .lpPool, .maxUnpool, .rmsNorm, .lpNorm, .meanVarianceNorm, .matMulInteger, .qLinearMatMul,
            .qLinear, .isInfinite, .castLike, .argReduction,
            .cumulativeSum, .topK, .gatherElements, .gatherND, .scatterElements, .scatterND, .oneHot, .nonZero, .compress,
            .reverseSequence, .trilu, .unique, .nonMaxSuppression, .shapeOf, .sizeOf, .identity, .dropout, .constant,
            .constantOfShape, .eyeLike, .range, .gridSample, .dynamicQuantizeLinear,
            .negativeLogLikelihoodLoss, .softmaxCrossEntropyLoss, .lpPoolGradient, .layerNormGradient, .groupNormGradient,
            .rmsNormGradient, .localResponseNormGradient, .productGradient, .gridSampleGradient,
            .dropoutMask, .determinant, .windowFunction, .melWeightMatrix, .dft, .stft, .bernoulli, .randomNumbers, .tfIdfVectorizer,
            .branch, .loop, .scan, .opaque:
            false
        }
    }
}
