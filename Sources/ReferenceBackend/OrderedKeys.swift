import Tensors

extension Tensor {
    /// One integer per element that orders as the elements do: exact for every numeric type, with 0.0 equal to −0.0 and
    /// NaN above all numbers.
    /// - Throws: `CleaveError` for strings and complex numbers, which have no order here.
    func orderKeys() throws -> [Int64] {
        if elementType == .uint64 { return try integers().map { $0 ^ .min } }
        if let integers = int64s() { return integers }
        return try reals().map { value in
            if value.isNaN { return .max }
            let bits = Int64(bitPattern: (value == 0 ? 0 : value).bitPattern)
            return bits < 0 ? ~(bits & .max) : bits
        }
    }
}
