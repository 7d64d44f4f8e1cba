import Cleave
import Foundation
import Testing

/// ONNX Runtime and the onnx package, in the environment that `scripts/setup-witness.sh` makes.
struct Witness {
    /// What `scripts/witness.py` prints.
    struct Report: Decodable {
        struct Model: Decodable {
            var path: String
            /// What onnx's checker has against the model.
            var objection: String?
            /// Why ONNX Runtime could not run it.
            var failure: String?
            /// Per sample, per output.
            var samples: [[Output]]?
            /// What ONNX Runtime makes of the model when it may fuse, where that was asked for.
            var fused: Fused?
            /// Integer outputs of ONNX Runtime's integer kernels beside others.
            var integers: [Integers]?
        }

        struct Integers: Decodable {
            var name: String
            var count: Int
            var different: Int
            var largest_step: Int
        }

        struct Fused: Decodable {
            /// How often each operator runs.
            var operators: [String: Int]
            /// On the first sample.
            var outputs: [Output]
        }

        struct Output: Decodable {
            var name: String
            var mismatch: String?
            var max_absolute_error: Double?
            var largest_magnitude: Double?
            var sqnr_db: Double?
            var finite: Bool?

            /// The error as a share of the output's largest magnitude.
            var relativeError: Double? {
                guard let error = max_absolute_error, let magnitude = largest_magnitude else { return nil }
                return error == 0 ? 0 : error / magnitude
            }
        }

        var original: Model
        var rewritten: [Model]
    }

    static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    static let python = repository.appendingPathComponent(".venv-witness/bin/python")
    static let isInstalled = FileManager.default.isExecutableFile(atPath: python.path)

    /// Real models, beside the repository; they may be absent.
    static let sharedModels = repository.deletingLastPathComponent().appendingPathComponent("shared/models")

    /// Checks all models, and runs them on the same inputs.
    static func report(_ arguments: [String]) throws -> Report {
        let process = Process()
        process.executableURL = python
        process.arguments = [repository.appendingPathComponent("scripts/witness.py").path] + arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "the witness could not do its work")
        return try JSONDecoder().decode(Report.self, from: data)
    }
}

/// A rewrite of a model, and how far from the original it may be.
struct Variant: Sendable, CustomStringConvertible {
    var name: String
    var transformations: [Transformation]
    /// Whether the function is the same in real arithmetic.
    var isExact: Bool

    var description: String { name }

    static let all: [Variant] = [
        Variant(name: "unchanged", transformations: [], isExact: true),
        Variant(name: "fold", transformations: [.fold], isExact: true),
        Variant(
            name: "spatial-exact", transformations: [.separate(.spatial, scope: .all, initialize: .decompose(.exact))], isExact: true),
        Variant(
            name: "depthwise-exact", transformations: [.separate(.depthwise, scope: .all, initialize: .decompose(.exact))], isExact: true),
        Variant(
            name: "fold-depthwise-exact", transformations: [.fold, .separate(.depthwise, scope: .all, initialize: .decompose(.exact))],
            isExact: true),
        Variant(name: "spatial", transformations: [.separate(.spatial, scope: .all)], isExact: false),
        Variant(name: "depthwise", transformations: [.separate(.depthwise, scope: .all)], isExact: false),
        Variant(
            name: "spatial-energy", transformations: [.separate(.spatial, scope: .all, initialize: .decompose(energy: 0.9))],
            isExact: false),
    ]
}
