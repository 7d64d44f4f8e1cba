import Execution
import Tensors
import Testing

@Suite struct OptimizerTests {
    @Test func plainDescentKeepsNoState() {
        let optimizer = Optimizer.sgd(momentum: 0, nesterov: false)
        #expect(optimizer.stateCount == 0)
        var (parameter, state) = ([1.0, -2], [[Double]]())
        OptimizerStep(optimizer: optimizer, learningRate: 0.5, weightDecay: 0.5, number: 1)
            .apply(to: &parameter, gradient: [2, 0.5], state: &state)
        #expect(parameter == [1 - 0.5 * 2.5, -2 + 0.5 * 0.5])
    }

    /// Freed of its bias, the first step of Adam is the learning rate in the direction of the gradient's sign.
    @Test func firstStepOfAdamIsTheLearningRate() {
        let optimizer = Optimizer.adam(.init(beta1: 0.9, beta2: 0.999, epsilon: 1e-300))
        var (parameter, state) = ([1.0, 1], [[0.0, 0], [0.0, 0]])
        OptimizerStep(optimizer: optimizer, learningRate: 0.25, weightDecay: 0, number: 1)
            .apply(to: &parameter, gradient: [1e-5, -400], state: &state)
        #expect((parameter[0] - 0.75).magnitude < 1e-12 && (parameter[1] - 1.25).magnitude < 1e-12)
    }

    /// Decoupled decay does not reach the moments.
    @Test func decayOfAdamWLeavesTheMomentsAlone() {
        var (parameter, state) = ([2.0], [[0.0], [0.0]])
        OptimizerStep(optimizer: .adamW(.init(beta1: 0.9, beta2: 0.999, epsilon: 1e-8)), learningRate: 0.5, weightDecay: 0.1, number: 1)
            .apply(to: &parameter, gradient: [0], state: &state)
        #expect((parameter[0] - 1.9).magnitude < 1e-12 && state == [[0], [0]])
    }

    @Test(arguments: [
        Optimizer.sgd(momentum: 1, nesterov: false), .sgd(momentum: -0.1, nesterov: false), .sgd(momentum: 0, nesterov: true),
        .adam(.init(beta1: 1, beta2: 0.9, epsilon: 1e-8)), .adam(.init(beta1: 0.9, beta2: .nan, epsilon: 1e-8)),
        .adamW(.init(beta1: 0.9, beta2: 0.999, epsilon: 0)),
    ])
    func numbersOutOfRangeAreRefused(_ optimizer: Optimizer) {
        #expect(throws: CleaveError.self) { try optimizer.check() }
    }

    @Test func usualNumbersAreFine() throws {
        try Optimizer.sgd(momentum: 0, nesterov: false).check()
        try Optimizer.sgd(momentum: 0.9, nesterov: true).check()
        try Optimizer.adam(.init(beta1: 0.9, beta2: 0.999, epsilon: 1e-7)).check()
    }
}
