import GraphIR
import Tensors

extension ScatterElements: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let indices = try arguments.required(Operand.indices)
        let updates = try arguments.required(Operand.updates)
        guard indices.shape == updates.shape else {
            throw CleaveError(.shapeMismatch, "indices have shape \(indices.shape), but updates have \(updates.shape)")
        }
        let offsets = try elementOffsets(of: indices, along: axis, in: input.shape)
        return [try input.scattering(updates, blocks: offsets, blockLength: 1, reduction: reduction)]
    }
}

extension ScatterND: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let indices = try arguments.required(Operand.indices)
        let updates = try arguments.required(Operand.updates)
        let found = try IndexedSlices(indices: indices, in: input.shape, batchDimensions: 0)
        let expected = Array(indices.shape.dropLast() + found.sliceShape)
        guard updates.shape == expected else {
            throw CleaveError(.shapeMismatch, "updates have shape \(updates.shape), expected \(expected)")
        }
        return [try input.scattering(updates, blocks: found.slices, blockLength: found.length, reduction: reduction)]
    }
}

extension Tensor {
    /// A copy in which block `blocks[k]` meets block k of `updates`, one after the other.
    fileprivate func scattering(
        _ updates: Tensor, blocks: [Int], blockLength: Int, reduction: ScatterReduction
    ) throws -> Tensor {
        guard updates.elementType == elementType else {
            throw CleaveError(.typeMismatch, "updates are \(updates.elementType), expected \(elementType)")
        }
        /// Combines elements in `values` as `combine` does.
        func reduce<Value>(_ values: [Value], _ updates: [Value], _ combine: (Value, Value) -> Value) -> [Value] {
            var result = values
            for (block, target) in blocks.enumerated() {
                for index in 0..<blockLength {
                    let place = target * blockLength + index
                    result[place] = combine(result[place], updates[block * blockLength + index])
                }
            }
            return result
        }
        switch reduction {
        case .none:
            return try Tensor.assembled(shape: shape, elementType: elementType) { sink in
                try sink.copy(BlockCopy(count: count, sources: nil, targets: nil, blockLength: 1), from: self)
                try sink.copy(BlockCopy(count: blocks.count, sources: nil, targets: blocks, blockLength: blockLength), from: updates)
            }
        case .add, .mul:
            if let integers = int64s() {
                let combined = try reduce(integers, updates.integers()) { reduction == .add ? $0 &+ $1 : $0 &* $1 }
                return try Tensor(combined, shape: shape, as: elementType)
            }
            let combined = try reduce(reals(), updates.reals()) { reduction == .add ? $0 + $1 : $0 * $1 }
            return try Tensor(combined, shape: shape, as: elementType)
        case .max, .min:
            // The position of the element that wins, counted on through the updates.
            let keys = try orderKeys() + updates.orderKeys()
            let winners = reduce(Array(0..<count), Array(count..<keys.count)) { old, new in
                (reduction == .max ? keys[new] > keys[old] : keys[new] < keys[old]) ? new : old
            }
            let replaced = winners.indices.filter { winners[$0] >= count }
            return try Tensor.assembled(shape: shape, elementType: elementType) { sink in
                try sink.copy(BlockCopy(count: count, sources: nil, targets: nil, blockLength: 1), from: self)
                let sources = replaced.map { winners[$0] - count }
                try sink.copy(BlockCopy(count: replaced.count, sources: sources, targets: replaced, blockLength: 1), from: updates)
            }
        }
    }
}
