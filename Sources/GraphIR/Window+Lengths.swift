import Tensors

extension Window {
    /// Number of window positions along spatial dimension `axis`, as far as `length` is known; the window must be resolved.
    ///
    /// With padding b before and e after, extent k and stride s it is ⌊(L + b + e − k)/s⌋ + 1. With `ceilMode` the division
    /// rounds up, but a last window that would start in the end padding does not count: the smaller of ⌈(L + b + e − k)/s⌉
    /// and ⌈(L + b)/s⌉ − 1 takes the place of the quotient.
    /// - Throws: `CleaveError` when the window is longer than the padded input.
    public func outputDimension(_ axis: Int, length: Dimension, ceilMode: Bool) throws -> Dimension {
        let stride = strides[axis]
        let begin: Int
        let end: Int
        switch padding {
        case .sameUpper, .sameLower: return length.dividedCeiling(by: stride)
        case .valid: (begin, end) = (0, 0)
        case .explicit(let allBegin, let allEnd): (begin, end) = (allBegin[axis], allEnd[axis])
        }
        let covered = extent(axis)
        let span = length + .known(begin) + .known(end) - .known(covered)
        if let known = span.known, known < 0 {
            throw CleaveError(
                .shapeMismatch,
                "the window covers \(covered) elements of spatial dimension \(axis), which has \(length)"
                    + (begin == 0 && end == 0 ? "" : " and padding \(begin) + \(end)"))
        }
        guard ceilMode else { return span.dividedFlooring(by: .known(stride)) + 1 }
        let last = length + .known(begin) + .known(min(end + stride - covered, 0)) - 1
        return last.dividedFlooring(by: .known(stride)) + 1
    }

    /// The spatial shape of the output; the window need not be resolved.
    /// - Parameters:
    ///   - spatial: the spatial dimensions of the input.
    ///   - kernel: those of the weight, `nil` for pools.
    func outputShape(_ spatial: [Dimension], kernel: [Int]?, ceilMode: Bool) throws -> [Dimension] {
        let window = try resolved(kernel: kernel)
        guard window.kernel.count == spatial.count else {
            throw CleaveError(
                .shapeMismatch,
                "kernel_shape has \(window.kernel.count) entries, but the input has \(count(spatial.count, "spatial dimension"))")
        }
        return try spatial.indices.map { try window.outputDimension($0, length: spatial[$0], ceilMode: ceilMode) }
    }
}
