import GraphIR
import Tensors

/// What came out of comparing two graphs.
public struct VerificationReport: Sendable {
    public struct Output: Hashable, Sendable {
        public var name: String
        /// A coarser floating-point type than the output's own that the original computes it from, which settles the tolerance.
        public var coarserType: ElementType?
        public var comparison: TensorComparison

        public init(
            name: String, coarserType: ElementType? = nil, comparison: TensorComparison = TensorComparison(tolerance: .none)
        ) {
            self.name = name
            self.coarserType = coarserType
            self.comparison = comparison
        }
    }

    /// A value that both graphs compute: under the same name, or as the recorded origins say.
    public struct Layer: Hashable, Sendable {
        /// Label of the node of the original that makes the value.
        public var node: String
        public var operatorName: String
        public var value: String
        /// The value's name in the candidate.
        public var candidateValue: String
        /// Which rewrite made the candidate's node; `nil` when it is the original's.
        public var origin: Origin?
        /// As that of an output.
        public var coarserType: ElementType?
        public var comparison: TensorComparison
    }

    public struct Input: Hashable, Sendable {
        public var name: String
        public var elementType: ElementType
        public var shape: [Int]
    }

    /// How often the largest element of an output is the class that an image belongs to.
    public struct Accuracy: Hashable, Sendable {
        public var output: String
        /// Images with a known class.
        public var imageCount: Int
        /// Of these, how many each model tells right.
        public var originalCount: Int
        public var candidateCount: Int
    }

    /// The signal-to-noise ratio in dB that quantized models are held to by default: an error of a tenth of the signal.
    public static let usualSignalToNoise = 20.0

    public var sampleCount: Int
    /// The inputs as they were in the first sample.
    public var inputs: [Input]
    public var tolerance: Tolerance
    /// The candidate's outputs against the original's, in the original's order; an output that only one of the two has is a mismatch.
    public var outputs: [Output]
    /// In the original's order of execution; `nil` when layers were not asked for.
    public var layers: [Layer]?
    /// The original's outputs against those that the samples expect, as far as they expect any.
    public var originalAgainstExpected: [Output]
    /// The candidate's outputs against those that the samples expect.
    public var candidateAgainstExpected: [Output]

    /// Of the first output that has a row of classes for every image; `nil` without labels.
    public var accuracy: Accuracy?
    /// The signal-to-noise ratio in dB that all outputs have to have; `nil` when they have to be within the tolerance.
    public var leastSignalToNoise: Double?
    /// What quantization did; `nil` unless only the candidate is quantized.
    public var quantization: QuantizationNoise?

    /// Whether every output of every sample is within the tolerance.
    public var isEqual: Bool { outputs.allSatisfy(\.comparison.isEqual) }

    /// Whether every output has the signal-to-noise ratio that was asked for; `false` where none was.
    public var isClose: Bool {
        guard let leastSignalToNoise else { return false }
        return outputs.allSatisfy { $0.comparison.mismatch == nil && $0.comparison.signalToNoise >= leastSignalToNoise }
    }

    /// Whether the candidate does for the original, by whichever of both it is judged.
    public var isAccepted: Bool { isEqual || isClose }

    /// The first value, in the original's order of execution, that differs.
    public var firstDifferentLayer: Layer? { layers?.first { !$0.comparison.isEqual } }

    /// Outputs that say nothing about the models, as all of their numbers are the same, or NaN, in the original.
    public var uninformativeOutputs: [Output] { outputs.filter { $0.comparison.mismatch == nil && $0.comparison.isUninformative } }

    /// The output that is furthest from the original's.
    public var worstOutput: Output? { outputs.worst }
}

extension [VerificationReport.Output] {
    /// The output that is furthest from what it should be; `nil` when there are none.
    public var worst: VerificationReport.Output? {
        first { $0.comparison.mismatch != nil }
            ?? self.max { $0.comparison.maximumRelativeError < $1.comparison.maximumRelativeError }
    }
}
