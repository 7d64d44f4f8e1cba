import CKernels
import COneDNN
import GraphIR
import Tensors

extension PlanCompiler {
    mutating func lower(_ norm: BatchNorm, _ group: Group, _ input: ValueID) throws -> Bool {
        if norm.trainingMode { return try lowerTraining(norm, group, input) }
        guard var (scale, shift) = program.affine(of: norm, group.anchor), let output = group.output(afterEpilogue: group.epilogue.count)
        else { return false }
        for affine in group.affine {
            for channel in scale.indices {
                scale[channel] *= affine.scale[channel]
                shift[channel] = shift[channel] * affine.scale[channel] + affine.shift[channel]
            }
        }
        let shape = shape(input)
        guard shape.count >= 2, shape[1] == scale.count else { return false }
        var activation = ck_activation.none, keepsZero = true
        if case .activation(let function)? = group.epilogue.first?.kind {
            (activation, keepsZero) = (function.native, function.keepsZero)
        }
        var (buffer, layout) = try home(input)
        if !layout.isPlain, layout.channelBlock == nil || (layout.hasPadding && !keepsZero) {
            layout = try .plain(shape)
            buffer = try operand(input, in: layout)
        }
        let block = layout.isPlain ? 1 : layout.channelBlock ?? 1
        let blocks = (scale.count + block - 1) / block
        let padding = [Float](repeating: 0, count: blocks * block - scale.count)
        let target = isReusable(buffer) ? buffer : makeBuffer(.arena, byteCount: layout.byteCount)
        let scales = addConstant(try .vector(scale + padding, pool: pool)), shifts = addConstant(try .vector(shift + padding, pool: pool))
        let (outer, inner) = (Int64(shape[0]), Int64(shape.dropFirst(2).reduce(1, *)))
        let kernel = NativeKernel("cleave:affine", buffers: [buffer, scales, shifts, target]) { [activation] addresses, _ in
            ck_affine(
                addresses[0].floats, addresses[1].floats, addresses[2].floats, addresses[3].floats, outer, Int64(blocks), inner,
                Int64(block), activation)
        }
        emit(kernel, computing: group.nodes, reads: [buffer, scales, shifts], writes: [target])
        define(output, in: target, layout)
        return true
    }

    mutating func lower(_ norm: InstanceNorm, _ group: Group, _ input: ValueID) throws -> Bool {
        guard let scale = elements(group.anchor.input(InstanceNorm.Operand.scale)),
            let shift = elements(group.anchor.input(InstanceNorm.Operand.bias))
        else { return false }
        return try lowerGroupNorm(groupSize: 1, norm.epsilon, scale, shift, group, input)
    }

    mutating func lower(_ norm: GroupNorm, _ group: Group, _ input: ValueID) throws -> Bool {
        let shape = shape(input)
        guard var scale = elements(group.anchor.input(GroupNorm.Operand.scale)),
            var shift = elements(group.anchor.input(GroupNorm.Operand.bias)), shape.count >= 3, norm.groups > 0,
            shape[1] % norm.groups == 0
        else { return false }
        let size = shape[1] / norm.groups
        if norm.affinePerGroup {
            scale = scale.flatMap { [Float](repeating: $0, count: size) }
            shift = shift.flatMap { [Float](repeating: $0, count: size) }
        }
        return try lowerGroupNorm(groupSize: size, norm.epsilon, scale, shift, group, input)
    }

    /// Normalizes every `groupSize` channels of an image together.
    private mutating func lowerGroupNorm(
        groupSize: Int, _ epsilon: Float, _ scale: [Float], _ shift: [Float], _ group: Group, _ input: ValueID
    ) throws -> Bool {
        let shape = shape(input)
        guard shape.count >= 3, scale.count == shape[1], shift.count == shape[1],
            let output = group.output(afterEpilogue: group.epilogue.count)
        else { return false }
        var activation = ck_activation.none, keepsZero = true
        if case .activation(let function)? = group.epilogue.first?.kind { (activation, keepsZero) = (function.native, function.keepsZero) }
        var (buffer, layout) = try home(input)
        if !layout.isPlain, layout.channelBlock == nil || (layout.hasPadding && !keepsZero) {
            layout = try .plain(shape)
            buffer = try operand(input, in: layout)
        }
        let norm = ck_group_norm(
            batch: Int64(shape[0]), channels: Int64(shape[1]), spatial: Int64(shape.dropFirst(2).reduce(1, *)), group: Int64(groupSize),
            block: layout.isPlain ? 1 : Int64(layout.channelBlock ?? 1), epsilon: epsilon, activation: activation)
        guard withUnsafePointer(to: norm, { ck_group_norm_fits($0) }) else { return false }
        let target = isReusable(buffer) ? buffer : makeBuffer(.arena, byteCount: layout.byteCount)
        let scales = addConstant(try .vector(scale, pool: pool)), shifts = addConstant(try .vector(shift, pool: pool))
        let kernel = NativeKernel("cleave:group_norm", buffers: [buffer, scales, shifts, target]) { addresses, _ in
            var norm = norm
            ck_normalize_groups(&norm, addresses[0].floats, addresses[1].floats, addresses[2].floats, addresses[3].floats)
        }
        emit(kernel, computing: group.nodes, reads: [buffer, scales, shifts], writes: [target])
        define(output, in: target, layout)
        return true
    }

    mutating func lower(_ norm: LayerNorm, _ node: Node, _ input: ValueID, _ output: ValueID) throws -> Bool {
        let shape = shape(input)
        guard shape.count >= 2, norm.axis == -1 || norm.axis == shape.count - 1, node.outputs.dropFirst().allSatisfy({ $0 == nil }),
            let scale = elements(node.input(LayerNorm.Operand.scale)), scale.count == shape[shape.count - 1]
        else { return false }
        let bias = node.input(LayerNorm.Operand.bias)
        guard let shift = bias == nil ? [Float](repeating: 0, count: scale.count) : elements(bias), shift.count == scale.count else {
            return false
        }
        let layout = try Layout.plain(shape), buffer = try operand(input, in: layout)
        let target = makeBuffer(.arena, byteCount: layout.byteCount)
        let scales = addConstant(try .vector(scale, pool: pool)), shifts = addConstant(try .vector(shift, pool: pool))
        let (rows, count, epsilon) = (Int64(shape.dropLast().reduce(1, *)), Int64(scale.count), norm.epsilon)
        let kernel = NativeKernel("cleave:layer_norm", buffers: [buffer, scales, shifts, target]) { addresses, _ in
            ck_normalize_rows(
                addresses[0].floats, addresses[1].floats, addresses[2].floats, addresses[3].floats, rows, count, epsilon)
        }
        emit(kernel, computing: [node], reads: [buffer, scales, shifts], writes: [target])
        define(output, in: target, layout)
        return true
    }

    mutating func lower(_ norm: LocalResponseNorm, _ node: Node, _ input: ValueID, _ output: ValueID) throws -> Bool {
        // ONNX's window of an even size reaches further to one side, oneDNN's does not.
        guard norm.size % 2 == 1, (3...5).contains(shape(input).count) else { return false }
        let (buffer, layout) = try home(input)
        let primitive = try Primitive.localResponseNorm(layout, size: norm.size, alpha: norm.alpha, beta: norm.beta, bias: norm.bias)
        return emitSimple(primitive, node, (buffer, layout), output)
    }

    mutating func lower(_ softmax: Softmax, _ node: Node, _ input: ValueID, _ output: ValueID) throws -> Bool {
        guard softmax.function != .hardmax else { return false }
        var lengths = shape(input)
        guard !lengths.isEmpty else { return false }
        var axis = softmax.axis < 0 ? softmax.axis + lengths.count : softmax.axis
        guard axis >= 0, axis <= lengths.count, softmax.flattens || axis < lengths.count else { return false }
        if softmax.flattens {
            lengths = [lengths[..<axis].reduce(1, *), lengths[axis...].reduce(1, *)]
            axis = 1
        }
        let layout = try Layout.plain(shape(input))
        let buffer = try plainOperand(input), target = makeBuffer(.arena, byteCount: layout.byteCount)
        let (outer, count) = (Int64(lengths[..<axis].reduce(1, *)), Int64(lengths[axis]))
        let inner = Int64(lengths[(axis + 1)...].reduce(1, *)), logarithm = softmax.function == .logSoftmax
        let kernel = NativeKernel("cleave:softmax", buffers: [buffer, target]) { addresses, _ in
            ck_softmax(logarithm, addresses[0].floats, addresses[1].floats, outer, count, inner)
        }
        emit(kernel, computing: [node], reads: [buffer], writes: [target])
        define(output, in: target, layout)
        return true
    }

    /// A primitive from one buffer to another of the same layout.
    private mutating func emitSimple(
        _ primitive: Primitive, _ node: Node, _ source: (buffer: BufferID, layout: Layout), _ output: ValueID
    ) -> Bool {
        let target = makeBuffer(.arena, byteCount: source.layout.byteCount)
        emit(
            PrimitiveKernel(
                primitive: primitive,
                arguments: [.init(ONEDNN_SOURCE, source.buffer, source.layout), .init(ONEDNN_DESTINATION, target, source.layout)]),
            computing: [node], reads: [source.buffer], writes: [target])
        define(output, in: target, source.layout)
        return true
    }

    mutating func lower(_ reduction: Reduction, _ node: Node, _ input: ValueID, _ output: ValueID) throws -> Bool {
        let lengths = shape(input)
        guard let kind = reduction.function.kernel, let axes = axes(of: reduction, node, rank: lengths.count), !axes.isEmpty else {
            return false
        }
        if axes == Array(2..<max(2, lengths.count)) {
            if reduction.function == .mean { return try lowerGlobalReduction(CK_REDUCE_MEAN, node, input, output) }
            if reduction.function == .max { return try lowerGlobalReduction(CK_REDUCE_MAX, node, input, output) }
        }
        guard let first = axes.first, let last = axes.last else { return false }
        let result = try Layout.plain(shape(output))
        var (outer, count) = (lengths[..<first].reduce(1, *), lengths[first...last].reduce(1, *))
        var inner = lengths[(last + 1)...].reduce(1, *)
        let buffer: BufferID
        if (first...last).allSatisfy({ axes.contains($0) || lengths[$0] == 1 }) {
            buffer = try plainOperand(input)
        } else {
            // Axes that lie apart are brought together behind the others.
            let kept = lengths.indices.filter { !axes.contains($0) }
            buffer = try transposed(input, kept + axes)
            (outer, count, inner) = (kept.reduce(1) { $0 * lengths[$1] }, axes.reduce(1) { $0 * lengths[$1] }, 1)
        }
        let target = makeBuffer(.arena, byteCount: result.byteCount)
        let extents = (Int64(outer), Int64(count), Int64(inner))
        let kernel = NativeKernel("cleave:reduce", buffers: [buffer, target]) { addresses, _ in
            ck_reduce(kind, addresses[0].floats, addresses[1].floats, extents.0, extents.1, extents.2)
        }
        emit(kernel, computing: [node], reads: [buffer], writes: [target])
        define(output, in: target, result)
        return true
    }

    /// The reduced axes in order; `nil` when they are not known, empty when nothing is reduced.
    private func axes(of reduction: Reduction, _ node: Node, rank: Int) -> [Int]? {
        var given = reduction.axes
        if let operand = node.input(Reduction.Operand.axes) {
            guard let values = constant(operand)?.int64s() else { return nil }
            given = values.map { Int($0) }
        }
        if let given, !given.isEmpty {
            let axes = Set(given.map { $0 < 0 ? $0 + rank : $0 }).sorted()
            return axes.allSatisfy { (0..<rank).contains($0) } ? axes : nil
        }
        return reduction.keepsInputWithoutAxes ? [] : Array(0..<rank)
    }
}

extension Reduction.Function {
    fileprivate var kernel: ck_reduction_kind? {
        switch self {
        case .max: CK_REDUCE_MAX
        case .mean: CK_REDUCE_MEAN
        case .min: CK_REDUCE_MIN
        case .prod: CK_REDUCE_PRODUCT
        case .sum: CK_REDUCE_SUM
        case .l1: CK_REDUCE_L1
        case .l2: CK_REDUCE_L2
        case .sumSquare: CK_REDUCE_SQUARES
        case .logSum, .logSumExp: nil
        }
    }
}
