import Tensors

/// What a model is run on once: a tensor for every input, and what is known of the outputs.
public struct Sample: Hashable, Sendable {
    /// By name of the model's input.
    public var inputs: [String: Tensor]
    /// By name of the model's output; empty when nothing is known of them.
    public var expected: [String: Tensor]
    /// The classes of the images along the leading dimension; empty when they are not known.
    public var labels: [Int32]

    public init(inputs: [String: Tensor], expected: [String: Tensor] = [:], labels: [Int32] = []) {
        self.inputs = inputs
        self.expected = expected
        self.labels = labels
    }
}
