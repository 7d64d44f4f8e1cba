import CKernels
import COneDNN
import GraphIR
import Tensors

extension PlanCompiler {
    mutating func lower(_ pool: AveragePool, _ node: Node, _ input: ValueID, _ output: ValueID) throws -> Bool {
        guard let window = try window(pool.window, shape(input), shape(output)) else { return false }
        // ONNX divides windows that reach beyond the end padding by fewer elements; oneDNN knows only its own end padding.
        let reachesBeyond = zip(window.resolved.indices, window.resolved).contains { axis, pads in window.primitive.end[axis] > pads.end }
        guard !(pool.countIncludePad && reachesBeyond) else { return false }
        let kind = pool.countIncludePad ? ONEDNN_AVERAGE_POOL_WITH_PADDING : ONEDNN_AVERAGE_POOL_WITHOUT_PADDING
        return try lowerPool(kind, window.primitive, node, input, output)
    }

    mutating func lower(_ pool: MaxPool, _ node: Node, _ input: ValueID, _ output: ValueID) throws -> Bool {
        guard node.outputs.dropFirst().allSatisfy({ $0.map { !isRead($0) } ?? true }),
            let window = try window(pool.window, shape(input), shape(output))
        else { return false }
        // The gradient needs what oneDNN's pool leaves to it.
        if isRead(byMaxPoolGradient: input) { return try lowerPool(ONEDNN_MAX_POOL, window.primitive, node, input, output) }
        if let sources = picking(window.primitive, from: shape(input), to: shape(output)) {
            return try emitPixels(from: input, sources, computing: node, output)
        }
        try lowerMaxima(window.primitive, node, input, output)
        return true
    }

    mutating func lower(_ pool: GlobalPool, _ node: Node, _ input: ValueID, _ output: ValueID) throws -> Bool {
        switch pool.function {
        case .average: return try lowerGlobalReduction(CK_REDUCE_MEAN, node, input, output)
        case .max: return try lowerGlobalReduction(CK_REDUCE_MAX, node, input, output)
        case .lp: return false
        }
    }

    func isRead(_ id: ValueID) -> Bool { program.readers[id] != nil || program.outputs.contains(id) }

    func window(
        _ window: Window, _ input: [Int], _ output: [Int]
    ) throws -> (primitive: Primitive.Window, resolved: [(begin: Int, end: Int)])? {
        let source = Array(input.dropFirst(2)), result = Array(output.dropFirst(2))
        let resolved = try window.resolved(kernel: nil)
        guard (1...3).contains(source.count), resolved.kernel.count == source.count,
            let primitive = Primitive.Window(resolved, input: source, output: result)
        else { return nil }
        // A window that lies in the padding alone has no maximum and no mean.
        for axis in source.indices {
            guard primitive.begin[axis] < resolved.kernel[axis], primitive.end[axis] < resolved.kernel[axis] else { return nil }
        }
        return (primitive, source.indices.map { resolved.pads($0, length: source[$0]) })
    }

    private mutating func lowerPool(
        _ kind: onednn_pool_kind, _ window: Primitive.Window, _ node: Node, _ input: ValueID, _ output: ValueID
    ) throws -> Bool {
        if let sources = picking(window, from: shape(input), to: shape(output)) {
            return try emitPixels(from: input, sources, computing: node, output)
        }
        let (buffer, layout) = try home(input)
        let hasGradient = kind == ONEDNN_MAX_POOL
        let primitive = try Primitive.pooling(kind, layout, destination: .any(shape(output)), window: window, forTraining: hasGradient)
        let destination = try primitive.layout(ONEDNN_DESTINATION)
        let target = makeBuffer(.arena, byteCount: destination.byteCount)
        var arguments = [PrimitiveKernel.Argument(ONEDNN_SOURCE, buffer, layout), .init(ONEDNN_DESTINATION, target, destination)]
        var writes = [target]
        if hasGradient {
            let workspace = try workspace(of: primitive, input, window, layout, destination)
            arguments.append(.init(ONEDNN_WORKSPACE, workspace.buffer, workspace.layout))
            writes.append(workspace.buffer)
        }
        emit(PrimitiveKernel(primitive: primitive, arguments: arguments), computing: [node], reads: [buffer], writes: writes)
        define(output, in: target, destination)
        return true
    }
}
