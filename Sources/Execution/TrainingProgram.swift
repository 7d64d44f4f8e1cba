import GraphIR
import Tensors

/// What a backend needs to know of a graph to train it in memory of its own.
///
/// The graph computes gradients and new states beside its results. The backend owns the tensors that change, in whatever layout
/// serves it, for the whole run; `TrainingSession.tensors()` gives them out as the graph declares them.
public struct TrainingProgram: Sendable {
    /// An initializer that follows its gradient.
    public struct Parameter: Hashable, Sendable {
        public var value: ValueID
        /// An output of the graph, shaped like the parameter.
        public var gradient: ValueID
        /// Whether weight decay applies.
        public var decays: Bool

        public init(value: ValueID, gradient: ValueID, decays: Bool) {
            self.value = value
            self.gradient = gradient
            self.decays = decays
        }
    }

    /// An initializer that every step replaces, such as a batch norm's running mean.
    public struct State: Hashable, Sendable {
        public var value: ValueID
        /// An output of the graph, shaped like the state.
        public var newValue: ValueID

        public init(value: ValueID, newValue: ValueID) {
            self.value = value
            self.newValue = newValue
        }
    }

    /// With static shapes.
    public var graph: Graph
    public var parameters: [Parameter]
    public var states: [State]
    /// Outputs of the graph that every step gives back, such as the loss.
    public var results: [ValueID]
    public var optimizer: Optimizer
    /// Whether an exponential moving average of the parameters is kept: average = decay·average + (1 − decay)·parameter.
    public var keepsAverage: Bool

    public init(
        graph: Graph, parameters: [Parameter], states: [State], results: [ValueID], optimizer: Optimizer, keepsAverage: Bool
    ) {
        self.graph = graph
        self.parameters = parameters
        self.states = states
        self.results = results
        self.optimizer = optimizer
        self.keepsAverage = keepsAverage
    }
}

/// How the gradients that were accumulated change the parameters.
public struct ParameterUpdate: Hashable, Sendable {
    public var step: OptimizerStep
    /// Gradients whose common Euclidean norm is greater are scaled down to it, all by one factor.
    public var maximalGradientNorm: Double?
    /// Of the moving average, where the program keeps one.
    public var averageDecay: Double

    public init(step: OptimizerStep, maximalGradientNorm: Double?, averageDecay: Double) {
        self.step = step
        self.maximalGradientNorm = maximalGradientNorm
        self.averageDecay = averageDecay
    }
}

/// Everything that training changes: with it a run goes on exactly where it stopped.
public struct TrainingTensors: Sendable {
    /// By name in the graph, in the type and shape that it declares.
    public var parameters: [String: Tensor]
    /// As `parameters`.
    public var states: [String: Tensor]
    /// The optimizer's numbers per parameter: `Optimizer.stateCount` tensors shaped like it.
    public var moments: [String: [Tensor]]
    /// The moving average of every parameter; empty where the program keeps none.
    public var averages: [String: Tensor]

    public init(
        parameters: [String: Tensor], states: [String: Tensor], moments: [String: [Tensor]], averages: [String: Tensor]
    ) {
        self.parameters = parameters
        self.states = states
        self.moments = moments
        self.averages = averages
    }
}

/// Trains a program. A session owns the tensors that change and is used by one thread at a time.
public protocol TrainingSession: AnyObject {
    /// Computes results and gradients of one batch and replaces the states. The gradients, times `scale`, are added to those of earlier
    /// calls since the last update.
    /// - Parameters:
    ///   - inputs: a tensor for every graph input, by name.
    ///   - scale: 1 / the number of batches between two updates.
    /// - Returns: the program's results, by name.
    /// - Throws: `CleaveError` as `Session.run`; the gradients are then those of before the call.
    func accumulate(_ inputs: [String: Tensor], scale: Double) throws -> [String: Tensor]

    /// Changes the parameters by the gradients accumulated since the last update, and forgets these.
    /// - Returns: the Euclidean norm of all gradients before they were scaled down, where `maximalGradientNorm` asks for it.
    func update(_ update: ParameterUpdate) throws -> Double?

    /// A copy of everything that training has changed.
    func tensors() throws -> TrainingTensors

    /// Goes on from where `tensors()` was asked, with no gradients accumulated. Results are then the same to the bit.
    /// - Throws: `CleaveError` for a missing or surplus name, or another type or shape; nothing is changed then.
    func restore(_ tensors: TrainingTensors) throws
}
