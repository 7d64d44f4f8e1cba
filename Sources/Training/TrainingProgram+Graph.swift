import Autodiff
import Execution

extension TrainingProgram {
    /// What a backend runs to train `training`: its results are the loss and the logits.
    public init(_ training: TrainingGraph, optimizer: Optimizer, keepsAverage: Bool) {
        self.init(
            graph: training.graph,
            parameters: training.parameters.compactMap { parameter in
                parameter.gradient.map { Parameter(value: parameter.value, gradient: $0, decays: parameter.decays) }
            },
            states: training.stateUpdates.map { State(value: $0.state, newValue: $0.newValue) },
            results: [training.loss, training.logits], optimizer: optimizer, keepsAverage: keepsAverage)
    }
}
