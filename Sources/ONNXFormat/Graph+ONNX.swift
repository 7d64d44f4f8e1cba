import COnnxSchema
import CProtobufC
import Foundation
import GraphIR
import Tensors

extension Graph {
    /// Reads an ONNX model.
    ///
    /// Weights in the model are read into memory once; external data stays mapped. What the typed graph has no field for
    /// is kept in encoded form, and `write(onnx:)` writes it back.
    /// - Throws: `CleaveError` naming file, node, operator and tensor, for a file that cannot be read, is damaged, breaks a
    ///   rule of ONNX, or uses an opset beyond 23. External data must lie in the model's folder.
    public init(onnx path: String) throws {
        self = try locating(file: path) {
            try Self.build(UnpackedMessage(MappedFile(path)), ExternalData(folder: FilePath.folder(of: path), model: path))
        }
    }

    /// Reads a serialized ONNX model.
    /// - Parameter externalDataFolder: the folder that external data lies in; without one, external data is refused.
    /// - Throws: `CleaveError`, as `init(onnx:)`.
    public init(onnxBytes: some ContiguousBytes, externalDataFolder: String? = nil) throws {
        self = try onnxBytes.withUnsafeBytes {
            try Self.build(UnpackedMessage<Onnx__ModelProto>($0), ExternalData(folder: externalDataFolder))
        }
    }

    private static func build(_ model: borrowing UnpackedMessage<Onnx__ModelProto>, _ external: ExternalData) throws -> Graph {
        do {
            var importer = try Importer(model.pointer, external: external)
            return try importer.graph()
        } catch var error as CleaveError where error.suggestion == nil {
            error.suggestion = "the file may be damaged, or its exporter wrong: fetch or export it again"
            throw error
        }
    }

    /// Writes the graph as an ONNX model. The same graph always gives the same bytes.
    ///
    /// The file is replaced as a whole: whoever reads its name sees the old model or the new one.
    /// - Throws: `CleaveError` when the file cannot be written, or the graph's opset cannot express an operator.
    @discardableResult
    public func write(onnx path: String, options: ONNXWriteOptions = ONNXWriteOptions()) throws -> ONNXWriteResult {
        try locating(file: path) { try ModelWriter(self, path: path, options: options).write() }
    }

    /// The graph as a serialized ONNX model.
    /// - Throws: `CleaveError` when that would be over 2 GiB, or the graph's opset cannot express an operator.
    public func onnxBytes() throws -> [UInt8] {
        let exporter = Exporter(self)
        return try withExtendedLifetime(exporter) {
            let model = try exporter.model()
            try exporter.checkSize(of: model, limit: Int(Int32.max))
            return packed(model)
        }
    }
}
