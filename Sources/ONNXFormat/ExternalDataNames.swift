import Foundation
import Tensors

/// Names of the files that a model's external data goes to: the model's name with `.data` appended, and with `.data.1` and so
/// on where the model that is replaced uses that one.
struct ExternalDataNames {
    private let folder: String
    private let model: String
    /// What the model at the path, if there is one, uses of these names.
    private let used: [String]
    /// The name for new data, which nothing uses.
    let new: String

    /// - Parameter path: of the model, links resolved.
    init(of path: String) {
        let folder = FilePath.folder(of: path), model = FilePath.name(of: path)
        let old = try? MappedFile(path)
        func name(_ index: Int) -> String { model + (index == 0 ? ".data" : ".data.\(index)") }
        func isUsed(_ name: String) -> Bool {
            access(folder + "/" + name, F_OK) == 0 && (old.map { Self.mentions(name, in: $0) } ?? false)
        }
        var index = 0
        while isUsed(name(index)) { index += 1 }
        self.folder = folder
        self.model = model
        new = name(index)
        // Writing moves to the first free name, so that of the later ones at most the next is in use.
        used = (0..<index).map(name) + [name(index + 1)].filter(isUsed)
    }

    func path(of name: String) -> String { folder + "/" + name }

    /// Paths of files that the replaced model used and that no model in the folder uses now.
    /// - Parameter current: the name that the new model uses.
    func abandoned(keeping current: String?) -> [String] {
        let candidates = used.filter { $0 != current }
        guard !candidates.isEmpty else { return [] }
        let others = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { $0.hasSuffix(".onnx") && $0 != model }
            .compactMap { try? MappedFile(path(of: $0)) }
        return candidates.filter { name in !others.contains { Self.mentions(name, in: $0) } }.map(path)
    }

    /// Whether a model's file has an entry `location: name` (onnx.proto: `StringStringEntryProto`, key 1 and value 2).
    private static func mentions(_ name: String, in file: MappedFile) -> Bool {
        func field(_ number: UInt8, _ text: String) -> [UInt8] {
            let count = text.utf8.count
            let length = count < 128 ? [UInt8(count)] : [UInt8(count & 127) | 128, UInt8(truncatingIfNeeded: count >> 7)]
            return [number << 3 | 2] + length + text.utf8
        }
        return withExtendedLifetime(file) { file.bytes.contains(field(1, "location") + field(2, name)) }
    }
}

extension UnsafeRawBufferPointer {
    /// Whether the bytes have `pattern`, which is not empty, somewhere.
    fileprivate func contains(_ pattern: [UInt8]) -> Bool {
        guard let start = baseAddress, count >= pattern.count else { return false }
        var offset = 0
        let places = count - pattern.count + 1
        while offset < places, let found = memchr(start + offset, Int32(pattern[0]), places - offset) {
            if memcmp(found, pattern, pattern.count) == 0 { return true }
            offset = UnsafeRawPointer(found) - start + 1
        }
        return false
    }
}
