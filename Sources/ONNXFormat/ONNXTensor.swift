import COnnxSchema
import CProtobufC
import Foundation
import Tensors

/// A tensor in a file of its own, as ONNX's test data has them: a serialized `TensorProto`.
public struct ONNXTensor: Hashable, Sendable {
    /// The tensor's name; often empty.
    public var name: String
    public var tensor: Tensor

    public init(name: String, tensor: Tensor) {
        self.name = name
        self.tensor = tensor
    }

    /// Reads a `.pb` file.
    /// - Throws: `CleaveError` naming the file, when it holds no tensor: damaged, or a sequence, which has another message.
    public init(path: String) throws {
        self = try locating(file: path) {
            try Self(UnpackedMessage(MappedFile(path)), folder: FilePath.folder(of: path))
        }
    }

    /// Reads a serialized `TensorProto`.
    public init(bytes: some ContiguousBytes) throws {
        self = try bytes.withUnsafeBytes { try Self(UnpackedMessage($0), folder: nil) }
    }

    private init(_ message: borrowing UnpackedMessage<Onnx__TensorProto>, folder: String?) throws {
        name = try text(message.pointer.pointee.name)
        tensor = try TensorReader(external: ExternalData(folder: folder)).tensor(message.pointer, .takeOver)
    }

    /// The serialized `TensorProto`.
    public func bytes() -> [UInt8] {
        let arena = MessageArena()
        let message = arena.make(Onnx__TensorProto.self)
        if !name.isEmpty { message.pointee.name = arena.string(name) }
        tensor.write(into: message, arena)
        return withExtendedLifetime(arena) { packed(message) }
    }

    /// Writes a `.pb` file.
    public func write(to path: String) throws { try AtomicFile.write(bytes(), to: path) }
}
