import GraphIR
import Tensors

extension PlanCompiler {
    /// Runs a node on row-major tensors: on its reference kernel, or compiled when a run tells shapes that are not known yet.
    mutating func lowerToTensors(_ node: Node) throws {
        var reads: [BufferID] = []
        func operand(_ input: ValueID) throws -> TensorStep.Operand {
            if let tensor = constant(input) { return .constant(tensor) }
            if let slot = slot(input) { return .slot(slot) }
            let type = isBytes(input) ? byteType(input) : nil
            let buffer = try type == nil ? plainOperand(input) : rowMajorBytes(input)
            reads.append(buffer)
            return .buffer(buffer, shape: shape(input), elementType: type ?? .float32)
        }
        let operands = try node.inputs.map { try $0.map(operand) ?? .absent }
        let captures = try node.captures.map { (name: graph[$0].name, operand: try operand($0)) }
        var writes: [BufferID] = []
        let results = try node.outputs.map { output -> TensorStep.Result in
            guard let output else { return .absent }
            guard isBuffered(output) else { return .slot(makeSlot(for: output)) }
            let layout = try Layout.plain(shape(output))
            let buffer = makeBuffer(.arena, byteCount: layout.byteCount)
            define(output, in: buffer, layout)
            writes.append(buffer)
            return .buffer(buffer, shape: shape(output))
        }
        let kernel = TensorStep(
            operation: node.operator, operands: operands, captures: captures, results: results, opset: graph.opset,
            label: graph.label(of: node), backend: backend, isCompiledLate: isCompiledLate(node))
        emit(kernel, computing: [node], reads: reads, writes: writes, isFallback: !kernel.isCompiledLate)
    }
    private func isCompiledLate(_ node: Node) -> Bool {
        if node.operator.isControlFlow { return node.operator.computesMuch }
        return node.operator.hasFastKernel && node.outputs.compactMap { $0 }.contains { output in
            let type = graph[output].tensorType
            return type?.elementType == .float32 && type?.knownShape == nil
        }
    }
}
