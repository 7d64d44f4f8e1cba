import GraphIR
import Passes
import Tensors

/// Writes float operators between DequantizeLinear and QuantizeLinear as the integer operators that they stand for.
///
/// Requires: all operands of a node come from DequantizeLinear nodes, constants apart, and its result is read by one QuantizeLinear
/// alone. Ensures: `QLinearConv` and `QLinearMatMul` of ONNX, and `QLinearAdd`, `QLinearMul`, `QLinearAveragePool`,
/// `QLinearGlobalAveragePool`, `QLinearConcat` and `QGemm` of ONNX Runtime; what only moves elements moves integers. The result of
/// `QLinearConv` can be another one where the float operator's sum rounds otherwise: by one step at most.
public struct ToIntegerOperators: Pass {
    public init() {}

    public var name: String { "to-integer-operators" }
    public var fidelity: Fidelity { .approximate }

    public func run(on graph: inout Graph) throws -> PassReport {
        var report = PassReport(pass: name, fidelity: fidelity, rewrites: [], skips: [])
        let order = graph.order
        try graph.edit { editor in
            for id in order where editor.graph.contains(id) {
                let node = editor.graph[id]
                let label = editor.graph.label(of: node)
                guard let form = IntegerForm(of: node, in: editor.graph) else { continue }
                try locating(node: label, operatorName: node.operator.name) { try write(form, at: node, to: &editor) }
                report.rewrites.append(.init(node: label, detail: "to \(form.operation.name)"))
            }
        }
        _ = try RemoveDeadCode().run(on: &graph)
        return report
    }

    private func write(_ form: IntegerForm, at node: Node, to editor: inout GraphEditor) throws {
        if form.needsRuntimeDomain, !editor.graph.opsets.contains(where: { $0.domain == QLinear.domain }) {
            editor.setOpset(domain: QLinear.domain, version: 1)
        }
        try editor.insert(
            form.operation, inputs: form.inputs, outputs: form.outputs.map { .existing($0) }, name: node.name, before: node.id,
            origin: Origin(pass: name, nodes: node.origin?.nodes ?? [editor.graph.label(of: node)]))
        // The nodes that quantized the results have lost them. The float node goes at once, as its name is the new node's.
        for output in node.outputs.compactMap({ $0 }) {
            for quantize in editor.graph.consumers(of: output) { editor.remove(quantize.id) }
        }
        editor.remove(node.id)
    }
}

/// A tensor in integers, with its scale and zero point.
private struct QuantizedOperand {
    var value: ValueID
    var scale: ValueID
    var zeroPoint: ValueID

    /// The operand behind a DequantizeLinear; `nil` for any other.
    init?(_ id: ValueID?, in graph: Graph) {
        guard let id, let node = graph.producer(of: id), case .dequantizeLinear(let payload) = node.operator, payload.blockSize == 0,
            let value = node.input(DequantizeLinear.Operand.input), let scale = node.input(DequantizeLinear.Operand.scale),
            let zeroPoint = node.input(DequantizeLinear.Operand.zeroPoint)
        else { return nil }
        (self.value, self.scale, self.zeroPoint) = (value, scale, zeroPoint)
    }

    /// What the QuantizeLinear makes that is all that reads `id`; `nil` where there is none.
    init?(quantizing id: ValueID?, in graph: Graph) {
        guard let id, !graph.isOutput(id), graph.useCount(of: id) == 1, let node = graph.consumers(of: id).first,
            case .quantizeLinear(let payload) = node.operator, payload.blockSize == 0, let value = node.outputs[0],
            let scale = node.input(QuantizeLinear.Operand.scale), let zeroPoint = node.input(QuantizeLinear.Operand.zeroPoint)
        else { return nil }
        (self.value, self.scale, self.zeroPoint) = (value, scale, zeroPoint)
    }

    var operands: [ValueID?] { [value, scale, zeroPoint] }

    func hasParameters(of other: QuantizedOperand, in graph: Graph) -> Bool {
        graph.constant(scale) != nil && graph.constant(scale) == graph.constant(other.scale)
            && graph.constant(zeroPoint) == graph.constant(other.zeroPoint)
    }
}

/// The integer operator that a node stands for.
private struct IntegerForm {
    var operation: Operator
    var inputs: [ValueID?]
    var outputs: [ValueID]
    var needsRuntimeDomain: Bool

    private init(_ operation: Operator, _ inputs: [ValueID?], _ outputs: [ValueID]) {
        (self.operation, self.inputs, self.outputs) = (operation, inputs, outputs)
        needsRuntimeDomain = if case .qLinear = operation { true } else { false }
    }

    init?(of node: Node, in graph: Graph) {
        if graph.movesElements(node) {
            self.init(movement: node, in: graph)
            return
        }
        guard node.outputs.count == 1, let output = QuantizedOperand(quantizing: node.outputs[0], in: graph) else { return nil }
        func operand(_ index: Int) -> QuantizedOperand? {
            index < node.inputs.count ? QuantizedOperand(node.inputs[index], in: graph) : nil
        }
        let last: [ValueID?] = [output.scale, output.zeroPoint]
        switch node.operator {
        case .convolution(let payload):
            guard let input = operand(0), let weight = operand(1) else { return nil }
            let bias = operand(2)
            guard node.input(Convolution.Operand.bias) == nil || bias != nil else { return nil }
            let operands = input.operands + weight.operands + last + (bias.map { [$0.value] } ?? [])
            self.init(.qLinearConv(QLinearConv(window: payload.window, groups: payload.groups)), operands, [output.value])
        case .matMul:
            guard let a = operand(0), let b = operand(1) else { return nil }
            self.init(.qLinearMatMul(QLinearMatMul()), a.operands + b.operands + last, [output.value])
        case .gemm(let payload):
            guard let a = operand(0), let b = operand(1), payload.beta == 1 || node.inputs.count < 3 else { return nil }
            let bias = operand(2)
            guard node.input(Gemm.Operand.c) == nil || bias != nil else { return nil }
            let gemm = QLinear.Function.gemm(alpha: payload.alpha, transposeA: payload.transposeA, transposeB: payload.transposeB)
            self.init(.qLinear(QLinear(function: gemm)), a.operands + b.operands + [bias?.value] + last, [output.value])
        case .binary(let payload) where payload.function == .add || payload.function == .mul:
            guard let a = operand(0), let b = operand(1) else { return nil }
            let function = payload.function == .add ? QLinear.Function.add : .mul
            self.init(.qLinear(QLinear(function: function)), a.operands + b.operands + last, [output.value])
        case .averagePool(let payload):
            guard let input = operand(0) else { return nil }
            self.init(.qLinear(QLinear(function: .averagePool(payload))), input.operands + last, [output.value])
        case .globalPool(let payload) where payload.function == .average:
            guard let input = operand(0) else { return nil }
            self.init(.qLinear(QLinear(function: .globalAveragePool)), input.operands + last, [output.value])
        case .concat(let payload):
            let operands = node.inputs.indices.compactMap { operand($0) }
            guard operands.count == node.inputs.count else { return nil }
            self.init(
                .qLinear(QLinear(function: .concat(axis: payload.axis))), last + operands.flatMap(\.operands), [output.value])
        default: return nil
        }
    }

    /// Integers are moved as floats are, where they mean the same before and after.
    private init?(movement node: Node, in graph: Graph) {
        guard let input = node.inputs.first.flatMap({ QuantizedOperand($0, in: graph) }) else { return nil }
        let outputs = node.outputs.compactMap { QuantizedOperand(quantizing: $0, in: graph) }
        guard outputs.count == node.outputs.count, outputs.allSatisfy({ $0.hasParameters(of: input, in: graph) }) else { return nil }
        var inputs = [input.value] + node.inputs.dropFirst()
        if case .pad(let payload) = node.operator, payload.mode == .constant {
            // In integers, 0 is the zero point.
            guard payload.pads == nil, inputs.count > 1 else { return nil }
            if inputs.count == 2 { inputs.append(nil) }
            inputs[Pad.Operand.value.rawValue] = input.zeroPoint
        } else if case .pad = node.operator, inputs.count > Pad.Operand.value.rawValue {
            inputs[Pad.Operand.value.rawValue] = nil
        }
        self.init(node.operator, inputs, outputs.map(\.value))
    }
}
