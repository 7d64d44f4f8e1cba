import GraphIR
import Tensors

/// A network with a loss and its gradients: forward, loss and backward as one graph of the same kind, with static shapes.
///
/// The forward part is the network as it is trained: batch norm uses the batch's statistics, dropout is active, and what the loss does
/// not depend on is gone. A network that ends in `Softmax` is trained on the logits before it with the losses that are about classes.
/// Values keep their names, so that `updating(_:with:)` takes trained tensors back into the network for inference.
///
/// Graph outputs are the loss, the logits, a gradient per trainable parameter and a new value per state.
public struct TrainingGraph: Sendable {
    public let graph: Graph
    /// The loss, a scalar: the mean over the batch.
    public let loss: ValueID
    /// What the loss reads of the network: [N, classes, …], or the output itself for mean squared error.
    public let logits: ValueID
    public let inputs: Inputs
    /// Every weight, bias and factor that the loss depends on, in the order in which the forward part reads them first. Constants that
    /// normalize the image before the first layer are none.
    public let parameters: [Parameter]
    /// The running statistics of batch norms that are not frozen, in execution order, then moving ranges.
    public let stateUpdates: [StateUpdate]

    /// Names of the graph's inputs.
    public struct Inputs: Hashable, Sendable {
        /// The network's own.
        public let data: [String]
        /// Classes as int64, shaped like the logits without their second dimension; for mean squared error what the output should
        /// be, in its type and shape.
        public let target: String
        /// Distillation: the teacher's logits, in type and shape of the logits.
        public let teacherLogits: String?
        /// A network with dropout: an int64 scalar, different at every step, which the masks depend on.
        public let counter: String?
    }

    /// A tensor of the network that training changes or, frozen, keeps.
    public struct Parameter: Hashable, Sendable {
        /// As in the network for inference.
        public let name: String
        /// The initializer that holds it.
        public let value: ValueID
        /// The gradient of the loss; `nil` for a frozen parameter, for which nothing is computed.
        public let gradient: ValueID?
        /// Whether weight decay applies: to weights of convolutions and matrix products, not to biases, scales and slopes.
        public let decays: Bool

        public var isTrainable: Bool { gradient != nil }
    }

    /// The range of a value, of which training keeps a moving average in two scalars of the network.
    public struct MovingAverage: Hashable, Sendable {
        /// Names in the network.
        public let value: String
        public let low: String
        public let high: String
        public let momentum: Float

        public init(value: String, low: String, high: String, momentum: Float) {
            self.value = value
            self.low = low
            self.high = high
            self.momentum = momentum
        }
    }

    /// A tensor of the network that every step replaces.
    public struct StateUpdate: Hashable, Sendable {
        /// As in the network for inference.
        public let name: String
        /// The initializer that holds it.
        public let state: ValueID
        /// What it becomes: running · momentum + batch · (1 − momentum), a variance being the population's, as ONNX has it.
        public let newValue: ValueID
    }

    /// Builds the graph that trains `network`.
    ///
    /// - Parameters:
    ///   - output: the network's output that the loss is about; the first for `nil`.
    ///   - batchSize: the first dimension of every input.
    ///   - seed: what the masks of dropouts depend on besides the counter.
    ///   - isFrozen: asked for the label of every node that has parameters and for the name of every parameter: a parameter is frozen
    ///     when one of them is, and a frozen batch norm uses its running statistics and keeps them.
    ///   - movingRanges: whose averages are states; a step uses what they were before it.
    /// - Throws: `CleaveError` for a network whose shapes the batch size does not settle, in which a trainable parameter reaches the
    ///   loss through an operator that is not differentiable (the error names the node), or whose output does not fit the loss, or in
    ///   which there is nothing to train.
    public init(
        of network: Graph, output: String?, loss: Loss, batchSize: Int, seed: Int, movingRanges: [MovingAverage] = [],
        isFrozen: (String) -> Bool
    ) throws {
        var builder = try TrainingGraphBuilder(network, output: output, loss: loss, batchSize: batchSize)
        self = try builder.build(loss: loss, seed: seed, movingRanges: movingRanges, isFrozen: isFrozen)
    }

    init(
        graph: Graph, loss: ValueID, logits: ValueID, inputs: Inputs, parameters: [Parameter], stateUpdates: [StateUpdate]
    ) {
        self.graph = graph
        self.loss = loss
        self.logits = logits
        self.inputs = inputs
        self.parameters = parameters
        self.stateUpdates = stateUpdates
    }

    /// The network for inference with trained parameters and states put in by name.
    /// - Parameter network: the graph that this one was built from, or one of the same parameters.
    /// - Throws: `CleaveError` for a name that the network does not hold a constant under, or a tensor of another type or shape.
    public static func updating(_ network: Graph, with tensors: [String: Tensor]) throws -> Graph {
        var result = network
        try result.edit { editor in
            for name in tensors.keys.sorted() {
                guard let tensor = tensors[name], let value = network.value(named: name), let old = network.constant(value.id) else {
                    throw CleaveError(.invalidRequest, "the network has no such constant to update", at: .init(tensor: name))
                }
                guard tensor.shape == old.shape, tensor.elementType == old.elementType else {
                    throw CleaveError(.invalidRequest, "the new value is \(tensor), expected \(old)", at: .init(tensor: name))
                }
                if let node = network.producer(of: value.id) {
                    editor.setOperator(node.id, to: .constant(Constant(value: .init(tensor: tensor, form: .tensor))))
                } else {
                    editor.setConstant(value.id, to: tensor)
                }
            }
        }
        return result
    }
}
