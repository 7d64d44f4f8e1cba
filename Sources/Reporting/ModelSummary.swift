import GraphIR
import Passes
import Quantization
import Tensors

/// What is in a model, for inputs of given shapes.
public struct ModelSummary: Sendable {
    public struct Interface: Hashable, Sendable {
        public var name: String
        public var type: ValueType?
    }

    public struct OperatorCount: Hashable, Sendable {
        /// ONNX's name, with its domain when that is not the default one.
        public var name: String
        public var count: Int
    }

    /// What the network would cost with convolutions of its residual blocks in a separable form.
    public struct FormTotal: Hashable, Sendable {
        public var form: SeparableForm
        public var convolutions: Int
        public var parameters: Int
        public var trainableParameters: Int
        public var multiplyAccumulates: Int?
    }

    public var file: String
    /// Bytes of the model file, and of external data beside it, when the model was read from a file.
    public var fileSize: Int?
    public var name: String
    public var opset: Int
    public var inputs: [Interface]
    public var outputs: [Interface]
    /// By decreasing count, then by name.
    public var operators: [OperatorCount]
    /// For one sample where the model leaves the leading dimension of its inputs open.
    public var cost: GraphCost
    /// The types of the nodes' first outputs, in execution order.
    public var outputTypes: [ValueType?]
    /// Convolutions with a kernel larger than 1×1, in execution order.
    public var separable: [SeparationEstimate]
    /// What of an int8 model each runtime computes in integers; empty for a model in float.
    public var lints: [IntegerLint]
    /// The runtime whose findings the text lists; `nil` for the one with the fewest.
    public var lintTarget: QuantizationTarget?

    /// - Throws: `CleaveError` for attributes that do not fit their weights, or shapes that do not fit each other.
    public init(_ graph: Graph, file: String, fileSize: Int?) throws {
        self.file = file
        self.fileSize = fileSize
        name = graph.name
        opset = graph.opset
        inputs = graph.inputs.map { Interface(name: graph[$0].name, type: graph[$0].type) }
        outputs = graph.outputs.map { Interface(name: graph[$0].name, type: graph[$0].type) }
        var counts: [String: Int] = [:]
        for node in graph.nodes { counts[node.operator.qualifiedName, default: 0] += 1 }
        operators = counts.map { OperatorCount(name: $0.key, count: $0.value) }.sorted {
            ($1.count, $0.name) < ($0.count, $1.name)
        }
        cost = try graph.cost(assuming: [:])
        outputTypes = graph.nodes.map { node in (node.outputs.first ?? nil).flatMap { graph[$0].type } }
        separable = try SeparationEstimate.estimates(of: graph)
        lints = QuantizationTarget.allCases.compactMap { IntegerLint(graph, target: $0) }
    }

    public var nodeCount: Int { cost.layers.count }

    /// The network with the convolutions inside residual blocks in `form`, as far as `SeparateConvolutions` replaces them.
    public func total(_ form: SeparableForm) -> FormTotal {
        var total = FormTotal(
            form: form, convolutions: 0, parameters: cost.parameters, trainableParameters: cost.trainableParameters,
            multiplyAccumulates: cost.multiplyAccumulates)
        let layers = Dictionary(cost.layers.map { ($0.node, $0) }, uniquingKeysWith: { first, _ in first })
        for estimate in separable {
            guard let layer = layers[estimate.id], estimate.isInsideResidualBlock, let after = estimate.outlook(form).cost,
                after.isSmaller(than: estimate.cost)
            else { continue }
            total.convolutions += 1
            // A shared weight is counted with the first layer that reads it.
            if layer.parameters > 0 {
                total.parameters += after.parameters - estimate.cost.parameters
                total.trainableParameters += after.parameters - estimate.cost.parameters
            }
            guard let all = total.multiplyAccumulates, let work = layer.multiplyAccumulates, let new = after.multiplications,
                let old = estimate.cost.multiplications, old > 0
            else {
                total.multiplyAccumulates = nil
                continue
            }
            // The layer's work is for the whole batch, the estimate's for one sample.
            total.multiplyAccumulates = all - work + work / old * new
        }
        return total
    }
}

extension SeparationEstimate {
    func outlook(_ form: SeparableForm) -> Outlook {
        switch form {
        case .spatial: spatial
        case .depthwise: depthwise
        }
    }
}

extension Operator {
    /// ONNX's name; operators of other domains have it prepended.
    var qualifiedName: String {
        if case .opaque(let payload) = self, !payload.domain.isEmpty { return "\(payload.domain).\(name)" }
        return name
    }
}
