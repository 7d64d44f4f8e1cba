import GraphIR
import Tensors

extension OperatorTable {
    static let poolings: [OperatorEntry] = [
        OperatorEntry("AveragePool", since: 1) { .averagePool(try AveragePool(onnx: &$0)) },
        OperatorEntry("MaxPool", since: 1) { .maxPool(try MaxPool(onnx: &$0)) },
        OperatorEntry("LpPool", since: 2) { .lpPool(try LpPool(onnx: &$0)) },
        OperatorEntry("GlobalAveragePool", since: 1) { _ in .globalPool(GlobalPool(function: .average)) },
        OperatorEntry("GlobalMaxPool", since: 1) { _ in .globalPool(GlobalPool(function: .max)) },
        OperatorEntry("GlobalLpPool", since: 2) { .globalPool(GlobalPool(function: .lp(p: try $0.int("p", default: 2)))) },
        OperatorEntry("MaxUnpool", since: 9) { .maxUnpool(try MaxUnpool(onnx: &$0)) },
        OperatorEntry("RoiAlign", since: 10) { .roiAlign(try RoiAlign(onnx: &$0)) },
    ]
}

extension AveragePool {
    init(onnx reader: inout AttributeReader) throws {
        self.init(
            window: try Window(onnx: &reader, hasDilations: reader.opset >= 19, requiresKernel: true),
            ceilMode: reader.opset >= 10 ? try reader.bool("ceil_mode", default: false) : false,
            countIncludePad: reader.opset >= 7 ? try reader.bool("count_include_pad", default: false) : false)
    }

    func write(to writer: inout AttributeWriter) throws {
        try window.write(to: &writer, dilationsSince: 19)
        try writer.bool("ceil_mode", ceilMode, since: 10, default: false)
        try writer.bool("count_include_pad", countIncludePad, since: 7, default: false)
    }
}

extension MaxPool {
    init(onnx reader: inout AttributeReader) throws {
        self.init(
            window: try Window(onnx: &reader, hasDilations: reader.opset >= 10, requiresKernel: true),
            ceilMode: reader.opset >= 10 ? try reader.bool("ceil_mode", default: false) : false,
            columnMajorIndices: reader.opset >= 8 ? try reader.bool("storage_order", default: false) : false)
    }

    func write(to writer: inout AttributeWriter) throws {
        try window.write(to: &writer, dilationsSince: 10)
        try writer.bool("ceil_mode", ceilMode, since: 10, default: false)
        try writer.bool("storage_order", columnMajorIndices, since: 8, default: false)
        try writer.require(writer.outputCount < 2 || writer.opset >= 8, "MaxPool has an index output", since: 8)
    }
}

extension LpPool {
    init(onnx reader: inout AttributeReader) throws {
        self.init(
            window: try Window(onnx: &reader, hasDilations: reader.opset >= 18, requiresKernel: true),
            ceilMode: reader.opset >= 18 ? try reader.bool("ceil_mode", default: false) : false, p: try reader.int("p", default: 2))
    }

    func write(to writer: inout AttributeWriter) throws {
        try window.write(to: &writer, dilationsSince: 18)
        try writer.bool("ceil_mode", ceilMode, since: 18, default: false)
        writer.int("p", p, default: 2)
    }
}

extension GlobalPool {
    func write(to writer: inout AttributeWriter) {
        switch function {
        case .average, .max: break
        case .lp(let p): writer.int("p", p, default: 2)
        }
    }
}

extension MaxUnpool {
    init(onnx reader: inout AttributeReader) throws {
        guard !reader.has("auto_pad") else { throw NotModelled() }
        self.init(window: try Window(onnx: &reader, hasDilations: false, requiresKernel: true))
    }

    func write(to writer: inout AttributeWriter) throws { try window.write(to: &writer, dilationsSince: .max) }
}

extension RoiAlign {
    init(onnx reader: inout AttributeReader) throws {
        var halfPixel = false
        if reader.opset >= 16 {
            switch try reader.string("coordinate_transformation_mode") ?? "half_pixel" {
            case "half_pixel": halfPixel = true
            case "output_half_pixel": halfPixel = false
            case let text:
                throw AttributeReader.unknown(text, "coordinate_transformation_mode", expected: ["half_pixel", "output_half_pixel"])
            }
        }
        self.init(
            mode: try reader.choice("mode", default: .average), outputHeight: try reader.int("output_height", default: 1),
            outputWidth: try reader.int("output_width", default: 1), samplingRatio: try reader.int("sampling_ratio", default: 0),
            spatialScale: try reader.float("spatial_scale", default: 1), halfPixel: halfPixel)
    }

    func write(to writer: inout AttributeWriter) throws {
        writer.string("mode", mode.rawValue, default: Mode.average.rawValue)
        writer.int("output_height", outputHeight, default: 1)
        writer.int("output_width", outputWidth, default: 1)
        writer.int("sampling_ratio", samplingRatio, default: 0)
        writer.float("spatial_scale", spatialScale, default: 1)
        if writer.opset >= 16 {
            writer.string("coordinate_transformation_mode", halfPixel ? "half_pixel" : "output_half_pixel")
        } else {
            try writer.require(!halfPixel, "boxes are shifted by half a pixel", since: 16)
        }
    }
}
