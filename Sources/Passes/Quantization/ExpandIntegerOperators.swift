import GraphIR
import Tensors

/// Writes integer operators as the float operators between DequantizeLinear and QuantizeLinear that they stand for.
///
/// Requires: scales that are constants, and zero points that are constants or left out. Ensures: `QLinearConv`, `QLinearMatMul` and
/// ONNX Runtime's operators are gone, and so are operators that only move 8-bit integers which a QuantizeLinear has made; quantized
/// tensors keep their names, and so do inputs and outputs. Sums round in float where they were exact in int32.
public struct ExpandIntegerOperators: Pass {
    public init() {}

    public var name: String { "expand-integer-operators" }
    public var fidelity: Fidelity { .approximate }

    public func run(on graph: inout Graph) throws -> PassReport {
        var report = PassReport(pass: name, fidelity: fidelity, rewrites: [], skips: [])
        let order = graph.order
        try graph.edit { editor in
            for id in order {
                let node = editor.graph[id]
                let label = editor.graph.label(of: node)
                guard let form = try FloatForm(of: node, in: &editor) else {
                    if node.operator.isQLinear { report.skips.append(.init(node: label, reason: SkipReason("a scale is computed"))) }
                    continue
                }
                try locating(node: label, operatorName: node.operator.name) { try write(form, at: node, to: &editor) }
                report.rewrites.append(.init(node: label, detail: "to \(form.operation.name)"))
            }
        }
        _ = try RemoveDeadCode().run(on: &graph)
        return report
    }

    private func write(_ form: FloatForm, at node: Node, to editor: inout GraphEditor) throws {
        func dequantize(_ operand: FloatForm.Quantized?) throws -> ValueID? {
            guard let operand else { return nil }
            guard let scale = operand.scale else { return operand.value }
            let name = editor.graph[operand.value].name
            return try editor.insertSingle(
                .dequantizeLinear(DequantizeLinear(axis: operand.axis, blockSize: 0)), inputs: [operand.value, scale] + operand.zeroPoints,
                output: .new(name: name + "_dequantized"), name: name + "/DequantizeLinear", before: node.id, origin: nil)
        }
        let inputs = try form.operands.map { try dequantize($0) }
        var quantizers: [(float: ValueID, result: FloatForm.Quantized)] = []
        let names = form.results.map { editor.graph[$0.value].name + "_float" }
        let isFloat = form.results.first?.scale == nil
        let outputs: [GraphEditor.Output] = isFloat ? form.results.map { .existing($0.value) } : names.map { .new(name: $0) }
        let made = try editor.insert(
            form.operation, inputs: inputs, outputs: outputs, name: node.name, before: node.id, origin: node.origin)
        for (output, result) in zip(editor.graph[made].outputs, form.results) where !isFloat {
            if let output { quantizers.append((output, result)) }
        }
        for (float, result) in quantizers {
            try editor.insert(
                .quantizeLinear(QuantizeLinear(axis: 1, saturate: true, blockSize: 0, outputType: nil)),
                inputs: [float, result.scale] + result.zeroPoints, outputs: [.existing(result.value)],
                name: editor.graph[result.value].name + "/QuantizeLinear", before: node.id, origin: nil)
        }
        editor.remove(node.id)
    }
}

/// The float operator that an integer operator stands for.
private struct FloatForm {
    /// A tensor in integers, with its scale and zero point; one without a scale is handed on as it is.
    struct Quantized {
        var value: ValueID
        var scale: ValueID?
        var zeroPoint: ValueID?
        /// The dimension that a scale per channel runs along.
        var axis = 1

        /// None where it is left out for 0.
        var zeroPoints: [ValueID?] { zeroPoint.map { [$0] } ?? [] }
    }

    var operation: Operator
    var operands: [Quantized?]
    var results: [Quantized]

    init?(of node: Node, in editor: inout GraphEditor) throws {
        switch node.operator {
        case .qLinearConv(let payload):
            guard let input = Self.operand(0, of: node, axis: 1, in: editor.graph),
                let weight = Self.operand(3, of: node, axis: 0, in: editor.graph), let result = Self.result(node, scale: 6, zeroPoint: 7)
            else { return nil }
            let bias = try Self.bias(8, of: node, scales: [1, 4], in: &editor)
            guard bias != nil || node.input(QLinearConv.Operand.bias) == nil else { return nil }
            operation = .convolution(Convolution(window: payload.window, groups: payload.groups))
            (operands, results) = ([input, weight] + (bias.map { [$0] } ?? []), [result])
        case .qLinearMatMul:
            guard let a = Self.operand(0, of: node, axis: -2, in: editor.graph),
                let b = Self.operand(3, of: node, axis: -1, in: editor.graph), let result = Self.result(node, scale: 6, zeroPoint: 7)
            else { return nil }
            (operation, operands, results) = (.matMul(MatMul()), [a, b], [result])
        case .qLinear(let payload):
            let places = payload.quantizedOperands(of: node.inputs.count)
            let given = places.map { place in
                Self.operand(place, of: node, axis: payload.channelAxis(of: place), in: editor.graph)
            }
            operands = given
            guard given.allSatisfy({ $0 != nil }) else { return nil }
            if let place = payload.biasOperand, place < node.inputs.count, node.inputs[place] != nil {
                guard let bias = try Self.bias(place, of: node, scales: [1, 4], in: &editor) else { return nil }
                operands.append(bias)
            }
            let parameters = payload.outputParameters
            let hasScale = parameters.scale < node.inputs.count && node.inputs[parameters.scale] != nil
            guard let output = node.outputs[0] else { return nil }
            operation = payload.floatOperator
            results = [
                hasScale ? Self.result(node, scale: parameters.scale, zeroPoint: parameters.zeroPoint) : Quantized(value: output)
            ].compactMap { $0 }
        case let moving where moving.movesElements:
            guard let value = node.inputs.first ?? nil, let quantize = editor.graph.producer(of: value),
                case .quantizeLinear(let payload) = quantize.operator, payload.blockSize == 0,
                let scale = quantize.input(QuantizeLinear.Operand.scale), editor.graph.constant(scale)?.count == 1
            else { return nil }
            let zero = quantize.input(QuantizeLinear.Operand.zeroPoint)
            operation = moving
            let others = node.inputs.dropFirst().map { $0.map { Quantized(value: $0) } }
            operands = [Quantized(value: value, scale: scale, zeroPoint: zero)] + others
            results = node.outputs.compactMap { $0 }.map { Quantized(value: $0, scale: scale, zeroPoint: zero) }
            guard results.count == node.outputs.count else { return nil }
        default: return nil
        }
    }

    /// The operand at `place`, with scale and zero point behind it.
    private static func operand(_ place: Int, of node: Node, axis: Int, in graph: Graph) -> Quantized? {
        guard place + 1 < node.inputs.count, let value = node.inputs[place], let scale = node.inputs[place + 1],
            graph.constant(scale) != nil
        else { return nil }
        return Quantized(value: value, scale: scale, zeroPoint: place + 2 < node.inputs.count ? node.inputs[place + 2] : nil, axis: axis)
    }

    private static func result(_ node: Node, scale: Int, zeroPoint: Int) -> Quantized? {
        guard let value = node.outputs[0], scale < node.inputs.count, let step = node.inputs[scale] else { return nil }
        return Quantized(value: value, scale: step, zeroPoint: zeroPoint < node.inputs.count ? node.inputs[zeroPoint] : nil)
    }

    /// An int32 operand, whose scale is the product of those of the operands it is added to.
    private static func bias(_ place: Int, of node: Node, scales: [Int], in editor: inout GraphEditor) throws -> Quantized? {
        guard place < node.inputs.count, let value = node.inputs[place] else { return nil }
        let factors = scales.map { editor.graph.constant(node.inputs[$0])?.doubles() ?? [] }
        guard let input = factors[0].first, factors[0].count == 1, !factors[1].isEmpty else { return nil }
        let product = factors[1].map { Float($0) * Float(input) }
        let tensor = product.count == 1 ? Tensor(scalar: product[0]) : Tensor(vector: product)
        let scale = try editor.addConstant(tensor, name: editor.graph[value].name + "_scale")
        return Quantized(value: value, scale: scale, axis: 0)
    }
}

extension QLinear {
    /// The dimension that scales per channel of an operand run along.
    fileprivate func channelAxis(of place: Int) -> Int {
        if case .gemm(_, _, let transposeB) = function, place == 3 { transposeB ? 0 : 1 } else { -1 }
    }
}

extension Operator {
    fileprivate var isQLinear: Bool {
        switch self {
        case .qLinearConv, .qLinearMatMul, .qLinear: true
        default: false
        }
    }
}
