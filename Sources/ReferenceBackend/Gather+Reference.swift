import GraphIR
import Tensors

extension Gather: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let indices = try arguments.required(Operand.indices)
        let axis = try Indexing.axis(self.axis, rank: input.rank)
        let chosen = try indices.indices().map { try Indexing.index($0, length: input.shape[axis]) }
        return [try input.picking(chosen, along: axis).reshaped(Array(input.shape[..<axis] + indices.shape + input.shape[(axis + 1)...]))]
    }
}

extension GatherElements: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let indices = try arguments.required(Operand.indices)
        let offsets = try elementOffsets(of: indices, along: axis, in: input.shape)
        return [try input.picking(shape: indices.shape, blocks: offsets, blockLength: 1)]
    }
}

/// The offsets in a tensor of `shape` of elements that have the coordinates of `indices`, except along `axis`, where an
/// index says it.
func elementOffsets(of indices: Tensor, along axis: Int, in shape: [Int]) throws -> [Int] {
    let axis = try Indexing.axis(axis, rank: shape.count)
    guard indices.rank == shape.count, shape.indices.allSatisfy({ $0 == axis || indices.shape[$0] <= shape[$0] }) else {
        throw CleaveError(
            .shapeMismatch, "indices have shape \(indices.shape), expected to fit \(shape) except in dimension \(axis)")
    }
    let strides = Indexing.strides(shape)
    var position = shape.map { _ in 0 }
    return try indices.indices().map { index in
        defer { _ = Indexing.advance(&position, in: indices.shape) }
        var offset = try Indexing.index(index, length: shape[axis]) * strides[axis]
        for other in shape.indices where other != axis { offset += position[other] * strides[other] }
        return offset
    }
}

/// Slices of a tensor that the last dimension of an index tensor names.
struct IndexedSlices {
    /// Which slice every index tuple names, in slices of `length` elements from the start of the tensor.
    let slices: [Int]
    let length: Int
    let sliceShape: [Int]

    /// - Parameter batchDimensions: leading dimensions that both tensors share.
    init(indices: Tensor, in shape: [Int], batchDimensions: Int) throws {
        guard let width = indices.shape.last, !shape.isEmpty else {
            throw CleaveError(.shapeMismatch, "shapes \(shape) and \(indices.shape) of indices need at least one dimension")
        }
        guard batchDimensions >= 0, batchDimensions < min(shape.count, indices.rank),
            shape[..<batchDimensions] == indices.shape[..<batchDimensions]
        else {
            throw CleaveError(
                .shapeMismatch, "shapes \(shape) and \(indices.shape) of indices do not share \(batchDimensions) batch dimensions")
        }
        let depth = batchDimensions + width
        guard depth <= shape.count else {
            throw CleaveError(.shapeMismatch, "tuples of \(width) indices do not fit shape \(shape) after \(batchDimensions) dimensions")
        }
        sliceShape = Array(shape[depth...])
        length = Indexing.product(sliceShape)
        let indexed = shape[batchDimensions..<depth]
        let slicesPerBatch = Indexing.product(indexed)
        let tuples = try Tensor.allocatableCount(of: indices.shape.dropLast(), .int64)
        let tuplesPerBatch = max(1, Indexing.product(indices.shape[batchDimensions..<(indices.rank - 1)]))
        let values = try indices.indices()
        slices = try (0..<tuples).map { tuple in
            var slice = 0
            for (column, dimension) in indexed.enumerated() {
                slice = try slice * dimension + Indexing.index(values[tuple * width + column], length: dimension)
            }
            return slice + tuple / tuplesPerBatch * slicesPerBatch
        }
    }
}

extension GatherND: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let input = try arguments.required(Operand.input)
        let indices = try arguments.required(Operand.indices)
        let found = try IndexedSlices(indices: indices, in: input.shape, batchDimensions: batchDimensions)
        let shape = indices.shape.dropLast() + found.sliceShape
        return [try input.picking(shape: Array(shape), blocks: found.slices, blockLength: found.length)]
    }
}
