/// The element types that ONNX tensors can have, in the order of ONNX's `TensorProto.DataType`.
///
/// The raw value is ONNX's number for the type (onnx.proto, `TensorProto.DataType`).
public enum ElementType: Int, CaseIterable, Sendable, Hashable {
    case float32 = 1, uint8, int8, uint16, int16, int32, int64, string, bool, float16, float64, uint32, uint64
    case complex64, complex128, bfloat16
    case float8e4m3fn, float8e4m3fnuz, float8e5m2, float8e5m2fnuz
    case uint4, int4, float4e2m1, float8e8m0, uint2, int2

    /// Bits that one element takes; 0 for strings, which have no fixed size.
    public var bitWidth: Int {
        switch self {
        case .string: 0
        case .uint2, .int2: 2
        case .uint4, .int4, .float4e2m1: 4
        case .uint8, .int8, .bool, .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz, .float8e8m0: 8
        case .uint16, .int16, .float16, .bfloat16: 16
        case .float32, .int32, .uint32: 32
        case .float64, .int64, .uint64, .complex64: 64
        case .complex128: 128
        }
    }

    /// Bytes that `count` densely packed elements take; elements narrower than a byte share bytes, low bits first.
    /// `nil` when the number does not fit an `Int` or the type is `string`.
    public func byteCount(elements count: Int) -> Int? {
        guard self != .string, count >= 0 else { return nil }
        let (bits, overflow) = count.multipliedReportingOverflow(by: bitWidth)
        return overflow ? nil : bits / 8 + (bits % 8 == 0 ? 0 : 1)
    }

    public var isFloatingPoint: Bool {
        switch self {
        case .float16, .bfloat16, .float32, .float64, .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz,
            .float4e2m1, .float8e8m0:
            true
        default: false
        }
    }

    /// Integers of every width; `bool` is not one.
    public var isInteger: Bool { isSignedInteger || isUnsignedInteger }

    public var isSignedInteger: Bool {
        switch self {
        case .int2, .int4, .int8, .int16, .int32, .int64: true
        default: false
        }
    }

    public var isUnsignedInteger: Bool {
        switch self {
        case .uint2, .uint4, .uint8, .uint16, .uint32, .uint64: true
        default: false
        }
    }

    /// The smallest and largest value of an integer type of at most 32 bits, or of `int64`.
    public var integerRange: ClosedRange<Int64>? {
        switch self {
        case .uint64: 0...Int64.max
        case _ where isSignedInteger: (-1 << (bitWidth - 1))...((bitWidth == 64 ? Int64.max : (1 << (bitWidth - 1)) - 1))
        case _ where isUnsignedInteger: 0...((1 << bitWidth) - 1)
        default: nil
        }
    }
}

extension ElementType: CustomStringConvertible {
    /// The name that ONNX's text form and NumPy-minded users know: `float32`, `int8`, `bfloat16` …
    public var description: String {
        switch self {
        case .float32: "float32"
        case .uint8: "uint8"
        case .int8: "int8"
        case .uint16: "uint16"
        case .int16: "int16"
        case .int32: "int32"
        case .int64: "int64"
        case .string: "string"
        case .bool: "bool"
        case .float16: "float16"
        case .float64: "float64"
        case .uint32: "uint32"
        case .uint64: "uint64"
        case .complex64: "complex64"
        case .complex128: "complex128"
        case .bfloat16: "bfloat16"
        case .float8e4m3fn: "float8e4m3fn"
        case .float8e4m3fnuz: "float8e4m3fnuz"
        case .float8e5m2: "float8e5m2"
        case .float8e5m2fnuz: "float8e5m2fnuz"
        case .uint4: "uint4"
        case .int4: "int4"
        case .float4e2m1: "float4e2m1"
        case .float8e8m0: "float8e8m0"
        case .uint2: "uint2"
        case .int2: "int2"
        }
    }
}
