import Execution
import GraphIR
import OneDNNBackend
import OperatorCases
import ReferenceBackend
import Tensors
import Testing

/// Every case of the table with every element type that ONNX allows for its operands and results, on both backends.
struct ElementTypeTests {
    /// The reference kernels against themselves in the widest type, whose result is exact or rounded once to 53 bits; the fast backend
    /// against the reference kernels.
    @Test(arguments: allOperatorCases.filter { !$0.operation.isControlFlow && $0.operation.isStandard })
    func allowedTypes(_ operatorCase: OperatorCase) throws {
        for variant in try ElementTypeVariant.all(of: operatorCase) {
            do {
                let results = try run(variant, outputs: operatorCase.outputs.count, on: ReferenceBackend())
                if let exact = exact(variant, outputs: operatorCase.outputs.count) {
                    for (result, exact) in zip(results, exact) {
                        let expected = try variant.saturates
                            ? exact.saturated(to: result.elementType) : exact.converted(to: result.elementType)
                        try expectEqual(result, expected, tolerance: 0, "reference, \(variant)")
                    }
                }
                let fast = try run(variant, outputs: operatorCase.outputs.count, on: OneDNNBackend(threads: 2))
                for (result, expected) in zip(fast, results) {
                    let tolerance = max(operatorCase.tolerance, expected.elementType.spacing)
                    try expectEqual(result, expected, tolerance: tolerance, "onednn, \(variant)")
                }
            } catch {
                Issue.record("\(variant): \(error)")
            }
        }
    }

    /// Operators that neither add and multiply only, nor only move and compare: those on whole numbers have their test below, others
    /// compute in real ones, and some take shapes or look numbers up.
    private static let others: Set<String> = [
        "Abs", "Sign", "Relu", "Div", "Mod", "Pow", "BitShift", "Cast", "CastLike", "OneHot", "Range", "ReduceMean",
        "Shrink", "Gemm", "Resize", "Upsample", "GridSample", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp",
        "ConstantOfShape", "HannWindow", "HammingWindow", "BlackmanWindow", "MelWeightMatrix", "TfIdfVectorizer",
    ]

    /// Integers of 64 bits that no Double holds, in the reference kernels. What an operator makes of numbers shifted by s is what it
    /// makes of the numbers, shifted or (indices, booleans) the same, where it only moves and compares them; where it adds and
    /// multiplies them, its low 32 bits are those that it makes of their low bits.
    @Test(
        arguments: allOperatorCases.filter { row in
            !others.contains(row.operation.name) && !row.operation.isControlFlow && row.operation.isStandard
        },
        [ElementType.int64, .uint64])
    func integersOfSixtyFourBits(_ operatorCase: OperatorCase, type: ElementType) throws {
        let shift: Int64 = (1 << 60) + 1
        for variant in try ElementTypeVariant.all(of: operatorCase) where variant.elementType == type && variant.isBound.first == true {
            func results(_ variant: ElementTypeVariant) throws -> [Tensor] {
                try evaluate(
                    variant.operation, operands: variant.operands, outputCount: operatorCase.outputs.count, opset: variant.opset
                ).prefix(operatorCase.outputs.count).compactMap { $0 }
            }
            let small = try results(variant), large = try results(variant.mapping(to: type) { $0 + shift })
            let low = try? results(variant.mapping(to: type == .int64 ? .int32 : .uint32) { $0 + shift })
            for (index, result) in large.enumerated() {
                let isMoved = try small[index] == result || small[index].int64s().map { numbers in
                    try Tensor(numbers.map { $0 + shift }, shape: small[index].shape, as: type) == result
                } ?? false
                let isArithmetic = try low.map { try result.converted(to: $0[index].elementType) == $0[index] } ?? false
                #expect(isMoved || isArithmetic, "\(variant), output \(index)")
            }
        }
    }

    @Test func divisionAndOthersOfSixtyFourBits() throws {
        let large: Int64 = (1 << 60) + 1
        func expect(
            _ operation: Operator, _ operands: [Int64]..., give expected: [Int64], sourceLocation: SourceLocation = #_sourceLocation
        ) throws {
            let tensors = try operands.map { try Tensor($0, shape: $0.count == 1 ? [] : [$0.count]) }
            let results = try evaluate(operation, operands: tensors, outputCount: 1, opset: 17)
            #expect(results.first??.int64s() == expected, sourceLocation: sourceLocation)
        }
        func binary(_ function: Binary.Function) -> Operator { .binary(Binary(function: function, broadcastAxis: .numpy)) }
        try expect(binary(.div), [3 * large + 2, -3 * large - 2], [3, 3], give: [large, -large])
        try expect(binary(.mod), [3 * large + 2, -3 * large - 2], [3, 3], give: [2, 1])
        try expect(binary(.fmod), [3 * large + 2, -3 * large - 2], [3, 3], give: [2, -2])
        try expect(binary(.pow), [3, -3], [39, 39], give: [4_052_555_153_018_976_267, -4_052_555_153_018_976_267])
        try expect(.unary(Unary(function: .abs)), [-large, large], give: [large, large])
        try expect(.unary(Unary(function: .sign)), [-large, large], give: [-1, 1])
        try expect(.activation(Activation(function: .relu)), [-large, large], give: [0, large])
        try expect(.range(NumberRange()), [large], [large + 5], [2], give: [large, large + 2, large + 4])
        let mean = Reduction(function: .mean, axes: [0], keepDimensions: false, keepsInputWithoutAxes: false)
        try expect(.reduction(mean), [large, large + 2], give: [large + 1])
        for type in [ElementType.int32, .uint8] {
            try expect(.cast(Cast(to: type, saturate: true)), [large, large + 255], give: type == .uint8 ? [1, 0] : [1, 256])
        }
    }

    /// Runs a variant in a graph of its own, whose inputs are the first operand and those of the variable's type.
    private func run(_ variant: ElementTypeVariant, outputs: Int, on backend: any Backend) throws -> [Tensor] {
        var graph = Graph(name: "case", opset: variant.opset)
        var given: [String: Tensor] = [:]
        try graph.edit { editor in
            let operands = try variant.operands.enumerated().map { index, tensor -> ValueID? in
                guard let tensor else { return nil }
                guard index == 0 || variant.isBound[index] else { return try editor.addConstant(tensor, name: "operand\(index)") }
                given["operand\(index)"] = tensor
                return try editor.addInput("operand\(index)", type: .tensor(TensorType(tensor.elementType, lengths: tensor.shape)))
            }
            let node = try editor.insert(
                variant.operation, inputs: operands, outputs: (0..<outputs).map { .new(name: "output\($0)") }, name: "node",
                before: nil, origin: nil)
            editor.setOutputs(editor.graph[node].outputs.compactMap { $0 })
        }
        let results = try backend.prepare(graph, inputShapes: [:]).makeSession().run(given)
        return try (0..<outputs).map { try #require(results["output\($0)"]) }
    }

    /// The results of the same numbers in the widest type of their kind that the reference kernel takes; `nil` when there is no wider.
    private func exact(_ variant: ElementTypeVariant, outputs: Int) -> [Tensor]? {
        for type in variant.widerTypes {
            guard let wide = try? variant.widened(to: type) else { continue }
            let results = try? evaluate(wide.operation, operands: wide.operands, outputCount: outputs, opset: wide.opset)
            if let results = results?.prefix(outputs).compactMap({ $0 }), results.count == outputs { return results }
        }
        return nil
    }

    private func expectEqual(_ actual: Tensor, _ expected: Tensor, tolerance: Double, _ title: String) throws {
        guard actual.elementType == expected.elementType, actual.shape == expected.shape else {
            Issue.record("\(title): is \(actual), expected \(expected)")
            return
        }
        if actual.isIdentical(to: expected) { return }
        let limit = expected.elementType.isFloatingPoint ? tolerance : 0
        for (left, right) in try zip(#require(actual.doubles()), #require(expected.doubles())) {
            if left == right || left.isNaN && right.isNaN || (left - right).magnitude <= limit * max(1, right.magnitude) { continue }
            Issue.record("\(title): \(left), expected \(right)")
            return
        }
    }
}

extension ElementTypeVariant {
    /// Types that hold all numbers of the variable's type, widest first.
    fileprivate var widerTypes: [ElementType] {
        let candidates: [ElementType] =
            if elementType.isFloatingPoint || hasRealNumbersOnly {
                [.float64, .float32]
            } else if elementType == .bool {
                [.float64, .int64]
            } else if elementType.isUnsignedInteger {
                [.uint64, .uint32, .int64, .int32]
            } else {
                [.int64, .int32]
            }
        return candidates.filter { $0.bitWidth > elementType.bitWidth }
    }

    /// Whether numbers that the result's type cannot hold become the nearest that it can, rather than lose their high bits.
    fileprivate var saturates: Bool {
        switch operation {
        case .quantizeLinear, .qLinearConv, .qLinearMatMul: true
        default: elementType == .bool || hasRealNumbersOnly
        }
    }

    /// Whether the variable's type is that of the results alone, and they are made of floating-point numbers.
    private var hasRealNumbersOnly: Bool {
        !isBound.contains(true) && !operands.isEmpty && operands.allSatisfy { $0?.elementType.isFloatingPoint ?? true }
    }
}

extension ElementType {
    /// The distance between 1 and the next number of a floating-point type, 2⁻⁵² for others.
    fileprivate var spacing: Double {
        switch self {
        case .float32: 0x1p-23
        case .float16: 0x1p-10
        case .bfloat16: 0x1p-7
        default: 0x1p-52
        }
    }
}

extension Operator {
    /// Whether the operator is one of ONNX's own, whose signatures name the types.
    fileprivate var isStandard: Bool { if case .qLinear = self { false } else { true } }
}
