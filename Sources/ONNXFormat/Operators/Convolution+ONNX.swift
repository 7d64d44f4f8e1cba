import GraphIR
import Tensors

extension OperatorTable {
    static let convolutions: [OperatorEntry] = [
        OperatorEntry("Conv", since: 1) { .convolution(try Convolution(onnx: &$0)) },
        OperatorEntry("ConvTranspose", since: 1) { .convolutionTranspose(try ConvolutionTranspose(onnx: &$0)) },
        OperatorEntry("ConvInteger", since: 10) { .convInteger(try ConvInteger(onnx: &$0)) },
        OperatorEntry("QLinearConv", since: 10) { .qLinearConv(try QLinearConv(onnx: &$0)) },
    ]
}

extension Window {
    /// What every convolution has.
    fileprivate static func withGroups(onnx reader: inout AttributeReader) throws -> (window: Window, groups: Int) {
        (try Window(onnx: &reader, hasDilations: true, requiresKernel: false), try reader.int("group", default: 1))
    }

    fileprivate func write(to writer: inout AttributeWriter, groups: Int, dilationsSince opset: Int) throws {
        try write(to: &writer, dilationsSince: opset)
        writer.int("group", groups, default: 1)
    }
}

extension Convolution {
    init(onnx reader: inout AttributeReader) throws {
        let (window, groups) = try Window.withGroups(onnx: &reader)
        self.init(window: window, groups: groups)
    }

    func write(to writer: inout AttributeWriter) throws {
        try window.write(to: &writer, groups: groups, dilationsSince: 1)
    }
}

extension ConvolutionTranspose {
    init(onnx reader: inout AttributeReader) throws {
        let (window, groups) = try Window.withGroups(onnx: &reader)
        self.init(
            window: window, groups: groups,
            outputPadding: try reader.ints("output_padding") ?? [], outputShape: try reader.ints("output_shape"))
    }

    func write(to writer: inout AttributeWriter) throws {
        try window.write(to: &writer, groups: groups, dilationsSince: 1)
        writer.ints("output_padding", outputPadding.isEmpty ? nil : outputPadding)
        writer.ints("output_shape", outputShape)
    }
}

extension ConvInteger {
    init(onnx reader: inout AttributeReader) throws {
        let (window, groups) = try Window.withGroups(onnx: &reader)
        self.init(window: window, groups: groups)
    }

    func write(to writer: inout AttributeWriter) throws {
        try window.write(to: &writer, groups: groups, dilationsSince: 10)
    }
}

extension QLinearConv {
    init(onnx reader: inout AttributeReader) throws {
        let (window, groups) = try Window.withGroups(onnx: &reader)
        self.init(window: window, groups: groups)
    }

    func write(to writer: inout AttributeWriter) throws {
        try window.write(to: &writer, groups: groups, dilationsSince: 10)
    }
}
