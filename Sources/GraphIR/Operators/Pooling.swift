import Tensors

/// `AveragePool` over windows of [N, C, D1 … Dn].
public struct AveragePool: OperatorPayload {
    /// Kernel, strides, dilations and padding over the spatial dimensions.
    public var window: Window
    /// Whether the output length is rounded up.
    public var ceilMode: Bool
    /// Whether padding counts as zeros in the average.
    public var countIncludePad: Bool

    public enum Operand: Int, CaseIterable, Sendable {
        case input
    }

    public static let operandCount = 1...1
    public static let outputCount = 1...1

    public init(window: Window, ceilMode: Bool, countIncludePad: Bool) {
        self.window = window
        self.ceilMode = ceilMode
        self.countIncludePad = countIncludePad
    }
}

/// `MaxPool` over windows of [N, C, D1 … Dn]; the second output holds flat indices of the maxima.
public struct MaxPool: OperatorPayload {
    /// Kernel, strides, dilations and padding over the spatial dimensions.
    public var window: Window
    /// Whether the output length is rounded up.
    public var ceilMode: Bool
    /// Whether the index output counts in column-major order (`storage_order` 1).
    public var columnMajorIndices: Bool

    public enum Operand: Int, CaseIterable, Sendable {
        case input
    }

    public static let operandCount = 1...1
    public static let outputCount = 1...2

    public init(window: Window, ceilMode: Bool, columnMajorIndices: Bool) {
        self.window = window
        self.ceilMode = ceilMode
        self.columnMajorIndices = columnMajorIndices
    }
}

/// `LpPool`: the p-norm of every window.
public struct LpPool: OperatorPayload {
    /// Kernel, strides, dilations and padding over the spatial dimensions.
    public var window: Window
    /// Whether the output length is rounded up.
    public var ceilMode: Bool
    /// Order of the norm.
    public var p: Int

    public enum Operand: Int, CaseIterable, Sendable {
        case input
    }

    public static let operandCount = 1...1
    public static let outputCount = 1...1

    public init(window: Window, ceilMode: Bool, p: Int) {
        self.window = window
        self.ceilMode = ceilMode
        self.p = p
    }
}

/// `GlobalAveragePool`, `GlobalMaxPool`, `GlobalLpPool`: [N, C, D1 … Dn] to [N, C, 1 … 1].
public struct GlobalPool: OperatorPayload {
    /// What is taken over the spatial dimensions.
    public var function: Function

    public enum Operand: Int, CaseIterable, Sendable {
        case input
    }

    public static let operandCount = 1...1
    public static let outputCount = 1...1

    public enum Function: Hashable, Sendable {
        case average
        case max
        case lp(p: Int)
    }

    public init(function: Function) {
        self.function = function
    }
}

/// `MaxUnpool`: scatters values to the places that `MaxPool` took them from.
public struct MaxUnpool: OperatorPayload {
    /// Kernel, strides, dilations and padding over the spatial dimensions.
    public var window: Window

    public enum Operand: Int, CaseIterable, Sendable {
        case input, indices, outputShape
    }

    public static let operandCount = 2...3
    public static let outputCount = 1...1

    public init(window: Window) {
        self.window = window
    }
}

/// `RoiAlign`: feature map [N, C, H, W], boxes [R, 4], batch indices [R] to [R, C, outputHeight, outputWidth].
public struct RoiAlign: OperatorPayload {
    /// How the samples of a bin are combined.
    public var mode: Mode
    public var outputHeight: Int
    public var outputWidth: Int
    /// Samples per bin and axis; 0 for as many as the bin is long.
    public var samplingRatio: Int
    /// Factor from box coordinates to the feature map.
    public var spatialScale: Float
    /// Whether boxes are shifted by half a pixel (`half_pixel`, the default since opset 16).
    public var halfPixel: Bool

    public enum Operand: Int, CaseIterable, Sendable {
        case input, boxes, batchIndices
    }

    public static let operandCount = 3...3
    public static let outputCount = 1...1

    public enum Mode: String, CaseIterable, Hashable, Sendable { case average = "avg", max }

    public init(
        mode: Mode,
        outputHeight: Int,
        outputWidth: Int,
        samplingRatio: Int,
        spatialScale: Float,
        halfPixel: Bool
    ) {
        self.mode = mode
        self.outputHeight = outputHeight
        self.outputWidth = outputWidth
        self.samplingRatio = samplingRatio
        self.spatialScale = spatialScale
        self.halfPixel = halfPixel
    }
}

/// The shape of a pool's output: [N, C, D1' … Dn'].
private func pooledShape(_ input: OperandType, window: Window, ceilMode: Bool) throws -> [Dimension]? {
    try input.requireRank(atLeast: 3, "batch, channels, spatial …")
    let lengths = try window.outputShape(
        input.shape.map { Array($0.dropFirst(2)) } ?? window.kernel.map { _ in .unknown }, kernel: nil, ceilMode: ceilMode)
    return [input.dimension(0), input.dimension(1)] + lengths
}

extension AveragePool {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .floats)
        return [InferredValue(input.elementType, try pooledShape(input, window: window, ceilMode: ceilMode))]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension MaxPool {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .numbers)
        let shape = try pooledShape(input, window: window, ceilMode: ceilMode)
        return Array([InferredValue(input.elementType, shape), InferredValue(.int64, shape)].prefix(context.outputCount))
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension LpPool {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .floats)
        return [InferredValue(input.elementType, try pooledShape(input, window: window, ceilMode: ceilMode))]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension GlobalPool {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .floats)
        try input.requireRank(atLeast: 2, "batch, channels")
        return [InferredValue(input.elementType, input.shape.map { $0.prefix(2) + $0.dropFirst(2).map { _ in 1 } })]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension MaxUnpool {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .floats)
        let indices = try context.type(of: Operand.indices, .indices)
        try input.requireRank(atLeast: 3, "batch, channels, spatial …")
        if let rank = input.rank { try indices.requireRank(rank, "as the input has") }
        if context.has(Operand.outputShape) {
            let shape = try context.vector(Operand.outputShape, "one length per dimension")
            return [InferredValue(input.elementType, shape ?? input.shape?.map { _ in .unknown })]
        }
        let window = try window.resolved(kernel: nil)
        guard let shape = input.shape else { return [InferredValue(input.elementType, nil)] }
        guard window.kernel.count == shape.count - 2 else {
            throw CleaveError(
                .shapeMismatch,
                "kernel_shape has \(window.kernel.count) entries, but the input has \(count(shape.count - 2, "spatial dimension"))")
        }
        let lengths: [Dimension] = window.kernel.indices.map { axis in
            let full = (shape[axis + 2] - 1) * .known(window.strides[axis]) + .known(window.kernel[axis])
            guard case .explicit(let begin, let end) = window.padding else { return full }
            return full - .known(begin[axis] + end[axis])
        }
        if let negative = lengths.compactMap(\.known).first(where: { $0 < 0 }) {
            throw CleaveError(.shapeMismatch, "the output would have a dimension of length \(negative): pads remove too much")
        }
        return [InferredValue(input.elementType, shape.prefix(2) + lengths)]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}

extension RoiAlign {
    public func inferOutputs(_ context: InferenceContext) throws -> [InferredValue] {
        let input = try context.type(of: Operand.input, .floats)
        let boxes = try context.type(of: Operand.boxes, .floats)
        let batchIndices = try context.type(of: Operand.batchIndices, .indices)
        try input.requireRank(4, "batch, channels, height, width")
        try boxes.requireRank(2, "boxes, 4 coordinates")
        guard !boxes.dimension(1).isCertainlyDifferent(from: 4) else {
            throw CleaveError(.shapeMismatch, "boxes has \(boxes.dimension(1)) coordinates per box, expected 4")
        }
        try batchIndices.requireVector(boxes.dimension(0), per: "box")
        guard outputHeight > 0, outputWidth > 0 else {
            throw CleaveError(
                .invalidAttribute, "output_height and output_width are \(outputHeight) and \(outputWidth), expected positive numbers")
        }
        let boxCount = unified(boxes.dimension(0), batchIndices.dimension(0)) ?? .unknown
        return [InferredValue(
            try commonElementType([input, boxes]), [boxCount, input.dimension(1), .known(outputHeight), .known(outputWidth)])]
    }

    public func multiplyAccumulates(_ context: CostContext) -> Int? { 0 }
}
