import Execution
import GraphIR
import Tensors

extension Graph {
    /// The graph with what lies between `DequantizeLinear` and `QuantizeLinear`, and the quantized operators of ONNX and ONNX Runtime, as
    /// integer operators where their scales and weights are constants. Values keep their names; what computed them in float is still
    /// there for whoever asks for values in between.
    public func withIntegerOperators(_ semantics: IntegerSemantics) throws -> Graph {
        guard semantics != .qdq, nodes.contains(where: { $0.operator.isQuantized }) else { return self }
        var graph = self
        try graph.edit { editor in
            var forms = IntegerForms(editor, rounding: semantics == .tflite ? .fixedPoint : .float32)
            for id in order { try forms.visit(id) }
            for id in order where forms.graph.contains(id) { try forms.takeFloatResult(id) }
            editor = forms.editor
        }
        return graph
    }
}

extension Operator {
    fileprivate var isQuantized: Bool {
        switch self {
        case .dequantizeLinear, .qLinearConv, .qLinearMatMul, .qLinear: true
        default: false
        }
    }
}

/// Finds integer operators in the order of execution.
struct IntegerForms {
    var editor: GraphEditor
    let rounding: IntegerOperator.Rounding
    /// The integers behind values in float.
    var quantized: [ValueID: QuantizedValue] = [:]

    init(_ editor: GraphEditor, rounding: IntegerOperator.Rounding) {
        self.editor = editor
        self.rounding = rounding
    }

    var graph: Graph { editor.graph }

    mutating func visit(_ id: NodeID) throws {
        let node = graph[id]
        switch node.operator {
        case .dequantizeLinear(let payload):
            guard let output = node.outputs.first ?? nil, let value = dequantized(node, payload) else { return }
            quantized[output] = value
        case .quantizeLinear(let payload):
            guard let value = node.input(QuantizeLinear.Operand.input), let result = result(of: node, payload) else { return }
            try form(behind: value, result, at: node)
        case .qLinearConv(let payload): try takeQLinearConv(payload, node)
        case .qLinearMatMul: try takeQLinearMatMul(node)
        case .qLinear(let payload): try takeQLinear(payload, node)
        default: try move(node)
        }
    }

    // MARK: Scales

    /// A scale and zero point for a whole tensor; `nil` when they are not constants or no numbers to compute with.
    func affine(_ scale: ValueID?, _ zeroPoint: ValueID?) -> IntegerOperator.Affine? {
        guard let scale = graph.constant(scale), scale.elementType == .float32, scale.count == 1,
            let step = try? scale.elements(as: Float.self)[0], step.isNormal, step > 0
        else { return nil }
        guard let zeroPoint else { return .init(scale: step, zeroPoint: 0) }
        guard let zero = graph.constant(zeroPoint), zero.count == 1, let value = zero.int64s()?[0] else { return nil }
        return .init(scale: step, zeroPoint: Int32(truncatingIfNeeded: value))
    }

    func byteType(of id: ValueID?) -> ElementType? {
        guard let type = id.flatMap({ graph[$0].tensorType?.elementType }), type == .int8 || type == .uint8 else { return nil }
        return type
    }

    private func dequantized(_ node: Node, _ payload: DequantizeLinear) -> QuantizedValue? {
        guard payload.blockSize == 0, let input = node.input(DequantizeLinear.Operand.input), let type = byteType(of: input),
            let affine = affine(node.input(DequantizeLinear.Operand.scale), node.input(DequantizeLinear.Operand.zeroPoint))
        else { return nil }
        return QuantizedValue(value: input, affine: affine, elementType: type)
    }

    private func result(of node: Node, _ payload: QuantizeLinear) -> IntegerOperator.Result? {
        guard payload.blockSize == 0,
            let affine = affine(node.input(QuantizeLinear.Operand.scale), node.input(QuantizeLinear.Operand.zeroPoint)),
            let type = byteType(of: node.outputs.first ?? nil)
        else { return nil }
        return .whole(type, affine)
    }

    // MARK: What is quantized

    /// Makes what `value` is quantized to by `node` in integers, if its operands are there in integers.
    mutating func form(behind value: ValueID, _ result: IntegerOperator.Result, at node: Node) throws {
        var (value, result) = (value, result)
        var functions: [Node] = []
        var isPrivate = true
        while quantized[value] == nil, let producer = graph.producer(of: value), isFunction(producer), let input = producer.inputs[0] {
            isPrivate = isPrivate && graph.useCount(of: value) == 1
            functions.insert(producer, at: 0)
            value = input
        }
        if let source = quantized[value] { return try requantize(source, functions, result, at: node) }
        guard let anchor = graph.producer(of: value), isPrivate, graph.useCount(of: value) == 1 else { return }
        for function in functions {
            guard let limits = limits(of: function, result) else { return }
            result.limits = limits
        }
        switch anchor.operator {
        case .convolution, .matMul, .gemm:
            guard let product = try product(anchor, result) else { return }
            try insert(product, result, anchor, at: node)
        case .binary(let binary): try formBinary(binary, anchor, result, at: node)
        case .variadic(let variadic):
            guard variadic.function == .sum, anchor.inputs.count == 2 else { return }
            try formSum(anchor, result, at: node)
        case .averagePool(let pool): try formMean(.averagePool(pool), anchor, result, at: node)
        case .globalPool(let pool):
            guard pool.function == .average else { return }
            try formMean(.globalAverage, anchor, result, at: node)
        case .concat(let concat):
            let operands = anchor.inputs.map { $0.flatMap { quantized[$0] } }
            guard result.isWhole, operands.allSatisfy({ $0 != nil }) else { return }
            try join(concat, operands.compactMap { $0 }, result, anchor, at: node)
        default: return
        }
    }

    private mutating func formBinary(_ binary: Binary, _ anchor: Node, _ result: IntegerOperator.Result, at node: Node) throws {
        guard case .numpy = binary.broadcastAxis, anchor.inputs.count == 2 else { return }
        switch binary.function {
        case .add: try formSum(anchor, result, at: node)
        case .mul:
            guard let a = anchor.inputs[0].flatMap({ quantized[$0] }), let b = anchor.inputs[1].flatMap({ quantized[$0] }) else { return }
            try insert(.multiply, [a, b], result, anchor, at: node)
        default: return
        }
    }

    /// Of two quantized operands; of a product and a quantized one, which is rounded once; or of a product and a constant, its bias.
    private mutating func formSum(_ anchor: Node, _ result: IntegerOperator.Result, at node: Node) throws {
        guard let first = anchor.inputs[0], let second = anchor.inputs[1] else { return }
        if let a = quantized[first], let b = quantized[second] { return try insert(.add, [a, b], result, anchor, at: node) }
        for (value, other) in [(first, second), (second, first)] where quantized[value] == nil && graph.useCount(of: value) == 1 {
            guard let producer = graph.producer(of: value) else { continue }
            if let residual = quantized[other] {
                guard rounding == .float32, let shape = graph[value].tensorType?.knownShape, graph[other].tensorType?.knownShape == shape,
                    var product = try product(producer, result)
                else { continue }
                product.residual = residual
                return try insert(product, result, producer, at: node)
            }
            if case .matMul = producer.operator, let product = try product(producer, result, bias: other) {
                return try insert(product, result, producer, at: node)
            }
        }
    }

    private mutating func formMean(
        _ function: IntegerOperator.Function, _ anchor: Node, _ result: IntegerOperator.Result, at node: Node
    ) throws {
        guard let input = anchor.inputs[0].flatMap({ quantized[$0] }) else { return }
        try insert(function, [input], result, anchor, at: node)
    }

    /// The same integers under another scale, or a function of them: 256 numbers.
    mutating func requantize(_ source: QuantizedValue, _ functions: [Node], _ result: IntegerOperator.Result, at node: Node) throws {
        guard let output = node.outputs.first ?? nil else { return }
        if functions.isEmpty, source.affine == result.affine, source.elementType == result.elementType {
            try editor.insert(
                .identity(Identity()), inputs: [source.value], outputs: [.existing(output)], name: graph.label(of: node), before: node.id,
                origin: nil, keepsName: true)
            return editor.remove(node.id)
        }
        guard let entries = try table(source, functions, result) else { return }
        try insert(.table(entries), [source], result, functions.last ?? node, at: node)
    }

    // MARK: Nodes

    /// Puts an integer operator in the place of the node that makes the integers.
    mutating func insert(
        _ function: IntegerOperator.Function, _ operands: [QuantizedValue], _ result: IntegerOperator.Result, _ anchor: Node, at node: Node
    ) throws {
        let operation = IntegerOperator(function: function, rounding: rounding, operands: operands.map(\.affine), result: result)
        guard operation.isComputable else { return }
        try replace(node, by: .integer(operation), operands.map(\.value), anchor)
    }

    mutating func replace(_ node: Node, by operation: Operator, _ inputs: [ValueID?], _ anchor: Node) throws {
        guard let output = node.outputs.first ?? nil else { return }
        try editor.insert(
            operation, inputs: inputs, outputs: [.existing(output)], name: graph.label(of: anchor), before: node.id, origin: nil,
            keepsName: true)
        editor.remove(node.id)
    }

    mutating func join(
        _ concat: Concat, _ operands: [QuantizedValue], _ result: IntegerOperator.Result, _ anchor: Node, at node: Node
    ) throws {
        let inputs = try operands.map { operand -> ValueID in
            if operand.affine == result.affine, operand.elementType == result.elementType { return operand.value }
            let entries = try table(operand, [], result) ?? []
            let operation = IntegerOperator(function: .table(entries), rounding: rounding, operands: [operand.affine], result: result)
            return try editor.insertSingle(
                .integer(operation), inputs: [operand.value], output: .new(name: graph[operand.value].name + "_requantized"),
                name: graph.label(of: anchor), before: node.id, origin: nil)
        }
        try replace(node, by: .concat(concat), inputs, anchor)
    }
}

/// A tensor of 8-bit integers and what they stand for.
struct QuantizedValue {
    var value: ValueID
    var affine: IntegerOperator.Affine
    var elementType: ElementType
}

extension IntegerOperator.Result {
    /// A result that may take every integer of its type.
    static func whole(_ type: ElementType, _ affine: IntegerOperator.Affine) -> Self {
        .init(elementType: type, affine: affine, limits: range(of: type))
    }

    static func range(of type: ElementType) -> ClosedRange<Int32> { type == .int8 ? -128...127 : 0...255 }

    var isWhole: Bool { limits == Self.range(of: elementType) }
}
