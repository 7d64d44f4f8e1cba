import COneDNN
import Execution
import GraphIR
import Tensors

/// Turns a specialized graph into a plan: group by group, it makes kernels, places their operands and notes what they touch.
struct PlanCompiler {
    /// Where a value is once it is computed.
    enum Home {
        /// A float32 tensor in a buffer, lying as the layout says.
        case buffer(BufferID, Layout)
        /// A tensor of 8-bit integers in a buffer.
        case bytes(BufferID, ByteLayout)
        /// A tensor that the session holds as such: another element type, or a shape that is not known before the run.
        case slot(Int)
    }

    let backend: OneDNNBackend
    let graph: Graph
    let program: Simplification
    let groups: [Group]
    let pool: ConstantPool

    var steps: [OneDNNPlan.Step] = []
    var buffers: [OneDNNPlan.Buffer] = []
    /// The values that live in a buffer: more than one where values are views of each other, or one takes another's place.
    var residents: [[ValueID]] = []
    var homes: [ValueID: Home] = [:]
    /// The same values in further layouts.
    private var copies: [ValueID: [(layout: Layout, buffer: BufferID)]] = [:]
    var byteCopies: [ValueID: [(layout: ByteLayout, buffer: BufferID)]] = [:]
    /// Index of the last group that reads a value.
    var lastUse: [ValueID: Int] = [:]
    /// The values that are tensors of the session, and the number of steps before they are computed.
    private var slots: [(value: ValueID, start: Int)] = []
    /// Per group, the number of steps after it.
    private var stepCounts: [Int] = []
    /// The group being compiled.
    private var current = 0
    /// What the plan trains; empty for one that only runs.
    let training: TrainedValues
    /// The nodes that only gradients need.
    private let backwardNodes: Set<NodeID>
    /// Whether parameters are rounded before they are used.
    let roundsParameters: Bool
    /// What normalizations and pools for training leave to their gradients.
    var leftovers = Leftovers()
    /// Groups that depend on nothing but what the session keeps, by their results: they are compiled when somebody reads these.
    var postponed: [ValueID: Int] = [:]
    /// Whether the nodes of the group are compiled one by one, so that each may still need what the one before it read.
    var isSplitting = false

    init(_ specialized: Graph, backend: OneDNNBackend, training: TrainedValues = TrainedValues()) throws {
        self.backend = backend
        pool = ConstantPool(limit: backend.memoryLimit)
        self.training = training
        backwardNodes = training.nodesBehindResults(of: specialized)
        roundsParameters = !training.parameters.isEmpty && specialized.nodes.contains(where: \.isFakeQuantization)
        program = try Self.simplify(specialized.withIntegerOperators(backend.semantics), memoryLimit: backend.memoryLimit)
        graph = program.graph
        groups = Grouping.groups(of: program)
        for (index, group) in groups.enumerated() {
            for node in group.nodes {
                for input in node.reads { lastUse[program.resolve(input)] = index }
            }
        }
        for output in program.outputs { lastUse[output] = groups.count }
    }

    /// Simplifies a graph, and again with what that has found for as long as more shapes become known by it: those that are computed
    /// from other shapes in ways that inference does not follow.
    private static func simplify(_ specialized: Graph, memoryLimit: Int) throws -> Simplification {
        // Constants get at most a quarter of the memory.
        var program = try Simplification(specialized, budget: memoryLimit / 4, evaluatedByteCount: 0)
        while program.hasUnknownShapes {
            let evaluated = program.evaluated
            guard !evaluated.isEmpty else { break }
            var graph = program.graph
            try graph.edit { editor in
                for (value, tensor) in evaluated { editor.setConstant(value, to: tensor) }
            }
            program = try Simplification(graph, budget: memoryLimit / 4, evaluatedByteCount: program.evaluatedByteCount)
        }
        return program
    }

    /// - Parameter specialized: what the compiler was made for.
    mutating func compile(original: Graph, specialized: Graph) throws -> OneDNNPlan {
        try checkSizes()
        let inputs = try placeInputs()
        for (index, group) in groups.enumerated() {
            current = index
            if !postpone(group, index) { try lower(group) }
            stepCounts.append(steps.count)
        }
        current = groups.count
        let outputs = try placeOutputs(), held = try placeHeldTensors()
        return try OneDNNPlan(
            graph: original, specialized: specialized, backend: backend, steps: steps, inputs: inputs, outputs: outputs, buffers: buffers,
            slots: slots.map { tensorSlot($0.value, from: $0.start) },
            weightByteCount: pool.byteCount.saturatingSum(program.evaluatedByteCount), held: held)
    }

    /// Refuses a single value beyond the memory limit before a kernel makes tables of its size.
    private func checkSizes() throws {
        for node in groups.lazy.flatMap(\.nodes) {
            for output in node.outputs.compactMap({ $0 }) {
                guard let type = isBuffered(output) ? .float32 : byteType(output) else { continue }
                let byteCount = (try? Tensor.elementCount(of: shape(output))).flatMap(type.byteCount(elements:))
                guard byteCount.map({ $0 <= backend.memoryLimit }) != true else { continue }
                throw CleaveError(
                    .unsupported,
                    "running the network takes \(byteCount.map(NumberFormat.bytes) ?? "more than 9.22 EB") for this value, "
                        + "but the limit is \(NumberFormat.bytes(backend.memoryLimit))",
                    at: .init(node: graph.label(of: node), operatorName: node.operator.name, tensor: graph[output].name),
                    suggestion: "run it on a smaller batch or image")
            }
        }
    }

    private mutating func placeInputs() throws -> [OneDNNPlan.Input] {
        try graph.inputs.map { id in
            guard lastUse[id] != nil else { return .unused }
            guard !training.isHeld(id) else { return .held }
            guard isBuffered(id) else { return .slot(makeSlot(for: id)) }
            let layout = try Layout.plain(shape(id))
            let buffer = makeBuffer(.caller, byteCount: layout.byteCount)
            define(id, in: buffer, layout)
            return .buffer(buffer)
        }
    }

    /// Decides where outputs come from. A buffer of the arena that holds nothing but one output becomes the caller's.
    private mutating func placeOutputs() throws -> [OneDNNPlan.Output] {
        var given: Set<BufferID> = []
        return try graph.outputs.map { output in
            guard !training.isHeldOutput(output) else { return .held }
            let id = program.resolve(output)
            if let constant = program.constant(id) { return .constant(constant) }
            if let input = graph.inputs.firstIndex(of: id) { return .input(input) }
            switch homes[id] {
            case nil:
                throw CleaveError(.invalidGraph, "nothing computes the output", at: .init(tensor: graph[output].name))
            case .slot(let slot): return .slot(slot)
            case .bytes(_, let layout):
                return .buffer(try byteOutput(id, from: layout), shape: shape(id), elementType: layout.elementType)
            case .buffer(let buffer, let layout):
                if layout.isPlain, case .arena = buffers[buffer.index].kind, !buffers[buffer.index].hasParts,
                    given.insert(buffer).inserted
                {
                    buffers[buffer.index].kind = .caller
                    return .buffer(buffer, shape: shape(id), elementType: .float32)
                }
                let plain = try Layout.plain(shape(id))
                let copy = makeBuffer(.caller, byteCount: plain.byteCount)
                try emitReorder(from: (buffer, layout), to: (copy, plain))
                given.insert(copy)
                return .buffer(copy, shape: shape(id), elementType: .float32)
            }
        }
    }

    /// Gives everything that the session keeps a place, and makes gradients lie as their parameters do.
    private mutating func placeHeldTensors() throws -> HeldTensors {
        var held = HeldTensors()
        for parameter in training.parameters {
            let (buffer, layout) = try home(parameter.value)
            buffers[buffer.index].kind = .held(offset: held.gradientOffset)
            held.parameters.append(
                .init(
                    name: parameter.name, shape: shape(parameter.value), layout: layout, offset: held.gradientOffset,
                    decays: parameter.decays))
            held.gradientOffset += Self.padded(layout.byteCount)
        }
        held.byteCount = held.gradientOffset
        for (parameter, place) in zip(training.parameters, held.parameters) {
            try keep(parameter.gradient, in: place.layout, at: held.gradientOffset + place.offset)
            held.byteCount += Self.padded(place.layout.byteCount)
        }
        for state in training.states {
            let (buffer, layout) = try home(state.value), size = Self.padded(layout.byteCount)
            buffers[buffer.index].kind = .held(offset: held.byteCount)
            try keep(state.newValue, in: layout, at: held.byteCount + size)
            held.states.append(
                .init(
                    name: state.name, shape: shape(state.value), offset: held.byteCount, newOffset: held.byteCount + size,
                    byteCount: layout.byteCount))
            held.byteCount += 2 * size
        }
        return held
    }

    private static func padded(_ byteCount: Int) -> Int {
        (byteCount + MemoryPlan.alignment - 1) / MemoryPlan.alignment * MemoryPlan.alignment
    }

    /// Puts a value into memory that lasts: where its kernel stores it if that is possible, else by a copy.
    private mutating func keep(_ id: ValueID, in layout: Layout, at offset: Int) throws {
        let buffer = try operand(id, in: layout)
        if case .arena = buffers[buffer.index].kind, !buffers[buffer.index].hasParts {
            buffers[buffer.index].kind = .held(offset: offset)
        } else {
            try emitReorder(from: (buffer, layout), to: (makeBuffer(.held(offset: offset), byteCount: layout.byteCount), layout))
        }
    }

    // MARK: Values

    /// Whether a value lives in a buffer: it is float32, of a known shape, and not empty.
    func isBuffered(_ id: ValueID) -> Bool {
        guard let type = graph[program.resolve(id)].tensorType, type.elementType == .float32, let shape = type.knownShape else {
            return false
        }
        return shape.count <= 12 && !shape.contains(0)
    }

    /// The shape of a buffered value.
    func shape(_ id: ValueID) -> [Int] { graph[program.resolve(id)].tensorType?.knownShape ?? [] }

    func constant(_ id: ValueID?) -> Tensor? { program.constant(id) }

    /// The elements of a float32 constant.
    func elements(_ id: ValueID?) -> [Float]? { constant(id).flatMap { try? $0.elements(as: Float.self) } }

    /// Where a buffered value is; a constant is put into a buffer of its own.
    mutating func home(_ id: ValueID) throws -> (buffer: BufferID, layout: Layout) {
        let id = program.resolve(id)
        if case .buffer(let buffer, let layout)? = homes[id] { return (buffer, layout) }
        if try lowerPostponed(id) { return try home(id) }
        if training.isHeld(id) { return (settle(id, in: try .plain(shape(id))), try .plain(shape(id))) }
        guard let elements = elements(id) else {
            throw CleaveError(.invalidGraph, "nothing computes the value", at: .init(tensor: graph[id].name))
        }
        let layout = try Layout.plain(shape(id))
        let buffer = addConstant(try PackedConstant.pack(elements, as: layout, in: layout, pool: pool))
        homes[id] = .buffer(buffer, layout)
        return (buffer, layout)
    }

    /// Whether a value lies as its first reader wants it, because the session keeps it and nobody has read it yet.
    func isUnsettled(_ id: ValueID) -> Bool { training.isHeld(program.resolve(id)) && homes[program.resolve(id)] == nil }

    /// Decides how a value that the session keeps lies.
    @discardableResult
    mutating func settle(_ id: ValueID, in layout: Layout) -> BufferID {
        let buffer = makeBuffer(.held(offset: 0), byteCount: layout.byteCount)
        define(program.resolve(id), in: buffer, layout)
        return buffer
    }

    /// A buffer with the value in the given layout; a reorder is added where it has none yet.
    mutating func operand(_ id: ValueID, in layout: Layout) throws -> BufferID {
        let id = program.resolve(id)
        let known = try home(id)
        if known.layout == layout || (known.layout.isPlain && layout.isPlain) { return known.buffer }
        if let copy = copies[id]?.first(where: { $0.layout == layout }) { return copy.buffer }
        let buffer: BufferID
        if let elements = elements(id) {
            let source = try known.layout.shape == layout.shape ? known.layout : .plain(layout.shape)
            buffer = addConstant(try PackedConstant.pack(elements, as: source, in: layout, pool: pool))
        } else {
            buffer = makeBuffer(.arena, byteCount: layout.byteCount)
            try emitReorder(from: try view(known, for: layout, of: id), to: (buffer, view(layout, as: known.layout)))
        }
        copies[id, default: []].append((layout, buffer))
        residents[buffer.index].append(id)
        return buffer
    }

    /// A source that can be reordered to `layout`: of the same shape, or row-major, so that any shape names its elements.
    private mutating func view(
        _ source: (buffer: BufferID, layout: Layout), for layout: Layout, of id: ValueID
    ) throws -> (buffer: BufferID, layout: Layout) {
        if source.layout.shape == layout.shape || layout.isPlain { return source }
        return (source.layout.isPlain ? source.buffer : try plainOperand(id), try .plain(layout.shape))
    }

    /// A row-major layout under the shape of what is reordered to it.
    private func view(_ layout: Layout, as source: Layout) throws -> Layout {
        layout.isPlain && source.shape != layout.shape ? try .plain(source.shape) : layout
    }

    mutating func plainOperand(_ id: ValueID) throws -> BufferID { try operand(id, in: .plain(shape(id))) }

    mutating func define(_ id: ValueID, in buffer: BufferID, _ layout: Layout) {
        homes[id] = .buffer(buffer, layout)
        residents[buffer.index].append(id)
    }

    /// Whether the current step may write its result over a buffer: nobody reads the buffer's values later.
    func isReusable(_ buffer: BufferID) -> Bool {
        guard !isSplitting, case .arena = buffers[buffer.index].kind, !buffers[buffer.index].hasParts else { return false }
        return residents[buffer.index].allSatisfy { lastUse[$0, default: current] <= current }
    }

    /// Makes a buffer that is already written a part of a new one, if it has bytes of its own; from then on nothing overwrites either.
    /// - Returns: whether it is a part now.
    mutating func makePart(_ buffer: BufferID, of whole: BufferID, at offset: Int, byteCount: Int) -> Bool {
        guard case .arena = buffers[buffer.index].kind, buffers[buffer.index].byteCount == byteCount,
            offset.isMultiple(of: MemoryPlan.alignment)
        else { return false }
        buffers[buffer.index].kind = .part(of: whole, offset: offset)
        buffers[whole.index].hasParts = true
        return true
    }

    // MARK: Buffers, slots and steps

    mutating func makeBuffer(_ kind: OneDNNPlan.Buffer.Kind, byteCount: Int) -> BufferID {
        buffers.append(.init(kind: kind, byteCount: byteCount))
        residents.append([])
        return BufferID(index: buffers.count - 1)
    }

    mutating func addConstant(_ constant: PackedConstant) -> BufferID {
        makeBuffer(.constant(constant), byteCount: constant.layout.byteCount)
    }

    mutating func makeSlot(for id: ValueID) -> Int {
        homes[id] = .slot(slots.count)
        slots.append((id, steps.count))
        return slots.count - 1
    }

    private func tensorSlot(_ value: ValueID, from start: Int) -> TensorSlot {
        var byteCount = 0
        if !graph.inputs.contains(value), let type = graph[value].tensorType, let shape = type.knownShape {
            byteCount = (try? Tensor.elementCount(of: shape)).flatMap(type.elementType.byteCount(elements:)) ?? 0
        }
        let end = lastUse[value].map { $0 < stepCounts.count ? stepCounts[$0] - 1 : steps.count } ?? start
        return TensorSlot(byteCount: byteCount, lifetime: start...max(start, end))
    }

    func slot(_ id: ValueID) -> Int? {
        if case .slot(let slot)? = homes[program.resolve(id)] { slot } else { nil }
    }

    mutating func emit(_ kernel: any Kernel, computing nodes: [Node], reads: [BufferID], writes: [BufferID], isFallback: Bool = false) {
        let work = nodes.compactMap { $0.operator.payload.multiplyAccumulates(graph.costContext(of: $0)) }
        let (sum, _) = work.reduce((0, false)) { ($0.0 &+ $1, false) }
        steps.append(
            .init(
                kernel: kernel, nodes: nodes.map { graph.label(of: $0) }, operatorName: nodes.first?.operator.name ?? "Reorder",
                multiplyAccumulates: sum,
                byteCount: (reads + writes).reduce(0) { $0 &+ buffers[$1.index].byteCount }, isFallback: isFallback, reads: reads,
                writes: writes, isBackward: isBackward(nodes)))
    }

    /// Whether only gradients need what the nodes compute; for a change of layout, what the group that needs it computes.
    private func isBackward(_ nodes: [Node]) -> Bool {
        guard nodes.isEmpty else { return nodes.contains { backwardNodes.contains($0.id) } }
        return current >= groups.count ? !backwardNodes.isEmpty : groups[current].nodes.contains { backwardNodes.contains($0.id) }
    }

    mutating func emitReorder(
        from source: (buffer: BufferID, layout: Layout), to destination: (buffer: BufferID, layout: Layout), computing nodes: [Node] = [],
        sourceOffset: Int = 0, destinationOffset: Int = 0
    ) throws {
        let primitive = try Primitive.reorder(source.layout, destination.layout)
        let kernel = PrimitiveKernel(
            primitive: primitive,
            arguments: [
                .init(ONEDNN_SOURCE, source.buffer, source.layout, offset: sourceOffset),
                .init(ONEDNN_DESTINATION, destination.buffer, destination.layout, offset: destinationOffset),
            ])
        emit(kernel, computing: nodes, reads: [source.buffer], writes: [destination.buffer])
    }

    /// A row-major buffer with an operand's dimensions in another order.
    mutating func transposed(_ id: ValueID, _ order: [Int]) throws -> BufferID {
        let lengths = shape(id)
        guard order != Array(lengths.indices) else { return try plainOperand(id) }
        let dense = Self.denseStrides(order.map { lengths[$0] })
        var strides = [Int](repeating: 0, count: lengths.count)
        for (position, axis) in order.enumerated() { strides[axis] = dense[position] }
        let result = try Layout.strided(lengths, strides: strides), source = try home(id)
        let buffer = makeBuffer(.arena, byteCount: try Layout.plain(lengths).byteCount)
        try emitReorder(from: source, to: (buffer, result))
        return buffer
    }
}
