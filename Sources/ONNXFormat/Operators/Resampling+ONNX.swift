import GraphIR
import Tensors

extension OperatorTable {
    static let resamplings: [OperatorEntry] = [
        OperatorEntry("Resize", since: 10) { .resize(try Resize(onnx: &$0)) },
        OperatorEntry("Upsample", 7...9) {
            .upsample(
                Upsample(
                    mode: try $0.choice("mode", default: .nearest), scales: $0.opset < 9 ? try $0.requiredFloats("scales") : nil))
        },
        OperatorEntry("GridSample", since: 16) { .gridSample(try GridSample(onnx: &$0)) },
    ]
}

extension Resize {
    /// Opset 10 knows the mode only: coordinates are output / scale, and `nearest` rounds down, as `Upsample` does.
    init(onnx reader: inout AttributeReader) throws {
        let mode = try reader.choice("mode", default: Mode.nearest)
        guard reader.opset >= 11 else {
            if mode == .cubic { throw NotModelled() }
            self.init(
                mode: mode, coordinates: .asymmetric, nearestMode: .floor, cubicCoefficient: Self.defaultCubicCoefficient,
                excludeOutside: false, extrapolationValue: 0, antialias: false, axes: nil, aspectRatioPolicy: .stretch)
            return
        }
        let isNewer = reader.opset >= 18
        self.init(
            mode: mode, coordinates: try reader.choice("coordinate_transformation_mode", default: .halfPixel),
            nearestMode: try reader.choice("nearest_mode", default: .roundPreferFloor),
            cubicCoefficient: try reader.float("cubic_coeff_a", default: Self.defaultCubicCoefficient),
            excludeOutside: try reader.bool("exclude_outside", default: false),
            extrapolationValue: try reader.float("extrapolation_value", default: 0),
            antialias: isNewer ? try reader.bool("antialias", default: false) : false, axes: isNewer ? try reader.ints("axes") : nil,
            aspectRatioPolicy: isNewer ? try reader.choice("keep_aspect_ratio_policy", default: .stretch) : .stretch)
    }

    private static let defaultCubicCoefficient: Float = -0.75

    func write(to writer: inout AttributeWriter) throws {
        writer.string("mode", mode.rawValue, default: Mode.nearest.rawValue)
        guard writer.opset >= 11 else {
            return try writer.require(
                mode != .cubic && coordinates == .asymmetric && (mode != .nearest || nearestMode == .floor),
                "the interpolation is \(mode.rawValue) with \(coordinates.rawValue) coordinates", since: 11)
        }
        try writer.bool("antialias", antialias, since: 18, default: false)
        try writer.ints("axes", axes, since: 18)
        try writer.string(
            "coordinate_transformation_mode", coordinates.rawValue, since: coordinates == .halfPixelSymmetric ? 19 : 11,
            default: Coordinates.halfPixel.rawValue)
        writer.float("cubic_coeff_a", cubicCoefficient, default: Self.defaultCubicCoefficient)
        writer.bool("exclude_outside", excludeOutside, default: false)
        writer.float("extrapolation_value", extrapolationValue, default: 0)
        try writer.string(
            "keep_aspect_ratio_policy", aspectRatioPolicy.rawValue, since: 18, default: AspectRatioPolicy.stretch.rawValue)
        writer.string("nearest_mode", nearestMode.rawValue, default: NearestMode.roundPreferFloor.rawValue)
    }
}

extension Upsample {
    func write(to writer: inout AttributeWriter) throws {
        try writer.require(scales == nil || writer.opset < 9, "the scales are an attribute", upTo: 8)
        try writer.require(scales != nil || writer.opset >= 9, "the scales are an operand", since: 9)
        writer.string("mode", mode.rawValue, default: Resize.Mode.nearest.rawValue)
        writer.floats("scales", scales)
    }
}

extension GridSample {
    init(onnx reader: inout AttributeReader) throws {
        let text = try reader.string("mode")
        let mode = text.map { text in Mode.allCases.first { $0.onnxName(opset: reader.opset) == text } } ?? .linear
        guard let mode else {
            throw AttributeReader.unknown(text ?? "", "mode", expected: Mode.allCases.map { $0.onnxName(opset: reader.opset) })
        }
        self.init(
            mode: mode, padding: try reader.choice("padding_mode", default: .zeros),
            alignCorners: try reader.bool("align_corners", default: false))
    }

    func write(to writer: inout AttributeWriter) {
        writer.bool("align_corners", alignCorners, default: false)
        writer.string("mode", mode.onnxName(opset: writer.opset))
        writer.string("padding_mode", padding.rawValue, default: PaddingMode.zeros.rawValue)
    }
}

extension GridSample.Mode {
    /// The names were those of images up to opset 19.
    func onnxName(opset: Int) -> String {
        switch self {
        case .linear: opset < 20 ? "bilinear" : rawValue
        case .cubic: opset < 20 ? "bicubic" : rawValue
        case .nearest: rawValue
        }
    }
}
