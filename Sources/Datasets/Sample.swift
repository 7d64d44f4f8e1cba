import Tensors

/// What a model is run on once: a tensor for every input, and what is known of the outputs.
public struct Sample: Hashable, Sendable {
    /// By name of the model's input.
    public var inputs: [String: Tensor]
    /// By name of the model's output; empty when nothing is known of them.
    public var expected: [String: Tensor]

    public init(inputs: [String: Tensor], expected: [String: Tensor] = [:]) {
        self.inputs = inputs
        self.expected = expected
    }
}
