import CKernels
import COneDNN
import Execution
import GraphIR
import Tensors

extension OneDNNBackend {
    /// Programs whose tensors are all float32 train in this backend's own memory; others as on every backend.
    public func prepareTraining(_ program: TrainingProgram) throws -> any TrainingSession {
        let changing = program.parameters.map(\.value) + program.states.map(\.value)
        let isOwn = changing.allSatisfy { id in
            guard let type = program.graph[id].tensorType, let shape = type.knownShape else { return false }
            return type.elementType == .float32 && shape.count <= 5 && !shape.contains(0)
        }
        guard isOwn, !program.parameters.isEmpty else { return try prepareGeneralTraining(program) }
        return try OneDNNTrainingSession(program, backend: self)
    }
}

/// Trains in memory of its own: parameters, gradients and moments lie as the convolutions want them for the whole run.
final class OneDNNTrainingSession: ProfilingTrainingSession {
    private enum Gradients {
        case none
        /// Those of the last batch, to be multiplied by a factor.
        case latest(scale: Float)
        /// Those of several batches, in `sum`.
        case summed
    }

    private let program: TrainingProgram
    private let backend: OneDNNBackend
    private let plan: OneDNNPlan
    private let session: OneDNNSession
    private let held: HeldTensors
    private let moments: [Pages]
    private let average: Pages?
    private let ranges: [ck_parameter_range]
    /// Gradients of several batches; made when there are several.
    private var sum: Pages?
    private var gradients = Gradients.none

    init(_ program: TrainingProgram, backend: OneDNNBackend) throws {
        try program.optimizer.check()
        self.program = program
        self.backend = backend
        let (graph, values) = try TrainedValues.graph(of: program)
        plan = try backend.compile(graph, specialized: graph.specialized(inputShapes: [:]), training: values)
        session = try OneDNNSession(plan)
        held = plan.held
        let byteCount = held.gradientOffset
        moments = try (0..<program.optimizer.stateCount).map { _ in try Pages(byteCount: byteCount) }
        average = try program.keepsAverage ? Pages(byteCount: byteCount) : nil
        ranges = held.parameters.map {
            let size = MemoryLayout<Float>.size
            return ck_parameter_range(first: Int64($0.offset / size), count: Int64($0.layout.byteCount / size), decays: $0.decays)
        }
        for (parameter, place) in zip(program.parameters, held.parameters) {
            guard let tensor = program.graph.constant(parameter.value) else { continue }
            try fill(session.memory.held.address + place.offset, place.layout, with: tensor)
            if let average { try fill(average.address + place.offset, place.layout, with: tensor) }
        }
        for (state, place) in zip(program.states, held.states) {
            guard let tensor = program.graph.constant(state.value) else { continue }
            try fill(session.memory.held.address + place.offset, .plain(place.shape), with: tensor)
        }
    }

    // MARK: Steps

    func accumulate(_ inputs: [String: Tensor], scale: Double) throws -> [String: Tensor] {
        try accumulate(inputs, scale: scale) { try session.run($0) }
    }

    private func accumulate(
        _ inputs: [String: Tensor], scale: Double, _ run: ([Tensor?]) throws -> [String: Tensor]
    ) throws -> [String: Tensor] {
        try program.graph.checkInputs(inputs)
        onednn_set_threads(Int32(backend.threads))
        if case .latest(let scale) = gradients {
            try addLatestGradients(scale: scale, adds: false)
            gradients = .summed
        }
        let results = try run(plan.specialized.inputs.map { inputs[plan.specialized[$0].name] })
        let memory = session.memory.held.address
        for state in held.states { (memory + state.offset).copyMemory(from: memory + state.newOffset, byteCount: state.byteCount) }
        switch gradients {
        case .none: gradients = .latest(scale: Float(scale))
        case .latest, .summed: try addLatestGradients(scale: Float(scale), adds: true)
        }
        return results
    }

    private func addLatestGradients(scale: Float, adds: Bool) throws {
        let sum = try self.sum ?? Pages(byteCount: held.gradientOffset)
        self.sum = sum
        ck_accumulate(latestGradients, scale, adds, sum.address.floats, elementCount)
    }

    private var latestGradients: UnsafeMutablePointer<Float> { (session.memory.held.address + held.gradientOffset).floats }
    private var elementCount: Int64 { Int64(held.gradientOffset / MemoryLayout<Float>.size) }

    func update(_ update: ParameterUpdate) throws -> Double? {
        guard update.step.optimizer.stateCount == moments.count else {
            throw CleaveError(
                .invalidRequest, "the optimizer needs \(update.step.optimizer.stateCount) moments per parameter, expected \(moments.count)",
                suggestion: "give every step the optimizer that the session was made for")
        }
        let (slopes, scale): (UnsafeMutablePointer<Float>, Float)
        switch gradients {
        case .none: throw CleaveError(.invalidRequest, "there are no gradients to update with")
        case .latest(let factor): (slopes, scale) = (latestGradients, factor)
        case .summed: (slopes, scale) = (sum?.address.floats ?? latestGradients, 1)
        }
        onednn_set_threads(Int32(backend.threads))
        var norm: Double?
        var factor = 1.0
        if let limit = update.maximalGradientNorm {
            let length = ck_sum_of_squares(slopes, elementCount).squareRoot() * Double(scale.magnitude)
            norm = length
            if length > limit { factor = limit / length }
        }
        var step = ck_optimizer_step(update)
        step.scale = Float(Double(scale) * factor)
        ck_update(
            &step, ranges, Int64(ranges.count), session.memory.held.address.floats, slopes, moments.first?.address.floats,
            moments.count > 1 ? moments[1].address.floats : nil, average?.address.floats)
        gradients = .none
        return norm
    }

    // MARK: Tensors

    func tensors() throws -> TrainingTensors {
        var result = TrainingTensors(parameters: [:], states: [:], moments: [:], averages: [:])
        let memory = session.memory.held.address
        for place in held.parameters {
            func tensor(_ base: UnsafeMutableRawPointer) throws -> Tensor {
                try copy(base + place.offset, place.layout, shape: place.shape)
            }
            result.parameters[place.name] = try tensor(memory)
            result.moments[place.name] = try moments.map { try tensor($0.address) }
            if let average { result.averages[place.name] = try tensor(average.address) }
        }
        for place in held.states { result.states[place.name] = try copy(memory + place.offset, .plain(place.shape), shape: place.shape) }
        return result
    }

    func restore(_ tensors: TrainingTensors) throws {
        try program.check(tensors)
        let memory = session.memory.held.address
        for place in held.parameters {
            func put(_ tensor: Tensor?, _ base: UnsafeMutableRawPointer?) throws {
                if let tensor, let base { try fill(base + place.offset, place.layout, with: tensor) }
            }
            try put(tensors.parameters[place.name], memory)
            for (pages, tensor) in zip(moments, tensors.moments[place.name] ?? []) { try put(tensor, pages.address) }
            try put(tensors.averages[place.name], average?.address)
        }
        for place in held.states {
            if let tensor = tensors.states[place.name] { try fill(memory + place.offset, .plain(place.shape), with: tensor) }
        }
        gradients = .none
    }

    /// Writes a tensor's elements to an address, as float32 in the given layout.
    private func fill(_ address: UnsafeMutableRawPointer, _ layout: Layout, with tensor: Tensor) throws {
        let elements = try tensor.singles()
        try elements.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            try Layout.reorder(UnsafeMutableRawPointer(mutating: base), .plain(layout.shape), to: address, layout)
        }
    }

    /// The row-major tensor of what lies at an address.
    private func copy(_ address: UnsafeMutableRawPointer, _ layout: Layout, shape: [Int]) throws -> Tensor {
        let plain = try Layout.plain(layout.shape)
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: plain.byteCount, alignment: TensorStorage.alignment)
        let storage = TensorStorage(takingOver: UnsafeRawBufferPointer(bytes)) { $0.baseAddress?.deallocate() }
        if let base = bytes.baseAddress { try Layout.reorder(address, layout, to: base, plain) }
        return try Tensor(shape: shape, elementType: .float32, storage: storage)
    }

    // MARK: Profile

    func profileAccumulation(
        _ inputs: [String: Tensor], scale: Double
    ) throws -> (results: [String: Tensor], profile: ExecutionProfile) {
        var steps: [ExecutionProfile.Step] = []
        let results = try accumulate(inputs, scale: scale) { tensors in
            let (outputs, measured) = try session.profile(tensors)
            steps = measured
            return outputs
        }
        return (results, ExecutionProfile(steps: steps))
    }
}

extension Layout {
    /// Copies what lies at one address to another, between layouts of the same shape.
    static func reorder(
        _ source: UnsafeMutableRawPointer, _ from: Layout, to destination: UnsafeMutableRawPointer, _ to: Layout
    ) throws {
        guard from != to, !(from.isPlain && to.isPlain) else {
            return destination.copyMemory(from: source, byteCount: to.byteCount)
        }
        let primitive = try Primitive.reorder(from, to)
        let scratchpad = UnsafeMutableRawPointer.allocate(byteCount: max(primitive.scratchpadByteCount, 64), alignment: 64)
        defer { scratchpad.deallocate() }
        try primitive.run(from: Memory(from, at: source), to: Memory(to, at: destination), scratchpad: scratchpad)
    }
}

extension ck_optimizer_step {
    /// - Parameter update: what the step's numbers come from, except for the factor of the gradients.
    fileprivate init(_ update: ParameterUpdate) {
        self.init()
        let step = update.step
        rate = Float(step.learningRate)
        decay = Float(step.weightDecay)
        scale = 1
        average_decay = Float(update.averageDecay)
        average_rest = Float(1 - update.averageDecay)
        switch step.optimizer {
        case .sgd(let momentum, let nesterov):
            kind = CK_SGD
            self.momentum = Float(momentum)
            self.nesterov = nesterov
        case .adam(let moments): set(CK_ADAM, moments, step.number)
        case .adamW(let moments): set(CK_ADAMW, moments, step.number)
        }
    }

    private mutating func set(_ kind: ck_optimizer_kind, _ moments: Optimizer.Moments, _ number: Int) {
        self.kind = kind
        (beta1, beta2, epsilon) = (Float(moments.beta1), Float(moments.beta2), Float(moments.epsilon))
        (rest1, rest2) = (Float(1 - moments.beta1), Float(1 - moments.beta2))
        correction1 = Float(1 / (1 - OptimizerStep.power(moments.beta1, number)))
        correction2 = Float(1 / (1 - OptimizerStep.power(moments.beta2, number)))
    }
}

extension Tensor {
    /// The elements as float32; moments that another backend has computed are float64.
    fileprivate func singles() throws -> [Float] {
        guard elementType != .float32 else { return try elements() }
        guard let numbers = doubles() else { throw CleaveError(.typeMismatch, "expected numbers, not elements of \(elementType)") }
        return numbers.map { Float($0) }
    }
}
