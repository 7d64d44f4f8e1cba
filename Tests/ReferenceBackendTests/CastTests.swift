import GraphIR
import Tensors
import Testing

struct CastTests {
    private func cast(_ x: Tensor, to type: ElementType, saturate: Bool = true) throws -> Tensor {
        try output(of: .cast(Cast(to: type, saturate: saturate)), x)
    }

    @Test func floatsToIntegersTruncateAndSaturate() throws {
        let x = Tensor(vector: [Float(1.9), -1.9, 300, -300, .nan, .infinity, -.infinity])
        #expect(try cast(x, to: .int8) == Tensor(vector: [Int8(1), -1, 127, -128, 0, 127, -128]))
        #expect(try cast(x, to: .uint8) == Tensor(vector: [UInt8(1), 0, 255, 0, 0, 255, 0]))
        #expect(try cast(x, to: .int64) == Tensor(vector: [Int64(1), -1, 300, -300, 0, .max, .min]))
        #expect(try cast(x, to: .uint64) == Tensor(vector: [UInt64(1), 0, 300, 0, 0, .max, 0]))
        #expect(try cast(x, to: .bool) == Tensor(vector: [true, true, true, true, true, true, true]))
        #expect(try cast(Tensor(vector: [Float(0), -0.0, 0.1]), to: .bool) == Tensor(vector: [false, false, true]))
    }

    @Test func integersKeepTheirLowBits() throws {
        let x = Tensor(vector: [Int64(300), -1, 1 << 40])
        #expect(try cast(x, to: .uint8) == Tensor(vector: [UInt8(44), 255, 0]))
        #expect(try cast(x, to: .int32) == Tensor(vector: [Int32(300), -1, 0]))
        #expect(try cast(x, to: .uint64) == Tensor(vector: [UInt64(300), .max, 1 << 40]))
        #expect(try cast(Tensor(vector: [true, false]), to: .int32) == Tensor(vector: [Int32(1), 0]))
    }

    /// 2⁵³ + 2²⁹ + 1 lies just above the middle of two floats; by way of Double it would land on the middle and round down.
    @Test func integersAreRoundedOnce() throws {
        let value = (Int64(1) << 53) + (1 << 29) + 1
        #expect(try cast(Tensor(scalar: value), to: .float32) == Tensor(scalar: Float(9_007_200_328_482_816)))
        #expect(try cast(Tensor(scalar: UInt64.max), to: .float32) == Tensor(scalar: Float(0x1p64)))
        #expect(try cast(Tensor(scalar: UInt64.max), to: .float64) == Tensor(scalar: 0x1p64))
    }

    @Test func halfPrecisionOverflowsToInfinity() throws {
        let x = Tensor(vector: [Float(70000), 65519, 1e-8])
        #expect(try cast(x, to: .float16) == Tensor(vector: [Float16.infinity, 65504, 0]))
    }

    @Test(
        arguments: [
            (ElementType.float8e4m3fn, true, [448, 448, 448, .nan]), (.float8e4m3fn, false, [448, .nan, .nan, .nan]),
            (.float8e5m2, true, [448, 57344, 57344, .nan]), (.float8e5m2, false, [448, .infinity, .infinity, .nan]),
            (.float8e4m3fnuz, true, [240, 240, 240, .nan]), (.float8e4m3fnuz, false, [.nan, .nan, .nan, .nan]),
        ] as [(ElementType, Bool, [Float])])
    func float8SaturatesOnRequest(_ type: ElementType, _ saturate: Bool, _ expected: [Float]) throws {
        let small = try cast(Tensor(vector: [Float(448), 1e6, .infinity, .nan]), to: type, saturate: saturate)
        #expect(small.elementType == type)
        try expect(cast(small, to: .float32), equals: Tensor(vector: expected))
    }

    @Test func textBecomesNumbersAndBack() throws {
        let texts = ["3.14", "1e-5", "NaN", "-INF", "+inf", " 7 "].map { Array($0.utf8) }
        try expect(
            cast(Tensor(shape: [6], strings: texts), to: .float32), equals: floats([3.14, 1e-5, .nan, -.infinity, .infinity, 7], [6]))
        #expect(
            try cast(Tensor(shape: [1], strings: [Array("9007199254740993".utf8)]), to: .int64)
                == Tensor(vector: [Int64(9_007_199_254_740_993)]))
        #expect(throws: CleaveError.self) { try cast(Tensor(shape: [1], strings: [Array("seven".utf8)]), to: .float32) }
        let printed = try cast(Tensor(vector: [Float(0.47892547), 1, .nan, -.infinity]), to: .string)
        #expect(printed.strings?.map { String(decoding: $0, as: UTF8.self) } == ["0.47892547", "1.0", "nan", "-inf"])
    }

    @Test func castLikeTakesTheTypeOnly() throws {
        let result = try output(of: .castLike(CastLike(saturate: true)), floats([1.5], [1]), Tensor(vector: [Int32(0), 0]))
        #expect(result == Tensor(vector: [Int32(1)]))
    }
}
