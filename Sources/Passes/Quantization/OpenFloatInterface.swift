import GraphIR
import Tensors

/// Gives a model whose inputs or outputs are 8-bit integers floats there, so that it can be run beside the float model.
///
/// Requires: scale and zero point of an input at whoever reads it, and of an output at the node that makes it, as constants per tensor.
/// Ensures: such an input is float32 and quantized first; such an output is dequantized last; names stay. Others stay as they are.
public struct OpenFloatInterface: Pass {
    public init() {}

    public var name: String { "open-float-interface" }
    public var fidelity: Fidelity { .exact }

    private struct Parameters {
        var scale: ValueID
        var zeroPoint: ValueID?

        /// None where the zero point is left out for 0.
        var operands: [ValueID?] { [scale] + (zeroPoint.map { [$0] } ?? []) }
    }

    public func run(on graph: inout Graph) throws -> PassReport {
        var report = PassReport(pass: name, fidelity: fidelity, rewrites: [], skips: [])
        let first = graph.order.first
        try graph.edit { editor in
            for value in editor.graph.inputs where editor.graph.isByte(value) {
                let name = editor.graph[value].name
                guard let parameters = readParameters(of: value, in: editor.graph), !editor.graph.isCaptured(value) else { continue }
                let readers = editor.graph.consumers(of: value)
                let shape = editor.graph[value].tensorType?.shape
                editor.setType(value, to: .tensor(TensorType(.float32, shape)))
                let quantized = try editor.insertSingle(
                    .quantizeLinear(QuantizeLinear(axis: 1, saturate: true, blockSize: 0, outputType: nil)),
                    inputs: [value] + parameters.operands, output: .new(name: name + "_quantized"),
                    name: name + "/QuantizeLinear", before: first, origin: nil)
                for reader in readers { editor.setInputs(reader.id, to: reader.inputs.map { $0 == value ? quantized : $0 }) }
                report.rewrites.append(.init(node: name, detail: "input to float32"))
            }
            for value in editor.graph.outputs where editor.graph.isByte(value) {
                let name = editor.graph[value].name
                guard let parameters = madeParameters(of: value, in: editor.graph), !editor.graph.isCaptured(value) else { continue }
                let readers = editor.graph.consumers(of: value)
                let quantized = try editor.redirectProducer(of: value, to: name + "_quantized")
                for reader in readers { editor.setInputs(reader.id, to: reader.inputs.map { $0 == value ? quantized : $0 }) }
                try editor.insert(
                    .dequantizeLinear(DequantizeLinear(axis: 1, blockSize: 0)), inputs: [quantized] + parameters.operands,
                    outputs: [.existing(value)], name: name + "/DequantizeLinear", before: nil, origin: nil)
                report.rewrites.append(.init(node: name, detail: "output to float32"))
            }
        }
        return report
    }

    /// Scale and zero point that a reader of the value has for it.
    private func readParameters(of value: ValueID, in graph: Graph) -> Parameters? {
        for reader in graph.consumers(of: value) {
            guard let place = reader.inputs.firstIndex(of: value) else { continue }
            let isOperand: Bool
            switch reader.operator {
            case .dequantizeLinear: isOperand = place == 0
            case .qLinearConv, .qLinearMatMul: isOperand = place == 0 || place == 3
            case .qLinear(let payload): isOperand = payload.quantizedOperands(of: reader.inputs.count).contains(place)
            case let moving where moving.movesElements && place == 0:
                if let moved = reader.outputs[0], let parameters = readParameters(of: moved, in: graph) { return parameters }
                isOperand = false
            default: isOperand = false
            }
            if isOperand, let parameters = parameters(of: reader, at: place + 1, in: graph) { return parameters }
        }
        return nil
    }

    private func madeParameters(of value: ValueID, in graph: Graph) -> Parameters? {
        guard let node = graph.producer(of: value) else { return nil }
        switch node.operator {
        case .quantizeLinear: return parameters(of: node, at: 1, in: graph)
        case .qLinearConv, .qLinearMatMul: return parameters(of: node, at: 6, in: graph)
        case .qLinear(let payload): return parameters(of: node, at: payload.outputParameters.scale, in: graph)
        case let moving where moving.movesElements: return node.inputs[0].flatMap { madeParameters(of: $0, in: graph) }
        default: return nil
        }
    }

    private func parameters(of node: Node, at place: Int, in graph: Graph) -> Parameters? {
        guard place < node.inputs.count, let scale = node.inputs[place], graph.constant(scale)?.count == 1 else { return nil }
        return Parameters(scale: scale, zeroPoint: place + 1 < node.inputs.count ? node.inputs[place + 1] : nil)
    }
}

extension Graph {
    fileprivate func isByte(_ id: ValueID) -> Bool {
        let type = self[id].tensorType?.elementType
        return type == .uint8 || type == .int8
    }
}
