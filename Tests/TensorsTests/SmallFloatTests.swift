import Foundation
import Testing

@testable import Tensors

/// Against ml_dtypes and NumPy; see `fixtures/tensors/make.py`.
@Suite struct SmallFloatTests {
    struct Table: Decodable {
        /// Bit patterns of float32 numbers, and the codes they round to: beyond the largest finite value, to infinity or NaN …
        var inputs: [UInt32]
        var codes: [UInt32]
        /// … or to the largest finite value.
        var saturated: [UInt32]
        /// The value of every code; `nil` is NaN.
        var values: [String?]?
    }

    static let tables: [String: Table] = {
        guard let data = try? Data(contentsOf: Fixture.folder.appendingPathComponent("small-floats.json")) else { return [:] }
        return (try? JSONDecoder().decode([String: Table].self, from: data)) ?? [:]
    }()

    static let narrow: [ElementType] = [
        .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz, .float8e8m0, .float4e2m1,
    ]

    @Test(arguments: narrow)
    func decodesEveryCode(type: ElementType) throws {
        let values = try #require(Self.tables["\(type)"]?.values)
        let format = try #require(SmallFloatFormat(type))
        #expect(values.count == 1 << type.bitWidth)
        for (code, value) in values.enumerated() {
            let decoded = format.decode(UInt32(code))
            let expected = value.flatMap(Double.init) ?? .nan
            #expect(decoded.isNaN ? expected.isNaN : decoded.bitPattern == expected.bitPattern, "code \(code)")
        }
    }

    @Test(arguments: narrow)
    func encodesWhatItDecodes(type: ElementType) throws {
        let format = try #require(SmallFloatFormat(type))
        for code in 0..<UInt32(1 << type.bitWidth) {
            let value = format.decode(code)
            let encoded = format.encode(value, saturate: false)
            #expect(value.isNaN ? format.decode(encoded).isNaN : encoded == code, "code \(code)")
        }
    }

    @Test(arguments: narrow)
    func roundsToNearestEven(type: ElementType) throws {
        let table = try #require(Self.tables["\(type)"])
        let format = try #require(SmallFloatFormat(type))
        try #require(table.inputs.count > 100)
        for (index, bits) in table.inputs.enumerated() {
            let input = Double(Float(bitPattern: bits))
            // Nothing says what becomes of NaN in a format without it.
            if input.isNaN && format.specials == .none { continue }
            for (saturate, expected) in [(false, table.codes[index]), (true, table.saturated[index])] {
                let code = format.encode(input, saturate: saturate)
                // NaN has several codes.
                let isSame = code == expected || (format.decode(code).isNaN && format.decode(expected).isNaN)
                #expect(isSame, "\(input), saturate \(saturate): code \(code), expected \(expected)")
            }
        }
    }

    @Test func roundsHalfPrecision() throws {
        for type in [ElementType.bfloat16, .float16] {
            let table = try #require(Self.tables["\(type)"])
            let inputs = table.inputs.map { Double(Float(bitPattern: $0)) }
            let tensor = try Tensor(inputs, shape: [inputs.count], as: type)
            let codes = tensor.withUnsafeBytes { Array($0.bindMemory(to: UInt16.self)) }
            for (index, code) in codes.enumerated() where !inputs[index].isNaN {
                #expect(UInt32(code) == table.codes[index], "\(type) of \(inputs[index])")
            }
            let values = try #require(tensor.doubles())
            for (value, input) in zip(values, inputs) where value.isFinite && input.isFinite {
                #expect(abs(value - input) <= abs(input) / (type == .bfloat16 ? 256 : 2048) + 0x1p-25)
            }
            #expect(zip(values, inputs).allSatisfy { $0.isNaN == $1.isNaN })
        }
    }

    /// 1 + 2⁻⁸ is the tie between 1 and its successor; rounding to float first would land on it.
    @Test func bfloat16IsRoundedOnce() {
        #expect(bfloat16Bits(rounding: 1 + 0x1p-8 + 0x1p-40) == 0x3F81)
        #expect(bfloat16Bits(rounding: 1 + 0x1p-8) == 0x3F80)
        #expect(bfloat16Bits(rounding: -(1 + 0x1.8p-7 - 0x1p-40)) == 0xBF81)
        #expect(bfloat16Bits(rounding: -1e-300) == 0x8000)
        #expect(bfloat16Bits(rounding: 1e300) == 0x7F80)
        #expect(bfloat16Bits(rounding: Double(Float.greatestFiniteMagnitude)) == 0x7F80)
    }

    @Test func bfloat16IsTheUpperHalf() {
        #expect(float(fromBFloat16: 0x3F80) == 1)
        #expect(float(fromBFloat16: 0xC049) == -3.140625)
        #expect(bfloat16Bits(.infinity) == 0x7F80)
        #expect(bfloat16Bits(.greatestFiniteMagnitude) == 0x7F80)
        #expect(float(fromBFloat16: bfloat16Bits(.nan)).isNaN)
    }
}
