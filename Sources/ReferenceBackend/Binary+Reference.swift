import Foundation
import GraphIR
import Tensors

extension Binary: ReferenceKernel {
    /// Integers wrap around as two's complement does; dividing one by zero gives 0, as does its remainder. Integer division truncates.
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let a = try arguments.required(Operand.a), b = try arguments.required(Operand.b)
        if function != .pow { try a.elementType.requireSame(as: b.elementType) }
        let bShape = try alignedShape(of: b.shape, with: a.shape, opset: arguments.opset)
        let shape = try broadcastShape([a.shape, bShape])
        guard shape == a.shape || (function != .prelu && broadcastAxis == .numpy) else {
            throw CleaveError(.shapeMismatch, "shape \(b.shape) of the second operand cannot be broadcast to \(a.shape)")
        }
        _ = try resultCount(shape)
        let pair = OperandPair(a: a, b: b, bShape: bShape, shape: shape)
        switch function {
        case .equal, .less, .lessOrEqual, .greater, .greaterOrEqual: return [try compare(pair)]
        case .and, .or, .xor: return [try combineBooleans(pair)]
        case .bitwiseAnd, .bitwiseOr, .bitwiseXor, .shiftLeft, .shiftRight: return [try combineBits(pair)]
        case .pow: return [try raise(pair)]
        case .add, .sub, .mul, .div, .mod, .fmod, .prelu: return [try calculate(pair)]
        }
    }

    /// The second operand's shape, with the ones added that make opset 6's alignment NumPy's.
    private func alignedShape(of shape: [Int], with other: [Int], opset: Int) throws -> [Int] {
        var axis: Int?
        switch broadcastAxis {
        case .numpy:
            // Up to opset 6 a slope per channel is a vector, whatever the rank of the input.
            guard function == .prelu, opset < 7, shape.count == 1, shape[0] != 1, other.count > 1 else { return shape }
            axis = 1
        case .legacy(let broadcasts, let given):
            if function == .prelu {
                return shape == [1] ? [] : padded(shape, at: min(1, other.count - 1), rank: other.count)
            }
            guard broadcasts || shape == other else {
                throw CleaveError(.shapeMismatch, "operands have shapes \(other) and \(shape), expected equal ones without `broadcast`")
            }
            axis = given
        }
        let start = try axis.map { try Indexing.axis($0, rank: other.count) } ?? other.count - shape.count
        guard start >= 0, start + shape.count <= other.count else {
            throw CleaveError(.shapeMismatch, "shape \(shape) does not fit into \(other) from dimension \(start) on")
        }
        return padded(shape, at: start, rank: other.count)
    }

    private func padded(_ shape: [Int], at start: Int, rank: Int) -> [Int] {
        shape + [Int](repeating: 1, count: max(0, rank - start - shape.count))
    }
}

/// Two operands and the shape that they broadcast to.
private struct OperandPair {
    let a: Tensor
    let b: Tensor
    let bShape: [Int]
    let shape: [Int]

    func map<Left, Right, Result>(_ left: [Left], _ right: [Right], _ function: (Left, Right) -> Result) throws -> [Result] {
        combine(try broadcast(left, shape: a.shape, to: shape), try broadcast(right, shape: bShape, to: shape), function)
    }
}

// MARK: - Comparisons, logic, bits

extension Binary {
    private func compare(_ pair: OperandPair) throws -> Tensor {
        if let left = pair.a.strings, let right = pair.b.strings, function == .equal {
            return try Tensor(pair.map(left, right, ==), shape: pair.shape)
        }
        let flags =
            pair.a.elementType.isFloatingPoint
            ? try pair.map(pair.a.reals(), pair.b.reals(), comparison())
            : try pair.map(pair.a.orderKeys(), pair.b.orderKeys(), comparison())
        return try Tensor(flags, shape: pair.shape)
    }

    private func comparison<Element: Comparable>() -> (Element, Element) -> Bool {
        switch function {
        case .less: { $0 < $1 }
        case .lessOrEqual: { $0 <= $1 }
        case .greater: { $0 > $1 }
        case .greaterOrEqual: { $0 >= $1 }
        default: { $0 == $1 }
        }
    }

    private func combineBooleans(_ pair: OperandPair) throws -> Tensor {
        guard pair.a.elementType == .bool else { throw CleaveError(.typeMismatch, "expected booleans, not \(pair.a.elementType)") }
        return try Tensor(pair.map(pair.a.integers(), pair.b.integers()) { left, right in
            switch function {
            case .and: left != 0 && right != 0
            case .or: left != 0 || right != 0
            default: left != right
            }
        }, shape: pair.shape)
    }

    /// Shifts by the width of the type or more give 0.
    private func combineBits(_ pair: OperandPair) throws -> Tensor {
        let type = pair.a.elementType
        guard type.isInteger else { throw CleaveError(.typeMismatch, "expected integers, not \(type)") }
        return try Tensor(pair.map(pair.a.integers(), pair.b.integers()) { left, right in
            switch function {
            case .bitwiseAnd: left & right
            case .bitwiseOr: left | right
            case .bitwiseXor: left ^ right
            case .shiftLeft: Int64(bitPattern: UInt64(bitPattern: left) << UInt64(bitPattern: right))
            default: Int64(bitPattern: UInt64(bitPattern: left) >> UInt64(bitPattern: right))
            }
        }, shape: pair.shape, as: type)
    }
}

// MARK: - Arithmetic

extension Binary {
    private func calculate(_ pair: OperandPair) throws -> Tensor {
        let type = pair.a.elementType
        if type.isFloatingPoint {
            return try Tensor(pair.map(pair.a.reals(), pair.b.reals(), realFunction()), shape: pair.shape, as: type)
        }
        guard type.isInteger else { throw CleaveError(.typeMismatch, "expected numbers, not \(type)") }
        let function = type == .uint64 ? unsignedFunction() : integerFunction()
        return try Tensor(pair.map(pair.a.integers(), pair.b.integers(), function), shape: pair.shape, as: type)
    }

    private func realFunction() -> (Double, Double) -> Double {
        switch function {
        case .sub: return { $0 - $1 }
        case .mul: return { $0 * $1 }
        case .div: return { $0 / $1 }
        case .prelu: return { $0 < 0 ? $0 * $1 : $0 }
        case .fmod: return { $0.truncatingRemainder(dividingBy: $1) }
        case .mod:
            // The sign is the divisor's.
            return { dividend, divisor in
                let rest = dividend.truncatingRemainder(dividingBy: divisor)
                return rest != 0 && (rest < 0) != (divisor < 0) ? rest + divisor : rest
            }
        default: return { $0 + $1 }
        }
    }

    private func integerFunction() -> (Int64, Int64) -> Int64 {
        switch function {
        case .sub: return { $0 &- $1 }
        case .mul: return { $0 &* $1 }
        case .div: return { $1 == 0 ? 0 : $0.dividedReportingOverflow(by: $1).partialValue }
        case .prelu: return { $0 < 0 ? $0 &* $1 : $0 }
        case .fmod: return { $1 == 0 ? 0 : $0.remainderReportingOverflow(dividingBy: $1).partialValue }
        case .mod:
            return { dividend, divisor in
                guard divisor != 0 else { return 0 }
                let rest = dividend.remainderReportingOverflow(dividingBy: divisor).partialValue
                return rest != 0 && (rest < 0) != (divisor < 0) ? rest &+ divisor : rest
            }
        default: return { $0 &+ $1 }
        }
    }

    /// As `integerFunction`, for the bit patterns of `uint64`.
    private func unsignedFunction() -> (Int64, Int64) -> Int64 {
        switch function {
        case .div: { $1 == 0 ? 0 : Int64(bitPattern: UInt64(bitPattern: $0) / UInt64(bitPattern: $1)) }
        case .mod, .fmod: { $1 == 0 ? 0 : Int64(bitPattern: UInt64(bitPattern: $0) % UInt64(bitPattern: $1)) }
        case .prelu: { left, _ in left }
        default: integerFunction()
        }
    }

    /// The base's type is the result's. Integers to an integer power are exact (modulo their width), and truncated towards zero for a
    /// negative one.
    private func raise(_ pair: OperandPair) throws -> Tensor {
        let (base, exponent) = (pair.a.elementType, pair.b.elementType)
        if base.isInteger, exponent.isInteger {
            let hasSign = (base: base.isSignedInteger, exponent: exponent.isSignedInteger)
            let powers = try pair.map(pair.a.integers(), pair.b.integers()) { base, exponent -> Int64 in
                if hasSign.exponent && exponent < 0 {
                    return base == 1 ? 1 : hasSign.base && base == -1 ? (exponent & 1 == 0 ? 1 : -1) : 0
                }
                return power(base, UInt64(bitPattern: exponent))
            }
            return try Tensor(powers, shape: pair.shape, as: base)
        }
        return try Tensor(pair.map(pair.a.reals(), pair.b.reals()) { pow($0, $1) }, shape: pair.shape, as: base)
    }
}

/// base^exponent modulo 2⁶⁴, by repeated squaring.
private func power(_ base: Int64, _ exponent: UInt64) -> Int64 {
    var (result, square, rest) = (Int64(1), base, exponent)
    while rest > 0 {
        if rest & 1 == 1 { result = result &* square }
        square = square &* square
        rest >>= 1
    }
    return result
}
