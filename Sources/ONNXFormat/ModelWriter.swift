import COnnxSchema
import CProtobufC
import Foundation
import GraphIR
import Tensors

/// Writes a model, and the file of external data beside it.
///
/// Data that the old model uses is not touched before the new model is in its place: new data gets another name, and the old
/// data goes last. A process that dies at any moment leaves the old model or the new one, complete.
struct ModelWriter {
    private let graph: Graph
    private let path: String
    private let options: ONNXWriteOptions
    /// Called after every change of the folder.
    private let observe: () throws -> Void

    init(_ graph: Graph, path: String, options: ONNXWriteOptions, observe: @escaping () throws -> Void = {}) {
        self.graph = graph
        self.path = path
        self.options = options
        self.observe = observe
    }

    func write() throws -> ONNXWriteResult {
        let exporter = Exporter(graph)
        return try withExtendedLifetime(exporter) { try write(with: exporter) }
    }

    private func write(with exporter: Exporter) throws -> ONNXWriteResult {
        let model = try exporter.model()
        let isTooLarge = exporter.size(of: model) > options.sizeLimit
        let wantsData = options.externalData == .always || (options.externalData == .automatic && isTooLarge)
        // A link to a model is written through, and its data belongs beside the model that it leads to.
        let names = ExternalDataNames(of: Self.resolvingLinks(path))
        let layout = wantsData ? exporter.moveInitializersOut(to: names.new, smallest: options.smallestExternalTensor) : []
        try exporter.checkSize(of: model, limit: options.sizeLimit)
        var result = ONNXWriteResult(modelSize: 0, dataPath: layout.isEmpty ? nil : names.path(of: names.new), dataSize: 0)
        var files: [(path: String, write: (Int32) throws -> Void)] = []
        if let dataPath = result.dataPath {
            files.append((dataPath, { result.dataSize = try Self.fill($0, dataPath) { Self.append(layout, to: $0) } }))
        }
        files.append((path, { result.modelSize = try Self.fill($0, path) { $0.pack(model) } }))
        try AtomicFile.replace(files, namelessly: true, observe: observe)
        for path in names.abandoned(keeping: result.dataPath == nil ? nil : names.new) {
            unlink(path)
            try observe()
        }
        return result
    }

    private static func append(_ layout: [Exporter.ExternalTensor], to output: borrowing FileOutput) {
        let zeros = [UInt8](repeating: 0, count: Exporter.externalAlignment)
        for entry in layout {
            zeros.withUnsafeBytes { output.append(UnsafeRawBufferPointer(rebasing: $0[..<(entry.offset - output.count)])) }
            entry.tensor.withUnsafeBytes { output.append($0) }
        }
    }

    /// - Returns: the number of bytes written.
    private static func fill(_ descriptor: Int32, _ path: String, _ body: (borrowing FileOutput) -> Void) throws -> Int {
        let output = try FileOutput(descriptor, path: path)
        body(output)
        try output.finish()
        return output.count
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
