import Autodiff
import Execution
import Foundation
import Quantization
import Tensors

/// The files and means of a run, so that it goes on without being told them again. Paths are absolute.
public struct RunFiles: Hashable, Codable, Sendable {
    public var model: String
    public var teacher: String?
    /// A data set's specification.
    public var data: String
    /// The model to write.
    public var output: String
    /// Name of the backend.
    public var backend: String
    /// Threads that compute.
    public var threads: Int
    /// Updates between two checkpoints, beside the one after every epoch.
    public var checkpointInterval: Int?

    public init(
        model: String, teacher: String?, data: String, output: String, backend: String, threads: Int, checkpointInterval: Int?
    ) {
        self.model = model
        self.teacher = teacher
        self.data = data
        self.output = output
        self.backend = backend
        self.threads = threads
        self.checkpointInterval = checkpointInterval
    }
}

/// All that a run needs to go on exactly where it stood.
public struct Checkpoint: Sendable {
    /// What is not a tensor.
    public struct Description: Hashable, Codable, Sendable {
        /// Of Cleave: another one may compute in another order.
        public var version: String
        public var recipe: TrainingRecipe
        public var files: RunFiles
        public var network: NetworkFingerprint
        public var teacher: NetworkFingerprint?
        public var data: DataFingerprint
        /// The ranges that training for 8 bits began with.
        public var ranges: [String: ValueRange]?
        public var state: TrainingState
    }

    public var description: Description
    public var tensors: TrainingTensors
    /// Weights and running statistics after the best epoch, where there is one.
    public var best: [String: Tensor]

    /// The name of a checkpoint in a run's folder.
    public static let fileName = "checkpoint.npz"
    private static let descriptionName = "run.json"

    init(description: Description, tensors: TrainingTensors, best: [String: Tensor]) {
        self.description = description
        self.tensors = tensors
        self.best = best
    }

    /// Replaces the checkpoint in the folder. Whatever happens meanwhile, there is the old one or the new one.
    /// - Throws: `CleaveError` when it cannot be written; the old one is still there.
    public func write(to folder: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        let bytes = try [UInt8](encoder.encode(description))
        var entries = [NumpyArchive.Entry(name: Self.descriptionName, tensor: Tensor(vector: bytes))]
        func add(_ kind: Kind, _ tensors: [String: Tensor]) {
            for name in tensors.keys.sorted() {
                if let tensor = tensors[name] { entries.append(.init(name: kind.rawValue + "/" + name, tensor: tensor)) }
            }
        }
        add(.parameter, tensors.parameters)
        add(.state, tensors.states)
        add(.average, tensors.averages)
        for (index, kind) in Kind.moments.enumerated() {
            add(kind, tensors.moments.compactMapValues { index < $0.count ? $0[index] : nil })
        }
        add(.best, best)
        do {
            try NumpyArchive(entries).write(to: folder + "/" + Self.fileName)
        } catch var error as CleaveError where error.kind == .file {
            // The disk is to blame, and not the tensor that it had no room for.
            error.location.tensor = nil
            throw error
        }
    }

    /// The checkpoint in the folder.
    /// - Throws: `CleaveError` when there is none, or it is damaged.
    public init(contentsOf folder: String) throws {
        let path = folder + "/" + Self.fileName
        guard FileManager.default.fileExists(atPath: path) else {
            throw CleaveError(
                .file, "there is no checkpoint in the folder, expected \(Self.fileName)", at: .init(file: folder),
                suggestion: "name the folder that `cleave train --checkpoint` was given")
        }
        self = try locating(file: path) { try Self(NumpyArchive(contentsOf: path)) }
    }

    private init(_ archive: NumpyArchive) throws {
        guard let bytes = try archive[Self.descriptionName]?.elements(as: UInt8.self) else {
            throw CleaveError(.malformedFile, "the archive has no '\(Self.descriptionName)', which every checkpoint has")
        }
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        do {
            description = try decoder.decode(Description.self, from: Data(bytes))
        } catch let error as CleaveError {
            throw error
        } catch {
            throw CleaveError(
                .malformedFile, "the checkpoint's description makes no sense: it was written by another version, or is damaged",
                suggestion: "go on with the version of Cleave that wrote it, or begin anew")
        }
        try description.recipe.check()
        tensors = TrainingTensors(parameters: [:], states: [:], moments: [:], averages: [:])
        best = [:]
        for entry in archive.entries where entry.name != Self.descriptionName {
            let parts = entry.name.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let kind = Kind(rawValue: String(parts[0])) else {
                throw CleaveError(.malformedFile, "a checkpoint has no such array", at: .init(tensor: entry.name))
            }
            let name = String(parts[1])
            switch kind {
            case .parameter: tensors.parameters[name] = entry.tensor
            case .state: tensors.states[name] = entry.tensor
            case .average: tensors.averages[name] = entry.tensor
            case .best: best[name] = entry.tensor
            case .firstMoment, .secondMoment: tensors.moments[name, default: []].append(entry.tensor)
            }
        }
        for name in tensors.parameters.keys where tensors.moments[name] == nil { tensors.moments[name] = [] }
    }

    private enum Kind: String {
        case parameter, state, average, best
        case firstMoment = "first-moment"
        case secondMoment = "second-moment"

        static let moments = [firstMoment, secondMoment]
    }
}
