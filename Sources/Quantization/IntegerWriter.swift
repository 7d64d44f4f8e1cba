import GraphIR
import Passes
import Tensors

/// Writes a plan into a graph.
struct IntegerWriter {
    let plan: IntegerPlan
    let parameters: [ValueID: QuantizationParameters]
    let options: QuantizationOptions
    let pass: String
    /// Means of the channels of values, by which biases are corrected; empty when they are not.
    let channelMeans: [ValueID: [Double]]
    /// Scales of weights that training has found; empty when they follow from the weights.
    var trainedWeights: [TrainedScales.Weight: [Float]] = [:]
    var rewrites: [PassReport.Rewrite] = []
    /// The nodes around the 8 bits of each value.
    var borders: [ValueID: Border] = [:]
    private var weights: [WeightKey: (weight: ValueID, bias: ValueID?)] = [:]
    /// Places of the nodes in the order of execution.
    private var places: [NodeID: Int] = [:]

    struct Border {
        var quantize: NodeID
        var dequantize: NodeID
    }

    /// What decides how a weight is quantized.
    private struct WeightKey: Hashable {
        var weight: ValueID
        var bias: ValueID?
        var axis: Int
        var inputScale: Float
        /// The activation by which the bias is corrected.
        var input: ValueID?
        /// The layer, where its bias is corrected by what was measured there.
        var layer: String?
    }

    init(
        plan: IntegerPlan, parameters: [ValueID: QuantizationParameters], channelMeans: [ValueID: [Double]], options: QuantizationOptions,
        pass: String
    ) {
        self.plan = plan
        self.channelMeans = channelMeans
        self.parameters = parameters
        self.options = options
        self.pass = pass
    }

    mutating func write(to editor: inout GraphEditor) throws {
        let order = editor.graph.order
        places = Dictionary(uniqueKeysWithValues: order.enumerated().map { ($1, $0) })
        for id in order where plan.integerNodes.contains(id) {
            let node = editor.graph[id]
            try locating(node: editor.graph.label(of: node), operatorName: node.operator.name) { try write(node, to: &editor) }
        }
        for value in plan.quantizedValues { try write(value, to: &editor) }
        if options.hasIntegerInterface { try openInterface(of: &editor) }
    }

    // MARK: Nodes

    private mutating func write(_ node: Node, to editor: inout GraphEditor) throws {
        let label = editor.graph.label(of: node)
        switch plan.role(of: node) {
        case .product(let weight):
            let remark = try write(weight, of: node, to: &editor)
            rewrites.append(.init(node: label, detail: "\(node.operator.name) with int8 weights\(remark)"))
        case .arithmetic, .average, .concatenation, .movement:
            rewrites.append(.init(node: label, detail: "\(node.operator.name) in \(plan.target.activationType)"))
        case .limit, .float, .unrelated: break
        }
    }

    /// - Returns: what is to be said of it.
    private mutating func write(_ role: IntegerRole.Weight, of node: Node, to editor: inout GraphEditor) throws -> String {
        guard let input = node.inputs[0], let weight = node.inputs[role.operand], let tensor = editor.graph.constant(weight),
            let inputScale = parameters[input]?.scale
        else { return "" }
        let bias = role.biasOperand.flatMap { node.inputs[$0] }
        let label = editor.graph.label(of: node), measured = options.biasShifts[label]
        let correction = measured.map { BiasCorrection.measured($0) }
            ?? channelMeans[input].map { .analytic(WeightRounding(node: node.operator, inputMeans: $0)) }
        let key = WeightKey(
            weight: weight, bias: bias, axis: role.axis, inputScale: inputScale, input: correction.map { _ in input },
            layer: measured.map { _ in label })
        var remark = ""
        let operands: (weight: ValueID, bias: ValueID?)
        if let known = weights[key] {
            operands = known
        } else {
            let quantizer = WeightQuantizer(
                limit: options.reducesRange ? 63 : 127, minimizesError: options.method == .meanSquaredError,
                hasIntegerBias: plan.target.hasIntegerBias)
            let result = try quantizer.quantize(
                tensor, axis: role.axis, bias: bias.flatMap { editor.graph.constant($0) }, inputScale: inputScale, correction: correction,
                trained: trainedWeights[.init(weight: editor.graph[weight].name, axis: role.axis)])
            if !result.raisedChannels.isEmpty {
                remark += ", the scale of \(result.raisedChannels.count) channels raised so that their bias fits int32"
            }
            if options.correctsBias, !result.isBiasCorrected, node.operator.takesBias {
                remark += ", its bias not corrected: the means of its input's channels are not known"
            }
            let zeros = try Tensor([Int8](repeating: 0, count: result.scales.count), shape: [result.scales.count])
            operands.weight = try dequantized(
                result.weight, Tensor(vector: result.scales), zeros, axis: role.axis, name: editor.graph[weight].name, before: node.id,
                in: &editor)
            let biasName = bias.map { editor.graph[$0].name } ?? editor.graph[weight].name + "_bias"
            operands.bias = try result.bias.map { values in
                guard let scales = result.biasScales else {
                    return try bias.flatMap { result.isBiasCorrected ? nil : $0 } ?? editor.addConstant(values, name: biasName)
                }
                let zeros = try Tensor([Int32](repeating: 0, count: scales.count), shape: [scales.count])
                return try dequantized(values, Tensor(vector: scales), zeros, axis: 0, name: biasName, before: node.id, in: &editor)
            }
            weights[key] = operands
        }
        var inputs = editor.graph[node.id].inputs
        inputs[role.operand] = operands.weight
        if let bias = operands.bias {
            if let operand = role.biasOperand { inputs[operand] = bias } else { inputs.append(bias) }
        }
        editor.setInputs(node.id, to: inputs)
        return remark
    }

    /// Stores a tensor in integers, with the node that makes floats of them.
    private func dequantized(
        _ tensor: Tensor, _ scales: Tensor, _ zeroPoints: Tensor, axis: Int, name: String, before anchor: NodeID,
        in editor: inout GraphEditor
    ) throws -> ValueID {
        let operands = [
            try editor.addConstant(tensor, name: name + "_quantized"), try editor.addConstant(scales, name: name + "_scale"),
            try editor.addConstant(zeroPoints, name: name + "_zero_point"),
        ]
        return try editor.insertSingle(
            .dequantizeLinear(DequantizeLinear(axis: axis, blockSize: 0)), inputs: operands, output: .new(name: name + "_dequantized"),
            name: name + "/DequantizeLinear", before: anchor, origin: Origin(pass: pass, nodes: []))
    }

    // MARK: Values

    /// Makes `value` pass through 8 bits: on its way to everybody where an integer operator makes it, else to those who compute in
    /// integers.
    private mutating func write(_ value: ValueID, to editor: inout GraphEditor) throws {
        guard let parameters = parameters[value] else { return }
        let graph = editor.graph
        let producer = graph.producer(of: value)
        let (readers, isResult) = plan.quantizedReaders(of: value, in: graph)
        let isOutput = isResult && graph.isOutput(value)
        guard !readers.isEmpty || isOutput else { return }
        let name = graph[value].name
        let anchor = readers.map(\.node).min { places[$0, default: .max] < places[$1, default: .max] }
        let float = isOutput ? try editor.redirectProducer(of: value, to: name + "_float") : value
        // What limits the value does nothing that quantization does not do.
        let absorbed = producer.flatMap { isResult && absorbs($0, parameters) ? $0 : nil }
        let source = absorbed.flatMap { editor.graph[$0.id].inputs[0] } ?? float
        let constants = [
            try editor.addConstant(parameters.scaleTensor, name: name + "_scale"),
            try editor.addConstant(parameters.zeroPointTensor, name: name + "_zero_point"),
        ]
        let origin = Origin(pass: pass, nodes: [])
        let quantize = try editor.insert(
            .quantizeLinear(QuantizeLinear(axis: 1, saturate: true, blockSize: 0, outputType: nil)), inputs: [source] + constants,
            outputs: [.new(name: name + "_quantized")], name: name + "/QuantizeLinear", before: anchor, origin: origin)
        let dequantize = try editor.insert(
            .dequantizeLinear(DequantizeLinear(axis: 1, blockSize: 0)), inputs: [editor.graph[quantize].outputs[0]] + constants,
            outputs: [isOutput ? .existing(value) : .new(name: name + "_dequantized")], name: name + "/DequantizeLinear", before: anchor,
            origin: origin)
        borders[value] = Border(quantize: quantize, dequantize: dequantize)
        if !isOutput {
            for reader in readers {
                var inputs = editor.graph[reader.node].inputs
                for operand in reader.operands { inputs[operand] = editor.graph[dequantize].outputs[0] }
                editor.setInputs(reader.node, to: inputs)
            }
        }
        if let absorbed { editor.remove(absorbed.id) }
    }

    private func absorbs(_ node: Node, _ parameters: QuantizationParameters) -> Bool {
        guard case .limit(let minimum, let maximum) = plan.role(of: node) else { return false }
        return parameters.absorbs(minimum: minimum, maximum: maximum)
    }
}
