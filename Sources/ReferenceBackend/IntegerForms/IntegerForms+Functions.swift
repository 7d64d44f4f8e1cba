import GraphIR
import Tensors

extension IntegerForms {
    /// Whether the node computes every element of its result from the one element of its first operand and constants.
    func isFunction(_ node: Node) -> Bool {
        switch node.operator {
        case .activation, .clip: node.inputs.dropFirst().allSatisfy { $0 == nil || graph.constant($0) != nil }
        case .unary(let unary): unary.function.isOfFloats
        default: false
        }
    }

    /// What a Relu or Clip leaves of the result's range; `nil` for other functions. Quantization keeps order, so that limiting before it
    /// and limiting after it are the same.
    func limits(of node: Node, _ result: IntegerOperator.Result) -> ClosedRange<Int32>? {
        var (low, high): (Float, Float) = (-.infinity, .infinity)
        switch node.operator {
        case .activation(let activation):
            guard activation.function == .relu else { return nil }
            low = 0
        case .clip(let clip):
            guard let minimum = limit(clip.minimum, node.input(Clip.Operand.minimum), otherwise: -.infinity),
                let maximum = limit(clip.maximum, node.input(Clip.Operand.maximum), otherwise: .infinity)
            else { return nil }
            (low, high) = (minimum, maximum)
        default: return nil
        }
        let bottom = max(result.limits.lowerBound, quantized(low, result)), top = min(result.limits.upperBound, quantized(high, result))
        return bottom <= top ? bottom...top : nil
    }

    private func limit(_ attribute: Float?, _ operand: ValueID?, otherwise: Float) -> Float? {
        guard let operand else { return attribute ?? otherwise }
        guard let values = graph.constant(operand)?.doubles(), values.count == 1, !values[0].isNaN else { return nil }
        return Float(values[0])
    }

    /// QuantizeLinear of one number that is not NaN.
    private func quantized(_ value: Float, _ result: IntegerOperator.Result) -> Int32 {
        let range = IntegerOperator.Result.range(of: result.elementType), zero = result.affine.zeroPoint
        let rounded = (value / result.affine.scale).rounded(.toNearestOrEven)
        return Int32(min(max(rounded, Float(range.lowerBound - zero)), Float(range.upperBound - zero))) + zero
    }

    /// What becomes of each of the 256 integers that a value may have; `nil` where that is no number.
    func table(_ source: QuantizedValue, _ functions: [Node], _ result: IntegerOperator.Result) throws -> [Int32]? {
        let range = IntegerOperator.Result.range(of: source.elementType)
        var values = try Tensor(range.map { Float($0 - source.affine.zeroPoint) * source.affine.scale }, shape: [range.count])
        for function in functions {
            let operands = [values] + function.inputs.dropFirst().map { graph.constant($0) }
            let results = try locating(node: graph.label(of: function), operatorName: function.operator.name) {
                try evaluate(function.operator, operands: operands, outputCount: 1, opset: graph.opset)
            }
            guard let next = results.first ?? nil, next.elementType == .float32 else { return nil }
            values = next
        }
        let elements = try values.elements(as: Float.self)
        guard elements.allSatisfy({ !$0.isNaN }) else { return nil }
        return elements.map { quantized($0, result) }
    }

    // MARK: Movement

    /// Lets a node that only moves elements, or takes the largest of some, do so with integers, if its operands are there as such.
    mutating func move(_ node: Node) throws {
        guard var operation = node.operator.onBytes else { return }
        let isJoin = if case .concat = operation { true } else { false }
        let places = isJoin ? Array(node.inputs.indices) : [0]
        let sources = places.compactMap { node.inputs[$0].flatMap { quantized[$0] } }
        guard let first = sources.first, sources.count == places.count, node.outputs.first.flatMap({ $0 }) != nil,
            sources.allSatisfy({ $0.affine == first.affine && $0.elementType == first.elementType })
        else { return }
        var inputs = node.inputs
        for (place, source) in zip(places, sources) { inputs[place] = source.value }
        if case .pad(var pad) = operation, pad.mode == .constant {
            guard pad.value == 0, node.input(Pad.Operand.value).map({ graph.constant($0)?.doubles() == [0] }) ?? true else { return }
            if pad.pads != nil {
                pad.value = Float(first.affine.zeroPoint)
                operation = .pad(pad)
            } else {
                let zero = try Tensor([Int64(first.affine.zeroPoint)], shape: [], as: first.elementType)
                while inputs.count <= Pad.Operand.value.rawValue { inputs.append(nil) }
                inputs[Pad.Operand.value.rawValue] = try editor.addConstant(zero, name: graph.label(of: node) + "_zero_point")
            }
        }
        if case .pad(let pad) = operation, pad.mode != .constant, inputs.count > Pad.Operand.value.rawValue {
            // A number that only constant pads take.
            inputs[Pad.Operand.value.rawValue] = nil
        }
        if case .maxPool = operation, node.outputs.dropFirst().contains(where: { $0 != nil }) { return }
        let moved = try editor.insert(
            operation, inputs: inputs, outputs: node.outputs.map { $0.map { .new(name: graph[$0].name + "_quantized") } ?? .none },
            name: graph.label(of: node), before: node.id, origin: nil, keepsName: true)
        for (output, value) in zip(node.outputs, graph[moved].outputs) {
            guard let output, let value else { continue }
            quantized[output] = QuantizedValue(value: value, affine: first.affine, elementType: first.elementType)
        }
    }
}

extension Operator {
    /// The operator if it does the same with integers as with the numbers that they stand for; padding apart.
    fileprivate var onBytes: Operator? {
        switch self {
        case .reshape, .flatten, .squeeze, .unsqueeze, .transpose, .slice, .split, .maxPool, .depthToSpace, .spaceToDepth, .expand, .tile,
            .gather, .concat, .pad, .identity:
            self
        // That one fills in a number of its own beyond the border.
        case .resize(let payload): payload.mode == .nearest && payload.coordinates != .tfCropAndResize ? self : nil
        default: nil
        }
    }
}

extension Unary.Function {
    fileprivate var isOfFloats: Bool {
        switch self {
        case .bitwiseNot, .not, .isNaN: false
        default: true
        }
    }
}
