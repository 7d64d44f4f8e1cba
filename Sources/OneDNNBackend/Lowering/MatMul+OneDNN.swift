import CKernels
import COneDNN
import GraphIR
import Tensors

extension PlanCompiler {
    mutating func lower(_ gemm: Gemm, _ group: Group) throws -> Bool {
        let node = group.anchor
        guard let a = node.input(Gemm.Operand.a), let b = node.input(Gemm.Operand.b), isBuffered(a), isBuffered(b),
            let output = node.outputs.first ?? nil, shape(a).count == 2, shape(b).count == 2
        else { return false }
        let (rows, columns) = (shape(output)[0], shape(output)[1])
        let inner = gemm.transposeA ? shape(a)[0] : shape(a)[1]
        guard let weights = elements(b) else { return try lowerChanging(gemm, group, a, b, rows: rows, inner: inner, columns: columns) }
        var bias = [Float](repeating: 0, count: columns)
        if let c = node.input(Gemm.Operand.c) {
            // A bias that differs from row to row is left to the reference kernel.
            guard let values = elements(c), shape(c).last.map({ $0 == columns || $0 == 1 }) ?? true,
                shape(c).dropLast().allSatisfy({ $0 == 1 }), values.count == columns || values.count == 1
            else { return false }
            bias = bias.indices.map { gemm.beta * values[values.count == 1 ? 0 : $0] }
        }
        let source = try Layout.strided([rows, inner], strides: gemm.transposeA ? [1, rows] : [inner, 1])
        let layout = try Layout.strided([columns, inner], strides: gemm.transposeB ? [inner, 1] : [1, columns])
        let scaled = gemm.alpha == 1 ? weights : weights.map { $0 * gemm.alpha }
        return try lowerInnerProduct((a, source), scaled, layout, bias, shape(output), group)
    }

    /// A product whose second operand changes, too; a bias is one row.
    private mutating func lowerChanging(
        _ gemm: Gemm, _ group: Group, _ a: ValueID, _ b: ValueID, rows: Int, inner: Int, columns: Int
    ) throws -> Bool {
        guard gemm.alpha == 1, group.affine.isEmpty else { return false }
        var bias: ValueID?
        if let c = group.anchor.input(Gemm.Operand.c) {
            guard gemm.beta == 1, isBuffered(c), shape(c) == [columns] || shape(c) == [1, columns] else { return false }
            bias = c
        }
        let left = try Layout.strided([rows, inner], strides: gemm.transposeA ? [1, rows] : [inner, 1])
        let right = try Layout.strided([inner, columns], strides: gemm.transposeB ? [1, inner] : [columns, 1])
        return try lowerProduct((a, left), (b, right), bias: bias, [rows, columns], group)
    }

    mutating func lowerMatMul(_ group: Group) throws -> Bool {
        guard group.anchor.inputs.count == 2, let a = group.anchor.inputs[0], let b = group.anchor.inputs[1], isBuffered(b),
            let output = group.anchor.outputs.first ?? nil
        else { return false }
        let (left, right) = (shape(a), shape(b))
        guard left.count >= 2, right.count >= 2 else { return false }
        let inner = left[left.count - 1], columns = right[right.count - 1]
        if right.count == 2, let weights = elements(b) {
            let source = try Layout.plain([left.dropLast().reduce(1, *), inner])
            let layout = try Layout.strided([columns, inner], strides: [1, columns])
            return try lowerInnerProduct((a, source), weights, layout, [Float](repeating: 0, count: columns), shape(output), group)
        }
        let rank = max(left.count, right.count)
        let padded = { (shape: [Int]) in [Int](repeating: 1, count: rank - shape.count) + shape }
        guard group.affine.isEmpty else { return false }
        return try lowerProduct((a, .plain(padded(left))), (b, .plain(padded(right))), bias: nil, shape(output), group)
    }

    /// source [M, K] times constant weights [N, K], plus a bias; `lengths` is the result's shape in the graph.
    private mutating func lowerInnerProduct(
        _ source: (id: ValueID, layout: Layout), _ weights: [Float], _ layout: Layout, _ bias: [Float], _ lengths: [Int], _ group: Group
    ) throws -> Bool {
        var (weights, bias) = (weights, bias)
        let (rows, columns, inner) = (source.layout.shape[0], layout.shape[0], layout.shape[1])
        let isRowMajor = layout.isPlain
        for affine in group.affine {
            for column in 0..<columns {
                bias[column] = bias[column] * affine.scale[column] + affine.shift[column]
                let (start, step) = isRowMajor ? (column * inner, 1) : (column, columns)
                for index in 0..<inner { weights[start + index * step] *= affine.scale[column] }
            }
        }
        let vector = try Layout.plain([columns]), result = try Layout.plain([rows, columns])
        let primitive = try Primitive.innerProduct(
            source.layout, weights: .any([columns, inner]), bias: vector, destination: result)
        let packed = addConstant(try PackedConstant.pack(weights, as: layout, in: primitive.layout(ONEDNN_WEIGHTS), pool: pool))
        let biases = addConstant(try .vector(bias, pool: pool))
        let buffer = try plainOperand(source.id)
        let target = makeBuffer(.arena, byteCount: result.byteCount)
        emit(
            PrimitiveKernel(
                primitive: primitive,
                arguments: [
                    .init(ONEDNN_SOURCE, buffer, source.layout), .init(ONEDNN_WEIGHTS, packed, try primitive.layout(ONEDNN_WEIGHTS)),
                    .init(ONEDNN_BIAS, biases, vector), .init(ONEDNN_DESTINATION, target, result),
                ]),
            computing: group.mainNodes(withEpilogue: 0), reads: [buffer, packed, biases], writes: [target])
        try finish(group, from: 0, in: target, .plain(lengths))
        return true
    }

    /// The product of two tensors that both change from run to run.
    private mutating func lowerProduct(
        _ a: (id: ValueID, layout: Layout), _ b: (id: ValueID, layout: Layout), bias: ValueID?, _ lengths: [Int], _ group: Group
    ) throws -> Bool {
        let result = try Layout.plain(lengths), row = try bias.map { _ in try Layout.plain([1, lengths[1]]) }
        let primitive = try Primitive.matmul(a.layout, weights: b.layout, bias: row, destination: result)
        let left = try plainOperand(a.id), right = try plainOperand(b.id)
        var more: [PrimitiveKernel.Argument] = []
        if let bias, let row { more = [.init(ONEDNN_BIAS, try plainOperand(bias), row)] }
        let target = emitProduct(
            primitive, (left, a.layout), (right, b.layout), result, more, computing: group.mainNodes(withEpilogue: 0))
        try finish(group, from: 0, in: target, result)
        return true
    }

    /// - Returns: the buffer that gets the product of the two operands.
    private mutating func emitProduct(
        _ primitive: Primitive, _ left: (buffer: BufferID, layout: Layout), _ right: (buffer: BufferID, layout: Layout), _ result: Layout,
        _ more: [PrimitiveKernel.Argument] = [], computing nodes: [Node]
    ) -> BufferID {
        let target = makeBuffer(.arena, byteCount: result.byteCount)
        emit(
            PrimitiveKernel(
                primitive: primitive,
                arguments: [
                    .init(ONEDNN_SOURCE, left.buffer, left.layout), .init(ONEDNN_WEIGHTS, right.buffer, right.layout),
                    .init(ONEDNN_DESTINATION, target, result),
                ] + more),
            computing: nodes, reads: [left.buffer, right.buffer] + more.map(\.buffer), writes: [target])
        return target
    }

    /// A product of two tensors as one of matrices, [batch, rows, inner] times [batch, inner, columns]: dimensions of both that the
    /// result has, those of the first only, those of both that it has not, and those of the second only.
    mutating func lower(_ einsum: Einsum, _ node: Node, _ output: ValueID) throws -> Bool {
        guard node.inputs.count == 2, let a = node.inputs[0], let b = node.inputs[1], isBuffered(a), isBuffered(b),
            let equation = try? EinsumEquation(einsum.equation, ranks: [shape(a).count, shape(b).count])
        else { return false }
        let (left, right, result) = (equation.operands[0], equation.operands[1], equation.output)
        let batch = result.filter { left.contains($0) && right.contains($0) }
        let rows = result.filter { left.contains($0) && !right.contains($0) }
        let columns = result.filter { right.contains($0) && !left.contains($0) }
        let inner = left.filter { right.contains($0) && !result.contains($0) }
        // No diagonals, and nothing that is summed within one operand.
        guard (batch + rows + inner).count == left.count, (batch + inner + columns).count == right.count,
            Set(left).count == left.count, Set(right).count == right.count,
            (batch + inner).allSatisfy({ length(of: $0, left, a) == length(of: $0, right, b) })
        else { return false }
        let outer = batch.map { length(of: $0, left, a) }, m = rows.map { length(of: $0, left, a) }
        let k = inner.map { length(of: $0, left, a) }, n = columns.map { length(of: $0, right, b) }
        let (count, depth) = (outer.reduce(1, *), k.reduce(1, *)), height = m.reduce(1, *), width = n.reduce(1, *)
        let layouts = try (left: Layout.plain([count, height, depth]), right: Layout.plain([count, depth, width]))
        let product = try Layout.plain([count, height, width])
        let primitive = try Primitive.matmul(layouts.left, weights: layouts.right, bias: nil, destination: product)
        let first = try transposed(a, (batch + rows + inner).compactMap { left.firstIndex(of: $0) })
        let second = try transposed(b, (batch + inner + columns).compactMap { right.firstIndex(of: $0) })
        let target = emitProduct(primitive, (first, layouts.left), (second, layouts.right), product, computing: [node])
        let order = batch + rows + columns, lengths = try Layout.plain(shape(output))
        guard order != result else {
            define(output, in: target, lengths)
            return true
        }
        let strides = Self.denseStrides(shape(output)), final = makeBuffer(.arena, byteCount: lengths.byteCount)
        let natural = outer + m + n
        let view = try Layout.strided(natural, strides: order.compactMap { result.firstIndex(of: $0) }.map { strides[$0] })
        try emitReorder(from: (target, .plain(natural)), to: (final, view))
        define(output, in: final, lengths)
        return true
    }

    private func length(of label: EinsumEquation.Label, _ labels: [EinsumEquation.Label], _ id: ValueID) -> Int {
        labels.firstIndex(of: label).map { shape(id)[$0] } ?? 1
    }
}
