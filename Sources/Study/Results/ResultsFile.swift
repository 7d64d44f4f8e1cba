import Foundation
import Tensors

/// Small files of results as JSON: members in the order of their names, one line each.
enum ResultsFile {
    /// - Throws: `CleaveError` when it cannot be written; the old one is still there.
    static func write(_ value: some Encodable, to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        try AtomicFile.write([UInt8](try encoder.encode(value)) + [UInt8(ascii: "\n")], to: path)
    }

    /// - Returns: `nil` when there is no such file.
    /// - Throws: `CleaveError` when it is damaged.
    static func read<Value: Decodable>(_ type: Value.Type, from path: String) throws -> Value? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        do {
            let storage = try TensorStorage(contentsOf: path)
            return try decoder.decode(type, from: withExtendedLifetime(storage) { Data(storage.bytes) })
        } catch is DecodingError {
            throw CleaveError(
                .malformedFile, "the file is half-written, or not one of a study", at: .init(file: path),
                suggestion: "run the study again: it makes the file anew")
        }
    }
}
