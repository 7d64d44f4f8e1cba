import GraphIR
import Tensors

extension Window {
    /// Reads `kernel_shape`, `strides`, `dilations`, `pads` and `auto_pad`.
    init(onnx reader: inout AttributeReader, hasDilations: Bool, requiresKernel: Bool) throws {
        let kernel = requiresKernel ? try reader.requiredInts("kernel_shape") : try reader.ints("kernel_shape") ?? []
        self.init(
            kernel: kernel, strides: try reader.ints("strides") ?? [], dilations: hasDilations ? try reader.ints("dilations") ?? [] : [],
            padding: try Padding(onnx: &reader))
    }

    /// - Throws: `CleaveError` when there are dilations and the operator has none yet.
    func write(to writer: inout AttributeWriter, dilationsSince: Int) throws {
        writer.ints("kernel_shape", kernel.isEmpty ? nil : kernel)
        writer.ints("strides", strides.isEmpty ? nil : strides)
        if writer.opset >= dilationsSince {
            writer.ints("dilations", dilations.isEmpty ? nil : dilations)
        } else {
            try writer.require(dilations.allSatisfy { $0 == 1 }, "attribute 'dilations' is \(dilations)", since: dilationsSince)
        }
        padding.write(to: &writer)
    }
}

extension Window.Padding {
    init(onnx reader: inout AttributeReader) throws {
        let pads = try reader.ints("pads") ?? []
        guard pads.count.isMultiple(of: 2) else {
            throw CleaveError(.invalidAttribute, "attribute 'pads' has \(pads.count) entries, expected two per spatial dimension")
        }
        switch try reader.string("auto_pad") ?? "NOTSET" {
        case "NOTSET", "": self = .explicit(begin: Array(pads[..<(pads.count / 2)]), end: Array(pads[(pads.count / 2)...]))
        case "SAME_UPPER": self = .sameUpper
        case "SAME_LOWER": self = .sameLower
        case "VALID": self = .valid
        case let text: throw AttributeReader.unknown(text, "auto_pad", expected: ["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"])
        }
    }

    func write(to writer: inout AttributeWriter) {
        switch self {
        case .explicit(let begin, let end):
            guard !begin.isEmpty || !end.isEmpty else { return }
            let zeros = [Int](repeating: 0, count: max(begin.count, end.count))
            writer.ints("pads", (begin.isEmpty ? zeros : begin) + (end.isEmpty ? zeros : end))
        case .sameUpper: writer.string("auto_pad", "SAME_UPPER")
        case .sameLower: writer.string("auto_pad", "SAME_LOWER")
        case .valid: writer.string("auto_pad", "VALID")
        }
    }
}
