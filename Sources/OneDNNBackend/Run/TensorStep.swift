import GraphIR
import Tensors

/// An operator that runs on row-major tensors: on its reference kernel, or on a plan that is compiled when a run comes to it.
struct TensorStep: Kernel {
    enum Operand: Sendable {
        case absent
        case constant(Tensor)
        case slot(Int)
        /// A row-major buffer.
        case buffer(BufferID, shape: [Int], elementType: ElementType)
    }

    enum Result: Sendable {
        case absent
        case slot(Int)
        case buffer(BufferID, shape: [Int])
    }

    let operation: Operator
    let operands: [Operand]
    /// The values that subgraphs of the operator read.
    let captures: [(name: String, operand: Operand)]
    let results: [Result]
    let opset: Int
    let label: String
    let backend: OneDNNBackend
    /// Whether a fast kernel may do once the run tells the shapes.
    let isCompiledLate: Bool

    var name: String { isCompiledLate ? "cleave:late" : "reference" }
    var scratchpadByteCount: Int { 0 }

    func bind(to memory: SessionMemory, scratchpad: BufferID?) -> BoundKernel {
        // A result that stays a tensor may share its operand's bytes, and the arena is written again.
        let keepsTensors = results.contains { if case .slot = $0 { true } else { false } }
        let evaluation = LateEvaluation(self)
        return BoundKernel {
            func tensor(_ operand: Operand) throws -> Tensor? {
                switch operand {
                case .absent: nil
                case .constant(let tensor): tensor
                case .slot(let index): memory.slots[index]
                case .buffer(let id, let shape, let type): try memory.tensor(id, shape: shape, elementType: type, copying: keepsTensors)
                }
            }
            let tensors = try operands.map(tensor)
            var captured: [String: Tensor] = [:]
            for (name, operand) in captures { captured[name] = try tensor(operand) }
            try locating(inside: label, operatorName: operation.name) {
                try store(evaluation.run(tensors, captures: captured), in: memory)
            }
        }
    }

    private func store(_ outputs: [Tensor?], in memory: SessionMemory) throws {
        for (index, result) in results.enumerated() {
            switch result {
            case .absent: break
            case .slot(let slot): memory.slots[slot] = index < outputs.count ? outputs[index] : nil
            case .buffer(let id, let shape):
                guard index < outputs.count, let output = outputs[index] else {
                    throw CleaveError(.unsupported, "output \(index) is not computed")
                }
                guard output.elementType == .float32, output.shape == shape else {
                    throw CleaveError(.shapeMismatch, "output \(index) is \(output), expected float32\(shape)")
                }
                memory.copy(output, to: id)
            }
        }
    }
}
