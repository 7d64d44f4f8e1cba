import CKernels
import COneDNN
import GraphIR
import Tensors

extension PlanCompiler {
    /// Whether the gradient of a maximum pool reads a value, and with it the workspace of that pool.
    func isRead(byMaxPoolGradient input: ValueID) -> Bool {
        (program.readers[program.resolve(input)] ?? []).contains { index in
            if case .maxPoolGradient = program.nodes[index].operator { true } else { false }
        }
    }

    /// A buffer for the places of a pool's maxima, which its gradient will find.
    mutating func workspace(
        of primitive: Primitive, _ input: ValueID, _ window: Primitive.Window, _ source: Layout, _ destination: Layout
    ) throws -> (buffer: BufferID, layout: Layout) {
        let layout = try primitive.layout(ONEDNN_WORKSPACE)
        let buffer = makeBuffer(.arena, byteCount: layout.byteCount)
        leftovers.maxima.append(
            .init(
                input: program.resolve(input), window: window, workspace: buffer, workspaceLayout: layout, source: source,
                destination: destination))
        return (buffer, layout)
    }

    /// For a pool of single pixels, the pixel of the result that each pixel of the operand went to, −1 where none: dimension by
    /// dimension, as `emitPick` takes it.
    private func spreading(_ window: Primitive.Window, from result: [Int], to source: [Int]) -> [PickedIndices]? {
        guard let places = picking(window, from: source, to: result) else { return nil }
        return places.enumerated().map { axis, taken in
            guard case .steps(let start, let step, let count) = taken else { return .same }
            var spread = [Int](repeating: -1, count: source[axis])
            for index in 0..<count { spread[start + index * step] = index }
            return .table(spread)
        }
    }

    /// For a pool of single pixels without padding, the pixel of the operand that each pixel of the result is.
    func picking(_ window: Primitive.Window, from source: [Int], to result: [Int]) -> [PickedIndices]? {
        guard window.kernel.allSatisfy({ $0 == 1 }), window.begin.allSatisfy({ $0 == 0 }) else { return nil }
        var places: [PickedIndices] = [.same, .same]
        for (axis, step) in window.strides.enumerated() {
            let length = source[axis + 2], count = result[axis + 2]
            guard (count - 1) * step < length else { return nil }
            places.append(step == 1 && length == count ? .same : .steps(start: 0, step: step, count: count))
        }
        return places
    }

    /// A result made of single pixels of an operand; the operand itself where these are all of them.
    mutating func emitPixels(
        from input: ValueID, _ sources: [PickedIndices], computing node: Node, _ output: ValueID
    ) throws -> Bool {
        let isWhole = sources.allSatisfy { if case .same = $0 { true } else { false } }
        if isWhole, try home(input).layout.isPlain { return try lowerView(input, output) }
        return try emitPick(from: input, shape(input), sources, computing: node, output)
    }

    mutating func lower(_ gradient: MaxPoolGradient, _ node: Node, _ input: ValueID, _ output: ValueID) throws -> Bool {
        guard let slope = node.input(MaxPoolGradient.Operand.outputGradient), isBuffered(slope),
            let window = try window(gradient.forward.window, shape(input), shape(slope))?.primitive
        else { return false }
        if let sources = spreading(window, from: shape(slope), to: shape(input)) {
            return try emitPixels(from: slope, sources, computing: node, output)
        }
        let maxima = try maxima(of: input, window, shape(slope), node)
        let primitive = try Primitive.poolingGradient(
            ONEDNN_MAX_POOL, maxima.source, destinationGradient: maxima.destination, window: window)
        let dy = try operand(slope, in: maxima.destination)
        let target = makeBuffer(.arena, byteCount: maxima.source.byteCount)
        emit(
            PrimitiveKernel(
                primitive: primitive,
                arguments: [
                    .init(ONEDNN_DIFF_DESTINATION, dy, maxima.destination),
                    .init(ONEDNN_WORKSPACE, maxima.workspace, maxima.workspaceLayout), .init(ONEDNN_DIFF_SOURCE, target, maxima.source),
                ]),
            computing: [node], reads: [dy, maxima.workspace], writes: [target])
        define(output, in: target, maxima.source)
        return true
    }

    /// What the forward pool left, or a pool that is run for it.
    private mutating func maxima(
        of input: ValueID, _ window: Primitive.Window, _ result: [Int], _ node: Node
    ) throws -> Leftovers.Maxima {
        let id = program.resolve(input)
        if let known = leftovers.maxima.first(where: { $0.input == id && $0.window == window }) { return known }
        let (buffer, layout) = try home(input)
        let primitive = try Primitive.pooling(ONEDNN_MAX_POOL, layout, destination: .any(result), window: window, forTraining: true)
        let destination = try primitive.layout(ONEDNN_DESTINATION)
        let target = makeBuffer(.arena, byteCount: destination.byteCount)
        let (workspace, workspaceLayout) = try workspace(of: primitive, input, window, layout, destination)
        emit(
            PrimitiveKernel(
                primitive: primitive,
                arguments: [
                    .init(ONEDNN_SOURCE, buffer, layout), .init(ONEDNN_DESTINATION, target, destination),
                    .init(ONEDNN_WORKSPACE, workspace, workspaceLayout),
                ]),
            computing: [node], reads: [buffer], writes: [target, workspace])
        return leftovers.maxima[leftovers.maxima.count - 1]
    }

    mutating func lower(_ gradient: AveragePoolGradient, _ node: Node, _ slope: ValueID, _ output: ValueID) throws -> Bool {
        guard let window = try window(gradient.forward.window, gradient.inputShape, shape(slope)) else { return false }
        if let sources = spreading(window.primitive, from: shape(slope), to: gradient.inputShape) {
            return try emitPixels(from: slope, sources, computing: node, output)
        }
        // As for the pool itself: oneDNN knows only its own padding at the end.
        let reachesBeyond = zip(window.resolved.indices, window.resolved).contains { axis, pads in window.primitive.end[axis] > pads.end }
        guard !(gradient.forward.countIncludePad && reachesBeyond) else { return false }
        let kind = gradient.forward.countIncludePad ? ONEDNN_AVERAGE_POOL_WITH_PADDING : ONEDNN_AVERAGE_POOL_WITHOUT_PADDING
        let isBlocked = ck_convolution_available() && gradient.inputShape[1] % 16 == 0
        let result = try isBlocked ? Layout.channelBlocked(gradient.inputShape, block: 16) : .plain(gradient.inputShape)
        let dyLayout = try isBlocked ? Layout.channelBlocked(shape(slope), block: 16) : .plain(shape(slope))
        let primitive = try Primitive.poolingGradient(kind, result, destinationGradient: dyLayout, window: window.primitive)
        let dy = try operand(slope, in: dyLayout)
        let target = makeBuffer(.arena, byteCount: result.byteCount)
        emit(
            PrimitiveKernel(
                primitive: primitive,
                arguments: [.init(ONEDNN_DIFF_DESTINATION, dy, dyLayout), .init(ONEDNN_DIFF_SOURCE, target, result)]),
            computing: [node], reads: [dy], writes: [target])
        define(output, in: target, result)
        return true
    }
}
