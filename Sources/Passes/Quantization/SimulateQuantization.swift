import GraphIR
import Tensors

/// Computes in float what QuantizeLinear and DequantizeLinear do, so that backends without integers run an int8 network fast.
///
/// Requires: scales and zero points that are constants. Ensures: a pair of both becomes a division, `Round` (ties to even), `Clip` to
/// what the integers hold, and a multiplication, with the same results bit for bit; constants that are dequantized are floats again.
public struct SimulateQuantization: Pass {
    public init() {}

    public var name: String { "simulate-quantization" }
    public var fidelity: Fidelity { .exact }

    public func run(on graph: inout Graph) throws -> PassReport {
        var report = PassReport(pass: name, fidelity: fidelity, rewrites: [], skips: [])
        let order = graph.order
        try graph.edit { editor in
            for id in order {
                let node = editor.graph[id]
                guard case .dequantizeLinear(let payload) = node.operator else { continue }
                let label = editor.graph.label(of: node)
                if try replaceConstant(node, payload, in: &editor) || replacePair(node, in: &editor) {
                    report.rewrites.append(.init(node: label, detail: "in float"))
                } else {
                    report.skips.append(.init(node: label, reason: SkipReason("its scale or its operand is computed otherwise")))
                }
            }
        }
        _ = try RemoveDeadCode().run(on: &graph)
        return report
    }

    private func replaceConstant(_ node: Node, _ payload: DequantizeLinear, in editor: inout GraphEditor) throws -> Bool {
        let graph = editor.graph
        guard let tensor = graph.constant(node.input(DequantizeLinear.Operand.input)), payload.blockSize == 0,
            let scale = graph.constant(node.input(DequantizeLinear.Operand.scale)), let output = node.outputs[0], !graph.isOutput(output),
            let codes = tensor.int64s(), let scales = scale.doubles()
        else { return false }
        let zeros = graph.constant(node.input(DequantizeLinear.Operand.zeroPoint))?.int64s() ?? [0]
        let axis = payload.axis < 0 ? payload.axis + tensor.rank : payload.axis
        let isPerChannel = scales.count > 1
        guard !isPerChannel || (tensor.shape.indices.contains(axis) && tensor.shape[axis] == scales.count),
            zeros.count == 1 || zeros.count == scales.count
        else { return false }
        let inner = isPerChannel ? tensor.shape[(axis + 1)...].reduce(1, *) : 1
        let values = codes.enumerated().map { index, code in
            let channel = isPerChannel ? index / inner % scales.count : 0
            return Float(Double(code - zeros[zeros.count == 1 ? 0 : channel]) * scales[channel])
        }
        editor.setConstant(output, to: try Tensor(values, shape: tensor.shape))
        editor.remove(node.id)
        return true
    }

    private func replacePair(_ node: Node, in editor: inout GraphEditor) throws -> Bool {
        let graph = editor.graph
        guard let integers = node.inputs[0], let quantize = graph.producer(of: integers), case .quantizeLinear = quantize.operator,
            let output = node.outputs[0], let input = quantize.inputs[0],
            let first = parameters(
                quantize.input(QuantizeLinear.Operand.scale), quantize.input(QuantizeLinear.Operand.zeroPoint), of: integers, in: graph),
            let second = parameters(
                node.input(DequantizeLinear.Operand.scale), node.input(DequantizeLinear.Operand.zeroPoint), of: integers, in: graph),
            first.zero == second.zero
        else { return false }
        let (step, zero, limits) = (first.step, first.zero, first.limits)
        let base = graph[output].name
        func apply(_ operation: Operator, _ inputs: [ValueID?], _ what: String, _ output: GraphEditor.Output? = nil) throws -> ValueID {
            try editor.insertSingle(
                operation, inputs: inputs, output: output ?? .new(name: "\(base)_\(what)"), name: "\(base)/\(what)", before: node.id,
                origin: Origin(pass: name, nodes: []))
        }
        let factor = try editor.addConstant(Tensor(scalar: step), name: "\(base)_step")
        let low = try editor.addConstant(Tensor(scalar: Float(limits.lowerBound - zero)), name: "\(base)_low")
        let high = try editor.addConstant(Tensor(scalar: Float(limits.upperBound - zero)), name: "\(base)_high")
        func binary(_ function: Binary.Function) -> Operator { .binary(Binary(function: function, broadcastAxis: .numpy)) }
        let quotient = try apply(binary(.div), [input, factor], "quotient")
        let rounded = try apply(.unary(Unary(function: .round)), [quotient], "rounded")
        let limited = try apply(.clip(Clip(minimum: nil, maximum: nil)), [rounded, low, high], "limited")
        let last = first.step == second.step ? factor : try editor.addConstant(Tensor(scalar: second.step), name: "\(base)_other_step")
        _ = try apply(binary(.mul), [limited, last], "product", .existing(output))
        return true
    }

    /// One scale and zero point for a whole tensor of integers; `nil` where there are others, or they are computed.
    private func parameters(
        _ scale: ValueID?, _ zeroPoint: ValueID?, of integers: ValueID, in graph: Graph
    ) -> (step: Float, zero: Int64, limits: ClosedRange<Int64>)? {
        guard let scale = graph.constant(scale), scale.count == 1, let step = try? scale.elements(as: Float.self).first,
            let limits = graph[integers].tensorType?.elementType.integerRange
        else { return nil }
        guard let zeroPoint else { return (step, 0, limits) }
        guard let zeros = graph.constant(zeroPoint)?.int64s(), zeros.count == 1 else { return nil }
        return (step, zeros[0], limits)
    }
}
