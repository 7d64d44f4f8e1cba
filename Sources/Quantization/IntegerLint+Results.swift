import GraphIR
import Passes
import Tensors

extension IntegerLinter {
    /// Whether the result is quantized, at once or after an activation, and nobody reads it as it is.
    func checkResult(of node: Node) throws {
        guard target.quantizesResults, let output = node.outputs.first.flatMap({ $0 }) else { return }
        try check(
            !graph.isOutput(output), "its result \(describe(output)) is an output in float",
            "quantize the output, too, or accept a last layer in float")
        let readers = graph.consumers(of: output)
        for reader in readers {
            switch reader.operator {
            case .quantizeLinear: continue
            case .activation(let payload) where payload.function == .relu && readers.count == 1: try checkLimit(reader)
            case .clip where readers.count == 1: try checkLimit(reader)
            default:
                throw Objection(
                    reason: "its result \(describe(output)) is read in float by '\(graph.label(of: reader))' (\(reader.operator.name))",
                    advice: "put QuantizeLinear and DequantizeLinear between them: `cleave quantize` does")
            }
        }
        try check(!readers.isEmpty, "its result \(describe(output)) is not quantized", Self.again)
        try check(readers.count == 1, "its result \(describe(output)) is quantized \(readers.count) times", Self.again)
    }

    /// ONNX Runtime takes the limit for a part of the layer where quantization does the same anyway; the others do in any case.
    private func checkLimit(_ node: Node) throws {
        try checkResult(of: node)
        guard target == .onnxruntime, let quantize = quantizer(of: node.outputs[0]),
            let scale = try? graph.constant(quantize.input(QuantizeLinear.Operand.scale))?.elements(as: Float.self).first,
            let zero = graph.constant(quantize.input(QuantizeLinear.Operand.zeroPoint)), let zeroPoint = zero.int64s()?.first
        else { return }
        let parameters = QuantizationParameters(scale: scale, zeroPoint: Int(zeroPoint), type: zero.elementType)
        let limits = ElementLimits(of: node, in: graph)
        try check(
            limits.map { parameters.absorbs(minimum: $0.minimum, maximum: $0.maximum) } ?? false,
            "'\(graph.label(of: node))' (\(node.operator.name)) after it does what its quantization does not", Self.again)
    }

    /// On x86 ONNX Runtime makes uint8 of int8 activations that only one operator reads, and computes in float where both types meet.
    func checkTypes(of node: Node, operands: [Int]) throws {
        guard target == .onnxruntime else { return }
        let borders = operands.compactMap { $0 < node.inputs.count ? dequantize(node.inputs[$0])?.node : nil }
        let integers = borders.map { $0.inputs[0] } + [result(of: node).flatMap { quantizer(of: $0) }?.outputs[0]]
        let types = integers.compactMap { $0 }.map { (value: $0, type: runtimeType(of: $0)) }
        guard let first = types.first, let other = types.first(where: { $0.type != first.type }) else { return }
        let bytes = first.type == .int8 ? first.value : other.value
        throw Objection(
            reason: "\(describe(bytes)) is int8 and is read several times, so that it meets others that become uint8",
            advice: "quantize for it: --target \(target.rawValue)")
    }

    /// Behind a `Relu` or `Clip`, where one follows.
    func result(of node: Node) -> ValueID? {
        guard let output = node.outputs.first ?? nil else { return nil }
        let readers = graph.consumers(of: output)
        guard readers.count == 1, ElementLimits(of: readers[0], in: graph) != nil else { return output }
        return readers[0].outputs[0]
    }

    func quantizer(of value: ValueID?) -> Node? {
        value.map { graph.consumers(of: $0) }?.first { if case .quantizeLinear = $0.operator { true } else { false } }
    }

    /// The type that ONNX Runtime computes with on x86.
    private func runtimeType(of integers: ValueID) -> ElementType? {
        let type = graph[integers].tensorType?.elementType
        guard type == .int8, !graph.isOutput(integers) else { return type }
        let readers = graph.consumers(of: integers)
        let uses = readers.reduce(0) { count, reader in count + reader.outputs.compactMap { $0 }.reduce(0) { $0 + graph.useCount(of: $1) } }
        return uses == 1 ? .uint8 : type
    }
}
