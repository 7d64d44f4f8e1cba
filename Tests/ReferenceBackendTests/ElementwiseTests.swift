import GraphIR
import Tensors
import Testing

struct ElementwiseTests {
    private func binary(_ function: Binary.Function, _ a: Tensor, _ b: Tensor, axis: Binary.BroadcastAxis = .numpy, opset: Int = 17) throws
        -> Tensor
    {
        try output(of: .binary(Binary(function: function, broadcastAxis: axis)), a, b, opset: opset)
    }

    private func unary(_ function: Unary.Function, _ x: Tensor) throws -> Tensor { try output(of: .unary(Unary(function: function)), x) }

    // MARK: Broadcasting

    @Test func broadcastsBothOperands() throws {
        try expect(binary(.add, counting([3, 1]), floats([10, 20], [2])), equals: floats([11, 21, 12, 22, 13, 23], [3, 2]))
        try expect(binary(.add, counting([]), counting([])), equals: floats([2], []))
        try expect(binary(.mul, Tensor([Float](), shape: [0, 2]), counting([1, 2])), equals: Tensor([Float](), shape: [0, 2]))
        #expect(throws: CleaveError.self) { try binary(.add, counting([2]), counting([3])) }
    }

    @Test func opset6AlignsAtAnAxis() throws {
        let x = try Tensor([Float](repeating: 0, count: 8), shape: [2, 2, 2]), b = try floats([1, 2], [2])
        try expect(
            binary(.add, x, b, axis: .legacy(broadcast: true, axis: 0), opset: 6), equals: floats([1, 1, 1, 1, 2, 2, 2, 2], [2, 2, 2]))
        try expect(
            binary(.add, x, b, axis: .legacy(broadcast: true, axis: 1), opset: 6), equals: floats([1, 1, 2, 2, 1, 1, 2, 2], [2, 2, 2]))
        try expect(
            binary(.add, x, b, axis: .legacy(broadcast: true, axis: nil), opset: 6), equals: floats([1, 2, 1, 2, 1, 2, 1, 2], [2, 2, 2]))
        #expect(throws: CleaveError.self) { try binary(.add, x, b, axis: .legacy(broadcast: false, axis: nil), opset: 6) }
        #expect(throws: CleaveError.self) { try binary(.add, x, b, axis: .legacy(broadcast: true, axis: 3), opset: 6) }
    }

    @Test func slopesAreAlignedAtTheChannelUpToOpset6() throws {
        let x = try floats([-1, -1, -1, -1], [1, 2, 2]), slope = try floats([2, 3], [2])
        try expect(binary(.prelu, x, slope, opset: 6), equals: floats([-2, -2, -3, -3], [1, 2, 2]))
        try expect(
            binary(.prelu, x, slope, axis: .legacy(broadcast: true, axis: nil), opset: 6), equals: floats([-2, -2, -3, -3], [1, 2, 2]))
        try expect(binary(.prelu, x, slope, opset: 7), equals: floats([-2, -3, -2, -3], [1, 2, 2]))
        #expect(throws: CleaveError.self) { try binary(.prelu, counting([1]), slope) }
    }

    // MARK: Integer arithmetic

    @Test(
        arguments: [
            (Binary.Function.div, [7, -7, 7, .min, 5], [2, 2, -2, -1, 0], [3, -3, -3, .min, 0]),
            (.mod, [7, -7, 7, .min, 5], [3, 3, -3, -1, 0], [1, 2, -2, 0, 0]),
            (.fmod, [7, -7, 7, .min, 5], [3, 3, -3, -1, 0], [1, -1, 1, 0, 0]),
            (.add, [.max, 1], [1, 1], [.min, 2]), (.sub, [.min], [1], [.max]), (.mul, [.max], [2], [-2]),
            (.pow, [2, -3, 0, 1, -1, 5, 3], [10, 3, 0, -5, -3, -1, 41], [1024, -27, 1, 1, -1, 0, -420_491_770_248_316_829]),
            (.bitwiseAnd, [12], [10], [8]), (.bitwiseOr, [12], [10], [14]), (.bitwiseXor, [12], [10], [6]),
        ] as [(Binary.Function, [Int64], [Int64], [Int64])])
    func signedIntegers(_ function: Binary.Function, _ a: [Int64], _ b: [Int64], _ expected: [Int64]) throws {
        #expect(try binary(function, Tensor(vector: a), Tensor(vector: b)) == Tensor(vector: expected))
    }

    @Test(
        arguments: [
            (Binary.Function.div, .max, 2, .max / 2), (.mod, .max, 10, 5), (.fmod, .max, 10, 5), (.div, 1, 0, 0), (.sub, 0, 1, .max),
            (.pow, 2, 63, 1 << 63),
            (.shiftLeft, 1, 63, 1 << 63), (.shiftLeft, 1, 64, 0), (.shiftRight, .max, 63, 1), (.shiftRight, 1, .max, 0),
        ] as [(Binary.Function, UInt64, UInt64, UInt64)])
    func unsignedIntegers(_ function: Binary.Function, _ a: UInt64, _ b: UInt64, _ expected: UInt64) throws {
        #expect(try binary(function, Tensor(scalar: a), Tensor(scalar: b)) == Tensor(scalar: expected))
    }

    @Test func narrowIntegersWrapAtTheirWidth() throws {
        #expect(try binary(.add, Tensor(scalar: UInt8(200)), Tensor(scalar: UInt8(100))) == Tensor(scalar: UInt8(44)))
        #expect(try binary(.div, Tensor(scalar: Int8.min), Tensor(scalar: Int8(-1))) == Tensor(scalar: Int8.min))
        #expect(try binary(.shiftLeft, Tensor(scalar: UInt8(0xFF)), Tensor(scalar: UInt8(4))) == Tensor(scalar: UInt8(0xF0)))
        #expect(try unary(.abs, Tensor(scalar: Int8.min)) == Tensor(scalar: Int8.min))
        #expect(try unary(.bitwiseNot, Tensor(scalar: UInt8(1))) == Tensor(scalar: UInt8(254)))
        #expect(try unary(.neg, Tensor(scalar: Int64.min)) == Tensor(scalar: Int64.min))
    }

    @Test func comparesUnsignedNumbersAsSuch() throws {
        let a = Tensor(vector: [UInt64.max, 1]), b = Tensor(vector: [UInt64(1), .max])
        #expect(try binary(.greater, a, b) == Tensor(vector: [true, false]))
        #expect(try output(of: .variadic(Variadic(function: .max)), a, b) == Tensor(vector: [UInt64.max, .max]))
        #expect(try output(of: .variadic(Variadic(function: .min)), a, b) == Tensor(vector: [UInt64(1), 1]))
        #expect(
            try output(of: .clip(Clip(minimum: nil, maximum: nil)), a, nil, Tensor(scalar: UInt64(5))) == Tensor(vector: [UInt64(5), 1]))
        #expect(
            try output(of: .argReduction(ArgReduction(function: .max, axis: 0, keepDimensions: false, selectsLastIndex: false)), a)
                == Tensor(scalar: Int64(0)))
    }

    // MARK: Floating point

    @Test func floatingPointModuloTakesTheSignItShould() throws {
        let a = try floats([-4.5, 4.5, -6, 1], [4]), b = try floats([2, -2, 2, 0], [4])
        try expect(binary(.fmod, a, b), equals: floats([-0.5, 0.5, 0, .nan], [4]))
        try expect(binary(.mod, a, b), equals: floats([1.5, -1.5, 0, .nan], [4]))
    }

    @Test func powerTakesTheTypeOfTheBase() throws {
        try expect(binary(.pow, floats([2, 9], [2]), Tensor(vector: [Int64(-1), 2])), equals: floats([0.5, 81], [2]))
        #expect(try binary(.pow, Tensor(vector: [Int32(9), 2]), floats([0.5, -1], [2])) == Tensor(vector: [Int32(3), 0]))
    }

    @Test func comparisonsWithNaNAreFalse() throws {
        let nan = try floats([.nan], [])
        for function in [Binary.Function.equal, .less, .lessOrEqual, .greater, .greaterOrEqual] {
            #expect(try binary(function, nan, nan) == Tensor(scalar: false))
        }
    }

    @Test func maximumPropagatesNaN() throws {
        let a = try floats([1, .nan, 3], [3]), b = try floats([2, 2, .nan], [3])
        try expect(output(of: .variadic(Variadic(function: .max)), a, b), equals: floats([2, .nan, .nan], [3]))
        try expect(output(of: .variadic(Variadic(function: .min)), b, a), equals: floats([1, .nan, .nan], [3]))
        try expect(output(of: .variadic(Variadic(function: .mean)), floats([1, 2], [2]), floats([4], [1])), equals: floats([2.5, 3], [2]))
    }

    @Test func clipLetsTheUpperLimitWin() throws {
        let x = try floats([-5, 0, 5, .nan], [4])
        try expect(
            output(of: .clip(Clip(minimum: nil, maximum: nil)), x, floats([3], []), floats([1], [])), equals: floats([1, 1, 1, .nan], [4]))
        try expect(output(of: .clip(Clip(minimum: -1, maximum: nil)), x, opset: 6), equals: floats([-1, 0, 5, .nan], [4]))
        #expect(throws: CleaveError.self) { try output(of: .clip(Clip(minimum: nil, maximum: nil)), x, Tensor(vector: [Float]())) }
    }

    @Test func roundsTiesToEven() throws {
        try expect(unary(.round, floats([0.5, 1.5, 2.5, -0.5, -1.5], [5])), equals: floats([0, 2, 2, 0, -2], [5]))
    }

    @Test func signsAndInfinities() throws {
        try expect(unary(.sign, floats([-2, 0, 3, .nan], [4])), equals: floats([-1, 0, 1, .nan], [4]))
        #expect(try unary(.sign, Tensor(vector: [UInt64.max, 0])) == Tensor(vector: [UInt64(1), 0]))
        let x = try floats([-.infinity, .infinity, .nan], [3])
        #expect(
            try output(of: .isInfinite(IsInfinite(detectsNegative: false, detectsPositive: true)), x)
                == Tensor(vector: [false, true, false]))
        #expect(try unary(.isNaN, x) == Tensor(vector: [false, false, true]))
    }

    @Test func refusesTypesWithoutMeaning() throws {
        #expect(throws: CleaveError.self) { try unary(.exp, Tensor(scalar: Int32(1))) }
        #expect(throws: CleaveError.self) { try unary(.not, Tensor(scalar: Int32(1))) }
        #expect(throws: CleaveError.self) { try binary(.and, Tensor(scalar: Int32(1)), Tensor(scalar: Int32(1))) }
        #expect(throws: CleaveError.self) { try binary(.add, Tensor(scalar: Int32(1)), Tensor(scalar: Int64(1))) }
        #expect(throws: CleaveError.self) { try binary(.add, Tensor(scalar: true), Tensor(scalar: true)) }
        #expect(throws: CleaveError.self) { try output(of: .variadic(Variadic(function: .sum)), nil) }
    }

    @Test func selectsStringsToo() throws {
        let condition = Tensor(vector: [true, false])
        let result = try output(
            of: .select(Where()), condition, Tensor(shape: [1], strings: [Array("a".utf8)]), Tensor(shape: [2], strings: [[0xFF], [0xFE]]))
        #expect(result.strings == [Array("a".utf8), [0xFE]])
    }

    // MARK: Activations

    @Test(
        arguments: [
            (.relu, [0, 0, 2]), (.sigmoid, [0.268941, 0.5, 0.880797]), (.softplus, [0.313262, 0.693147, 2.126928]),
            (.softsign, [-0.5, 0, 2.0 / 3]),
            (.hardSwish, [-1.0 / 3, 0, 5.0 / 3]), (.mish, [-0.303401, 0, 1.943959]), (.leakyRelu(alpha: 0.25), [-0.25, 0, 2]),
            (.elu(alpha: 2), [-1.264241, 0, 2]), (.selu(alpha: 2, gamma: 3), [-3.792723, 0, 6]), (.celu(alpha: 2), [-0.786939, 0, 2]),
            (.hardSigmoid(alpha: 0.25, beta: 0.5), [0.25, 0.5, 1]), (.thresholdedRelu(alpha: 1.5), [0, 0, 2]),
            (.shrink(bias: 0.5, lambda: 0.75), [-0.5, 0, 1.5]),
            (.gelu(tanhApproximation: false), [-0.158655, 0, 1.954500]), (.gelu(tanhApproximation: true), [-0.158808, 0, 1.954598]),
            (.tanh, [-0.761594, 0, 0.964028]),
        ] as [(Activation.Function, [Double])])
    func activation(_ function: Activation.Function, _ expected: [Double]) throws {
        let operation = Operator.activation(Activation(function: function))
        try expect(output(of: operation, floats([-1, 0, 2], [3])), equals: Tensor(expected, shape: [3], as: .float32), tolerance: 2e-6)
    }

    @Test func activationsDoNotOverflow() throws {
        let x = try floats([-1000, 1000], [2])
        try expect(output(of: .activation(Activation(function: .softplus)), x), equals: floats([0, 1000], [2]))
        try expect(output(of: .activation(Activation(function: .sigmoid)), x), equals: floats([0, 1], [2]))
        try expect(output(of: .activation(Activation(function: .mish)), x), equals: floats([0, 1000], [2]))
    }

    @Test func softmaxOfLargeNumbers() throws {
        func run(_ function: Softmax.Function, _ x: Tensor, axis: Int = -1, flattens: Bool = false) throws -> Tensor {
            try output(of: .softmax(Softmax(function: function, axis: axis, flattens: flattens)), x)
        }
        try expect(run(.softmax, floats([1e4, 1e4, 0], [3])), equals: floats([0.5, 0.5, 0], [3]))
        try expect(run(.logSoftmax, floats([1e4, 0], [2])), equals: floats([0, -1e4], [2]))
        try expect(run(.hardmax, floats([1, 3, 3, 2], [4])), equals: floats([0, 1, 0, 0], [4]))
        try expect(run(.softmax, floats([0, 0, 0, 0], [2, 2]), axis: 0), equals: floats([0.5, 0.5, 0.5, 0.5], [2, 2]))
        let matrices = try floats([0, 0, 0, 0], [2, 1, 2])
        try expect(run(.softmax, matrices, axis: 1), equals: floats([1, 1, 1, 1], [2, 1, 2]))
        try expect(run(.softmax, matrices, axis: 1, flattens: true), equals: floats([0.5, 0.5, 0.5, 0.5], [2, 1, 2]))
    }
}
