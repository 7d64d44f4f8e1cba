import GraphIR
import Tensors

/// The quantized operators of ONNX and of ONNX Runtime.
extension IntegerForms {
    mutating func takeQLinearConv(_ payload: QLinearConv, _ node: Node) throws {
        func operand(_ place: QLinearConv.Operand) -> ValueID? { node.input(place) }
        guard let input = value(operand(.input), operand(.inputScale), operand(.inputZeroPoint)),
            let result = result(node, operand(.outputScale), operand(.outputZeroPoint)),
            let weight = operand(.weight), let tensor = graph.constant(weight), (3...4).contains(tensor.rank),
            let filters = filters(operand(.weightScale), operand(.weightZeroPoint), along: 0, of: tensor, expected: 0),
            isBias(operand(.bias), tensor.shape[0])
        else { return }
        let convolution = Convolution(window: payload.window, groups: payload.groups)
        try insert(
            IntegerProduct(function: .convolution(convolution, filters), input: input, weight: weight, bias: operand(.bias)), result, node,
            at: node)
    }

    mutating func takeQLinearMatMul(_ node: Node) throws {
        func operand(_ place: QLinearMatMul.Operand) -> ValueID? { node.input(place) }
        guard let input = value(operand(.a), operand(.aScale), operand(.aZeroPoint)),
            let result = result(node, operand(.outputScale), operand(.outputZeroPoint)),
            let weight = operand(.b), byteType(of: weight) != nil, let tensor = graph.constant(weight), tensor.rank == 2,
            let filters = filters(operand(.bScale), operand(.bZeroPoint), along: 1, of: tensor, expected: 1)
        else { return }
        let product = IntegerProduct(function: .product(transposesWeight: false, filters), input: input, weight: weight)
        try insert(product, result, node, at: node)
    }

    mutating func takeQLinear(_ payload: QLinear, _ node: Node) throws {
        func operand(_ place: Int) -> ValueID? { place < node.inputs.count ? node.inputs[place] : nil }
        if case .gemm(let alpha, let transposeA, let transposeB) = payload.function {
            guard alpha == 1, !transposeA else { return }
            return try takeGemm(transposesWeight: transposeB, node)
        }
        let parameters = payload.outputParameters
        guard let result = result(node, operand(parameters.scale), operand(parameters.zeroPoint)) else { return }
        let places = payload.quantizedOperands(of: node.inputs.count)
        let values = places.compactMap { value(operand($0), operand($0 + 1), operand($0 + 2)) }
        guard !values.isEmpty, values.count == places.count else { return }
        switch payload.function {
        case .add: try insert(.add, values, result, node, at: node)
        case .mul: try insert(.multiply, values, result, node, at: node)
        case .averagePool(let pool): try insert(.averagePool(pool), values, result, node, at: node)
        case .globalAveragePool: try insert(.globalAverage, values, result, node, at: node)
        case .concat(let axis): try join(Concat(axis: axis), values, result, node, at: node)
        case .gemm: return
        }
    }

    private mutating func takeGemm(transposesWeight: Bool, _ node: Node) throws {
        func operand(_ place: Int) -> ValueID? { place < node.inputs.count ? node.inputs[place] : nil }
        let axis = transposesWeight ? 0 : 1
        guard let input = value(operand(0), operand(1), operand(2)), let weight = operand(3), byteType(of: weight) != nil,
            let tensor = graph.constant(weight), tensor.rank == 2,
            let filters = filters(operand(4), operand(5), along: axis, of: tensor, expected: axis),
            isBias(operand(6), tensor.shape[axis])
        else { return }
        var floatResult: IntegerOperator.Result?
        if operand(7) == nil {
            floatResult = .init(elementType: .float32, affine: .init(scale: 1, zeroPoint: 0), limits: 0...0)
        }
        guard let result = floatResult ?? result(node, operand(7), operand(8)) else { return }
        let product = IntegerProduct(
            function: .product(transposesWeight: transposesWeight, filters), input: input, weight: weight, bias: operand(6))
        try insert(product, result, node, at: node)
    }

    private func value(_ id: ValueID?, _ scale: ValueID?, _ zeroPoint: ValueID?) -> QuantizedValue? {
        guard let id, let type = byteType(of: id), let affine = affine(scale, zeroPoint) else { return nil }
        return QuantizedValue(value: id, affine: affine, elementType: type)
    }

    private func result(_ node: Node, _ scale: ValueID?, _ zeroPoint: ValueID?) -> IntegerOperator.Result? {
        guard let type = byteType(of: node.outputs.first ?? nil), let affine = affine(scale, zeroPoint) else { return nil }
        return .whole(type, affine)
    }

    private func isBias(_ id: ValueID?, _ channels: Int) -> Bool {
        guard let id else { return true }
        return graph.constant(id).map { $0.elementType == .int32 && $0.shape == [channels] } ?? false
    }
}
