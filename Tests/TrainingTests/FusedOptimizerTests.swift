import Execution
import GraphIR
import OneDNNBackend
import Tensors
import Testing

/// The pass over all parameters against `OptimizerStep.apply`, with gradients that are given.
@Suite struct FusedOptimizerTests {
    static let moments = Optimizer.Moments(beta1: 0.8, beta2: 0.99, epsilon: 1e-6)
    static let optimizers: [Optimizer] = [
        .sgd(momentum: 0, nesterov: false), .sgd(momentum: 0.9, nesterov: false), .sgd(momentum: 0.9, nesterov: true), .adam(moments),
        .adamW(moments),
    ]

    /// Two parameters of lengths that fill no vector, the second of which does not decay.
    private func program(_ optimizer: Optimizer, _ initial: [[Double]]) throws -> TrainingProgram {
        var graph = Graph(name: "optimizer", opset: 17)
        var parameters: [TrainingProgram.Parameter] = []
        let sum = try graph.edit { editor in
            var gradients: [ValueID] = []
            for (index, values) in initial.enumerated() {
                let input = try editor.addInput("slope\(index)", type: .tensor(TensorType(.float32, lengths: [values.count])))
                let parameter = try editor.addConstant(Tensor(values, shape: [values.count], as: .float32), name: "parameter\(index)")
                let gradient = try editor.insertSingle(
                    .unary(Unary(function: .neg)), inputs: [input], output: .new(name: "gradient\(index)"), name: "", before: nil,
                    origin: nil)
                gradients.append(gradient)
                parameters.append(.init(value: parameter, gradient: gradient, decays: index == 0))
            }
            let reduction = Reduction(function: .sum, axes: nil, keepDimensions: false, keepsInputWithoutAxes: false)
            let sum = try editor.insertSingle(
                .reduction(reduction), inputs: [gradients[0]], output: .new(name: "sum"), name: "", before: nil, origin: nil)
            editor.setOutputs([sum] + gradients)
            return sum
        }
        return TrainingProgram(
            graph: graph, parameters: parameters, states: [], results: [sum], optimizer: optimizer, keepsAverage: true)
    }

    @Test(arguments: optimizers, [1, 2])
    func everyOptimizerAgreesWithItsDefinition(_ optimizer: Optimizer, threads: Int) throws {
        var random = SeededRandom(seed: 11)
        func numbers(_ count: Int) -> [Double] { (0..<count).map { _ in Double(Float(random.uniform(-1, 1))) } }
        var expected = [numbers(20_003), numbers(45)]
        var averages = expected
        var states = expected.map { values in Array(repeating: [Double](repeating: 0, count: values.count), count: optimizer.stateCount) }
        let session = try OneDNNBackend(threads: threads).prepareTraining(program(optimizer, expected))
        for number in 1...4 {
            let slopes = expected.map { numbers($0.count) }
            var inputs: [String: Tensor] = [:]
            for (index, slope) in slopes.enumerated() {
                inputs["slope\(index)"] = try Tensor(slope.map { -$0 }, shape: [slope.count], as: .float32)
            }
            _ = try session.accumulate(inputs, scale: 0.5)
            let step = OptimizerStep(optimizer: optimizer, learningRate: 0.01, weightDecay: 0.1, number: number)
            _ = try session.update(ParameterUpdate(step: step, maximalGradientNorm: nil, averageDecay: 0.75))
            for index in expected.indices {
                var own = step
                if index == 1 { own.weightDecay = 0 }
                own.apply(to: &expected[index], gradient: slopes[index].map { $0 / 2 }, state: &states[index])
                averages[index] = zip(averages[index], expected[index]).map { 0.75 * $0 + 0.25 * $1 }
            }
        }
        let tensors = try session.tensors()
        for index in expected.indices {
            func largestDifference(_ actual: Tensor?, _ expected: [Double]) -> Double {
                zip(actual?.doubles() ?? [], expected).map { ($0 - $1).magnitude }.max() ?? .infinity
            }
            #expect(largestDifference(tensors.parameters["parameter\(index)"], expected[index]) < 2e-6)
            #expect(largestDifference(tensors.averages["parameter\(index)"], averages[index]) < 2e-6)
            for moment in 0..<optimizer.stateCount {
                #expect(largestDifference(tensors.moments["parameter\(index)"]?[moment], states[index][moment]) < 2e-6)
            }
        }
    }
}
