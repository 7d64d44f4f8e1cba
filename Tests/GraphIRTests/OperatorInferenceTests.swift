import GraphIR
import OperatorCases
import Tensors
import Testing

/// Inference against the golden outputs of the operator table.
@Suite struct OperatorInferenceTests {
    /// How an operand of a row enters the graph.
    private enum Entry { case constant, input(ValueType) }

    private func outputs(of row: OperatorCase, _ entry: (Int, Tensor) -> Entry) throws -> [Value] {
        var graph = Graph(name: row.name, opset: row.opset)
        try graph.edit { editor in
            let operands = try row.operands.enumerated().map { index, tensor -> ValueID? in
                guard let tensor else { return nil }
                switch entry(index, tensor) {
                case .constant: return try editor.addConstant(tensor, name: "operand\(index)")
                case .input(let type): return try editor.addInput("operand\(index)", type: type)
                }
            }
            let node = try editor.insert(
                row.operation, inputs: operands, outputs: row.outputs.indices.map { .new(name: "output\($0)") }, name: "node", before: nil,
                origin: nil)
            editor.setOutputs(editor.graph[node].outputs.compactMap { $0 })
        }
        #expect(graph.faults == [])
        return graph.outputs.map { graph[$0] }
    }

    private func isDataDependent(_ row: OperatorCase) -> Bool {
        switch row.operation {
        // Which branch is taken and how often a loop runs are data too.
        case .unique, .nonMaxSuppression, .nonZero, .compress, .branch, .loop: true
        default: false
        }
    }

    @Test(arguments: allOperatorCases + gradientOperatorCases + integerOperatorCases)
    func constantOperandsGiveTheGoldenType(_ row: OperatorCase) throws {
        for (value, golden) in zip(try outputs(of: row) { _, _ in .constant }, row.outputs) {
            let type = try #require(value.tensorType)
            #expect(type.elementType == golden.elementType)
            if isDataDependent(row) {
                #expect(fits(type, golden.shape))
            } else {
                #expect(type.knownShape == golden.shape)
            }
            guard let contents = value.contents, let elements = golden.doubles() else { continue }
            #expect(contents.count == elements.count)
            for (followed, element) in zip(contents, elements) {
                if let known = followed.known { #expect(Double(known) == element) }
            }
        }
    }

    /// Data as inputs of known shape; axes, shapes, indices and the like as constants.
    @Test(arguments: allOperatorCases + gradientOperatorCases + integerOperatorCases)
    func knownShapesGiveTheGoldenShape(_ row: OperatorCase) throws {
        let values = try outputs(of: row) { index, tensor in
            isData(index, tensor, of: row) ? .input(.tensor(TensorType(tensor.elementType, lengths: tensor.shape))) : .constant
        }
        for (value, golden) in zip(values, row.outputs) {
            let type = try #require(value.tensorType)
            #expect(type.elementType == golden.elementType)
            #expect(isDataDependent(row) ? fits(type, golden.shape) : type.knownShape == golden.shape)
        }
    }

    /// Every dimension of the data has a name; whatever inference says must hold for the lengths of the row.
    @Test(arguments: allOperatorCases + gradientOperatorCases + integerOperatorCases)
    func symbolicShapesAgreeWithTheGoldenShape(_ row: OperatorCase) throws {
        var lengths: [String: Int] = [:]
        let values = try outputs(of: row) { index, tensor in
            guard isData(index, tensor, of: row) else { return .constant }
            let shape = tensor.shape.enumerated().map { axis, length in
                lengths["d\(index)_\(axis)"] = length
                return Dimension.named("d\(index)_\(axis)")
            }
            return .input(.tensor(TensorType(tensor.elementType, shape)))
        }
        for (value, golden) in zip(values, row.outputs) {
            guard let type = value.tensorType, let shape = type.shape else { continue }
            #expect(type.elementType == golden.elementType)
            let told = TensorType(type.elementType, shape.map { $0.substituting(lengths) })
            #expect(fits(told, golden.shape), "\(type)")
        }
    }

    /// Nothing is known but element types.
    @Test(arguments: allOperatorCases + gradientOperatorCases + integerOperatorCases)
    func unknownShapesDoNotContradictTheGoldenShape(_ row: OperatorCase) throws {
        let values = try outputs(of: row) { _, tensor in .input(.tensor(TensorType(tensor.elementType, nil))) }
        for (value, golden) in zip(values, row.outputs) {
            guard let type = value.tensorType else { continue }
            #expect(type.elementType == golden.elementType)
            #expect(fits(type, golden.shape), "\(type)")
        }
    }

    private func isData(_ index: Int, _ tensor: Tensor, of row: OperatorCase) -> Bool {
        switch row.operation {
        case .constantOfShape, .range, .windowFunction, .melWeightMatrix: false
        default: index == 0 || tensor.elementType.isFloatingPoint && tensor.rank > 1
        }
    }

    private func fits(_ type: TensorType, _ shape: [Int]) -> Bool {
        guard let dimensions = type.shape else { return true }
        return dimensions.count == shape.count && zip(dimensions, shape).allSatisfy { $0.known ?? $1 == $1 }
    }
}
