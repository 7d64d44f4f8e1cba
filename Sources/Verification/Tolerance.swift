import Tensors

/// When two numbers count as equal: |a − b| ≤ absolute + relative · |b|, where b is the original's.
///
/// What is left open depends on the element type. Floating-point numbers: `relative` is 1e-4 for float32 and float64, 1e-2 for
/// float16, 1e-1 for narrower ones, and `absolute` is a tenth of that times the largest magnitude that the original's tensor has
/// in the same sample (at most 1000 times its median magnitude, so that a sentinel does not hide the rest): values near zero are
/// judged by the tensor that they are part of. Integers, booleans and strings must be the same. Floating-point numbers that were
/// computed from coarser ones, behind a `Cast`, are judged as such.
public struct Tolerance: Hashable, Sendable {
    public var absolute: Double?
    public var relative: Double?

    public init(absolute: Double? = nil, relative: Double? = nil) {
        self.absolute = absolute
        self.relative = relative
    }

    /// The relative part for an element type.
    private func relative(for type: ElementType) -> Double {
        relative ?? Self.usual(for: type)
    }

    private static func usual(for type: ElementType) -> Double {
        switch type {
        case .float32, .float64, .complex64, .complex128: return 1e-4
        case .float16: return 1e-2
        case .bfloat16, .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz, .float4e2m1, .float8e8m0: return 1e-1
        case .uint8, .int8, .uint16, .int16, .int32, .int64, .string, .bool, .uint32, .uint64, .uint4, .int4, .uint2, .int2:
            return 0
        }
    }

    /// Whether more is left open for one type than for another.
    static func isLooser(_ type: ElementType, than other: ElementType) -> Bool { usual(for: type) > usual(for: other) }

    /// The tolerance for tensors of an element type.
    /// - Parameter coarser: the coarsest floating-point type among the values that the tensor was computed from.
    public func resolved(for type: ElementType, computedFrom coarser: ElementType?) -> TensorComparison.Tolerance {
        guard type.isFloatingPoint, let coarser, Self.isLooser(coarser, than: type) else { return resolved(for: type) }
        return resolved(for: coarser)
    }

    /// The tolerance for tensors of an element type.
    public func resolved(for type: ElementType) -> TensorComparison.Tolerance {
        let relative = relative(for: type)
        let shareOfLargest = absolute == nil && type.isFloatingPoint ? relative / 10 : 0
        return TensorComparison.Tolerance(absolute: absolute ?? 0, relative: relative, shareOfLargest: shareOfLargest)
    }
}
