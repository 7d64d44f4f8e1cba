import Foundation

/// Named arrays in one file, NumPy's `.npz`: a zip archive with an `.npy` file per array, stored or deflated.
public struct NumpyArchive: Sendable {
    public struct Entry: Sendable {
        public var name: String
        public var tensor: Tensor

        public init(name: String, tensor: Tensor) {
            self.name = name
            self.tensor = tensor
        }
    }

    /// In the order of the file; names are different from each other.
    public private(set) var entries: [Entry] = []

    public init() {}

    /// - Throws: `CleaveError` when a name occurs twice.
    public init(_ entries: [Entry]) throws {
        for entry in entries { try append(entry.name, entry.tensor) }
    }

    /// Adds an array at the end.
    /// - Throws: `CleaveError` when there is one of that name.
    public mutating func append(_ name: String, _ tensor: Tensor) throws {
        guard self[name] == nil else {
            throw CleaveError(.invalidRequest, "two arrays have the same name", at: .init(tensor: name))
        }
        entries.append(Entry(name: name, tensor: tensor))
    }

    public subscript(name: String) -> Tensor? { entries.first { $0.name == name }?.tensor }

    /// The arrays of the file at `path`; members of the archive whose name does not end in `.npy` are passed over.
    /// - Throws: `CleaveError` when it cannot be read, is damaged, or holds an array that tensors cannot.
    public init(contentsOf path: String) throws {
        try locating(file: path) {
            let storage = try TensorStorage(contentsOf: path)
            var names: Set<String> = []
            for member in try ZipReader.members(of: storage.bytes) where member.name.hasSuffix(".npy") {
                let name = String(member.name.dropLast(4))
                entries.append(
                    try locating(tensor: name) {
                        guard names.insert(name).inserted else { throw CleaveError(.malformedFile, "two arrays have the same name") }
                        let (contents, range) = try ZipReader.contents(of: member, in: storage)
                        return Entry(name: name, tensor: try NumpyArray.decode(contents, in: range))
                    })
            }
        }
    }

    /// Writes the arrays, not compressed, in order. Equal archives give equal bytes.
    /// - Throws: `CleaveError` when the file cannot be written, or an array has no NumPy form.
    public func write(to path: String) throws {
        let arrays = try entries.map { entry in
            (name: entry.name + ".npy", array: try locating(file: path, tensor: entry.name) { try EncodedArray(entry.tensor) })
        }
        try AtomicFile.replace(path) { descriptor in
            var zip = ZipWriter { try AtomicFile.append($0, to: descriptor, path: path) }
            for (name, array) in arrays {
                try locating(file: path, tensor: name) {
                    try zip.append(name, byteCount: array.byteCount, parts: array.forEachPart)
                }
            }
            try zip.finish()
        }
    }
}
