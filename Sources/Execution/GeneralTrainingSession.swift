import GraphIR
import Tensors

/// Trains on any backend: the parameters are inputs of the graph, and the optimizer runs in Double.
final class GeneralTrainingSession: TrainingSession {
    private struct Parameter {
        let name: String
        /// The graph's input in its place.
        let input: String
        let gradient: String
        let decays: Bool
        var tensor: Tensor
        var moments: [[Double]]
        var average: Tensor?
        /// The sum since the last update; empty before the first.
        var slope: [Double] = []
    }

    private struct State {
        let name: String
        let input: String
        let newValue: String
        var tensor: Tensor
    }

    private let program: TrainingProgram
    private let session: any Session
    private var parameters: [Parameter]
    private var states: [State]

    init(_ program: TrainingProgram, backend: some Backend) throws {
        try program.optimizer.check()
        self.program = program
        var graph = program.graph
        var inputs: [ValueID: String] = [:]
        let changing = program.parameters.map(\.value) + program.states.map(\.value)
        try graph.edit { editor in
            for id in changing {
                let input = try editor.addInput(editor.uniqueName(program.graph[id].name), type: program.graph[id].type)
                editor.replaceUses(of: id, with: input)
                inputs[id] = editor.graph[input].name
            }
        }
        func initial(_ id: ValueID) throws -> (name: String, input: String, tensor: Tensor) {
            guard let tensor = program.graph.constant(id), let input = inputs[id] else {
                throw CleaveError(.invalidRequest, "only an initializer can be trained", at: .init(tensor: program.graph[id].name))
            }
            return (program.graph[id].name, input, tensor)
        }
        parameters = try program.parameters.map { parameter in
            let (name, input, tensor) = try initial(parameter.value)
            let zeros = [Double](repeating: 0, count: tensor.count)
            return Parameter(
                name: name, input: input, gradient: program.graph[parameter.gradient].name, decays: parameter.decays, tensor: tensor,
                moments: Array(repeating: zeros, count: program.optimizer.stateCount), average: program.keepsAverage ? tensor : nil)
        }
        states = try program.states.map { state in
            let (name, input, tensor) = try initial(state.value)
            return State(name: name, input: input, newValue: program.graph[state.newValue].name, tensor: tensor)
        }
        session = try backend.prepare(graph, inputShapes: [:]).makeSession()
    }

    func accumulate(_ inputs: [String: Tensor], scale: Double) throws -> [String: Tensor] {
        try program.graph.checkInputs(inputs)
        var all = inputs
        for parameter in parameters { all[parameter.input] = parameter.tensor }
        for state in states { all[state.input] = state.tensor }
        let values = try session.run(all)
        func value(_ name: String) throws -> Tensor {
            guard let tensor = values[name] else {
                throw CleaveError(.invalidRequest, "the graph does not compute this value", at: .init(tensor: name))
            }
            return tensor
        }
        let gradients = try parameters.map { try value($0.gradient).numbers() }
        let newStates = try states.map { try value($0.newValue) }
        var results: [String: Tensor] = [:]
        for id in program.results {
            let name = program.graph[id].name
            results[name] = try value(name)
        }
        for (index, gradient) in gradients.enumerated() {
            if parameters[index].slope.isEmpty {
                parameters[index].slope = gradient.map { $0 * scale }
            } else {
                for element in gradient.indices { parameters[index].slope[element] += gradient[element] * scale }
            }
        }
        for (index, tensor) in newStates.enumerated() { states[index].tensor = tensor }
        return results
    }

    func update(_ update: ParameterUpdate) throws -> Double? {
        guard parameters.allSatisfy({ $0.slope.count == $0.tensor.count }) else {
            throw CleaveError(.invalidRequest, "there are no gradients to update with")
        }
        var norm: Double?
        var factor = 1.0
        if let limit = update.maximalGradientNorm {
            var sum = 0.0
            for parameter in parameters { for slope in parameter.slope { sum += slope * slope } }
            norm = sum.squareRoot()
            if sum.squareRoot() > limit { factor = limit / sum.squareRoot() }
        }
        for index in parameters.indices { try self.update(&parameters[index], update, factor: factor) }
        return norm
    }

    private func update(_ parameter: inout Parameter, _ update: ParameterUpdate, factor: Double) throws {
        var step = update.step
        if !parameter.decays { step.weightDecay = 0 }
        var elements = try parameter.tensor.numbers()
        let gradient = factor == 1 ? parameter.slope : parameter.slope.map { $0 * factor }
        step.apply(to: &elements, gradient: gradient, state: &parameter.moments)
        parameter.tensor = try Tensor(elements, shape: parameter.tensor.shape, as: parameter.tensor.elementType)
        parameter.slope = []
        guard let average = parameter.average else { return }
        let moved = zip(try average.numbers(), try parameter.tensor.numbers()).map {
            update.averageDecay * $0 + (1 - update.averageDecay) * $1
        }
        parameter.average = try Tensor(moved, shape: average.shape, as: average.elementType)
    }

    func tensors() throws -> TrainingTensors {
        var result = TrainingTensors(parameters: [:], states: [:], moments: [:], averages: [:])
        for parameter in parameters {
            result.parameters[parameter.name] = parameter.tensor
            result.moments[parameter.name] = try parameter.moments.map { try Tensor($0, shape: parameter.tensor.shape) }
            result.averages[parameter.name] = parameter.average
        }
        for state in states { result.states[state.name] = state.tensor }
        return result
    }

    func restore(_ tensors: TrainingTensors) throws {
        try program.check(tensors)
        for index in parameters.indices {
            let name = parameters[index].name
            if let tensor = tensors.parameters[name] { parameters[index].tensor = tensor }
            parameters[index].moments = try (tensors.moments[name] ?? []).map { try $0.numbers() }
            parameters[index].average = tensors.averages[name]
            parameters[index].slope = []
        }
        for index in states.indices {
            if let tensor = tensors.states[states[index].name] { states[index].tensor = tensor }
        }
    }
}

extension Tensor {
    /// - Throws: `CleaveError` for elements that are no numbers.
    fileprivate func numbers() throws -> [Double] {
        guard let numbers = doubles() else { throw CleaveError(.typeMismatch, "expected numbers, not elements of \(elementType)") }
        return numbers
    }
}

extension TrainingProgram {
    /// Checks that `tensors` has a tensor of the right type and shape for everything that training changes, and nothing else.
    /// - Throws: `CleaveError` naming the tensor.
    public func check(_ tensors: TrainingTensors) throws {
        let names = parameters.map { graph[$0.value].name }
        try check(tensors.parameters, names, "parameter")
        try check(tensors.averages, keepsAverage ? names : [], "moving average")
        try check(tensors.states, states.map { graph[$0.value].name }, "state")
        if let surplus = tensors.moments.keys.sorted().first(where: { !names.contains($0) }) {
            throw CleaveError(.invalidRequest, "there is no such parameter to restore moments of", at: .init(tensor: surplus))
        }
        for parameter in parameters {
            let name = graph[parameter.value].name, moments = tensors.moments[name] ?? []
            guard moments.count == optimizer.stateCount, moments.allSatisfy({ $0.shape == graph.constant(parameter.value)?.shape }) else {
                throw CleaveError(
                    .shapeMismatch, "\(moments.count) moments of the optimizer are given, expected \(optimizer.stateCount) "
                        + "shaped like the parameter", at: .init(tensor: name))
            }
        }
    }

    private func check(_ given: [String: Tensor], _ names: [String], _ what: String) throws {
        let known = Set(names)
        if let surplus = given.keys.sorted().first(where: { !known.contains($0) }) {
            throw CleaveError(.invalidRequest, "there is no such \(what) to restore", at: .init(tensor: surplus))
        }
        for name in names {
            guard let tensor = given[name] else {
                throw CleaveError(.invalidRequest, "the \(what) is missing", at: .init(tensor: name))
            }
            guard let declared = graph.value(named: name).flatMap({ graph.constant($0.id) }) else { continue }
            guard tensor.shape == declared.shape, tensor.elementType == declared.elementType else {
                throw CleaveError(.shapeMismatch, "the \(what) is \(tensor), expected \(declared)", at: .init(tensor: name))
            }
        }
    }
}
