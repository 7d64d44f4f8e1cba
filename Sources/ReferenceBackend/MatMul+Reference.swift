import GraphIR
import Tensors

/// The sizes of a product of stacks of matrices, as `numpy.matmul` has them.
struct MatrixProduct {
    let rows: Int
    let depth: Int
    let columns: Int
    let outputShape: [Int]
    /// Per matrix of the output, the offset of its operands' matrices.
    private let offsets: [(a: Int, b: Int)]

    /// A vector counts as a matrix of one row (left) or one column (right), and the output loses that dimension.
    /// - Throws: `CleaveError` when the inner lengths differ, or the stacks do not broadcast.
    init(_ aShape: [Int], _ bShape: [Int]) throws {
        guard !aShape.isEmpty, !bShape.isEmpty else {
            throw CleaveError(.shapeMismatch, "shapes are \(aShape) and \(bShape), expected at least one dimension each")
        }
        let a = aShape.count == 1 ? [1] + aShape : aShape
        let b = bShape.count == 1 ? bShape + [1] : bShape
        (rows, depth, columns) = (a[a.count - 2], a[a.count - 1], b[b.count - 1])
        guard depth == b[b.count - 2] else {
            throw CleaveError(
                .shapeMismatch, "shapes are \(aShape) and \(bShape), expected the same inner length, but \(depth) is not \(b[b.count - 2])")
        }
        let stack = try broadcastShape([a.dropLast(2), b.dropLast(2)].map(Array.init))
        outputShape = stack + (aShape.count == 1 ? [] : [rows]) + (bShape.count == 1 ? [] : [columns])
        _ = try resultCount(outputShape)
        let aStrides = try broadcastStrides(Array(a.dropLast(2)), to: stack)
        let bStrides = try broadcastStrides(Array(b.dropLast(2)), to: stack)
        let aSize = rows &* depth, bSize = depth &* columns
        var offsets: [(Int, Int)] = []
        if rows > 0, columns > 0 {
            forEachPosition(in: stack) { position in
                offsets.append((offset(of: position, strides: aStrides) * aSize, offset(of: position, strides: bStrides) * bSize))
            }
        }
        self.offsets = offsets
    }

    /// Every sum runs over the inner dimension in order.
    func multiply<Element: Accumulator>(_ a: [Element], _ b: [Element]) -> [Element] {
        var result = [Element](repeating: .zero, count: offsets.count * rows * columns)
        let columns = columns
        result.withUnsafeMutableBufferPointer { result in
            guard let output = result.baseAddress else { return }
            withPointers(a, b) { a, b in
                concurrently(offsets.count * rows) { line in
                    let (matrix, row) = line.quotientAndRemainder(dividingBy: rows)
                    let left = a + offsets[matrix].a + row * depth
                    let sums = output + line * columns
                    for inner in 0..<depth {
                        let factor = left[inner], right = b + offsets[matrix].b + inner * columns
                        for column in 0..<columns { sums[column] = sums[column].adding(factor.multiplied(by: right[column])) }
                    }
                }
            }
        }
        return result
    }
}

extension MatMul: ReferenceKernel {
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let a = try arguments.required(Operand.a), b = try arguments.required(Operand.b)
        try a.elementType.requireSame(as: b.elementType)
        let product = try MatrixProduct(a.shape, b.shape)
        switch (try a.numbers(), try b.numbers()) {
        case (.integers(let left), .integers(let right)):
            return [try Tensor(product.multiply(left, right), shape: product.outputShape, as: a.elementType)]
        default:
            return [try Tensor(product.multiply(a.reals(), b.reals()), shape: product.outputShape, as: a.elementType)]
        }
    }
}

extension Gemm: ReferenceKernel {
    /// Integers are multiplied exactly; factors other than 1 are applied in Double and the result truncated.
    func evaluate(_ arguments: KernelArguments) throws -> [Tensor?] {
        let a = try arguments.required(Operand.a), b = try arguments.required(Operand.b)
        try a.elementType.requireSame(as: b.elementType)
        guard a.rank == 2, b.rank == 2 else {
            throw CleaveError(.shapeMismatch, "A and B have shapes \(a.shape) and \(b.shape), expected two dimensions each")
        }
        let product = try MatrixProduct(
            transposeA ? a.shape.reversed() : a.shape, transposeB ? b.shape.reversed() : b.shape)
        let shape = product.outputShape
        let addend = arguments.optional(Operand.c)
        if a.elementType.isInteger, alpha == 1, beta == 1 {
            var sums = product.multiply(
                oriented(try a.integers(), a.shape, transposeA), oriented(try b.integers(), b.shape, transposeB))
            if let addend { sums = combine(sums, try broadcast(addend.integers(), shape: addend.shape, to: shape), &+) }
            return [try Tensor(sums, shape: shape, as: a.elementType)]
        }
        var sums = product.multiply(oriented(try a.reals(), a.shape, transposeA), oriented(try b.reals(), b.shape, transposeB))
        if alpha != 1 { sums = sums.map { Double(alpha) * $0 } }
        if let addend, beta != 0 {
            sums = combine(sums, try broadcast(addend.reals(), shape: addend.shape, to: shape)) { $0 + Double(beta) * $1 }
        }
        return [try Tensor(sums, shape: shape, as: a.elementType)]
    }

    private func oriented<Element: Accumulator>(_ values: [Element], _ shape: [Int], _ transpose: Bool) -> [Element] {
        guard transpose else { return values }
        let (rows, columns) = (shape[0], shape[1])
        var result = values
        for row in 0..<rows {
            for column in 0..<columns { result[column * rows + row] = values[row * columns + column] }
        }
        return result
    }
}
