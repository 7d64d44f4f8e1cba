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

    public enum Mode: String, Hashable, Sendable { case average = "avg", max }

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
