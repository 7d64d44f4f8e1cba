import Foundation
import GraphIR
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
    /// What tells the network apart from others: see `Graph.calibrationChecksum`. `nil` where it is not known.
    public var network: String?
    /// By value, in the order of execution.
    public internal(set) var entries: [Entry]

    public init(equalized: Bool, entries: [Entry]) {
        self.equalized = equalized
        self.entries = entries
    }

    /// - Throws: `CleaveError` when the record is known to be of another network than the prepared one.
    public func check(isOf graph: Graph) throws {
        guard let network, network != graph.calibrationChecksum else { return }
        throw CleaveError(
            .invalidRequest, "the ranges are of another network, or of other weights",
            suggestion: "calibrate this one: `cleave calibrate`")
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
            let isSame = record.network == nil || result.network == nil || record.network == result.network
            guard record.entries.map(\.value) == result.entries.map(\.value), record.equalized == result.equalized, isSame else {
                let other = zip(record.entries, result.entries).first { $0.value != $1.value }?.0.value
                throw CleaveError(
                    .invalidRequest,
                    "the ranges are of different networks: "
                        + (other.map { "'\($0)' is not where it was" }
                            ?? (isSame ? "\(record.entries.count) values, expected \(result.entries.count)" : "they have other weights")),
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
            throw CleaveError(.file, "the ranges cannot be read: \(fileProblem(error))", at: .init(file: path))
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
        case .keyNotFound(let key, let context)?:
            return "there is no '\(key.stringValue)'" + (context.codingPath.isEmpty ? "" : " in \(words(for: context.codingPath))")
        case .dataCorrupted(let context)?, .typeMismatch(_, let context)?, .valueNotFound(_, let context)?:
            let path = words(for: context.codingPath)
            return (path.isEmpty ? "" : path + ": ") + context.debugDescription
        default: return "\(error)"
        }
    }

    private static func words(for path: [any CodingKey]) -> String {
        path.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".")
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

extension Graph {
    /// A checksum of operators, names of values, shapes and weights of a network that was prepared for quantization; not of what is only
    /// said about it.
    public var calibrationChecksum: String {
        let lines = textDump(checksums: true).split(separator: "\n").filter { !$0.hasPrefix("graph ") && !$0.hasPrefix("metadata ") }
        let facts = lines.map { line in line.range(of: "  // ").map { line[..<$0.lowerBound] } ?? line }
        return Checksum(text: facts.joined(separator: "\n")).text
    }
}
