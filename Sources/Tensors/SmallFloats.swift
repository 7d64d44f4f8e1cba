/// The bit layout of a floating-point format narrower than 32 bits (OCP 8-bit Floating Point Specification 1.0; ONNX,
/// "Float stored in 8 bits"; bfloat16 is the upper half of a float32).
struct SmallFloatFormat {
    let exponentBits: Int
    let mantissaBits: Int
    let bias: Int
    let specials: Specials
    var isSigned = true

    enum Specials {
        /// The largest exponent holds infinities and NaNs, as in IEEE 754.
        case ieee
        /// No infinity; all ones is NaN (E4M3FN).
        case finiteAllOnesNaN
        /// No infinity, no negative zero; the code of negative zero is NaN (the FNUZ formats).
        case finiteNegativeZeroNaN
        /// Neither infinity nor NaN (E2M1).
        case none
    }

    var bitWidth: Int { exponentBits + mantissaBits + (isSigned ? 1 : 0) }

    static let bfloat16 = SmallFloatFormat(exponentBits: 8, mantissaBits: 7, bias: 127, specials: .ieee)
    static let float8e4m3fn = SmallFloatFormat(exponentBits: 4, mantissaBits: 3, bias: 7, specials: .finiteAllOnesNaN)
    static let float8e4m3fnuz = SmallFloatFormat(exponentBits: 4, mantissaBits: 3, bias: 8, specials: .finiteNegativeZeroNaN)
    static let float8e5m2 = SmallFloatFormat(exponentBits: 5, mantissaBits: 2, bias: 15, specials: .ieee)
    static let float8e5m2fnuz = SmallFloatFormat(exponentBits: 5, mantissaBits: 2, bias: 16, specials: .finiteNegativeZeroNaN)
    static let float4e2m1 = SmallFloatFormat(exponentBits: 2, mantissaBits: 1, bias: 1, specials: .none)
    /// Powers of two only; the code 255 is NaN.
    static let float8e8m0 = SmallFloatFormat(
        exponentBits: 8, mantissaBits: 0, bias: 127, specials: .finiteAllOnesNaN, isSigned: false)

    func decode(_ code: UInt32) -> Double {
        let signMask: UInt32 = isSigned ? 1 << UInt32(exponentBits + mantissaBits) : 0
        let negative = code & signMask != 0
        let magnitude = code & (signMask == 0 ? 0xFF : signMask - 1)
        let exponent = Int(magnitude >> UInt32(mantissaBits))
        let mantissa = Int(magnitude & ((1 << UInt32(mantissaBits)) - 1))
        let topExponent = (1 << exponentBits) - 1
        switch specials {
        case .ieee where exponent == topExponent:
            return mantissa != 0 ? .nan : (negative ? -.infinity : .infinity)
        case .finiteAllOnesNaN where exponent == topExponent && mantissa == (1 << mantissaBits) - 1:
            return .nan
        case .finiteNegativeZeroNaN where negative && magnitude == 0:
            return .nan
        default: break
        }
        let value: Double
        if !isSigned {
            value = Double(sign: .plus, exponent: exponent - bias, significand: 1)
        } else if exponent == 0 {
            value = Double(sign: .plus, exponent: 1 - bias - mantissaBits, significand: 1) * Double(mantissa)
        } else {
            value = Double(sign: .plus, exponent: exponent - bias - mantissaBits, significand: 1)
                * Double(mantissa + (1 << mantissaBits))
        }
        return negative ? -value : value
    }

    /// Rounds to nearest, ties to even. Values beyond the largest finite one become infinity where the format has one
    /// and `saturate` is false; otherwise the largest finite value (saturating) or NaN. Powers of two without a sign
    /// (E8M0) take the magnitude, ties upwards, with NaN for infinity (ONNX, `to_float8e8m0`).
    func encode(_ value: Double, saturate: Bool = true) -> UInt32 {
        let signMask: UInt32 = isSigned ? 1 << UInt32(exponentBits + mantissaBits) : 0
        let negative = value.sign == .minus && isSigned
        let signBits = negative ? signMask : 0
        if value.isNaN { return nanCode }
        let magnitude = value.magnitude
        if magnitude == 0 { return specials == .finiteNegativeZeroNaN ? 0 : signBits }
        if value.isInfinite { return isSigned ? overflowCode(signBits: signBits, saturate: saturate) : nanCode }
        let exponent = max(magnitude.exponent, Double.Exponent(1 - bias))
        let unit = Double(sign: .plus, exponent: Int(exponent) - mantissaBits, significand: 1)
        let steps = Int((magnitude / unit).rounded(.toNearestOrEven))
        var code: Int
        if !isSigned {
            let rounded = Int(magnitude.exponent) + (magnitude.significand >= 1.5 ? 1 : 0)
            code = max(0, rounded + bias)
        } else {
            // A carry out of the mantissa runs into the exponent, which is what rounding up a power of two means.
            code = ((Int(exponent) + bias - 1) << mantissaBits) + steps
        }
        if code > largestFiniteCode {
            return overflowCode(signBits: signBits, saturate: saturate)
        }
        if code == 0 && specials == .finiteNegativeZeroNaN { return 0 }
        code |= Int(signBits)
        return UInt32(code)
    }

    private var largestFiniteCode: Int {
        let all = (1 << (exponentBits + mantissaBits)) - 1
        switch specials {
        case .ieee: return all - (1 << mantissaBits)
        case .finiteAllOnesNaN: return all - 1
        case .finiteNegativeZeroNaN, .none: return all
        }
    }

    private var nanCode: UInt32 {
        switch specials {
        case .ieee: UInt32(((1 << exponentBits) - 1) << mantissaBits) | UInt32(1 << max(0, mantissaBits - 1))
        case .finiteAllOnesNaN: UInt32((1 << (exponentBits + mantissaBits)) - 1)
        case .finiteNegativeZeroNaN: UInt32(1 << (exponentBits + mantissaBits))
        case .none: 0
        }
    }

    private func overflowCode(signBits: UInt32, saturate: Bool) -> UInt32 {
        if saturate || specials == .none { return UInt32(largestFiniteCode) | signBits }
        if specials == .ieee { return UInt32(((1 << exponentBits) - 1) << mantissaBits) | signBits }
        return specials == .finiteAllOnesNaN ? nanCode | signBits : nanCode
    }
}

/// The value of a bfloat16 bit pattern.
@inlinable public func float(fromBFloat16 bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }

/// The bfloat16 bit pattern nearest to `value`, ties to even; NaN stays NaN, and what is too large becomes infinity.
@inlinable public func bfloat16Bits(_ value: Float) -> UInt16 {
    if value.isNaN { return 0x7FC0 }
    let bits = value.bitPattern
    return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16)
}

/// The bfloat16 bit pattern nearest to `value`, rounded once.
///
/// On the way the number becomes a float that is rounded to odd: of the two neighbours the one whose last bit is set. That keeps
/// what lies beside a tie beside it (Boldo, Melquiond, "When double rounding is odd", 2005).
public func bfloat16Bits(rounding value: Double) -> UInt16 {
    let nearest = Float(value)
    guard nearest.isFinite, Double(nearest) != value, nearest.bitPattern & 1 == 0 else { return bfloat16Bits(nearest) }
    let isTooLarge = Double(nearest).magnitude > value.magnitude
    return bfloat16Bits(Float(bitPattern: isTooLarge ? nearest.bitPattern - 1 : nearest.bitPattern + 1))
}
