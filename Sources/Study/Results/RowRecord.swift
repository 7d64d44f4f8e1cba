import Foundation
import Tensors

/// What was measured for a row of a study: `ROW.json` in the folder `rows` of the results. Parts that are missing are still to do.
public struct RowRecord: Hashable, Codable, Sendable {
    /// How far the network was trained when its weights were taken.
    public struct Training: Hashable, Codable, Sendable {
        /// Complete ones, and the share of the one under way; 0 for a network that is not trained.
        public var epochs: Double
        /// Of the recipe.
        public var plannedEpochs: Int
        public var updates: Int
        /// Whether the recipe has come to its end.
        public var isComplete: Bool
        /// Spent on training; validation is not counted.
        public var seconds: Double
        public var seed: String
    }

    public struct File: Hashable, Codable, Sendable {
        public var name: String
        public var byteCount: Int
        public var checksum: String
    }

    public struct Cost: Hashable, Codable, Sendable {
        public var parameters: Int
        public var trainableParameters: Int
        /// For one image; `nil` when it is not known.
        public var multiplyAccumulates: Int?
    }

    /// On the test images.
    public struct Evaluation: Hashable, Codable, Sendable {
        public var split: String
        public var images: Int
        /// Mean cross-entropy.
        public var loss: Double
        public var top1: Double
        public var top5: Double
        public var seconds: Double
    }

    /// Seconds of a run on a batch.
    public struct Latency: Hashable, Codable, Sendable {
        public var batch: Int
        public var median: Double
        public var p10: Double
        public var p90: Double
        public var runs: Int
        public var threads: Int
        public var backend: String
        /// Why the figures may be worth little.
        public var warnings: [String]
    }

    public struct Layer: Hashable, Codable, Sendable {
        public var name: String
        public var operatorName: String
        public var parameters: Int
        public var multiplyAccumulates: Int?
        /// Signal to quantization noise of the scores in decibels, with this layer alone in integers; `nil` where it stays in float, or
        /// the row is one in float, and infinite where nothing is lost.
        public var signalToNoise: Double?
        /// The share of images whose answer stays the same then.
        public var agreement: Double?
    }

    public var row: String
    public var version: String
    public var machine: MachineDescription
    /// The data set's specification as it was given.
    public var data: String
    public var training: Training
    public var model: File
    public var cost: Cost?
    public var evaluation: Evaluation?
    public var latencies: [Latency] = []
    public var layers: [Layer]?

    /// Whether a part is there, for every batch of the plan.
    func has(_ measure: StudyMeasure, _ plan: LatencyPlan) -> Bool {
        switch measure {
        case .loss, .accuracy: evaluation != nil
        case .size: true
        case .parameters, .macs: cost != nil
        case .latency: plan.batches.allSatisfy { batch in latencies.contains { $0.batch == batch } }
        case .layers: layers != nil
        }
    }
}

/// The machine that something was measured on.
public struct MachineDescription: Hashable, Codable, Sendable {
    public var processor: String
    public var processorCount: Int
    /// Of memory.
    public var byteCount: Int
    public var system: String

    /// This one, as the operating system tells of it.
    public static var current: MachineDescription {
        let system = (try? String(contentsOfFile: "/etc/os-release", encoding: .utf8)).flatMap { text in
            text.split(separator: "\n").first { $0.hasPrefix("PRETTY_NAME=") }.map {
                $0.dropFirst("PRETTY_NAME=".count).trimmingCharacters(in: ["\""])
            }
        }
        let processor = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)).flatMap { text in
            text.split(separator: "\n").first { $0.hasPrefix("model name") }.flatMap {
                $0.split(separator: ":", maxSplits: 1).last?.trimmingCharacters(in: .whitespaces)
            }
        }
        let information = ProcessInfo.processInfo
        return MachineDescription(
            processor: processor ?? "unknown processor", processorCount: information.activeProcessorCount,
            byteCount: Int(clamping: information.physicalMemory), system: system ?? information.operatingSystemVersionString)
    }
}
