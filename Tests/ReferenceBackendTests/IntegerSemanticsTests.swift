import Execution
import GraphIR
import ReferenceBackend
import Tensors
import Testing

/// What integer operators compute, on numbers worked out by hand.
struct IntegerSemanticsTests {
    // MARK: TFLite's multipliers

    /// 0.75 is 0.75·2⁰, 3 is 0.75·2²; 1/3 = 0.6667·2⁻¹.
    @Test func multipliersHaveThirtyOneBits() {
        #expect(FixedPointMultiplier(0.75).multiplier == 1_610_612_736 && FixedPointMultiplier(0.75).shift == 0)
        #expect(FixedPointMultiplier(3).multiplier == 1_610_612_736 && FixedPointMultiplier(3).shift == 2)
        #expect(FixedPointMultiplier(1.0 / 3).multiplier == 1_431_655_765 && FixedPointMultiplier(1.0 / 3).shift == -1)
        // The fraction rounds up to 1, which is ½ of the next power.
        #expect(FixedPointMultiplier(1 - 1e-12).multiplier == 1 << 30 && FixedPointMultiplier(1 - 1e-12).shift == 1)
        #expect(FixedPointMultiplier(1e-12).multiplier == 0)
        #expect(FixedPointMultiplier(0).multiplier == 0)
    }

    /// The first rounding takes halves up, the second one away from zero. So 5/4 becomes 2: 5/2 is rounded to 3, and 3/2 to 2.
    @Test func productsRoundTwice() {
        #expect(FixedPointMultiplier(0.5)(5) == 3)
        #expect(FixedPointMultiplier(0.5)(-5) == -2)
        #expect(FixedPointMultiplier(0.25)(-6) == -2)
        #expect(FixedPointMultiplier(0.25)(5) == 2)
        #expect(FixedPointMultiplier(0.25)(4) == 1)
        #expect(FixedPointMultiplier(4)(5) == 20)
        #expect(FixedPointMultiplier(0.1)(1000) == 100)
        #expect(FixedPointMultiplier(0.999)(.max) == 2_145_336_163)
    }

    /// 5/4 is 1.25, −6/4 is −1.5, 3·2.5 is 7.5.
    @Test func productsOfFullyConnectedLayersRoundOnce() {
        #expect(FixedPointMultiplier(0.25).roundingOnce(5) == 1)
        #expect(FixedPointMultiplier(0.25).roundingOnce(-6) == -1)
        #expect(FixedPointMultiplier(0.25).roundingOnce(-7) == -2)
        #expect(FixedPointMultiplier(2.5).roundingOnce(3) == 8)
        #expect(FixedPointMultiplier(0).roundingOnce(3) == 0)
    }

    // MARK: Operators

    private func run(_ operation: IntegerOperator, _ operands: Tensor?...) throws -> [Int64] {
        let results = try evaluate(.integer(operation), operands: operands, outputCount: 1, opset: 17)
        return try #require(results.first.flatMap { $0 }?.int64s())
    }

    private func result(_ scale: Float, _ zero: Int32, _ type: ElementType = .uint8, _ limits: ClosedRange<Int32>? = nil)
        -> IntegerOperator.Result
    {
        .init(
            elementType: type, affine: .init(scale: scale, zeroPoint: zero), limits: limits ?? (type == .int8 ? -128...127 : 0...255))
    }

    /// Sums 2·3 and 2·(−3) plus bias −1: 5 and −7, times ½ is 2.5 and −3.5. Ties go to even, or up in TFLite's way.
    @Test(arguments: [(IntegerOperator.Rounding.float32, [12, 6] as [Int64]), (.fixedPoint, [13, 7])])
    func productsAreRounded(_ rounding: IntegerOperator.Rounding, _ expected: [Int64]) throws {
        let operation = IntegerOperator(
            function: .product(transposesWeight: false, .init(scales: [0.5], zeroPoints: [1])), rounding: rounding,
            operands: [.init(scale: 0.25, zeroPoint: 8)], result: result(0.25, 10))
        let values = try run(
            operation, Tensor([Int64(10)], shape: [1, 1], as: .uint8), Tensor([Int64(4), -2], shape: [1, 2], as: .int8),
            Tensor([Int64(-1), -1], shape: [2], as: .int32))
        #expect(values == expected)
    }

    /// A relu's limits cut the results off at the zero point; the residual is added before the only rounding: 2.5 + 0.75 is 3.25.
    @Test func residualsAreRoundedOnce() throws {
        let operation = IntegerOperator(
            function: .product(transposesWeight: false, .init(scales: [0.5], zeroPoints: [0])), rounding: .float32,
            operands: [.init(scale: 1, zeroPoint: 0), .init(scale: 0.25, zeroPoint: 1)], result: result(1, 3, .int8, 3...127))
        let values = try run(
            operation, Tensor([Int64(1)], shape: [1, 1], as: .int8), Tensor([Int64(5), -5], shape: [1, 2], as: .int8), nil,
            Tensor([Int64(4), 4], shape: [1, 2], as: .int8))
        #expect(values == [6, 3])
    }

    /// (10 − 2)·0.5 + (7 − 3)·0.25 = 5, over 2 is 2.5: to even, or up.
    @Test(arguments: [(IntegerOperator.Rounding.float32, 102 as Int64), (.fixedPoint, 103)])
    func sums(_ rounding: IntegerOperator.Rounding, _ expected: Int64) throws {
        let operation = IntegerOperator(
            function: .add, rounding: rounding, operands: [.init(scale: 0.5, zeroPoint: 2), .init(scale: 0.25, zeroPoint: 3)],
            result: result(2, 100))
        let values = try run(operation, Tensor([Int64(10)], shape: [1], as: .uint8), Tensor([Int64(7)], shape: [1], as: .uint8))
        #expect(values == [expected])
    }

    /// 3·5·(0.5·0.5/1.5) = 2.5.
    @Test(arguments: [(IntegerOperator.Rounding.float32, 2 as Int64), (.fixedPoint, 3)])
    func products(_ rounding: IntegerOperator.Rounding, _ expected: Int64) throws {
        let operation = IntegerOperator(
            function: .multiply, rounding: rounding, operands: [.init(scale: 0.5, zeroPoint: 1), .init(scale: 0.5, zeroPoint: 0)],
            result: result(1.5, 0))
        let values = try run(operation, Tensor([Int64(4)], shape: [1], as: .uint8), Tensor([Int64(5)], shape: [1], as: .uint8))
        #expect(values == [expected])
    }

    /// The mean of 1, 2, 3, 4 is 2.5; of −1 … −4 it is −2.5. With another scale, the distance from the zero point counts.
    @Test func means() throws {
        let pool = AveragePool(
            window: Window(kernel: [2, 2], strides: [], dilations: [], padding: .explicit(begin: [], end: [])), ceilMode: false,
            countIncludePad: false)
        func mean(_ codes: [Int64], _ rounding: IntegerOperator.Rounding, zero: Int32 = 0) throws -> Int64 {
            let operation = IntegerOperator(
                function: .averagePool(pool), rounding: rounding, operands: [.init(scale: 0.5, zeroPoint: zero)],
                result: result(0.5, zero, .int8))
            return try run(operation, Tensor(codes, shape: [1, 1, 2, 2], as: .int8))[0]
        }
        #expect(try mean([1, 2, 3, 4], .float32) == 2)
        #expect(try mean([1, 2, 3, 4], .fixedPoint) == 3)
        #expect(try mean([-1, -2, -3, -4], .float32) == -2)
        #expect(try mean([-1, -2, -3, -4], .fixedPoint) == -3)
        // The distance from 1 is 1.5; with the zero point it is 2.5, which is a tie.
        #expect(try mean([1, 2, 3, 4], .float32, zero: 1) == 2)
    }

    // MARK: What becomes an integer operator

    private func quantizedRelu(_ limits: (Float, Float)?) throws -> Graph {
        var graph = Graph(name: "test", opset: 17)
        try graph.edit { editor in
            let x = try editor.addInput("x", type: .tensor(TensorType(.uint8, lengths: [256])))
            let scale = try editor.addConstant(Tensor(scalar: Float(0.1)), name: "scale")
            let zero = try editor.addConstant(Tensor([Int64(100)], shape: [], as: .uint8), name: "zero")
            func add(_ operation: Operator, _ inputs: ValueID?...) throws -> ValueID {
                try editor.insertSingle(operation, inputs: inputs, output: .new(name: "value"), name: "", before: nil, origin: nil)
            }
            var y = try add(.dequantizeLinear(.init(axis: 1, blockSize: 0)), x, scale, zero)
            y = try add(
                limits.map { .clip(.init(minimum: $0.0, maximum: $0.1)) } ?? .activation(.init(function: .sigmoid)), y)
            editor.setOutputs([try add(.quantizeLinear(.init(axis: 1, saturate: true, blockSize: 0, outputType: nil)), y, scale, zero)])
        }
        return graph
    }

    /// A function of one tensor is a table, with the numbers that the graph itself computes.
    @Test(arguments: [nil, (-2.04, 6.06)] as [(Float, Float)?]) func functionsAreTables(_ limits: (Float, Float)?) throws {
        let graph = try quantizedRelu(limits), x = try Tensor((0..<256).map { Int64($0) }, shape: [256], as: .uint8)
        let integers = try graph.withIntegerOperators(.fused)
        #expect(integers.nodes.contains { $0.operator.name == "Table(int8)" })
        let literal = try ReferenceBackend().prepare(graph, inputShapes: [:]).makeSession().run(["x": x])
        let fused = try ReferenceBackend(semantics: .fused).prepare(graph, inputShapes: [:]).makeSession().run(["x": x])
        let (a, b) = (try #require(literal.values.first), try #require(fused.values.first))
        #expect(a.isIdentical(to: b))
    }

    @Test func literalSemanticsChangeNothing() throws {
        let graph = try quantizedRelu(nil)
        #expect(try graph.withIntegerOperators(.qdq).nodes.map(\.operator) == graph.nodes.map(\.operator))
    }
}
