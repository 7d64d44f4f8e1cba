import COneDNN
import Execution
import GraphIR
import Tensors

/// A graph compiled for oneDNN: steps in order, each with the buffers it reads and writes.
final class OneDNNPlan: MeasuredPlan {
    struct Step: Sendable {
        var kernel: any Kernel
        /// Labels of the nodes that it computes.
        var nodes: [String]
        var operatorName: String
        var multiplyAccumulates: Int
        var byteCount: Int
        var isFallback: Bool
        var reads: [BufferID]
        var writes: [BufferID]
        /// Whether only gradients need it.
        var isBackward: Bool
    }

    /// Where a graph input goes.
    enum Input: Sendable {
        case unused
        /// The session keeps the tensor from run to run.
        case held
        case buffer(BufferID)
        case slot(Int)
    }

    /// Where a graph output comes from.
    enum Output: Sendable {
        /// The session keeps the tensor until the next run.
        case held
        case constant(Tensor)
        /// The tensor given for that input.
        case input(Int)
        case slot(Int)
        case buffer(BufferID, shape: [Int], elementType: ElementType)
    }

    let graph: Graph
    /// The graph for the shapes that the plan is for.
    let specialized: Graph
    let backend: OneDNNBackend
    let steps: [Step]
    let inputs: [Input]
    let outputs: [Output]
    /// The place of every buffer; scratchpads come last.
    let places: [BufferPlace]
    let scratchpads: [BufferID?]
    let slotCount: Int
    let sessionByteCount: Int
    /// Bytes that each session allocates during a run for tensors outside of its buffers.
    let tensorByteCount: Int
    let weightByteCount: Int
    let held: HeldTensors

    init(
        graph: Graph, specialized: Graph, backend: OneDNNBackend, steps: [Step], inputs: [Input], outputs: [Output],
        buffers: [Buffer], slots: [TensorSlot], weightByteCount: Int, held: HeldTensors
    ) throws {
        self.graph = graph
        self.specialized = specialized
        self.backend = backend
        self.steps = slots.released(by: steps)
        self.inputs = inputs
        self.outputs = outputs
        slotCount = slots.count
        tensorByteCount = slots.peakByteCount(steps, buffers)
        self.weightByteCount = weightByteCount
        self.held = held
        let layout = try Self.place(buffers, steps: steps)
        places = layout.places
        scratchpads = layout.scratchpads
        sessionByteCount = layout.byteCount
        try checkMemory(outputs: outputs)
    }

    /// - Throws: `CleaveError` when a session with its outputs takes more than the limit.
    private func checkMemory(outputs: [Output]) throws {
        var outputByteCount = 0
        for case .buffer(_, let shape, let elementType) in outputs {
            outputByteCount = outputByteCount.saturatingSum(
                elementType.byteCount(elements: try Tensor.elementCount(of: shape)) ?? .max)
        }
        let valueByteCount = sessionByteCount.saturatingSum(tensorByteCount)
        let total = [valueByteCount, outputByteCount, held.byteCount].reduce(weightByteCount) { $0.saturatingSum($1) }
        guard total <= backend.memoryLimit else {
            throw CleaveError(
                .unsupported,
                "running the network takes \(NumberFormat.bytes(total)) "
                    + "(\(NumberFormat.bytes(weightByteCount)) for weights, \(NumberFormat.bytes(valueByteCount)) for values in between, "
                    + "\(NumberFormat.bytes(outputByteCount)) for outputs), but the limit is \(NumberFormat.bytes(backend.memoryLimit))",
                suggestion: "run it on a smaller batch or image")
        }
    }

    /// What a plan knows of a buffer before it has a place.
    struct Buffer: Sendable {
        enum Kind: Sendable {
            case arena, caller, constant(PackedConstant)
            /// In the memory that lasts from run to run.
            case held(offset: Int)
            /// Bytes of another buffer, from `offset` on.
            case part(of: BufferID, offset: Int)
        }
        var kind: Kind
        var byteCount: Int
        /// Whether other buffers are parts of this one.
        var hasParts = false
    }

    /// The buffer that a buffer is a part of in the end, and where in it.
    private static func whole(_ id: BufferID, in buffers: [Buffer]) -> (buffer: BufferID, offset: Int) {
        var (id, total) = (id, 0)
        while case .part(let owner, let offset) = buffers[id.index].kind {
            id = owner
            total += offset
        }
        return (id, total)
    }

    private static func place(
        _ buffers: [Buffer], steps: [Step]
    ) throws -> (places: [BufferPlace], scratchpads: [BufferID?], byteCount: Int) {
        var lifetimes: [ClosedRange<Int>?] = Array(repeating: nil, count: buffers.count)
        for (index, step) in steps.enumerated() {
            for id in step.reads + step.writes {
                let id = whole(id, in: buffers).buffer
                lifetimes[id.index] = (lifetimes[id.index]?.lowerBound ?? index)...index
            }
        }
        // A buffer in the arena that no step touches needs no bytes of its own.
        var places = buffers.map { buffer -> BufferPlace in
            switch buffer.kind {
            case .arena, .part: .arena(offset: 0)
            case .caller: .caller
            case .constant(let constant): .constant(constant)
            case .held(let offset): .held(offset: offset)
            }
        }
        var requests: [MemoryPlan.Request] = []
        var requesters: [Int] = []
        for (index, lifetime) in lifetimes.enumerated() {
            guard case .arena = buffers[index].kind, let lifetime else { continue }
            requesters.append(index)
            requests.append(.init(byteCount: buffers[index].byteCount, lifetime: lifetime))
        }
        let scratchpads = steps.enumerated().map { index, step -> BufferID? in
            guard step.kernel.scratchpadByteCount > 0 else { return nil }
            requesters.append(places.count)
            requests.append(.init(byteCount: step.kernel.scratchpadByteCount, lifetime: index...index))
            places.append(.arena(offset: 0))
            return BufferID(index: places.count - 1)
        }
        let plan = try MemoryPlan(requests)
        for (requester, offset) in zip(requesters, plan.offsets) { places[requester] = .arena(offset: offset) }
        for (index, buffer) in buffers.enumerated() {
            guard case .part = buffer.kind else { continue }
            let (owner, offset) = whole(BufferID(index: index), in: buffers)
            if case .arena(let start) = places[owner.index] { places[index] = .arena(offset: start + offset) }
        }
        return (places, scratchpads, plan.byteCount)
    }

    func makeSession() throws -> any Session { try OneDNNSession(self) }
}
