import GraphIR
import Passes
import Tensors

extension IntegerWriter {
    /// Makes inputs and outputs of the model integers, where they pass through 8 bits at once.
    mutating func openInterface(of editor: inout GraphEditor) throws {
        for value in editor.graph.inputs { try openInput(value, of: &editor) }
        for value in editor.graph.outputs { try openOutput(value, of: &editor) }
    }

    private mutating func openInput(_ value: ValueID, of editor: inout GraphEditor) throws {
        guard let border = borders[value], let parameters = parameters[value], !editor.graph.isCaptured(value),
            let quantized = editor.graph[border.quantize].outputs[0], let dequantized = editor.graph[border.dequantize].outputs[0]
        else { return }
        for reader in editor.graph.consumers(of: value) where reader.id != border.quantize {
            editor.setInputs(reader.id, to: reader.inputs.map { $0 == value ? dequantized : $0 })
        }
        editor.replaceUses(of: quantized, with: value)
        editor.remove(border.quantize)
        editor.setType(value, to: .tensor(TensorType(parameters.type, editor.graph[value].tensorType?.shape)))
        report(value, "input", parameters, editor.graph)
    }

    private mutating func openOutput(_ value: ValueID, of editor: inout GraphEditor) throws {
        guard let border = borders[value], let parameters = parameters[value], !editor.graph.isCaptured(value),
            let quantized = editor.graph[border.quantize].outputs[0], editor.graph.producer(of: value)?.id == border.dequantize
        else { return }
        let name = editor.graph[value].name
        if editor.graph.useCount(of: value) > 0 {
            let dequantize = editor.graph[border.dequantize]
            let float = try editor.insertSingle(
                dequantize.operator, inputs: dequantize.inputs, output: .new(name: name + "_dequantized"), name: dequantize.name,
                before: dequantize.id, origin: dequantize.origin)
            for reader in editor.graph.consumers(of: value) {
                editor.setInputs(reader.id, to: reader.inputs.map { $0 == value ? float : $0 })
            }
        }
        let quantize = editor.graph[border.quantize]
        try editor.insert(
            quantize.operator, inputs: quantize.inputs, outputs: [.existing(value)], name: quantize.name, before: quantize.id,
            origin: quantize.origin)
        editor.remove(border.dequantize)
        editor.replaceUses(of: quantized, with: value)
        editor.remove(border.quantize)
        report(value, "output", parameters, editor.graph)
    }

    private mutating func report(_ value: ValueID, _ what: String, _ parameters: QuantizationParameters, _ graph: Graph) {
        rewrites.append(
            .init(
                node: graph[value].name,
                detail: "\(what) of \(parameters.type): real = \(parameters.scale)·(q − \(parameters.zeroPoint))"))
    }
}
