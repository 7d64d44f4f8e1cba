import GraphIR
import Tensors

/// A convolution or matrix product of integers with constant weights.
struct IntegerProduct {
    var function: IntegerOperator.Function
    var input: QuantizedValue
    /// A constant of 8-bit integers.
    var weight: ValueID
    /// A constant in int32, of the scale of the products.
    var bias: ValueID?
    /// What is added before the sum is rounded.
    var residual: QuantizedValue?
}

extension IntegerForms {
    /// A float convolution or product of dequantized operands in integers.
    /// - Parameters:
    ///   - added: a constant that is added to a `MatMul`.
    ///   - takesBias: whether the node's bias is to be part of it.
    mutating func product(
        _ node: Node, _ result: IntegerOperator.Result, bias added: ValueID? = nil, takesBias: Bool = true
    ) throws -> IntegerProduct? {
        switch node.operator {
        case .convolution(let payload):
            guard let input = quantized(node.input(Convolution.Operand.input)),
                let (weight, filters) = try weights(node.input(Convolution.Operand.weight), axis: 0), isPlanar(weight)
            else { return nil }
            return try product(
                .convolution(payload, filters), filters, input, weight,
                bias: takesBias ? node.input(Convolution.Operand.bias) : nil, result)
        case .matMul:
            guard let input = quantized(node.input(MatMul.Operand.a)), (graph[input.value].tensorType?.rank ?? 0) >= 1,
                let (weight, filters) = try weights(node.input(MatMul.Operand.b), axis: 1), graph.constant(weight)?.rank == 2
            else { return nil }
            // What is added must not add dimensions, too.
            if let added, (graph[added].tensorType?.rank ?? .max) > (graph[input.value].tensorType?.rank ?? 0) { return nil }
            return try product(.product(transposesWeight: false, filters), filters, input, weight, bias: added, result)
        case .gemm(let payload):
            guard payload.alpha == 1, payload.beta == 1, !payload.transposeA, let input = quantized(node.input(Gemm.Operand.a)),
                let (weight, filters) = try weights(node.input(Gemm.Operand.b), axis: payload.transposeB ? 0 : 1),
                graph.constant(weight)?.rank == 2
            else { return nil }
            return try product(
                .product(transposesWeight: payload.transposeB, filters), filters, input, weight,
                bias: takesBias ? node.input(Gemm.Operand.c) : nil, result)
        default: return nil
        }
    }

    private mutating func product(
        _ function: IntegerOperator.Function, _ filters: IntegerOperator.Filters, _ input: QuantizedValue, _ weight: ValueID,
        bias: ValueID?, _ result: IntegerOperator.Result
    ) throws -> IntegerProduct? {
        let channels = channelCount(function, weight)
        let steps = filters.scales.map { input.affine.scale * $0 }
        guard steps.allSatisfy({ $0.isNormal }) else { return nil }
        var product = IntegerProduct(function: function, input: input, weight: weight)
        guard let bias else { return product }
        let tolerance = result.elementType == .float32 ? 0 : result.affine.scale / 4
        guard let values = biases(bias, steps, channels, tolerance: tolerance) else { return nil }
        product.bias = try editor.addConstant(Tensor(values, shape: [channels]), name: graph[weight].name + "_bias")
        return product
    }

    private func channelCount(_ function: IntegerOperator.Function, _ weight: ValueID) -> Int {
        let shape = graph.constant(weight)?.shape ?? []
        if case .product(let transposesWeight, _) = function { return shape[transposesWeight ? 0 : 1] }
        return shape[0]
    }

    mutating func insert(_ product: IntegerProduct, _ result: IntegerOperator.Result, _ anchor: Node, at node: Node) throws {
        let operands = [product.input] + (product.residual.map { [$0] } ?? [])
        let operation = IntegerOperator(
            function: product.function, rounding: rounding, operands: operands.map(\.affine), result: result)
        guard operation.isComputable else { return }
        try replace(node, by: .integer(operation), [product.input.value, product.weight, product.bias, product.residual?.value], anchor)
    }

    func quantized(_ id: ValueID?) -> QuantizedValue? { id.flatMap { quantized[$0] } }

    /// Whether a convolution has one or two spatial dimensions.
    private func isPlanar(_ weight: ValueID) -> Bool { (3...4).contains(graph.constant(weight)?.rank ?? 0) }

    // MARK: Constants

    /// Constant weights behind a DequantizeLinear, with a scale for all or one per position along `axis`.
    private mutating func weights(_ id: ValueID?, axis: Int) throws -> (ValueID, IntegerOperator.Filters)? {
        guard let id, let node = graph.producer(of: id) else { return nil }
        if case .transpose(let payload) = node.operator { return try transposedWeights(node, payload, axis: axis) }
        guard case .dequantizeLinear(let payload) = node.operator, payload.blockSize == 0,
            let operand = node.input(DequantizeLinear.Operand.input), let value = try constantBytes(operand),
            let tensor = graph.constant(value),
            let filters = filters(
                node.input(DequantizeLinear.Operand.scale), node.input(DequantizeLinear.Operand.zeroPoint),
                along: payload.axis < 0 ? payload.axis + tensor.rank : payload.axis, of: tensor, expected: axis)
        else { return nil }
        return (value, filters)
    }

    /// Scales and zero points of constant weights; `nil` when they are none to compute with, or run along another axis than expected.
    func filters(
        _ scale: ValueID?, _ zeroPoint: ValueID?, along axis: Int, of weights: Tensor, expected: Int
    ) -> IntegerOperator.Filters? {
        guard weights.rank > expected, let scale = graph.constant(scale), scale.elementType == .float32,
            let scales = try? scale.elements(as: Float.self), scales.allSatisfy({ $0.isNormal && $0 > 0 })
        else { return nil }
        var zeros: [Int32] = [0]
        if let zeroPoint {
            guard let values = graph.constant(zeroPoint)?.int64s() else { return nil }
            zeros = values.map { Int32(truncatingIfNeeded: $0) }
        }
        let fits = { (count: Int) in count == 1 || (count == weights.shape[expected] && axis == expected) }
        return fits(scales.count) && fits(zeros.count) ? .init(scales: scales, zeroPoints: zeros) : nil
    }

    /// Weights of a product that an exporter has transposed after they are dequantized.
    private mutating func transposedWeights(
        _ node: Node, _ payload: Transpose, axis: Int
    ) throws -> (ValueID, IntegerOperator.Filters)? {
        guard payload.permutation ?? [1, 0] == [1, 0], let (value, filters) = try weights(node.inputs[0], axis: 1 - axis),
            let tensor = graph.constant(value), tensor.rank == 2,
            let transposed = try evaluate(.transpose(payload), operands: [tensor], outputCount: 1, opset: graph.opset)[0]
        else { return nil }
        return (try editor.addConstant(transposed, name: graph[value].name + "_transposed"), filters)
    }

    /// A constant of 8-bit integers, or one that is quantized from a constant in float.
    private mutating func constantBytes(_ id: ValueID) throws -> ValueID? {
        guard byteType(of: id) != nil else { return nil }
        if graph.constant(id) != nil { return id }
        guard let node = graph.producer(of: id), case .quantizeLinear = node.operator else { return nil }
        let operands = node.inputs.map { graph.constant($0) }
        guard zip(node.inputs, operands).allSatisfy({ $0 == nil || $1 != nil }),
            let tensor = try evaluate(node.operator, operands: operands, outputCount: 1, opset: graph.opset)[0]
        else { return nil }
        return try editor.addConstant(tensor, name: graph[id].name + "_integers")
    }

    /// A constant bias in units of the products' scale. One of another scale, or in float, is rounded to it; `nil` where that moves it by
    /// more than `tolerance`, or leaves the sum too little room in int32: so may be channels whose weights are all 0, or tiny.
    private func biases(_ id: ValueID, _ steps: [Float], _ channels: Int, tolerance: Float) -> [Int32]? {
        func step(_ channel: Int) -> Float { steps[steps.count == 1 ? 0 : channel] }
        func rounded(_ value: Float, _ channel: Int) -> Int32? {
            let count = (value / step(channel)).rounded(.toNearestOrEven)
            guard abs(count) <= Self.largestBias, abs(value - count * step(channel)) <= tolerance else { return nil }
            return Int32(count)
        }
        func all(_ values: some Sequence<Int32?>) -> [Int32]? {
            let found = values.compactMap { $0 }
            return found.count == channels ? found : nil
        }
        if let tensor = graph.constant(id) {
            guard tensor.shape == [channels] || tensor.shape == [1, channels], let values = try? tensor.elements(as: Float.self),
                values.allSatisfy(\.isFinite)
            else { return nil }
            return all(values.enumerated().map { rounded($1, $0) })
        }
        guard let node = graph.producer(of: id), case .dequantizeLinear(let payload) = node.operator, payload.blockSize == 0,
            let tensor = graph.constant(node.input(DequantizeLinear.Operand.input)), let integers = tensor.int64s(),
            tensor.shape == [channels] || tensor.shape == [1, channels],
            let scales = try? graph.constant(node.input(DequantizeLinear.Operand.scale))?.elements(as: Float.self),
            scales.count == 1 || scales.count == channels, scales.allSatisfy(\.isFinite),
            (node.input(DequantizeLinear.Operand.zeroPoint).map { graph.constant($0)?.int64s()?.allSatisfy { $0 == 0 } == true }) ?? true
        else { return nil }
        return all(integers.enumerated().map { channel, integer in
            let scale = scales[scales.count == 1 ? 0 : channel]
            // Exporters round the product of the scales each in their way.
            if abs(scale / step(channel) - 1) < 1e-5, let exact = Int32(exactly: integer) { return exact }
            return rounded(Float(integer) * scale, channel)
        })
    }

    /// As a multiple of the products' scale, as `WeightQuantizer` has it.
    private static let largestBias = Float(1 << 30)

    // MARK: Results in float

    /// A product of dequantized operands that nothing quantizes computes in integers, too, and is scaled once. A bias that is no multiple
    /// of the products' scale is added after that.
    mutating func takeFloatResult(_ id: NodeID) throws {
        let node = graph[id]
        switch node.operator {
        case .convolution, .matMul, .gemm:
            guard let output = node.outputs.first ?? nil, graph[output].tensorType?.elementType == .float32,
                graph.useCount(of: output) > 0 || graph.isOutput(output)
            else { return }
            let result = IntegerOperator.Result(elementType: .float32, affine: .init(scale: 1, zeroPoint: 0), limits: 0...0)
            if let product = try product(node, result) { return try insert(product, result, node, at: node) }
            guard let bias = try floatBias(of: node), let product = try product(node, result, takesBias: false) else { return }
            let operation = IntegerOperator(
                function: product.function, rounding: rounding, operands: [product.input.affine], result: result)
            guard operation.isComputable else { return }
            let sum = try editor.insertSingle(
                .integer(operation), inputs: [product.input.value, product.weight], output: .new(name: graph[output].name + "_products"),
                name: graph.label(of: node), before: id, origin: nil)
            let addition = Operator.binary(Binary(function: .add, broadcastAxis: .numpy))
            try replace(node, by: addition, [sum, try editor.addConstant(bias.tensor, name: bias.name)], node)
        default: return
        }
    }

    /// A constant bias, or one that is dequantized, in float, shaped so that it is broadcast along channels.
    private func floatBias(of node: Node) throws -> (tensor: Tensor, name: String)? {
        let operand: ValueID?
        var dimensions = 0
        switch node.operator {
        case .convolution:
            operand = node.input(Convolution.Operand.bias)
            dimensions = max(0, (node.input(Convolution.Operand.input).flatMap { graph[$0].tensorType?.rank } ?? 2) - 2)
        case .gemm: operand = node.input(Gemm.Operand.c)
        default: return nil
        }
        guard let operand, let tensor = try graph.constant(operand) ?? dequantizedConstant(operand), tensor.elementType == .float32,
            let reshaped = try? tensor.reshaped(tensor.shape + [Int](repeating: 1, count: dimensions))
        else { return nil }
        return (reshaped, graph[operand].name + "_spread")
    }

    private func dequantizedConstant(_ id: ValueID) throws -> Tensor? {
        guard let node = graph.producer(of: id), case .dequantizeLinear = node.operator else { return nil }
        let operands = node.inputs.map { graph.constant($0) }
        guard zip(node.inputs, operands).allSatisfy({ $0 == nil || $1 != nil }) else { return nil }
        return try evaluate(node.operator, operands: operands, outputCount: 1, opset: graph.opset)[0]
    }
}

extension IntegerOperator {
    /// Whether the numbers that sums are multiplied by are numbers.
    var isComputable: Bool {
        switch function {
        case .convolution(_, let filters), .product(_, let filters):
            factors(filters).allSatisfy { $0.isFinite && $0 > 0 } && (operands.count == 1 || ratio(ofOperand: 1).isFinite)
        case .add: ratio(ofOperand: 0).isFinite && ratio(ofOperand: 1).isFinite
        case .multiply: productFactor.isFinite
        case .globalAverage: meanFactor(count: 1).isFinite
        case .averagePool, .table: true
        }
    }
}
