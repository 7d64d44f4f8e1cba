import Tensors

/// `Resize`: interpolates to a shape or by scales. Opset 10 has operands (input, scales), later (input, roi, scales, sizes).
public struct Resize: OperatorPayload {
    public var mode: Mode
    public var coordinates: Coordinates
    public var nearestMode: NearestMode
    public var cubicCoefficient: Float
    public var excludeOutside: Bool
    public var extrapolationValue: Float
    public var antialias: Bool
    /// Dimensions that roi, scales and sizes speak of (since opset 18).
    public var axes: [Int]?
    public var aspectRatioPolicy: AspectRatioPolicy

    public enum Operand: Int, CaseIterable, Sendable {
        case input, roi, scales, sizes
    }

    public static let operandCount = 1...4
    public static let outputCount = 1...1

    public enum Mode: String, CaseIterable, Hashable, Sendable { case nearest, linear, cubic }

    /// How an output coordinate becomes an input coordinate (`coordinate_transformation_mode`).
    public enum Coordinates: String, CaseIterable, Hashable, Sendable {
        case halfPixel = "half_pixel", halfPixelSymmetric = "half_pixel_symmetric", pytorchHalfPixel = "pytorch_half_pixel"
        case alignCorners = "align_corners", asymmetric, tfHalfPixelForNearest = "tf_half_pixel_for_nn"
        case tfCropAndResize = "tf_crop_and_resize"
    }

    public enum NearestMode: String, CaseIterable, Hashable, Sendable {
        case roundPreferFloor = "round_prefer_floor", roundPreferCeil = "round_prefer_ceil", floor, ceil
    }

    public enum AspectRatioPolicy: String, CaseIterable, Hashable, Sendable {
        case stretch, notLarger = "not_larger", notSmaller = "not_smaller"
    }

    public init(
        mode: Mode,
        coordinates: Coordinates,
        nearestMode: NearestMode,
        cubicCoefficient: Float,
        excludeOutside: Bool,
        extrapolationValue: Float,
        antialias: Bool,
        axes: [Int]?,
        aspectRatioPolicy: AspectRatioPolicy
    ) {
        self.mode = mode
        self.coordinates = coordinates
        self.nearestMode = nearestMode
        self.cubicCoefficient = cubicCoefficient
        self.excludeOutside = excludeOutside
        self.extrapolationValue = extrapolationValue
        self.antialias = antialias
        self.axes = axes
        self.aspectRatioPolicy = aspectRatioPolicy
    }
}

/// `Upsample` (up to opset 9): scales are an attribute in opset 7 and an operand since.
public struct Upsample: OperatorPayload {
    public var mode: Resize.Mode
    /// Attribute form.
    public var scales: [Float]?

    public enum Operand: Int, CaseIterable, Sendable {
        case input, scales
    }

    public static let operandCount = 1...2
    public static let outputCount = 1...1

    public init(mode: Resize.Mode, scales: [Float]?) {
        self.mode = mode
        self.scales = scales
    }
}

/// `GridSample`: input [N, C, H, W] sampled at grid [N, Ho, Wo, 2] of coordinates in −1 … 1.
public struct GridSample: OperatorPayload {
    public var mode: Mode
    public var padding: PaddingMode
    public var alignCorners: Bool

    public enum Operand: Int, CaseIterable, Sendable {
        case input, grid
    }

    public static let operandCount = 2...2
    public static let outputCount = 1...1

    /// The raw value is the name since opset 20; before, they were `bilinear`, `nearest` and `bicubic`.
    public enum Mode: String, CaseIterable, Hashable, Sendable { case linear, nearest, cubic }

    public enum PaddingMode: String, CaseIterable, Hashable, Sendable { case zeros, border, reflection }

    public init(mode: Mode, padding: PaddingMode, alignCorners: Bool) {
        self.mode = mode
        self.padding = padding
        self.alignCorners = alignCorners
    }
}
