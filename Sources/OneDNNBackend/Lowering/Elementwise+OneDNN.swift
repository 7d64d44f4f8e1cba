import CKernels
import COneDNN
import GraphIR
import Tensors

extension PlanCompiler {
    mutating func lowerActivation(_ node: Node, _ input: ValueID, _ output: ValueID) throws -> Bool {
        let function = program.activation(of: node), loose = LooseFunction(node.operator)
        guard let keepsZero = function?.keepsZero ?? loose?.keepsZero else { return false }
        var (buffer, layout) = try home(input)
        if layout.hasPadding, !keepsZero {
            layout = try .plain(shape(input))
            buffer = try operand(input, in: layout)
        }
        let target = isReusable(buffer) ? buffer : makeBuffer(.arena, byteCount: layout.byteCount)
        let kernel: any Kernel
        if let activation = function?.native {
            kernel = Self.activate(buffer, target, layout, activation)
        } else if let loose {
            let count = layout.elementCount
            kernel = NativeKernel("cleave:unary", buffers: [buffer, target]) { addresses, _ in
                ck_unary(loose.kind, loose.alpha, addresses[0].floats, addresses[1].floats, count)
            }
        } else {
            return false
        }
        emit(kernel, computing: [node], reads: [buffer], writes: [target])
        define(output, in: target, layout)
        return true
    }

    private static func activate(
        _ source: BufferID, _ target: BufferID, _ layout: Layout, _ activation: ck_activation
    ) -> NativeKernel {
        let count = layout.elementCount
        return NativeKernel("cleave:activate", buffers: [source, target]) { addresses, _ in
            ck_activate(addresses[0].floats, addresses[1].floats, count, activation)
        }
    }

    /// Applies the activations that come next in a group's epilogue, in place, says which value then is in the buffer, and makes
    /// steps for the rest.
    mutating func finish(_ group: Group, from count: Int, in buffer: BufferID, _ layout: Layout) throws {
        var count = count
        while count < group.epilogue.count, case .activation(let function) = group.epilogue[count].kind,
            function.keepsZero || !layout.hasPadding
        {
            emit(
                Self.activate(buffer, buffer, layout, function.native), computing: group.epilogue[count].nodes, reads: [buffer],
                writes: [buffer])
            count += 1
        }
        if let output = group.output(afterEpilogue: count) { define(output, in: buffer, layout) }
        try lowerRest(of: group, from: count)
    }

    mutating func lower(_ binary: Binary, _ group: Group) throws -> Bool {
        guard case .numpy = binary.broadcastAxis, let kind = binary.function.kernel, group.anchor.inputs.count == 2,
            let a = group.anchor.inputs[0], let b = group.anchor.inputs[1], isBuffered(b)
        else { return false }
        return try lowerBinary(kind, [a, b], group)
    }

    mutating func lower(_ variadic: Variadic, _ group: Group) throws -> Bool {
        let kind: ck_binary_kind
        switch variadic.function {
        case .sum: kind = CK_ADD
        case .max: kind = CK_MAX
        case .min: kind = CK_MIN
        case .mean: return false
        }
        let operands = group.anchor.inputs.compactMap { $0 }
        guard operands.count >= 2, operands.allSatisfy({ isBuffered($0) }) else { return false }
        return try lowerBinary(kind, operands, group)
    }

    /// operands[0] ∘ operands[1] ∘ …, with the group's activation after the last.
    private mutating func lowerBinary(_ kind: ck_binary_kind, _ operands: [ValueID], _ group: Group) throws -> Bool {
        guard let output = group.output(afterEpilogue: group.epilogue.count) else { return false }
        var activation = ck_activation.none, keepsZero = true
        if case .activation(let function)? = group.epilogue.first?.kind {
            (activation, keepsZero) = (function.native, function.keepsZero)
        }
        let lengths = shape(output)
        guard let layout = try commonLayout(kind, operands, lengths, keepsZero: keepsZero) else { return false }
        var views: [BroadcastView] = []
        for id in operands {
            guard let view = try broadcast(id, to: lengths, in: layout) else { return false }
            views.append(view)
        }
        guard operands.count == 2 || views.prefix(2).contains(where: { $0.isDense }) else { return false }
        let reused = views.prefix(2).first { $0.isDense && isReusable($0.buffer) && buffers[$0.buffer.index].byteCount == layout.byteCount }
        let isFree = reused.map { reused in !views.dropFirst(2).contains { $0.buffer == reused.buffer } } ?? false
        let target = (isFree ? reused?.buffer : nil) ?? makeBuffer(.arena, byteCount: layout.byteCount)
        let dense = BroadcastView(buffer: target, strides: BroadcastView.denseStrides(layout.physicalShape), isDense: true)
        var left = views[0]
        for (index, right) in views.enumerated().dropFirst() {
            let isLast = index == views.count - 1
            try emitBinary(
                kind, isLast ? activation : .none, layout.physicalShape, left, right, target,
                computing: isLast ? group.nodes : [group.anchor])
            left = dense
        }
        define(output, in: target, layout)
        return true
    }

    /// The layout in which the operands meet: the blocked one of an operand of full size, else row-major.
    private mutating func commonLayout(
        _ kind: ck_binary_kind, _ operands: [ValueID], _ lengths: [Int], keepsZero: Bool
    ) throws -> Layout? {
        for id in operands where shape(id) == lengths && constant(id) == nil {
            let layout = try home(id).layout
            guard layout.channelBlock != nil else { continue }
            if !layout.hasPadding || (keepsZero && operands.allSatisfy { meetsZeros($0, kind, lengths) }) { return layout }
        }
        return try .plain(lengths)
    }

    /// Whether an operand of a function keeps the padding of a blocked layout zero: by zeros of its own, or as a finite factor.
    private func meetsZeros(_ id: ValueID, _ kind: ck_binary_kind, _ lengths: [Int]) -> Bool {
        let own = shape(id), channel = own.count - lengths.count + 1
        if own.count == lengths.count || constant(id) != nil, channel >= 0, own[channel] == lengths[1] {
            return [CK_ADD, CK_SUB, CK_MUL, CK_MAX, CK_MIN].contains(kind)
        }
        return kind == CK_MUL && elements(id)?.allSatisfy(\.isFinite) ?? false
    }

    private mutating func emitBinary(
        _ kind: ck_binary_kind, _ activation: ck_activation, _ lengths: [Int], _ a: BroadcastView, _ b: BroadcastView, _ target: BufferID,
        computing nodes: [Node]
    ) throws {
        let collapsed = BroadcastView.collapse(lengths, a.strides, b.strides)
        guard collapsed.lengths.count <= Int(CK_MAX_RANK) else {
            throw OneDNNFailure(status: ONEDNN_UNIMPLEMENTED, request: "an element-wise function of so many dimensions")
        }
        let kernel = NativeKernel("cleave:binary", buffers: [a.buffer, b.buffer, target]) { addresses, _ in
            ck_binary(
                kind, activation, Int32(collapsed.lengths.count), collapsed.lengths, addresses[0].floats, collapsed.a,
                addresses[1].floats, collapsed.b, addresses[2].floats)
        }
        emit(kernel, computing: nodes, reads: [a.buffer, b.buffer], writes: [target])
    }

    /// An operand seen with the physical shape of a result that it is broadcast to; `nil` where its layout does not permit that.
    private mutating func broadcast(_ id: ValueID, to lengths: [Int], in layout: Layout) throws -> BroadcastView? {
        let own = shape(id)
        if own == lengths {
            return BroadcastView(
                buffer: try operand(id, in: layout), strides: BroadcastView.denseStrides(layout.physicalShape), isDense: true)
        }
        let aligned = [Int](repeating: 1, count: lengths.count - own.count) + own
        guard let block = layout.channelBlock else {
            return BroadcastView(buffer: try plainOperand(id), strides: BroadcastView.strides(aligned, to: lengths), isDense: false)
        }
        let blockedShape = { (shape: [Int]) in
            [shape[0], (shape[1] + block - 1) / block] + shape.dropFirst(2) + [shape[1] == 1 ? 1 : block]
        }
        let source: BufferID
        if aligned[1] == 1 {
            source = try plainOperand(id)
        } else if own.count == aligned.count || constant(id) != nil {
            let wanted = try Layout.channelBlocked(aligned, block: block)
            source = own == aligned ? try operand(id, in: wanted) : try blockedConstant(id, aligned, wanted)
        } else {
            return nil
        }
        let strides = BroadcastView.strides(blockedShape(aligned), to: layout.physicalShape)
        return BroadcastView(buffer: source, strides: strides, isDense: false)
    }

    private mutating func blockedConstant(_ id: ValueID, _ aligned: [Int], _ layout: Layout) throws -> BufferID {
        addConstant(try PackedConstant.pack(elements(id) ?? [], as: .plain(aligned), in: layout, pool: pool))
    }
}

/// An operand of an element-wise kernel: a buffer and a stride per dimension of the result, 0 where it is broadcast.
private struct BroadcastView {
    var buffer: BufferID
    var strides: [Int]
    /// Whether its elements are the result's, in the same order.
    var isDense: Bool

    static func denseStrides(_ lengths: [Int]) -> [Int] { strides(lengths, to: lengths) }

    static func strides(_ lengths: [Int], to target: [Int]) -> [Int] {
        var stride = 1
        var result = [Int](repeating: 0, count: lengths.count)
        for axis in lengths.indices.reversed() {
            result[axis] = lengths[axis] == 1 && target[axis] != 1 ? 0 : stride
            stride *= lengths[axis]
        }
        return result
    }

    /// The same loops with neighbouring dimensions merged where both operands run through them evenly.
    static func collapse(_ lengths: [Int], _ a: [Int], _ b: [Int]) -> (lengths: [Int64], a: [Int64], b: [Int64]) {
        var result: [(length: Int, a: Int, b: Int)] = []
        for axis in lengths.indices where lengths[axis] != 1 {
            if let last = result.last, last.a == a[axis] * lengths[axis], last.b == b[axis] * lengths[axis] {
                result[result.count - 1] = (last.length * lengths[axis], a[axis], b[axis])
            } else {
                result.append((lengths[axis], a[axis], b[axis]))
            }
        }
        if result.isEmpty { result = [(1, 0, 0)] }
        return (result.map { Int64($0.length) }, result.map { Int64($0.a) }, result.map { Int64($0.b) })
    }
}

extension Layout {
    /// Elements, padding included.
    var elementCount: Int64 { Int64(byteCount / MemoryLayout<Float>.size) }

    /// The shape of the memory: [N, ⌈C/block⌉, spatial …, block] for blocked channels, else that of the tensor.
    fileprivate var physicalShape: [Int] {
        guard let block = channelBlock else { return shape }
        return [shape[0], (shape[1] + block - 1) / block] + shape.dropFirst(2) + [block]
    }
}

extension UnsafeMutableRawPointer {
    var floats: UnsafeMutablePointer<Float> { assumingMemoryBound(to: Float.self) }
}

extension Binary.Function {
    fileprivate var kernel: ck_binary_kind? {
        switch self {
        case .add: CK_ADD
        case .sub: CK_SUB
        case .mul: CK_MUL
        case .div: CK_DIV
        case .prelu: CK_PRELU
        case .pow: CK_POW
        case .mod, .fmod, .equal, .less, .lessOrEqual, .greater, .greaterOrEqual, .and, .or, .xor, .bitwiseAnd, .bitwiseOr,
            .bitwiseXor, .shiftLeft, .shiftRight:
            nil
        }
    }
}

extension ck_binary_kind: @retroactive Hashable {}
