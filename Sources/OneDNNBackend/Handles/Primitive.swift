import COneDNN

/// A compiled kernel of oneDNN. Immutable; several sessions run it at once.
final class Primitive: @unchecked Sendable {
    let handle: OpaquePointer
    /// oneDNN's name for the implementation: `jit:avx512_core`.
    let implementation: String
    /// Bytes that it needs besides its arguments while it runs.
    let scratchpadByteCount: Int

    private init(_ request: String, _ body: (UnsafeMutablePointer<OpaquePointer?>) -> onednn_status) throws {
        handle = try makeHandle(request, body)
        implementation = String(cString: onednn_primitive_implementation(handle))
        scratchpadByteCount = onednn_primitive_scratchpad(handle)
    }

    deinit { onednn_primitive_destroy(handle) }

    /// Whether oneDNN has only its plain loops for the request, which a vectorized kernel of ours beats.
    var isUnoptimized: Bool { implementation.hasPrefix("ref") || implementation.hasPrefix("simple") }

    /// The layout that the primitive uses for an argument.
    func layout(_ role: onednn_role) throws -> Layout {
        Layout(taking: try makeHandle("a layout query") { onednn_primitive_layout(handle, role, $0) })
    }

    /// A window over the spatial dimensions with everything spelled out; a dilation of 1 is dense.
    struct Window: Hashable {
        var kernel: [Int]
        var strides: [Int]
        var dilations: [Int]
        var begin: [Int]
        var end: [Int]

        fileprivate var c: onednn_window {
            var window = onednn_window()
            window.rank = Int32(kernel.count)
            func fill<Tuple>(_ tuple: inout Tuple, _ values: [Int]) {
                withUnsafeMutableBytes(of: &tuple) { bytes in
                    let lengths = bytes.bindMemory(to: Int64.self)
                    for (index, value) in values.enumerated() { lengths[index] = Int64(value) }
                }
            }
            fill(&window.kernel, kernel)
            fill(&window.strides, strides)
            fill(&window.dilations, dilations)
            fill(&window.begin, begin)
            fill(&window.end, end)
            return window
        }
    }

    /// What is done to a result before it is stored.
    enum PostOp {
        /// Adds what the destination holds.
        case sum
        /// Adds an operand of its own.
        case add(Layout)

        fileprivate var c: onednn_post_op {
            var op = onednn_post_op()
            switch self {
            case .sum: op.kind = ONEDNN_POST_SUM
            case .add(let layout):
                op.kind = ONEDNN_POST_ADD
                op.layout = layout.handle
            }
            return op
        }
    }
}

// MARK: - Making primitives

extension Primitive {
    private static func withPostOps<Result>(_ ops: [PostOp], _ body: (onednn_post_ops) throws -> Result) rethrows -> Result {
        try ops.map(\.c).withUnsafeBufferPointer { buffer in
            try body(onednn_post_ops(ops: buffer.baseAddress, count: Int32(buffer.count)))
        }
    }

    static func convolution(
        _ source: Layout, weights: Layout, bias: Layout?, destination: Layout, window: Window, transposed: Bool, postOps: [PostOp]
    ) throws -> Primitive {
        var window = window.c
        return try withPostOps(postOps) { ops in
            try Primitive(transposed ? "a transposed convolution" : "a convolution") {
                transposed
                    ? onednn_deconvolution($0, source.handle, weights.handle, bias?.handle, destination.handle, &window, ops)
                    : onednn_convolution($0, source.handle, weights.handle, bias?.handle, destination.handle, &window, ops)
            }
        }
    }

    static func innerProduct(_ source: Layout, weights: Layout, bias: Layout?, destination: Layout) throws -> Primitive {
        try Primitive("an inner product") {
            onednn_inner_product($0, source.handle, weights.handle, bias?.handle, destination.handle, onednn_post_ops())
        }
    }

    static func matmul(_ source: Layout, weights: Layout, bias: Layout?, destination: Layout) throws -> Primitive {
        try Primitive("a matrix product") {
            onednn_matmul($0, source.handle, weights.handle, bias?.handle, destination.handle, onednn_post_ops())
        }
    }

    static func convolutionSourceGradient(
        _ gradient: Layout, weights: Layout, destinationGradient: Layout, window: Window
    ) throws -> Primitive {
        var window = window.c
        return try Primitive("the gradient of a convolution's input") {
            onednn_convolution_source_gradient($0, gradient.handle, weights.handle, destinationGradient.handle, &window)
        }
    }

    static func convolutionWeightsGradient(
        _ source: Layout, gradient: Layout, biasGradient: Layout?, destinationGradient: Layout, window: Window
    ) throws -> Primitive {
        var window = window.c
        return try Primitive("the gradient of a convolution's weights") {
            onednn_convolution_weights_gradient(
                $0, source.handle, gradient.handle, biasGradient?.handle, destinationGradient.handle, &window)
        }
    }

    /// - Parameter forTraining: whether the gradient's workspace is filled, too.
    static func pooling(
        _ kind: onednn_pool_kind, _ source: Layout, destination: Layout, window: Window, forTraining: Bool
    ) throws -> Primitive {
        var window = window.c
        return try Primitive("a pooling") {
            forTraining
                ? onednn_pooling_training($0, kind, source.handle, destination.handle, &window)
                : onednn_pooling($0, kind, source.handle, destination.handle, &window)
        }
    }

    static func poolingGradient(
        _ kind: onednn_pool_kind, _ gradient: Layout, destinationGradient: Layout, window: Window
    ) throws -> Primitive {
        var window = window.c
        return try Primitive("the gradient of a pooling") {
            onednn_pooling_gradient($0, kind, gradient.handle, destinationGradient.handle, &window)
        }
    }

    static func reorder(_ source: Layout, _ destination: Layout) throws -> Primitive {
        try Primitive("a reorder") { onednn_reorder($0, source.handle, destination.handle) }
    }

    static func localResponseNorm(_ data: Layout, size: Int, alpha: Float, beta: Float, bias: Float) throws -> Primitive {
        try Primitive("a local response normalization") { onednn_lrn($0, data.handle, Int64(size), alpha, beta, bias) }
    }
}

extension Primitive {
    /// Runs a reorder at once, outside any plan.
    func run(from source: Memory, to destination: Memory, scratchpad: UnsafeMutableRawPointer) throws {
        var arguments = [
            onednn_argument(role: Int32(bitPattern: ONEDNN_SOURCE.rawValue), memory: source.handle),
            onednn_argument(role: Int32(bitPattern: ONEDNN_DESTINATION.rawValue), memory: destination.handle),
        ]
        guard scratchpadByteCount > 0 else { return try check(onednn_execute(handle, arguments, Int32(arguments.count)), "a reorder") }
        let memory = try Memory(layout(ONEDNN_SCRATCHPAD), at: scratchpad)
        arguments.append(onednn_argument(role: Int32(bitPattern: ONEDNN_SCRATCHPAD.rawValue), memory: memory.handle))
        try withExtendedLifetime(memory) { try check(onednn_execute(handle, arguments, Int32(arguments.count)), "a reorder") }
    }
}
