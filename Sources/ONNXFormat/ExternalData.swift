import COnnxSchema
import Foundation
import Tensors

/// Finds the files that tensors of a model keep their elements in, and maps each once.
final class ExternalData {
    private let folder: String?
    private let model: String?
    private var files: [String: TensorStorage] = [:]

    /// - Parameters:
    ///   - folder: the model's folder, empty for the current one; without one, external data is refused.
    ///   - model: the model's path, which may be a link.
    init(folder: String?, model: String? = nil) {
        self.folder = folder.map { $0.isEmpty ? "." : $0 }
        self.model = model
    }

    /// Where a tensor's elements are.
    struct Reference {
        var location = ""
        var offset = 0
        /// `nil` for up to the end of the file.
        var length: Int?

        /// - Throws: `CleaveError` when the location is missing, or a number is none.
        init(_ tensor: Onnx__TensorProto) throws {
            for entry in elements(tensor.external_data, tensor.n_external_data) {
                let value = try text(entry.pointee.value)
                switch try text(entry.pointee.key) {
                case "location": location = value
                case "offset": offset = try Self.number(value, "offset")
                case "length": length = try Self.number(value, "length")
                default: break
                }
            }
            guard !location.isEmpty else {
                throw CleaveError(.malformedTensor, "the external data has no location, expected a file name")
            }
        }

        private static func number(_ text: String, _ key: String) throws -> Int {
            guard let number = Int(text), number >= 0 else {
                throw CleaveError(.malformedTensor, "the external data's \(key) is '\(text)', expected a number of bytes")
            }
            return number
        }
    }

    /// The bytes that a reference stands for, as a range of a mapped file.
    /// - Throws: `CleaveError` when the file is outside of the model's folder, missing, or too short.
    func bytes(_ reference: Reference) throws -> (storage: TensorStorage, range: Range<Int>) {
        let storage = try file(reference.location)
        let size = storage.bytes.count
        let available = size - reference.offset
        guard available >= 0, (reference.length ?? available) <= available else {
            throw CleaveError(
                .malformedTensor,
                "bytes from \(reference.offset)\(reference.length.map { ", \($0) of them," } ?? "") are wanted of "
                    + "'\(reference.location)', which has \(size)",
                suggestion: "the data file may belong to another model, or be cut short")
        }
        return (storage, reference.offset..<(reference.offset + (reference.length ?? available)))
    }

    /// Bytes of all files that were asked for so far.
    var byteCount: Int { files.values.reduce(0) { $0 + $1.bytes.count } }

    private func file(_ location: String) throws -> TensorStorage {
        if let known = files[location] { return known }
        let path = try path(of: location)
        let file: MappedFile
        do {
            file = try MappedFile(path)
        } catch let error as CleaveError {
            throw Self.unreadable(location, error)
        }
        let storage = TensorStorage(takingOver: file.bytes) { _ in withExtendedLifetime(file) {} }
        files[location] = storage
        return storage
    }

    /// A model whose data cannot be read is a damaged one: `error` becomes a fault of the model.
    private static func unreadable(_ location: String, _ error: CleaveError) -> CleaveError {
        CleaveError(
            .malformedTensor, "the external data '\(location)': \(error.problem)",
            suggestion: "the file is a part of the model: put the one that came with it into the model's folder")
    }

    /// The path of a data file, which must lie in the model's folder however links lead, or be a neighbour of the file that the
    /// model's own path leads to: caches of downloads keep both in one folder under other names, and links to them in another.
    private func path(of location: String) throws -> String {
        guard let folder else {
            throw CleaveError(
                .malformedTensor, "the data is in the file '\(location)', but the model itself is in no folder",
                suggestion: "name the folder that holds the data")
        }
        func refused(_ reason: String) -> CleaveError {
            CleaveError(
                .malformedTensor, "the external data's location '\(location)' \(reason), expected a file inside the model's folder",
                suggestion: "copy the data file into the model's folder and store a relative path")
        }
        guard !location.hasPrefix("/") else { throw refused("is absolute") }
        guard !location.split(separator: "/").contains("..") else { throw refused("leaves the folder") }
        let path = "\(folder)/\(location)"
        guard let resolvedFolder = Self.resolve(folder), let resolved = Self.resolve(path) else {
            throw Self.unreadable(location, AtomicFile.failure("cannot open", path))
        }
        let isInside = resolved.hasPrefix(resolvedFolder == "/" ? "/" : resolvedFolder + "/")
        guard isInside || FilePath.folder(of: resolved) == model.flatMap(Self.resolve).map(FilePath.folder) else {
            throw refused("is a link to elsewhere")
        }
        guard Self.linkCount(resolved) <= 1 else { throw refused("has hard links, which may be to a file elsewhere") }
        return resolved
    }

    /// How many names the file has.
    private static func linkCount(_ path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG ? Int(status.st_nlink) : 0
    }

    private static func resolve(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
