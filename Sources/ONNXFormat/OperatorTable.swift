import GraphIR
import Tensors

/// How an operator of ONNX's default domain becomes a typed one.
struct OperatorEntry: Sendable {
    let name: String
    /// First and last version of the operator set that has the operator.
    let opsets: ClosedRange<Int>
    let decode: @Sendable (inout AttributeReader) throws -> Operator

    init(_ name: String, _ opsets: ClosedRange<Int>, decode: @escaping @Sendable (inout AttributeReader) throws -> Operator) {
        self.name = name
        self.opsets = opsets
        self.decode = decode
    }

    init(_ name: String, since first: Int, decode: @escaping @Sendable (inout AttributeReader) throws -> Operator) {
        self.init(name, first...Int.max, decode: decode)
    }
}

/// All operators that the typed graph knows, by ONNX's name.
enum OperatorTable {
    /// The versions of ONNX's default operator set that are read. Before `firstComplete`, operators whose definition changed
    /// since are opaque.
    static let opsets = 1...23
    static let firstComplete = 7

    static let entries: [String: OperatorEntry] = {
        let all = [
            convolutions, poolings, normalizations, matMuls, unaries, binaries, selections, activations, reductions, indexings, shapes,
            movements, constants, resamplings, quantizations, losses,
            signals, randoms, controlFlow,
        ]
        return Dictionary(uniqueKeysWithValues: all.joined().map { ($0.name, $0) })
    }()

    /// The typed operator; `nil` for what only an opaque one can carry.
    /// - Throws: `CleaveError` for an attribute that is missing or of the wrong kind.
    static func decode(_ name: String, _ reader: inout AttributeReader) throws -> Operator? {
        do {
            return try typed(name, &reader)
        } catch is NotModelled {
            return nil
        }
    }

    /// What is wrong with the attributes of a node that `decode` leaves opaque; `nil` when nothing is known to be.
    static func fault(of name: String, _ reader: inout AttributeReader) throws -> CleaveError? {
        do {
            _ = try typed(name, &reader)
            return nil
        } catch let reason as NotModelled {
            return reason.fault
        }
    }

    private static func typed(_ name: String, _ reader: inout AttributeReader) throws -> Operator? {
        guard opsets.contains(reader.opset), let entry = entries[name], entry.opsets.contains(reader.opset) else { return nil }
        let operation = try entry.decode(&reader)
        try reader.expectAllRead()
        return operation
    }

    /// The typed operator of the domain `com.microsoft`; `nil` for what only an opaque one can carry.
    /// - Throws: `CleaveError` for an attribute that is missing or of the wrong kind.
    static func decodeQLinear(_ name: String, _ reader: inout AttributeReader) throws -> Operator? {
        guard let entry = qLinear[name] else { return nil }
        do {
            let operation = try entry.decode(&reader)
            try reader.expectAllRead()
            return operation
        } catch is NotModelled {
            return nil
        }
    }

    static func isDefaultDomain(_ domain: String) -> Bool { domain.isEmpty || domain == "ai.onnx" }
}

extension Operator {
    /// ONNX's name of the operator at a version of the default operator set.
    /// - Throws: `CleaveError` when that version does not have it.
    func onnxName(opset: Int) throws -> String {
        if case .opaque(let payload) = self { return payload.name }
        if case .qLinear = self { return name }
        if case .integer = self {
            throw CleaveError(
                .unsupported, "\(name) is what a backend makes of a graph while it runs, for which ONNX has no operator",
                suggestion: "export the graph that it was made of")
        }
        var name = self.name
        if case .scatterElements = self, opset < 11 { name = "Scatter" }
        guard let entry = OperatorTable.entries[name] else {
            throw CleaveError(
                .unsupported, "\(name) belongs to a training graph, for which ONNX has no operators",
                suggestion: "export the network that is trained")
        }
        guard OperatorTable.opsets.contains(opset) else {
            throw CleaveError(
                .unsupported, "opset \(opset) cannot be written, expected \(OperatorTable.opsets.lowerBound) to "
                    + "\(OperatorTable.opsets.upperBound)")
        }
        guard entry.opsets.lowerBound <= opset else {
            throw CleaveError(
                .unsupported, "\(name) exists since opset \(entry.opsets.lowerBound), but the graph's is \(opset)",
                suggestion: "raise the graph's opset to \(entry.opsets.lowerBound)")
        }
        guard opset <= entry.opsets.upperBound else {
            throw CleaveError(
                .unsupported, "\(name) exists up to opset \(entry.opsets.upperBound), but the graph's is \(opset)",
                suggestion: "replace the node by its successor")
        }
        return name
    }

    /// Adds the operator's attributes to a node. An opaque operator has none of its own.
    /// - Throws: `CleaveError` when the writer's opset cannot express them.
    func writeAttributes(to writer: inout AttributeWriter) throws {
        switch self {
        case .convolution(let payload): try payload.write(to: &writer)
        case .convolutionTranspose(let payload): try payload.write(to: &writer)
        case .convInteger(let payload): try payload.write(to: &writer)
        case .qLinearConv(let payload): try payload.write(to: &writer)
        case .averagePool(let payload): try payload.write(to: &writer)
        case .maxPool(let payload): try payload.write(to: &writer)
        case .lpPool(let payload): try payload.write(to: &writer)
        case .globalPool(let payload): payload.write(to: &writer)
        case .maxUnpool(let payload): try payload.write(to: &writer)
        case .roiAlign(let payload): try payload.write(to: &writer)
        case .batchNorm(let payload): try payload.write(to: &writer)
        case .instanceNorm(let payload): payload.write(to: &writer)
        case .layerNorm(let payload): payload.write(to: &writer)
        case .groupNorm(let payload): try payload.write(to: &writer)
        case .rmsNorm(let payload): payload.write(to: &writer)
        case .localResponseNorm(let payload): payload.write(to: &writer)
        case .lpNorm(let payload): payload.write(to: &writer)
        case .meanVarianceNorm(let payload): payload.write(to: &writer)
        case .gemm(let payload): try payload.write(to: &writer)
        case .einsum(let payload): payload.write(to: &writer)
        case .isInfinite(let payload): payload.write(to: &writer)
        case .binary(let payload): try payload.write(to: &writer)
        case .clip(let payload): try payload.write(to: &writer)
        case .cast(let payload): try payload.write(to: &writer)
        case .castLike(let payload): try payload.write(to: &writer)
        case .activation(let payload): payload.write(to: &writer)
        case .softmax(let payload): try payload.write(to: &writer)
        case .reduction(let payload): try payload.write(to: &writer)
        case .argReduction(let payload): try payload.write(to: &writer)
        case .cumulativeSum(let payload): payload.write(to: &writer)
        case .topK(let payload): try payload.write(to: &writer)
        case .gather(let payload): payload.write(to: &writer)
        case .gatherElements(let payload): payload.write(to: &writer)
        case .gatherND(let payload): try payload.write(to: &writer)
        case .scatterElements(let payload): try payload.write(to: &writer)
        case .scatterND(let payload): try payload.write(to: &writer)
        case .oneHot(let payload): payload.write(to: &writer)
        case .compress(let payload): payload.write(to: &writer)
        case .reverseSequence(let payload): payload.write(to: &writer)
        case .trilu(let payload): payload.write(to: &writer)
        case .unique(let payload): payload.write(to: &writer)
        case .nonMaxSuppression(let payload): payload.write(to: &writer)
        case .shapeOf(let payload): try payload.write(to: &writer)
        case .reshape(let payload): try payload.write(to: &writer)
        case .flatten(let payload): payload.write(to: &writer)
        case .squeeze(let payload): try payload.write(to: &writer)
        case .unsqueeze(let payload): try payload.write(to: &writer)
        case .transpose(let payload): payload.write(to: &writer)
        case .concat(let payload): payload.write(to: &writer)
        case .split(let payload): try payload.write(to: &writer)
        case .slice(let payload): try payload.write(to: &writer)
        case .pad(let payload): try payload.write(to: &writer)
        case .depthToSpace(let payload): try payload.write(to: &writer)
        case .spaceToDepth(let payload): payload.write(to: &writer)
        case .dropout(let payload): try payload.write(to: &writer)
        case .constant(let payload): try payload.write(to: &writer)
        case .constantOfShape(let payload): payload.write(to: &writer)
        case .eyeLike(let payload): payload.write(to: &writer)
        case .resize(let payload): try payload.write(to: &writer)
        case .upsample(let payload): try payload.write(to: &writer)
        case .gridSample(let payload): payload.write(to: &writer)
        case .qLinear(let payload): try payload.write(to: &writer)
        case .quantizeLinear(let payload): try payload.write(to: &writer)
        case .dequantizeLinear(let payload): try payload.write(to: &writer)
        case .negativeLogLikelihoodLoss(let payload): payload.write(to: &writer)
        case .softmaxCrossEntropyLoss(let payload): payload.write(to: &writer)
        case .windowFunction(let payload): payload.write(to: &writer)
        case .melWeightMatrix(let payload): payload.write(to: &writer)
        case .dft(let payload): try payload.write(to: &writer)
        case .stft(let payload): payload.write(to: &writer)
        case .bernoulli(let payload): payload.write(to: &writer)
        case .randomNumbers(let payload): payload.write(to: &writer)
        case .tfIdfVectorizer(let payload): payload.write(to: &writer)
        case .branch(let payload): try payload.write(to: &writer)
        case .loop(let payload): try payload.write(to: &writer)
        case .scan(let payload): try payload.write(to: &writer)
        case .determinant, .matMul, .matMulInteger, .qLinearMatMul, .unary, .variadic, .select, .nonZero, .sizeOf, .expand, .tile,
            .identity, .range, .dynamicQuantizeLinear, .opaque:
            break
        // `onnxName(opset:)` has refused these.
        case .convolutionInputGradient, .convolutionWeightGradient, .averagePoolGradient, .maxPoolGradient, .lpPoolGradient,
            .batchNormGradient, .layerNormGradient, .groupNormGradient, .rmsNormGradient, .localResponseNormGradient,
            .activationGradient, .productGradient, .resizeGradient, .gridSampleGradient, .dropoutMask, .integer, .fakeQuantize,
            .fakeQuantizeGradient, .symmetricScale, .movingRange:
            break
        }
    }
}
