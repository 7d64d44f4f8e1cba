import Foundation
import GraphIR
import Tensors

/// The obvious kernel of an operator: no tricks, sums in Double, rounded once to the output's type. It is the oracle.
protocol ReferenceKernel {
    /// Computes the outputs; `nil` for optional outputs beyond `arguments.outputCount` or left out.
    /// - Throws: `CleaveError` when the operands do not fit the operator.
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?]
}

/// The operands of one evaluation.
struct KernelArguments {
    /// One entry per operand position; `nil` for a left-out optional operand.
    var operands: [Tensor?]
    var outputCount: Int
    /// Version of the default operator set, where semantics depend on it.
    var opset: Int
    /// The values that subgraphs of the node read, by name.
    var captures: [String: Tensor] = [:]
    /// What runs the node's subgraphs.
    var runSubgraph: SubgraphRunner = runOnReferenceKernels
    /// Bytes that the outputs of a loop may take.
    var memoryLimit = Self.machineMemory

    static let machineMemory = Int(clamping: ProcessInfo.processInfo.physicalMemory)

    /// The operand at a named position; `nil` when it is left out.
    func optional<Operand: RawRepresentable<Int>>(_ operand: Operand) -> Tensor? {
        operand.rawValue < operands.count ? operands[operand.rawValue] : nil
    }

    /// The operand at a named position.
    func required<Operand: RawRepresentable<Int>>(_ operand: Operand) throws -> Tensor {
        guard let tensor = optional(operand) else {
            throw CleaveError(.invalidGraph, "operand \(operand) is left out, but it is required")
        }
        return tensor
    }
}

extension Tensor {
    /// Every element as a Double.
    /// - Throws: `CleaveError` for strings and complex numbers.
    func reals() throws -> [Double] {
        guard let values = doubles() else { throw CleaveError(.typeMismatch, "expected numbers, not \(elementType)") }
        return values
    }

    /// Every element of an integer or boolean tensor.
    /// - Throws: `CleaveError` for other types.
    func integers() throws -> [Int64] {
        guard let values = int64s() else { throw CleaveError(.typeMismatch, "expected integers, not \(elementType)") }
        return values
    }

    /// The elements of a tensor of axes, sizes or indices, as `Int`.
    func indices() throws -> [Int] { try integers().map { Int($0) } }
}
