import Tensors

/// How a window slides over the spatial dimensions: what convolutions and pools share.
///
/// Empty arrays stand for ONNX's defaults (the kernel read off the weight, stride and dilation 1, no padding).
/// `resolved(kernel:)` spells them out.
public struct Window: Hashable, Sendable {
    public enum Padding: Hashable, Sendable {
        /// Lengths added before and after every spatial dimension; empty for none.
        case explicit(begin: [Int], end: [Int])
        /// As much as makes output = ⌈input / stride⌉, the odd element at the end.
        case sameUpper
        /// As much as makes output = ⌈input / stride⌉, the odd element at the beginning.
        case sameLower
        /// None.
        case valid
    }

    public var kernel: [Int]
    public var strides: [Int]
    public var dilations: [Int]
    public var padding: Padding

    public init(kernel: [Int], strides: [Int], dilations: [Int], padding: Padding) {
        self.kernel = kernel
        self.strides = strides
        self.dilations = dilations
        self.padding = padding
    }

    /// The same window with every array spelled out.
    /// - Parameter kernel: the kernel that the weight has; `nil` for pools.
    /// - Throws: `CleaveError` when lengths disagree, or a kernel, stride or dilation is not positive.
    public func resolved(kernel weightKernel: [Int]?) throws -> Window {
        let kernel = self.kernel.isEmpty ? (weightKernel ?? []) : self.kernel
        if let weightKernel, kernel != weightKernel {
            throw CleaveError(.shapeMismatch, "kernel_shape is \(kernel), but the weight's kernel is \(weightKernel)")
        }
        let rank = kernel.count
        func spelledOut(_ values: [Int], _ name: String) throws -> [Int] {
            let result = values.isEmpty ? [Int](repeating: 1, count: rank) : values
            guard result.count == rank else {
                throw CleaveError(.invalidAttribute, "\(name) has \(result.count) entries, expected \(rank), one per spatial dimension")
            }
            guard result.allSatisfy({ $0 > 0 && $0 <= Int(Int32.max) }) else {
                throw CleaveError(.invalidAttribute, "\(name) is \(result), expected numbers from 1 to \(Int32.max)")
            }
            return result
        }
        var window = Window(
            kernel: try spelledOut(kernel, "kernel_shape"), strides: try spelledOut(strides, "strides"),
            dilations: try spelledOut(dilations, "dilations"), padding: padding)
        if case .explicit(let begin, let end) = padding {
            let zeros = [Int](repeating: 0, count: rank)
            let padding = (begin: begin.isEmpty ? zeros : begin, end: end.isEmpty ? zeros : end)
            guard padding.begin.count == rank, padding.end.count == rank else {
                throw CleaveError(.invalidAttribute, "pads has \(begin.count + end.count) entries, expected \(2 * rank)")
            }
            guard (padding.begin + padding.end).allSatisfy({ $0.magnitude <= UInt(Int32.max) }) else {
                throw CleaveError(
                    .invalidAttribute, "pads is \(begin + end), expected numbers from \(-Int(Int32.max)) to \(Int32.max)")
            }
            window.padding = .explicit(begin: padding.begin, end: padding.end)
        }
        return window
    }

    /// Length that the dilated kernel covers along spatial dimension `axis`; the window must be resolved.
    public func extent(_ axis: Int) -> Int { (kernel[axis] - 1) * dilations[axis] + 1 }

    /// Padding before and after spatial dimension `axis` for an input of `length`; the window must be resolved.
    public func pads(_ axis: Int, length: Int) -> (begin: Int, end: Int) {
        switch padding {
        case .explicit(let begin, let end): return (begin[axis], end[axis])
        case .valid: return (0, 0)
        case .sameUpper, .sameLower:
            let stride = strides[axis]
            let beyond = length <= 0 ? 0 : (length - 1) % stride + 1
            let total = max(0, extent(axis) - beyond)
            let smaller = total / 2
            return padding == .sameUpper ? (smaller, total - smaller) : (total - smaller, smaller)
        }
    }

    /// Number of window positions along spatial dimension `axis` for an input of `length`; the window must be resolved.
    ///
    /// 0 when the window is longer than the padded input. See `outputDimension(_:length:ceilMode:)`.
    public func outputLength(_ axis: Int, length: Int, ceilMode: Bool) -> Int {
        (try? outputDimension(axis, length: .known(length), ceilMode: ceilMode))?.known ?? 0
    }
}
