import GraphIR
import Passes
import Tensors

/// The networks that tell the errors of quantization apart, made of an int8 model: see `QuantizationNoise`.
struct QuantizationVariants {
    /// W: activations stay in float.
    let weightsOnly: Graph
    /// A: everything passes through 8 bits, in float arithmetic.
    let simulated: Graph
    /// L: the int8 model with every layer on its own; its inputs include one for the result of every layer.
    let isolated: Graph
    let points: [Point]

    /// Where the networks have the result of a layer, by name.
    struct Point {
        var weightsOnly: String
        var simulated: String
        /// In the int8 model and in `isolated`, in integers where the layer's result is quantized.
        var integers: String
        /// The input of `isolated` that stands for the result.
        var input: String
    }

    init(_ layers: QuantizedLayers) throws {
        var points = layers.layers.map { layer in
            let graph = layers.graph
            let dequantized = layer.passage?.dequantize.first?.outputs[0]
            return Point(
                weightsOnly: graph[layer.result].name, simulated: graph[dequantized ?? layer.result].name,
                integers: graph[layer.passage?.integers ?? layer.result].name, input: "")
        }
        weightsOnly = try Self.weightsOnly(layers, &points)
        var simulated = layers.graph
        _ = try SimulateQuantization().run(on: &simulated)
        self.simulated = simulated
        isolated = try Self.isolated(layers, &points)
        self.points = points
    }

    private static func weightsOnly(_ layers: QuantizedLayers, _ points: inout [Point]) throws -> Graph {
        var graph = layers.graph
        let places = Dictionary(
            layers.layers.indices.compactMap { index in layers.layers[index].passage.map { ($0.quantize.id, index) } },
            uniquingKeysWith: { first, _ in first })
        try graph.edit { editor in
            for passage in layers.passages {
                var source = passage.source
                if let place = places[passage.quantize.id] {
                    for limits in layers.layers[place].limits {
                        source = try limit(source, to: limits, before: passage.quantize.id, in: &editor)
                    }
                    points[place].weightsOnly = editor.graph[source].name
                }
                for dequantize in passage.dequantize {
                    guard let result = dequantize.outputs[0] else { continue }
                    if editor.graph.isOutput(result) || editor.graph.isCaptured(result) {
                        try editor.insert(
                            .identity(Identity()), inputs: [source], outputs: [.existing(result)], name: dequantize.name,
                            before: dequantize.id, origin: nil)
                        editor.remove(dequantize.id)
                    } else {
                        editor.replaceUses(of: result, with: source)
                    }
                }
            }
        }
        // What still passes through integers are weights.
        _ = try SimulateQuantization().run(on: &graph)
        return graph
    }

    private static func limit(
        _ value: ValueID, to limits: ElementLimits, before anchor: NodeID, in editor: inout GraphEditor
    ) throws -> ValueID {
        let name = editor.graph[value].name + "_limited"
        func bound(_ limit: Double?, _ what: String) throws -> ValueID? {
            try limit.map { try editor.addConstant(Tensor(scalar: Float($0)), name: "\(name)_\(what)") }
        }
        var inputs: [ValueID?] = [value, try bound(limits.minimum, "minimum"), try bound(limits.maximum, "maximum")]
        while let last = inputs.last, last == nil { inputs.removeLast() }
        return try editor.insertSingle(
            .clip(Clip(minimum: nil, maximum: nil)), inputs: inputs, output: .new(name: name), name: name, before: anchor, origin: nil)
    }

    /// Every layer reads inputs in place of the results of those before it.
    private static func isolated(_ layers: QuantizedLayers, _ points: inout [Point]) throws -> Graph {
        var graph = layers.graph
        try graph.edit { editor in
            for (index, layer) in layers.layers.enumerated() {
                let name = editor.graph[layer.result].name
                let input = try editor.addInput(editor.uniqueName(name + "_original"), type: editor.graph[layer.result].type)
                points[index].input = editor.graph[input].name
                guard let passage = layer.passage else {
                    for reader in editor.graph.consumers(of: layer.result) {
                        editor.setInputs(reader.id, to: reader.inputs.map { $0 == layer.result ? input : $0 })
                    }
                    continue
                }
                let quantized = try editor.insertSingle(
                    passage.quantize.operator, inputs: [input] + passage.quantize.inputs.dropFirst(),
                    output: .new(name: name + "_original_quantized"), name: name + "/original", before: passage.quantize.id, origin: nil)
                for reader in editor.graph.consumers(of: passage.integers) {
                    editor.setInputs(reader.id, to: reader.inputs.map { $0 == passage.integers ? quantized : $0 })
                }
            }
            editor.setOutputs(layers.layers.map { $0.passage?.integers ?? $0.result })
        }
        _ = try RemoveDeadCode().run(on: &graph)
        return graph
    }
}
