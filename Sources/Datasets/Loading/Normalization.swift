import Foundation
import GraphIR
import Tensors

/// How pixels of 0…255 become a network's input: (pixel − mean) / deviation, with numbers for all channels or one per channel.
///
/// It is written into the metadata of a trained model, so that the model's input is known without being told.
public struct Normalization: Hashable, Sendable, CustomStringConvertible {
    /// In units of 0…255; one number, or one per channel.
    public let mean: [Double]
    /// As many as `mean`, all positive.
    public let deviation: [Double]

    private init(uncheckedMean mean: [Double], deviation: [Double]) {
        self.mean = mean
        self.deviation = deviation
    }

    /// - Throws: `CleaveError` when the counts differ, or a deviation is not positive.
    public init(mean: [Double], deviation: [Double]) throws {
        guard !mean.isEmpty, mean.count == deviation.count else {
            throw CleaveError(.invalidRequest, "there are \(mean.count) means and \(deviation.count) deviations, expected as many of both")
        }
        guard mean.allSatisfy(\.isFinite), deviation.allSatisfy({ $0.isFinite && $0 >= Double(Float.leastNormalMagnitude) }) else {
            throw CleaveError(.invalidRequest, "means have to be numbers and deviations positive ones")
        }
        self.init(uncheckedMean: mean, deviation: deviation)
    }

    /// 0…255 as it is.
    public static let raw = Normalization(uncheckedMean: [0], deviation: [1])
    /// 0…1.
    public static let unit = Normalization(uncheckedMean: [0], deviation: [255])
    /// −1…1.
    public static let signed = Normalization(uncheckedMean: [127.5], deviation: [127.5])
    /// Mean and deviation of ImageNet's training images as torchvision has them: 0.485, 0.456, 0.406 and 0.229, 0.224, 0.225 of 255.
    public static let imagenet = Normalization(uncheckedMean: [123.675, 116.28, 103.53], deviation: [58.395, 57.12, 57.375])
    /// Mean and deviation of CIFAR-10's training images.
    public static let cifar10 = Normalization(uncheckedMean: [125.307, 122.95, 113.865], deviation: [62.993, 62.089, 66.705])

    private static let named: [(name: String, value: Normalization)] = [
        ("raw", raw), ("unit", unit), ("signed", signed), ("imagenet", imagenet), ("cifar10", cifar10),
    ]

    /// `raw`, `unit`, `signed`, `imagenet`, `cifar10`, or numbers: `125.3,123.0,113.9/63.0,62.1,66.7`.
    /// - Throws: `CleaveError` for anything else.
    public init(parsing text: String) throws {
        if let known = Self.named.first(where: { $0.name == text }) {
            self = known.value
            return
        }
        let names = Self.named.map(\.name).joined(separator: ", ")
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 else {
            throw CleaveError(
                .invalidRequest, "the normalization is '\(text)', expected \(names), or MEAN/STD",
                suggestion: nearestName(to: text, in: Self.named.map(\.name)).map { "try \($0)" }
                    ?? "give numbers in 0…255 units: 125.3,123.0,113.9/63.0,62.1,66.7")
        }
        let numbers = try parts.map { part in
            try part.split(separator: ",", omittingEmptySubsequences: false).map { number in
                guard let value = Double(number) else {
                    throw CleaveError(.invalidRequest, "the normalization '\(text)' has '\(number)' where a number is expected")
                }
                return value
            }
        }
        try self.init(mean: numbers[0], deviation: numbers[1])
    }

    /// The text that `init(parsing:)` takes.
    public var description: String {
        if let known = Self.named.first(where: { $0.value == self }) { return known.name }
        func text(_ numbers: [Double]) -> String {
            numbers.map { $0.description.hasSuffix(".0") ? String($0.description.dropLast(2)) : $0.description }.joined(separator: ",")
        }
        return text(mean) + "/" + text(deviation)
    }

    /// Mean and deviation per channel.
    /// - Throws: `CleaveError` when there are numbers for another count of channels.
    func factors(channels: Int) throws -> (mean: [Float], deviation: [Float]) {
        guard mean.count == 1 || mean.count == channels else {
            throw CleaveError(
                .shapeMismatch, "the normalization '\(self)' is for \(mean.count) channels, but the input has \(channels)",
                suggestion: "choose another one: --normalize unit")
        }
        func perChannel(_ numbers: [Double]) -> [Float] { (0..<channels).map { Float(numbers[numbers.count == 1 ? 0 : $0]) } }
        return (perChannel(mean), perChannel(deviation))
    }
}

extension Normalization {
    /// The key under which a model's metadata has the normalization that it was trained with.
    public static let metadataKey = "cleave.normalize"

    /// What the model's metadata says; `nil` when it says nothing.
    /// - Throws: `CleaveError` when what it says makes no sense.
    public init?(recordedIn graph: Graph) throws {
        guard let entry = graph.metadata.first(where: { $0.key == Self.metadataKey }) else { return nil }
        do {
            try self.init(parsing: entry.value)
        } catch let error as CleaveError {
            throw CleaveError(error.kind, "the metadata '\(Self.metadataKey)' makes no sense: \(error.problem)", at: error.location)
        }
    }

    /// What the model's metadata says; `raw` for pixels that are floating-point numbers already, when it says nothing.
    /// - Throws: `CleaveError` when it says nothing of pixels of 0…255, or what makes no sense.
    public init(recordedIn graph: Graph, for split: DatasetSplit) throws {
        if let recorded = try Normalization(recordedIn: graph) {
            self = recorded
            return
        }
        guard split.isFloatingPoint else {
            throw CleaveError(
                .invalidRequest, "the model does not record how pixels become its inputs",
                suggestion: "say it: --normalize raw, unit, signed, imagenet, cifar10, or MEAN/STD")
        }
        self = .raw
    }

    /// Writes it into the model's metadata.
    public func record(in graph: inout Graph) { graph.setMetadata(Self.metadataKey, to: description) }
}
