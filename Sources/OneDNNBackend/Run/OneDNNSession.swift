import COneDNN
import Execution
import GraphIR
import Tensors

/// Runs a plan in memory of its own. Used by one thread at a time.
final class OneDNNSession: ProfilingSession {
    private let plan: OneDNNPlan
    let memory: SessionMemory
    private let kernels: [BoundKernel]
    /// The storage that each output was written to last; taken again when the caller has dropped the tensor.
    private var outputStorage: [TensorStorage?]
    /// Sessions that keep further values, by the names of these values.
    private var observers: [[String]: OneDNNSession] = [:]

    init(_ plan: OneDNNPlan) throws {
        self.plan = plan
        onednn_set_threads(Int32(plan.backend.threads))
        let memory = try SessionMemory(
            places: plan.places, arenaByteCount: plan.sessionByteCount, heldByteCount: plan.held.byteCount, slotCount: plan.slotCount)
        self.memory = memory
        do {
            kernels = try zip(plan.steps, plan.scratchpads).map { try $0.kernel.bind(to: memory, scratchpad: $1) }
        } catch let failure as OneDNNFailure {
            throw failure.cleaveError
        }
        outputStorage = Array(repeating: nil, count: plan.outputs.count)
    }

    func run(_ inputs: [String: Tensor], observing: [String]) throws -> [String: Tensor] {
        guard observing.isEmpty else { return try observer(for: observing).run(inputs, observing: []) }
        return try run(tensors(for: inputs))
    }

    /// Runs the plan on tensors in the order of the graph's inputs; there is none for an input that the session holds.
    func run(_ inputs: [Tensor?]) throws -> [String: Tensor] {
        try run(inputs) {
            for index in kernels.indices {
                if Task.isCancelled { throw CleaveError(.cancelled, "the run was cancelled") }
                try kernels[index].run()
            }
        }
    }

    func profile(_ inputs: [String: Tensor]) throws -> (outputs: [String: Tensor], profile: ExecutionProfile) {
        let (outputs, steps) = try profile(tensors(for: inputs))
        return (outputs, ExecutionProfile(steps: steps))
    }

    /// What every step of the plan took.
    func profile(_ inputs: [Tensor?]) throws -> (outputs: [String: Tensor], steps: [ExecutionProfile.Step]) {
        var steps: [ExecutionProfile.Step] = []
        let clock = ContinuousClock()
        let outputs = try run(inputs) {
            for (kernel, step) in zip(kernels, plan.steps) {
                let elapsed = try clock.measure { try kernel.run() }.components
                var measured = ExecutionProfile.Step(
                    nodes: step.nodes, operatorName: step.operatorName, kernel: step.kernel.name,
                    seconds: Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18,
                    multiplyAccumulates: step.multiplyAccumulates, byteCount: step.byteCount, isFallback: step.isFallback)
                measured.isBackward = step.isBackward
                steps.append(measured)
            }
        }
        return (outputs, steps)
    }

    private func tensors(for inputs: [String: Tensor]) throws -> [Tensor?] {
        let graph = plan.specialized
        try graph.checkInputs(inputs)
        return graph.inputs.map { inputs[graph[$0].name] }
    }

    private func run(_ tensors: [Tensor?], _ body: () throws -> Void) throws -> [String: Tensor] {
        onednn_set_threads(Int32(plan.backend.threads))
        do {
            let kept = try zip(plan.inputs, tensors).map { try place($1, in: $0) }
            let outputs = try prepareOutputs(given: tensors)
            try withExtendedLifetime(kept, body)
            return collect(outputs)
        } catch let failure as OneDNNFailure {
            throw failure.cleaveError
        }
    }

    /// Makes an input available to the kernels without copying it where its alignment permits.
    /// - Returns: what must stay alive while they run.
    private func place(_ tensor: Tensor?, in input: OneDNNPlan.Input) throws -> Tensor? {
        guard let tensor else { return nil }
        switch input {
        case .unused, .held: return nil
        case .slot(let slot):
            memory.slots[slot] = tensor
            return tensor
        case .buffer(let id):
            var tensor = tensor
            let isAligned = tensor.withUnsafeBytes { Int(bitPattern: $0.baseAddress) % MemoryLayout<Float>.alignment == 0 }
            if !isAligned {
                let storage = tensor.withUnsafeBytes { TensorStorage(copying: $0) }
                tensor = try Tensor(shape: tensor.shape, elementType: tensor.elementType, storage: storage)
            }
            // A kernel only reads the caller's tensor: a buffer of an input is never a step's result.
            if let address = tensor.withUnsafeBytes({ $0.baseAddress }) {
                try memory.setAddress(of: id, to: UnsafeMutableRawPointer(mutating: address))
            }
            return tensor
        }
    }

    private func prepareOutputs(given inputs: [Tensor?]) throws -> [Tensor?] {
        try plan.outputs.indices.map { index in
            switch plan.outputs[index] {
            case .constant(let tensor): return tensor
            case .input(let input): return inputs[input]
            case .slot, .held: return nil
            case .buffer(let id, let shape, let elementType):
                let count = try Tensor.allocatableCount(of: shape, elementType), byteCount = elementType.byteCount(elements: count) ?? 0
                if outputStorage[index] == nil || !isKnownUniquelyReferenced(&outputStorage[index]) {
                    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: max(byteCount, 1), alignment: TensorStorage.alignment)
                    outputStorage[index] = TensorStorage(takingOver: UnsafeRawBufferPointer(bytes)) { $0.baseAddress?.deallocate() }
                }
                guard let storage = outputStorage[index], let address = storage.bytes.baseAddress else { return nil }
                try memory.setAddress(of: id, to: UnsafeMutableRawPointer(mutating: address))
                return try Tensor(shape: shape, elementType: elementType, storage: storage)
            }
        }
    }

    private func collect(_ tensors: [Tensor?]) -> [String: Tensor] {
        let graph = plan.specialized
        var result: [String: Tensor] = [:]
        for (index, id) in graph.outputs.enumerated() {
            if case .slot(let slot) = plan.outputs[index] {
                result[graph[id].name] = memory.slots[slot]
            } else {
                result[graph[id].name] = tensors[index]
            }
        }
        for slot in memory.slots.indices { memory.slots[slot] = nil }
        return result
    }

    /// A session for the same graph with more outputs; the fused plan does not keep these values.
    private func observer(for names: [String]) throws -> OneDNNSession {
        let key = Array(Set(names)).sorted()
        if let session = observers[key] { return session }
        let plan = try plan.backend.compile(plan.graph, specialized: plan.specialized.exposing(key))
        let session = try OneDNNSession(plan)
        observers = [key: session]
        return session
    }
}

extension Graph {
    /// The graph with further values among its outputs.
    /// - Throws: `CleaveError` when there is no value of that name.
    func exposing(_ names: [String]) throws -> Graph {
        var graph = self
        let more = try names.map { name in
            guard let value = value(named: name) else {
                throw CleaveError(.invalidRequest, "there is no such value to observe", at: .init(tensor: name))
            }
            return value.id
        }
        let added = more.filter { !outputs.contains($0) }
        try graph.edit { editor in editor.setOutputs(editor.graph.outputs + added) }
        return graph
    }
}
