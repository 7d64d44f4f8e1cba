import COnnxSchema
import CProtobufC
import Foundation
import GraphIR
import Tensors

/// Writes a model, and the file of external data beside it.
struct ModelWriter {
    private let graph: Graph
    private let path: String
    private let options: ONNXWriteOptions

    init(_ graph: Graph, path: String, options: ONNXWriteOptions) {
        self.graph = graph
        self.path = path
        self.options = options
    }

    func write() throws -> ONNXWriteResult {
        let exporter = Exporter(graph)
        return try withExtendedLifetime(exporter) { try write(with: exporter) }
    }

    private func write(with exporter: Exporter) throws -> ONNXWriteResult {
        let model = try exporter.model()
        let isTooLarge = exporter.size(of: model) > options.sizeLimit
        guard options.externalData == .always || (options.externalData == .automatic && isTooLarge) else {
            try exporter.checkSize(of: model, limit: options.sizeLimit)
            return ONNXWriteResult(modelSize: try replace(path) { $0.pack(model) }, dataPath: nil, dataSize: 0)
        }
        // A link to a model is written through, and its data belongs beside the model that it leads to.
        let dataPath = Self.resolvingLinks(path) + ".data"
        let layout = exporter.moveInitializersOut(
            to: FilePath.name(of: dataPath), smallest: options.smallestExternalTensor)
        guard !layout.isEmpty else {
            try exporter.checkSize(of: model, limit: options.sizeLimit)
            return ONNXWriteResult(modelSize: try replace(path) { $0.pack(model) }, dataPath: nil, dataSize: 0)
        }
        try exporter.checkSize(of: model, limit: options.sizeLimit)
        // Both files are complete before either name changes.
        var result = ONNXWriteResult(modelSize: 0, dataPath: dataPath, dataSize: 0)
        result.modelSize = try replace(path) { output in
            output.pack(model)
            try output.finish()
            result.dataSize = try replace(dataPath) { Self.write(layout, to: $0) }
        }
        return result
    }

    private static func write(_ layout: [Exporter.ExternalTensor], to output: borrowing FileOutput) {
        let zeros = [UInt8](repeating: 0, count: Exporter.externalAlignment)
        for entry in layout {
            zeros.withUnsafeBytes { output.append(UnsafeRawBufferPointer(rebasing: $0[..<(entry.offset - output.count)])) }
            entry.tensor.withUnsafeBytes { output.append($0) }
        }
    }

    /// - Returns: the number of bytes written.
    private func replace(_ path: String, _ body: (borrowing FileOutput) throws -> Void) throws -> Int {
        var count = 0
        try AtomicFile.replace(path) { descriptor in
            let output = try FileOutput(descriptor, path: path)
            try body(output)
            try output.finish()
            count = output.count
        }
        return count
    }

    private static func resolvingLinks(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}

/// A protobuf-c buffer in front of a file descriptor.
private struct FileOutput: ~Copyable {
    private let buffer: UnsafeMutablePointer<cleave_fd_buffer>
    private let path: String

    init(_ descriptor: Int32, path: String) throws {
        self.path = path
        buffer = .allocate(capacity: 1)
        guard cleave_fd_buffer_init(buffer, descriptor, 0) == 0 else {
            buffer.deallocate()
            throw CleaveError(.file, "cannot write: there is not enough memory", at: .init(file: path))
        }
    }

    deinit {
        cleave_fd_buffer_destroy(buffer)
        buffer.deallocate()
    }

    /// Bytes so far.
    var count: Int { Int(buffer.pointee.total) }

    func append(_ bytes: UnsafeRawBufferPointer) { cleave_fd_buffer_append(buffer, bytes.baseAddress, bytes.count) }

    func pack<Message: WireMessage>(_ message: UnsafePointer<Message>) {
        cleave_fd_buffer_pack(buffer, UnsafeRawPointer(message).assumingMemoryBound(to: ProtobufCMessage.self))
    }

    /// - Throws: `CleaveError` when not all bytes reached the file.
    func finish() throws {
        let error = cleave_fd_buffer_flush(buffer)
        guard error == 0 else {
            errno = error
            throw AtomicFile.failure("cannot write", path)
        }
    }
}
