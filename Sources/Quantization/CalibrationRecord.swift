import Foundation
import Tensors

/// What a calibration has seen of the values of a network; it can be saved, merged with others, and used again.
public struct CalibrationRecord: Hashable, Sendable, Codable {
    public struct Entry: Hashable, Sendable, Codable {
        public var value: String
        public var statistics: ValueStatistics
    }

    /// The version of the file format.
    private var format = 1
    /// What was done to the network before it was run, apart from folding, which always is.
    public var equalized: Bool
    /// By value, in the order of execution.
    public internal(set) var entries: [Entry]

    public init(equalized: Bool, entries: [Entry]) {
        self.equalized = equalized
        self.entries = entries
    }

    /// Samples that were run.
    public var sampleCount: Int { entries.map(\.statistics.samples).max() ?? 0 }

    /// Names of the values that were the same number all the time, which says that the samples do not belong to the model, or that what
    /// was calibrated is dead.
    public var constantValues: [String] { entries.filter { $0.statistics.low == $0.statistics.high }.map(\.value) }

    public var hasHistograms: Bool { entries.allSatisfy { $0.statistics.histogram != nil } }

    /// By name of the value.
    public var statistics: [String: ValueStatistics] {
        Dictionary(entries.map { ($0.value, $0.statistics) }, uniquingKeysWith: { first, _ in first })
    }

    /// The sum of several calibrations of the same network.
    /// - Throws: `CleaveError` when they are of different networks, or there is none.
    public static func merged(_ records: [CalibrationRecord]) throws -> CalibrationRecord {
        guard var result = records.first else { throw CleaveError(.invalidRequest, "there are no ranges to merge") }
        for record in records.dropFirst() {
            guard record.entries.map(\.value) == result.entries.map(\.value), record.equalized == result.equalized else {
                let other = zip(record.entries, result.entries).first { $0.value != $1.value }?.0.value
                throw CleaveError(
                    .invalidRequest,
                    "the ranges are of different networks: "
                        + (other.map { "'\($0)' is not where it was" }
                            ?? "\(record.entries.count) values, expected \(result.entries.count)"),
                    suggestion: "calibrate the same model for all of them")
            }
            for index in result.entries.indices { result.entries[index].statistics.merge(record.entries[index].statistics) }
        }
        return result
    }

    // MARK: Files

    /// Reads a file that `write` wrote.
    /// - Throws: `CleaveError` naming the file, and what in it makes no sense.
    public init(reading path: String) throws {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw CleaveError(.file, "the ranges cannot be read: \(error.localizedDescription)", at: .init(file: path))
        }
        do {
            self = try JSONDecoder().decode(Self.self, from: data)
        } catch {
            throw CleaveError(
                .malformedFile, "these are no ranges of a calibration: \(Self.words(for: error))", at: .init(file: path),
                suggestion: "`cleave calibrate` writes such files")
        }
        guard format == 1 else {
            throw CleaveError(.malformedFile, "the format is \(format), expected 1", at: .init(file: path))
        }
        if let bad = entries.first(where: { !$0.statistics.isSound }) {
            throw CleaveError(
                .malformedFile, "the range is \(bad.statistics.low) to \(bad.statistics.high) after \(bad.statistics.samples) samples, "
                    + "expected numbers in order", at: .init(file: path, tensor: bad.value))
        }
    }

    private static func words(for error: any Error) -> String {
        switch error as? DecodingError {
        case .dataCorrupted(let context)?, .keyNotFound(_, let context)?, .typeMismatch(_, let context)?, .valueNotFound(_, let context)?:
            let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
            return (path.isEmpty ? "" : path + ": ") + context.debugDescription
        default: return "\(error)"
        }
    }

    /// Writes a JSON file; the same record is the same bytes.
    /// - Throws: `CleaveError` naming the file.
    public func write(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let data = try encoder.encode(self)
        try AtomicFile.write(data, to: path)
    }
}
