import GraphIR
import Tensors

/// Makes layer, group and instance normalizations batch norms of another shape, so that a backend needs one pair of kernels for all.
///
/// What a normalization takes the moments of is the channel of a batch norm: a layer norm of [rows, count], or a group norm of
/// [N, G, count], normalizes as the batch norm in training mode of [1, rows, count] or [1, N·G, count] with scale 1 and bias 0 does.
/// Scale and bias of its own follow as a product and a sum.
struct NormalizationMode {
    /// A normalization that this is done to.
    private struct Request {
        var epsilon: Float
        /// Elements whose moments are taken together.
        var count: Int
        /// The shapes in which scale and bias are aligned with the normalized elements.
        var shape: [Int]
        var affineShape: [Int]
        var scale: ValueID
        var bias: ValueID?

        init?(_ node: Node, shape: [Int]) throws {
            guard !shape.contains(0) else { return nil }
            switch node.operator {
            case .instanceNorm(let norm) where shape.count >= 3:
                guard let scale = node.input(InstanceNorm.Operand.scale), let bias = node.input(InstanceNorm.Operand.bias)
                else { return nil }
                (epsilon, self.scale, self.bias) = (norm.epsilon, scale, bias)
                count = shape[2...].reduce(1, *)
                (self.shape, affineShape) = ([shape[0], shape[1], count], [shape[1], 1])
            case .groupNorm(let norm) where shape.count >= 3 && norm.groups > 0 && shape[1] % norm.groups == 0:
                guard let scale = node.input(GroupNorm.Operand.scale), let bias = node.input(GroupNorm.Operand.bias) else { return nil }
                (epsilon, self.scale, self.bias) = (norm.epsilon, scale, bias)
                count = shape[1...].reduce(1, *) / norm.groups
                let entries = norm.affinePerGroup ? norm.groups : shape[1]
                (self.shape, affineShape) = ([shape[0], entries, shape[1...].reduce(1, *) / entries], [entries, 1])
            case .layerNorm(let norm):
                let axis = norm.axis < 0 ? norm.axis + shape.count : norm.axis
                guard shape.indices.contains(axis), let scale = node.input(LayerNorm.Operand.scale) else { return nil }
                (epsilon, self.scale, bias) = (norm.epsilon, scale, node.input(LayerNorm.Operand.bias))
                count = shape[axis...].reduce(1, *)
                (self.shape, affineShape) = (shape, [])
            default: return nil
            }
        }
    }

    /// Replaces the node, whose further outputs nobody reads, if it is one of those.
    static func apply(to node: Node, _ writer: inout NodeWriter) throws {
        guard let output = node.outputs.first ?? nil, node.outputs.dropFirst().allSatisfy({ !writer.graph.isRead($0) }),
            let input = node.inputs.first ?? nil, let shape = writer.graph[input].tensorType?.knownShape,
            let request = try Request(node, shape: shape)
        else { return }
        writer.prefix = "\(writer.graph.label(of: node)).terms"
        writer.origin = Origin(pass: "autodiff", nodes: [writer.graph.label(of: node)])
        func reshaped(_ value: ValueID, to shape: [Int]) throws -> ValueID {
            guard try writer.shape(value) != shape else { return value }
            return try writer.emit(.reshape(Reshape(shape: nil, allowZero: true)), [value, writer.vector(shape)], before: node.id)
        }
        func affine(_ function: Binary.Function, _ value: ValueID, _ operand: ValueID) throws -> ValueID {
            let operand = request.affineShape.isEmpty ? operand : try reshaped(operand, to: request.affineShape)
            return try writer.emit(.binary(Binary(function: function, broadcastAxis: .numpy)), [value, operand], before: node.id)
        }
        let channels = shape.reduce(1, *) / request.count
        let (ones, zeros) = (try writer.filled(1, count: channels, like: input), try writer.filled(0, count: channels, like: input))
        let norm = BatchNorm(epsilon: request.epsilon, momentum: 0, trainingMode: true)
        var value = try writer.emit(
            .batchNorm(norm), [reshaped(input, to: [1, channels, request.count]), ones, zeros, zeros, ones], before: node.id)
        value = try affine(.mul, reshaped(value, to: request.shape), request.scale)
        if let bias = request.bias { value = try affine(.add, value, bias) }
        try writer.editor.insert(
            .reshape(Reshape(shape: nil, allowZero: true)), inputs: [value, writer.vector(shape)], outputs: [.existing(output)],
            name: node.name, before: node.id, origin: node.origin)
        writer.editor.remove(node.id)
    }
}

extension NodeWriter {
    /// A vector of one number, in the element type of a value.
    fileprivate mutating func filled(_ number: Double, count: Int, like value: ValueID) throws -> ValueID {
        try editor.addConstant(
            Tensor([Double](repeating: number, count: count), shape: [count], as: elementType(value)), name: "training.constant")
    }
}
