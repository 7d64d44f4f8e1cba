import GraphIR
import Tensors

/// Computes a single operator with its reference kernel, outside any graph; constant folding uses it.
/// - Returns: one tensor per output; `nil` for optional outputs that are not computed.
/// - Throws: `CleaveError` when the operator has no kernel or its operands do not fit.
public func evaluate(_ operation: Operator, operands: [Tensor?], outputCount: Int, opset: Int) throws -> [Tensor?] {
    try evaluate(
        operation, operands: operands, captures: [:], outputCount: outputCount, opset: opset, runSubgraph: nil,
        memoryLimit: nil)
}

/// Computes a single operator, as above.
/// - Parameters:
///   - captures: the values that subgraphs of the operator read, by name.
///   - runSubgraph: what runs these subgraphs; `nil` for the reference kernels.
///   - memoryLimit: bytes that the outputs of a loop may take; `nil` for the machine's memory.
public func evaluate(
    _ operation: Operator, operands: [Tensor?], captures: [String: Tensor], outputCount: Int, opset: Int, runSubgraph: SubgraphRunner?,
    memoryLimit: Int?
) throws -> [Tensor?] {
    guard let kernel = operation.referenceKernel else {
        throw CleaveError(.unsupported, "cannot run: the operator is not known", at: .init(operatorName: operation.name))
    }
    return try locating(operatorName: operation.name) {
        try kernel.evaluate(
            KernelArguments(
                operands: operands, outputCount: outputCount, opset: opset, captures: captures,
                runSubgraph: runSubgraph ?? runOnReferenceKernels, memoryLimit: memoryLimit ?? KernelArguments.machineMemory))
    }
}
