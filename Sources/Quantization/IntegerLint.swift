import GraphIR
import Tensors

/// Which layers of an int8 model a runtime computes in integers, and which it does not, and why.
public struct IntegerLint: Hashable, Sendable {
    public struct Finding: Hashable, Sendable {
        /// Label of the node.
        public var node: String
        /// ONNX's name of the operator.
        public var operatorName: String
        /// Why the node will not run in integers.
        public var reason: String
        /// What to do about it.
        public var advice: String
    }

    public var target: QuantizationTarget
    /// Convolutions, products and additions that run in integers.
    public var integerCount: Int
    /// Those that do not, in the order of execution.
    public var findings: [Finding]

    /// Looks at every convolution, matrix product, addition and multiplication of activations.
    /// - Returns: `nil` for a model without quantized tensors.
    public init?(_ graph: Graph, target: QuantizationTarget) {
        guard graph.nodes.contains(where: { $0.operator.isQuantization }) else { return nil }
        self.target = target
        integerCount = 0
        findings = []
        let linter = IntegerLinter(graph: graph, target: target)
        for node in graph.nodes {
            switch linter.verdict(on: node) {
            case .integer: integerCount += 1
            case .float(let reason, let advice):
                findings.append(
                    Finding(node: graph.label(of: node), operatorName: node.operator.name, reason: reason, advice: advice))
            case .unrelated: break
            }
        }
    }
}

struct IntegerLinter {
    let graph: Graph
    let target: QuantizationTarget

    enum Verdict {
        case integer
        case float(reason: String, advice: String)
        case unrelated
    }

    struct Objection: Error {
        var reason: String
        var advice: String
    }

    func verdict(on node: Node) -> Verdict {
        do {
            switch node.operator {
            case .qLinearConv, .qLinearMatMul, .convInteger, .matMulInteger, .qLinear:
                if case .qLinear(let payload) = node.operator, payload.biasOperand == nil, !payload.isArithmetic { return .unrelated }
                try check(target == .onnxruntime, "\(target.title) has no such operator", "export it in Q/DQ form: --format qdq")
            case .convolution:
                try checkWeight(node, axis: 0)
                try checkLayer(node, bias: 2)
            case .convolutionTranspose:
                try check(target.hasTransposedConvolution, "\(target.title) has no integer form of it", "leave it in float: --exclude it")
                try checkWeight(node, axis: 1)
                try checkLayer(node, bias: 2)
            case .gemm(let payload):
                try checkForm(of: payload, hasBias: node.input(Gemm.Operand.c) != nil)
                try checkWeight(node, axis: payload.transposeB ? 0 : 1)
                try checkLayer(node, bias: 2)
            case .matMul:
                guard isFloat(node) else { return .unrelated }
                if isStored(node.inputs[1]) { try checkWeight(node, axis: 1) } else { try checkOperand(1, of: node) }
                try checkOperand(0, of: node)
                if !makesFloats(node) { try checkResult(of: node) }
                try checkTypes(of: node, operands: isStored(node.inputs[1]) ? [0] : [0, 1])
            case .binary(let payload) where payload.function == .add || payload.function == .mul:
                guard isFloat(node), node.inputs.allSatisfy({ graph.constant($0) == nil }) else { return .unrelated }
                try checkArithmetic(node)
            default: return .unrelated
            }
            return .integer
        } catch let objection as Objection {
            return .float(reason: objection.reason, advice: objection.advice)
        } catch {
            return .unrelated
        }
    }

    static let again = "quantize the float model with `cleave quantize`"

    func check(_ condition: Bool, _ reason: @autoclosure () -> String, _ advice: @autoclosure () -> String) throws {
        if !condition { throw Objection(reason: reason(), advice: advice()) }
    }

    private func isFloat(_ node: Node) -> Bool {
        node.outputs.first.flatMap { $0 }.flatMap { graph[$0].tensorType?.elementType }.map(\.isFloatingPoint) ?? true
    }

    // MARK: Borders

    /// The DequantizeLinear that makes the operand.
    func dequantize(_ id: ValueID?) -> (node: Node, payload: DequantizeLinear)? {
        guard let id, let node = graph.producer(of: id), case .dequantizeLinear(let payload) = node.operator else { return nil }
        return (node, payload)
    }

    /// Whether the value is a constant, in floats or in integers.
    private func isStored(_ id: ValueID?) -> Bool {
        graph.constant(id) != nil || dequantize(id).map { graph.constant($0.node.inputs[0]) != nil } ?? false
    }

    private func type(_ node: Node) -> ElementType? { node.inputs[0].flatMap { graph[$0].tensorType?.elementType } }

    func describe(_ id: ValueID?) -> String { id.map { "'\(graph[$0].name)'" } ?? "left out" }

    private func checkOperand(_ index: Int, of node: Node) throws {
        let id = index < node.inputs.count ? node.inputs[index] : nil
        guard let (border, _) = dequantize(id) else {
            throw Objection(
                reason: "operand \(describe(id)) is float: no DequantizeLinear makes it",
                advice: "quantize what makes it, too, or exclude this node")
        }
        guard let scale = graph.constant(border.input(DequantizeLinear.Operand.scale)) else {
            throw Objection(reason: "the scale of \(describe(id)) is computed", advice: "quantize statically, with calibration data")
        }
        try check(scale.count == 1 || graph.constant(border.inputs[0]) != nil, "\(describe(id)) has a scale per channel", Self.again)
        try checkActivation(border, id)
    }

    /// Type and zero point of an activation.
    private func checkActivation(_ border: Node, _ id: ValueID?) throws {
        let known = type(border)
        try check(
            known == .int8 || known == .uint8, "\(describe(id)) is \(known?.description ?? "of unknown type"), expected 8 bits", Self.again)
        guard target.activationType == .int8 else { return }
        let zeros = graph.constant(border.input(DequantizeLinear.Operand.zeroPoint))?.int64s() ?? [0]
        let advice = "quantize for it: --target \(target.rawValue)"
        try check(
            !target.isSymmetric || zeros.allSatisfy { $0 == 0 },
            "the zero point of \(describe(id)) is \(zeros.first ?? 0), but \(target.title) takes 0 only",
            advice)
        let type = type(border)
        try check(type == .int8, "\(describe(id)) is \(type?.description ?? "of unknown type"), expected int8", advice)
    }

    private func checkWeight(_ node: Node, axis: Int) throws {
        let id = node.inputs[1]
        guard let (border, payload) = dequantize(id), let weight = graph.constant(border.inputs[0]) else {
            guard let stored = graph.constant(id) else {
                throw Objection(reason: "the weight is computed", advice: "leave it in float: --exclude it")
            }
            throw Objection(reason: "the weight is stored as \(stored.elementType)", advice: Self.again)
        }
        if target == .onnxruntime, weight.elementType == .uint8 {
            // It has kernels for both, of uint8 activations only.
            let activation = dequantize(node.inputs[0]).flatMap { type($0.node) }
            try check(activation != .int8, "the weight is uint8 and \(describe(node.inputs[0])) int8", Self.again)
        } else {
            try check(weight.elementType == .int8, "the weight is \(weight.elementType), expected int8", Self.again)
        }
        let zeros = graph.constant(border.input(DequantizeLinear.Operand.zeroPoint))?.int64s() ?? [0]
        try check(target == .onnxruntime || zeros.allSatisfy { $0 == 0 }, "the zero point of the weight is not 0", Self.again)
        guard let scale = graph.constant(border.input(DequantizeLinear.Operand.scale)), scale.count > 1 else { return }
        try check(graph.opset >= 13, "the opset is \(graph.opset), but scales per channel exist since 13", "raise the opset")
        let given = payload.axis < 0 ? payload.axis + weight.rank : payload.axis
        try check(given == axis, "the scales of the weight run along dimension \(given), expected \(axis)", Self.again)
    }

    private func checkLayer(_ node: Node, bias: Int) throws {
        try checkOperand(0, of: node)
        if bias < node.inputs.count, node.inputs[bias] != nil, target.hasIntegerBias {
            try checkBias(node.inputs[bias], of: node)
        }
        if !makesFloats(node) { try checkResult(of: node) }
        try checkTypes(of: node, operands: [0])
    }

    private func checkForm(of gemm: Gemm, hasBias: Bool) throws {
        let isPlain = !gemm.transposeA && gemm.alpha == 1 && (gemm.beta == 1 || !hasBias)
        // ONNX Runtime multiplies the scales with alpha, and transposes.
        let fits = target == .onnxruntime ? !hasBias || (gemm.alpha == 1 && gemm.beta == 1) : isPlain
        try check(fits, "alpha, beta or transA is not what integer kernels have", Self.again)
    }

    private func checkBias(_ id: ValueID?, of node: Node) throws {
        // ONNX Runtime makes integers of a constant where the result becomes some.
        if target == .onnxruntime, graph.constant(id)?.elementType == .float32, quantizer(of: result(of: node)) != nil { return }
        let border = dequantize(id)
        try check(border.flatMap { type($0.node) } == .int32, "the bias is float, expected int32 of the scale s_x·s_w", Self.again)
        func scales(_ id: ValueID?) -> [Double]? {
            graph.constant(dequantize(id)?.node.input(DequantizeLinear.Operand.scale))?.doubles()
        }
        guard let own = scales(id), let input = scales(node.inputs[0])?.first, let weights = scales(node.inputs[1]) else { return }
        let fits = (0..<max(own.count, weights.count)).allSatisfy { channel in
            let expected = input * weights[weights.count == 1 ? 0 : min(channel, weights.count - 1)]
            return abs(own[own.count == 1 ? 0 : min(channel, own.count - 1)] - expected) <= 1e-3 * expected
        }
        try check(fits, "the scale of the bias is not that of the products, s_x·s_w", Self.again)
    }

    /// Whether a product's sums are scaled to floats: ONNX Runtime has kernels that do, for matrices.
    private func makesFloats(_ node: Node) -> Bool {
        switch node.operator {
        case .matMul, .gemm: target == .onnxruntime && quantizer(of: result(of: node)) == nil
        default: false
        }
    }

    private func checkArithmetic(_ node: Node) throws {
        if target.quantizesResults {
            for index in node.inputs.indices { try checkOperand(index, of: node) }
            try checkResult(of: node)
            try checkTypes(of: node, operands: Array(node.inputs.indices))
        } else {
            // One operand may come straight from the layer that the addition is fused into.
            let floats = node.inputs.filter { dequantize($0) == nil }
            let isFused = floats.count == 1 && floats[0].flatMap { graph.producer(of: $0) }.map(\.operator.isLayer) ?? false
            if !isFused { for index in node.inputs.indices { try checkOperand(index, of: node) } }
        }
    }
}

extension Operator {
    fileprivate var isLayer: Bool {
        switch self {
        case .convolution, .convolutionTranspose, .gemm, .matMul: true
        default: false
        }
    }
}

extension QLinear {
    fileprivate var isArithmetic: Bool {
        switch function {
        case .add, .mul, .gemm: true
        case .averagePool, .globalAveragePool, .concat: false
        }
    }
}
