import GraphIR
import Tensors

extension Gather: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws {
        let (input, indices, gradient) = (
            try pass.operand(Operand.input), try pass.operand(Operand.indices), try pass.outputGradient()
        )
        let shape = try pass.writer.shape(input)
        let axis = axis < 0 ? axis + shape.count : axis
        try pass.give(to: Operand.input) {
            let count = try $0.shape(indices).reduce(1, *)
            var lines = shape
            lines[axis] = count
            return try $0.scatterAdd($0.reshape(gradient, to: lines), at: indices, along: axis, of: shape)
        }
    }
}

extension GatherElements: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws {
        let (input, indices, gradient) = (
            try pass.operand(Operand.input), try pass.operand(Operand.indices), try pass.outputGradient()
        )
        try pass.give(to: Operand.input) {
            let zeros = try $0.zeros($0.shape(input), as: $0.elementType(gradient))
            return try $0.emit(.scatterElements(ScatterElements(axis: axis, reduction: .add)), [zeros, indices, gradient])
        }
    }
}

extension GatherND: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws {
        let (input, indices, gradient) = (
            try pass.operand(Operand.input), try pass.operand(Operand.indices), try pass.outputGradient()
        )
        try pass.give(to: Operand.input) {
            let places = try $0.withBatchCoordinates(indices, batchDimensions)
            let zeros = try $0.zeros($0.shape(input), as: $0.elementType(gradient))
            return try $0.emit(.scatterND(ScatterND(reduction: .add)), [zeros, places, gradient])
        }
    }
}

extension NodeWriter {
    /// Index tuples that begin with the coordinates in the batch dimensions, which they leave to their place otherwise.
    fileprivate mutating func withBatchCoordinates(_ indices: ValueID, _ batchDimensions: Int) throws -> ValueID {
        guard batchDimensions > 0 else { return indices }
        let shape = try shape(indices)
        let outer = Array(shape.dropLast())
        let coordinates = try (0..<batchDimensions).map { axis in
            var line = [Int](repeating: 1, count: outer.count + 1)
            line[axis] = outer[axis]
            let type = try elementType(indices)
            return try cast(expand(reshape(vector(Array(0..<outer[axis])), to: line), to: outer + [1]), to: type)
        }
        return try emit(.concat(Concat(axis: outer.count)), coordinates + [indices])
    }
}

extension ScatterElements: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws {
        try pass.giveThroughScatter(
            input: Operand.input, indices: .indices, updates: .updates, replaces: reduction == .none, by: .scatterElements(self),
            readBy: .gatherElements(GatherElements(axis: axis)))
    }
}

extension ScatterND: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws {
        try pass.giveThroughScatter(
            input: Operand.input, indices: .indices, updates: .updates, replaces: reduction == .none, by: .scatterND(self),
            readBy: .gatherND(GatherND(batchDimensions: 0)))
    }
}

extension BackwardPass {
    /// What an update replaces passes nothing on. Of several updates to one element all get its gradient, as in PyTorch.
    fileprivate mutating func giveThroughScatter<Operand: RawRepresentable<Int>>(
        input: Operand, indices: Operand, updates: Operand, replaces: Bool, by scatter: Operator, readBy gather: Operator
    ) throws {
        let (places, values, gradient) = (try operand(indices), try operand(updates), try outputGradient())
        try give(to: input) {
            guard replaces else { return gradient }
            let zeros = try $0.zeros($0.shape(values), as: $0.elementType(gradient))
            return try $0.emit(scatter, [gradient, places, zeros])
        }
        try give(to: updates) { try $0.emit(gather, [gradient, places]) }
    }
}

extension ReverseSequence: DifferentiableOperator {
    /// Reversing twice changes nothing.
    func differentiate(in pass: inout BackwardPass) throws {
        let (lengths, gradient) = (try pass.operand(Operand.lengths), try pass.outputGradient())
        try pass.give(to: Operand.input) { try $0.emit(.reverseSequence(self), [gradient, lengths]) }
    }
}

extension Trilu: DifferentiableOperator {
    func differentiate(in pass: inout BackwardPass) throws {
        let (diagonal, gradient) = (pass.node.input(Operand.diagonal), try pass.outputGradient())
        try pass.give(to: Operand.input) { try $0.emit(.trilu(self), [gradient, diagonal]) }
    }
}
