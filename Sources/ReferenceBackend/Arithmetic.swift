import Tensors

/// What kernels add and multiply in: Double for floats, Int64 for integers of every width.
///
/// Arithmetic modulo 2⁶⁴ followed by truncation to the element's width is two's-complement arithmetic of that width, signed or not.
protocol Accumulator: BitwiseCopyable, Sendable {
    static var zero: Self { get }
    func adding(_ other: Self) -> Self
    func multiplied(by other: Self) -> Self
}

extension Int64: Accumulator {
    func adding(_ other: Int64) -> Int64 { self &+ other }
    func multiplied(by other: Int64) -> Int64 { self &* other }
}

extension Double: Accumulator {
    func adding(_ other: Double) -> Double { self + other }
    func multiplied(by other: Double) -> Double { self * other }
}

/// The elements of a tensor in the arithmetic that they are computed in.
enum Numbers {
    case reals([Double])
    /// Integers and booleans; `uint64` by its bit pattern.
    case integers([Int64])
}

extension Tensor {
    /// - Throws: `CleaveError` for strings and complex numbers.
    func numbers() throws -> Numbers {
        if let integers = int64s() { return .integers(integers) }
        return .reals(try reals())
    }
}

extension ElementType {
    /// Turns the keys that `Tensor.orderKeys` gives for integers back into these.
    func elements(orderKeys keys: [Int64]) -> [Int64] { self == .uint64 ? keys.map { $0 ^ .min } : keys }

    /// - Throws: `CleaveError` when two operands that must agree have different types.
    func requireSame(as other: ElementType) throws {
        guard self == other else {
            throw CleaveError(.typeMismatch, "operands have elements of \(self) and \(other), expected one type")
        }
    }
}

/// The larger of two numbers; NaN when one of them is.
func larger(_ left: Double, _ right: Double) -> Double {
    if left.isNaN || right.isNaN { return .nan }
    return left > right ? left : right
}

/// The smaller of two numbers; NaN when one of them is.
func smaller(_ left: Double, _ right: Double) -> Double {
    if left.isNaN || right.isNaN { return .nan }
    return left < right ? left : right
}

/// `function` of every pair of elements of two arrays of one length.
func combine<Left, Right, Result>(_ left: [Left], _ right: [Right], _ function: (Left, Right) -> Result) -> [Result] {
    let count = min(left.count, right.count)
    return [Result](unsafeUninitializedCapacity: count) { buffer, initialized in
        for index in 0..<count { buffer.initializeElement(at: index, to: function(left[index], right[index])) }
        initialized = count
    }
}
